"""Implements a teleoperator of a device in a person's hand: SpaceMouse, gamepad, keyboard."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from lerobot.teleoperators import Teleoperator
from lerobot.utils.errors import DeviceAlreadyConnectedError, DeviceNotConnectedError

from lerobot_robot_serl.actions import delta_names
from lerobot_robot_serl.configs import SerlDeviceConfig
from serl_client.teleop.human import HumanIntervention
from serl_client.teleop.opening import TeleopConfig, Teleoperation


class SerlDevice(Teleoperator):
    """Turns what a person's hand does into deltas, in base axes.

    Args:
        config: Which device, from where.
    """

    config_class = SerlDeviceConfig
    name = "serl_device"

    def __init__(self, config: SerlDeviceConfig) -> None:
        super().__init__(config)
        self.config = config
        self._names = delta_names(rotation=config.rotation, has_gripper=config.has_gripper)
        self._person: Teleoperation | None = None

    @property
    def action_features(self) -> dict[str, Any]:
        """Names the numbers of an action."""
        return dict.fromkeys(self._names, float)

    @property
    def feedback_features(self) -> dict[str, Any]:
        """Nothing: these devices push nobody."""
        return {}

    @property
    def is_connected(self) -> bool:
        """Whether the device is open."""
        return self._person is not None

    @property
    def is_calibrated(self) -> bool:
        """True."""
        return True

    def connect(self, calibrate: bool = True) -> None:  # noqa: FBT001, FBT002 - LeRobot's signature.
        """Opens the device.

        Raises:
            DeviceAlreadyConnectedError: It is open.
            DeviceUnavailableError: There is none, or it may not be opened.
        """
        del calibrate
        if self._person is not None:
            raise DeviceAlreadyConnectedError(f"{self} is connected already; disconnect it first")
        paths = (str(Path(self.config.device_path)),) if self.config.device_path else ()
        settings = TeleopConfig(
            device_paths=paths,
            keys=cast(Literal["desktop", "terminal"], self.config.keys),
            viewpoint=cast(Any, self.config.viewpoint),
        )
        self._person = Teleoperation(self.config.device, settings)
        self._hand = HumanIntervention(self._person.devices, len(self._names), is_alone=True)
        self._hand.reset({}, {})

    def calibrate(self) -> None:
        """Does nothing."""

    def configure(self) -> None:
        """Does nothing."""

    def get_action(self) -> dict[str, Any]:
        """Returns what the hand asks for now, in [-1, 1]; a device that was pulled out asks for nothing.

        Raises:
            DeviceNotConnectedError: It is not connected.
        """
        if self._person is None:
            raise DeviceNotConnectedError(f"{self} is not connected; call connect() first")
        values = self._hand.intervene(np.zeros(len(self._names)), {}, {})
        assert values is not None  # The person is alone.
        return dict(zip(self._names, values.tolist(), strict=True))

    def send_feedback(self, feedback: dict[str, Any]) -> None:
        """Does nothing."""
        del feedback

    def disconnect(self) -> None:
        """Closes the device. Raises DeviceNotConnectedError where it is not open."""
        if self._person is None:
            raise DeviceNotConnectedError(f"{self} is not connected")
        person, self._person = self._person, None
        person.close()
