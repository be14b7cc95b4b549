"""Obeys the requests of the control channel: what goes wrong, or moves, from outside."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from serl_api.errors.robot import RobotError
from serl_api.values import GripperTarget
from simulator.virtual.fci.controller.control_box import ControlBox
from simulator.virtual.fci.faults import Fault
from simulator.virtual.fci.protocol import RobotMode
from simulator.virtual.imperfections import PERFECT, Imperfections

LATEST_CYCLES = 5
"""How late a late state is at most."""


class Disturbances:
    """Holds the present injections on the network, for the server's loop to obey.

    Args:
        imperfections: What the network loses and delays always.
        rng: Of what is lost and late.
    """

    def __init__(self, imperfections: Imperfections = PERFECT, rng: np.random.Generator | None = None) -> None:
        self._rng = rng or np.random.default_rng(0)
        self._always_lost = imperfections.loss
        self._late = imperfections.late
        self.stall_s = 0.0
        """How long the loop has to stand still next."""
        self.wants_disconnect = False
        """Whether the client's connection has to be closed."""
        self._lost_commands = self._lost_states = self._always_lost

    def clear(self) -> None:
        """Ends what lasts."""
        self.stall_s = 0.0
        self._lost_commands = self._lost_states = self._always_lost

    def drop(self, fraction: float, direction: str) -> None:
        """Loses a share of the datagrams: "commands", "states" or "both"."""
        if direction not in ("commands", "states", "both"):
            raise ValueError(f'direction is "{direction}"; it must be "commands", "states" or "both"')
        self._lost_commands = fraction if direction != "states" else 0.0
        self._lost_states = fraction if direction != "commands" else 0.0

    def loses_command(self) -> bool:
        """Returns whether the command that came now is lost."""
        return self._lost_commands > 0.0 and self._rng.random() < self._lost_commands

    def loses_state(self) -> bool:
        """Returns whether the state to send now is lost."""
        return self._lost_states > 0.0 and self._rng.random() < self._lost_states

    def delay_cycles(self) -> int:
        """Returns how many cycles late the state to send now is to be sent."""
        is_late = self._late > 0.0 and self._rng.random() < self._late
        return int(self._rng.integers(1, LATEST_CYCLES + 1)) if is_late else 0


class ControlRequests:
    """Answers the requests of the control channel, in the loop's own thread."""

    def __init__(
        self,
        box: ControlBox,
        disturbances: Disturbances,
        *,
        client_host: Callable[[], str | None],
        time_ns: Callable[[], int],
        refusing_modes: frozenset[RobotMode] = frozenset(),
    ) -> None:
        self._box = box
        self._box.refusing_modes = self._always_refusing = refusing_modes
        self._client_host = client_host
        self._time_ns = time_ns
        self._disturbances = disturbances
        self._operations: dict[str, Callable[[dict[str, Any]], Any]] = {
            "clear": self._clear,
            "close_brakes": lambda _: self._box.close_brakes(),
            "disconnect": self._disconnect,
            "drop": self._drop,
            "gripper": self._gripper,
            "guide": lambda _: self._box.take_by_hand(),
            "let_go": lambda _: self._box.let_go(),
            "open_brakes": lambda _: self._box.open_brakes(),
            "place": self._place,
            "reflex": self._reflex,
            "refuse_settings": self._refuse_settings,
            "release_user_stop": lambda _: self._box.release_user_stop(),
            "reset_scene": lambda values: self._box.plant.reset_scene(int(values.get("seed", 0))),
            "scene": lambda _: self._scene(),
            "set_gripper": self._set_gripper,
            "stall": self._stall,
            "state": lambda _: self._state(),
            "user_stop": lambda _: self._box.press_user_stop(),
            "wrench": self._wrench,
        }

    def handle(self, request: dict[str, Any]) -> Any:  # noqa: ANN401
        """Does one request. Raises ValueError with a sentence."""
        name = request.get("op")
        operation = self._operations.get(name) if isinstance(name, str) else None
        if operation is None:
            raise ValueError(f"there is no request {name!r}; known are {', '.join(sorted(self._operations))}")
        try:
            return operation(request)
        except RobotError as error:
            raise ValueError(str(error)) from None

    def _clear(self, _: dict[str, Any]) -> None:
        self._disturbances.clear()
        self._box.plant.push((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
        self._box.release_user_stop()
        self._box.open_brakes()
        self._box.let_go()
        self._box.refusing_modes = self._always_refusing

    def _disconnect(self, _: dict[str, Any]) -> None:
        self._disturbances.wants_disconnect = True

    def _drop(self, values: dict[str, Any]) -> None:
        fraction = _number(values, "fraction", 0.0, 1.0)
        self._disturbances.drop(fraction, str(values.get("direction", "commands")))

    def _stall(self, values: dict[str, Any]) -> None:
        self._disturbances.stall_s = _number(values, "seconds", 0.0, 60.0)

    def _reflex(self, values: dict[str, Any]) -> None:
        name = str(values.get("kind", "joint_reflex"))
        if name.upper() not in Fault.__members__:
            raise ValueError(f'there is no reflex "{name}"; they are named as in libfranka, such as "cartesian_reflex"')
        self._box.reflex(Fault[name.upper()])

    def _refuse_settings(self, values: dict[str, Any]) -> None:
        self._box.refusing_modes = frozenset(robot_mode(str(name)) for name in values["modes"])

    def _wrench(self, values: dict[str, Any]) -> None:
        self._box.plant.push(_triple(values, "force"), _triple(values, "torque"))

    def _place(self, values: dict[str, Any]) -> None:
        positions = np.array(values["positions"], dtype=np.float64)
        if positions.shape != (7,) or not np.isfinite(positions).all():
            raise ValueError("positions must be 7 numbers, rad")
        if self._box.motion is not None:
            raise ValueError("a motion runs; the arm can be placed only while it is idle")
        self._box.place(positions)

    def _set_gripper(self, values: dict[str, Any]) -> None:
        self._box.plant.set_gripper(
            GripperTarget(
                width=_number(values, "width", 0.0, 1.0),
                speed=_number(values, "speed", 0.0, 10.0, default=0.0),
                force=_number(values, "force", 0.0, 1000.0, default=0.0),
            )
        )

    def _gripper(self, _: dict[str, Any]) -> dict[str, Any]:
        state = self._box.plant.gripper()
        return {
            "width": state.width,
            "target_width": state.target_width,
            "force": state.force,
            "object_held": state.motion.name == "OBJECT_HELD",
            "motion": state.motion.name,
        }

    def _state(self) -> dict[str, Any]:
        box = self._box
        plant = box.plant
        return {
            "cycle": box.message_id,
            "time_ns": self._time_ns(),
            "client": self._client_host(),
            "robot_mode": box.mode.name,
            "in_motion": box.motion is not None,
            "faults": [fault.name.lower() for fault in Fault if box.faults[fault]],
            "positions": plant.positions.tolist(),
            "velocities": plant.velocities.tolist(),
            "torque": box.torque.tolist(),
            "external_torque": plant.external_torque().tolist(),
            "flange_position": plant.flange.position.tolist(),
            "flange_rotation": plant.flange.rotation.tolist(),
            "missed_commands": box.tally.missed,
            "objects": {
                item.name: {"position": item.pose.position.tolist(), "quaternion": item.pose.quaternion_xyzw.tolist()}
                for item in plant.tracked_objects()
            },
        }

    def _scene(self) -> dict[str, Any]:
        """Returns what a process with the same model needs to render the scene."""
        plant = self._box.plant
        return {
            "time_ns": self._time_ns(),
            "arm": plant.table.name,
            "task": plant.task,
            "seed": plant.seed,
            "qpos": plant.data.qpos.tolist(),
        }


def robot_mode(name: str) -> RobotMode:
    """Finds a mode by its name, such as "reflex". Raises ValueError with the names."""
    try:
        return RobotMode[name.upper().replace("-", "_")]
    except KeyError:
        known = ", ".join(mode.name.lower().replace("_", "-") for mode in RobotMode)
        raise ValueError(f'there is no mode "{name}"; choose from {known}') from None


def _number(values: dict[str, Any], name: str, lower: float, upper: float, default: float | None = None) -> float:
    value = values.get(name, default)
    if not isinstance(value, int | float) or isinstance(value, bool) or not lower <= value <= upper:
        raise ValueError(f"{name} is {value!r}; it must be a number from {lower:g} to {upper:g}")
    return float(value)


def _triple(values: dict[str, Any], name: str) -> tuple[float, float, float]:
    value = values.get(name, (0.0, 0.0, 0.0))
    if not isinstance(value, list | tuple) or len(value) != 3 or not all(math.isfinite(float(item)) for item in value):
        raise ValueError(f"{name} is {value!r}; it must be three numbers")
    return (float(value[0]), float(value[1]), float(value[2]))
