"""Lets a device move the arm only while a button of it is held."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from serl_client.teleop.devices.device import TeleopDevice, TeleopSample


class DeadManDevice:
    """Passes a device on while its dead-man button is held, and nothing else; a `TeleopDevice`.

    Args:
        device: What the person holds.
        button: Name of the button, as the device calls it. While another or no button is held nothing moves.
    """

    def __init__(self, device: TeleopDevice, button: str) -> None:
        self._device = device
        self._button = button

    @property
    def name(self) -> str:
        """Returns the device's name."""
        return self._device.name

    @property
    def fault(self) -> str:
        """Explains why it does not deliver; empty while it does."""
        return self._device.fault

    @property
    def help(self) -> str:
        """Explains its controls in one line."""
        return f"hold the {self._button} button to move; {self._device.help}"

    def read(self) -> TeleopSample:
        """Returns the newest sample; it moves neither arm nor gripper without the button."""
        sample = self._device.read()
        if self._button in sample.buttons:
            return sample
        return replace(sample, twist=np.zeros(6), gripper=0.0)

    def close(self) -> None:
        """Closes the device. Safe to repeat."""
        self._device.close()
