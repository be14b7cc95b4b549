"""Steps a compiled scene: its state, integer time, and one lock for everyone who uses them."""

import logging
import threading
from collections.abc import Callable

import mujoco

logger = logging.getLogger(__name__)

TIMESTEP_NS = 2_000_000
"""Physics step, ns."""

LOOK_STEPS = 5
"""Physics steps between two looks of the impedance law at the joints' speeds."""

_BAD_STATES = slice(int(mujoco.mjtWarning.mjWARN_BADQPOS), int(mujoco.mjtWarning.mjWARN_BADQACC) + 1)
"""Counters of warnings after which MuJoCo starts again from the model's own state."""


def _log_warning(text: str) -> None:
    logger.warning("mujoco: %s", text)


class Physics:
    """Holds MuJoCo's model and data. Any thread may use them while it holds `lock`."""

    def __init__(self, model: mujoco.MjModel) -> None:
        mujoco.set_mju_user_warning(_log_warning)  # Else it writes a file into the working directory.
        self.model = model
        self.data = mujoco.MjData(model)
        self.lock = threading.RLock()
        """Guards `model` and `data`."""
        self.step_count = 0
        """Physics steps since the start; a reset does not turn it back."""
        self._bad_states = self.data.warning.number[_BAD_STATES]
        self.divergence_count = 0
        """How often the state became infinite and MuJoCo started again from the model's own."""
        self.between_steps: Callable[[float], None] = lambda _elapsed_s: None
        """Called with the seconds of the last steps, `LOOK_STEPS` at most, and the lock held."""
        self._origin_ns = 0
        self._fresh_count = -1

    @property
    def time_ns(self) -> int:
        """Returns simulated time, ns: a whole number of physics steps after the origin. It never goes back."""
        return self._origin_ns + self.step_count * TIMESTEP_NS

    def set_time(self, time_ns: int) -> None:
        """Sets the time, without a step."""
        with self.lock:
            self._origin_ns = time_ns - self.step_count * TIMESTEP_NS

    def advance(self, steps: int) -> None:
        """Takes physics steps, without the interpreter lock; now and then `between_steps` looks at the state."""
        with self.lock:
            while steps > 0:
                chunk = min(steps, LOOK_STEPS)
                mujoco.mj_step(self.model, self.data, nstep=chunk)
                self.step_count += chunk
                steps -= chunk
                self.between_steps(chunk * TIMESTEP_NS * 1e-9)
            if self._bad_states.any():
                self._bad_states[:] = 0
                self.divergence_count += 1

    def refresh(self) -> None:
        """Brings poses and Jacobians up to the present positions, which a step leaves one step behind."""
        if self._fresh_count != self.step_count:
            mujoco.mj_kinematics(self.model, self.data)
            mujoco.mj_comPos(self.model, self.data)
            self._fresh_count = self.step_count

    def restart(self) -> None:
        """Puts the state back to the model's own, warm start included: what follows does not depend on the past.

        Write positions and set-points, then call `settle_state`.
        """
        mujoco.mj_resetData(self.model, self.data)

    def settle_state(self) -> None:
        """Computes everything that follows from positions that were written."""
        mujoco.mj_forward(self.model, self.data)
        self._fresh_count = self.step_count
