"""Lets a person intervene while they move a device."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from serl_api.values import FloatArray
from serl_client.episodes.expert import EnvInfo, EnvObservation
from serl_client.teleop.devices.device import TeleopDevice, TeleopSample

log = logging.getLogger(__name__)

_PARTS: Mapping[int, tuple[int, bool]] = {3: (3, False), 4: (3, True), 6: (6, False), 7: (6, True)}
"""Components of one arm's action to how many of them move it, and whether the last one is the gripper's."""


class HumanIntervention:
    """Lets a person take over with one device for each arm; an `InterventionSource`.

    A person is in control while any of them is moved, and shortly after.

    A gripper that takes absolute openings keeps the last one that was executed until the person presses a button. One
    that takes open and close alone is told so while the button is down, and otherwise nothing. A device that is missing
    asks for nothing, so that the policy goes on.

    Args:
        devices: One for each arm, in the order of the action.
        action_size: Components of an action: for each arm 3 or 6, and one more where it has a gripper.
        axes: Components of a device's twist, 0 to 5, that an arm's action has, as where it pushes along some axes; None
            is all of them, or those of the translation.
        gripper_action: What the gripper's component means, as in `RobotEnv`.
        max_gripper_width: Widest opening, m.
        hold_s: Time for which the person stays in control after the last movement, s. It bridges the repeats of a key;
            steps in it count as the person's, at rest. With 0 a step is theirs only while they move.
        is_alone: Whether the person is always in control, as in recording demonstrations.
        clock: Seconds, monotonic.

    Raises:
        ValueError: No such action.
    """

    def __init__(
        self,
        devices: Sequence[TeleopDevice],
        action_size: int,
        *,
        axes: Sequence[int] | None = None,
        gripper_action: Literal["absolute", "binary"] = "absolute",
        max_gripper_width: float = 0.085,
        hold_s: float = 0.2,
        is_alone: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        arm_size, rest = divmod(action_size, max(len(devices), 1))
        parts = _PARTS if axes is None else {len(axes): (len(axes), False), len(axes) + 1: (len(axes), True)}
        if not devices or rest or arm_size not in parts:
            sizes = " or ".join(map(str, parts))
            raise ValueError(
                f"{len(devices)} devices cannot drive an action of {action_size} components; each arm has {sizes}"
            )
        self._devices = tuple(devices)
        moving, self._has_gripper = parts[arm_size]
        self._axes = list(range(moving) if axes is None else axes)
        self._is_absolute = gripper_action == "absolute"
        self._max_gripper_width = max_gripper_width
        self._hold_s = hold_s
        self._is_alone = is_alone
        self._clock = clock
        self._until = -math.inf
        self._openings = np.ones(len(devices))
        self._faults: dict[str, str] = {}
        self.is_moving = False

    def reset(self, observation: EnvObservation, info: EnvInfo) -> None:
        """Begins an episode: keeps the gripper's opening, and drops earlier presses."""
        del observation
        for device in self._devices:
            self._read(device)
        widths = np.ravel(np.asarray(info.get("gripper_width", math.nan), float))
        for arm in range(len(self._devices)):
            width = float(widths[arm]) if arm < len(widths) else math.nan
            known = math.isfinite(width) and self._max_gripper_width > 0.0
            self._openings[arm] = min(max(2.0 * width / self._max_gripper_width - 1.0, -1.0), 1.0) if known else 1.0
        self._until = -math.inf
        self.is_moving = False

    def intervene(self, action: NDArray[Any], observation: EnvObservation, info: EnvInfo) -> NDArray[Any] | None:
        """Returns the person's action while they are in control, else None."""
        del observation, info
        samples = [self._read(device) for device in self._devices]
        now = self._clock()
        self.is_moving = any(sample.is_active for sample in samples)
        if self.is_moving:
            self._until = now + self._hold_s
        if not (self._is_alone or self.is_moving or now < self._until):
            if self._has_gripper:
                self._openings = np.array(action, float).reshape(len(self._devices), -1)[:, -1].copy()
            return None
        parts = [self._arm_action(arm, sample) for arm, sample in enumerate(samples)]
        return np.concatenate(parts).astype(np.asarray(action).dtype)

    def is_asking(self) -> bool:
        """Returns whether the person moves a device now."""
        return any(self._read(device).is_active for device in self._devices)

    def _arm_action(self, arm: int, sample: TeleopSample) -> FloatArray:
        if not self._has_gripper:
            return sample.twist[self._axes]
        if sample.gripper:
            self._openings[arm] = sample.gripper
        gripper = self._openings[arm] if self._is_absolute else sample.gripper
        return np.append(sample.twist[self._axes], gripper)

    def _read(self, device: TeleopDevice) -> TeleopSample:
        sample, fault = device.read(), device.fault
        if fault != self._faults.get(device.name, ""):
            self._faults[device.name] = fault
            if fault:
                log.warning("%s", fault)
            else:
                log.info("%s is back", device.name)
        return sample
