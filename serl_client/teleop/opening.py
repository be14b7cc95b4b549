"""Opens a person's devices and keys by name, and closes them together."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import gymnasium

from serl_api.errors.robot import DeviceUnavailableError
from serl_api.lifetime.closing import ClosedOnExit
from serl_api.plugins import find_plugin
from serl_api.settings import AT_LEAST_0, LESS_THAN_ALL, RATIO, Bound, check_fields
from serl_client.teleop.arm_interventions import ArmInterventions
from serl_client.teleop.devices.axis_map import AxisMap, Viewpoint
from serl_client.teleop.devices.dead_man import DeadManDevice
from serl_client.teleop.devices.device import TeleopDevice
from serl_client.teleop.devices.keys import DesktopKeys, PressedKeys, TerminalKeys, standard_terminal
from serl_client.teleop.human import HumanIntervention
from serl_client.teleop.plugin import GROUP, TeleopPlugin

_NO_KEYS = PressedKeys(None)
"""Keys that nobody presses."""


@dataclass(frozen=True, kw_only=True)
class TeleopConfig:
    """Configures teleoperation: which device, from where, how fast."""

    device_paths: tuple[str, ...] = ()
    """Files of the devices, such as /dev/hidraw3; two for two arms. None takes the only SpaceMouse, or the first
    gamepad."""
    keys: Literal["terminal", "desktop"] = "terminal"
    """Where keys are read: in this terminal, also over SSH, or from the whole desktop, with true releases."""
    viewpoint: Viewpoint = "facing"
    """Where the person stands: facing the arm, or behind it, looking along its x axis."""
    translation_scale: Annotated[float, Bound(0, 1, open_lower=True)] = 1.0
    """Largest translation, as a share of the environment's full step, in (0, 1]."""
    rotation_scale: Annotated[float, RATIO] = 1.0
    """Largest rotation, as a share of the environment's full step, in [0, 1]; 0 leaves the orientation alone."""
    dead_zone: Annotated[float, LESS_THAN_ALL] = 0.1
    """Share of an axis around its centre that counts as zero, in [0, 1)."""
    hold_s: Annotated[float, AT_LEAST_0] = 0.2
    """Time for which a person stays in control after the last movement, s."""
    dead_man: str = ""
    """Button that must be held for the device to move anything, by its name, such as "left trigger" of a gamepad."""

    def __post_init__(self) -> None:
        """Refuses values that cannot work."""
        check_fields(self)

    def apply(self, axes: AxisMap) -> AxisMap:
        """Returns the axis map of a device with these settings."""
        return dataclasses.replace(
            axes,
            viewpoint=self.viewpoint,
            translation_scale=self.translation_scale,
            rotation_scale=self.rotation_scale,
            dead_zone=self.dead_zone if axes.dead_zone else 0.0,  # Keys have no centre to be off.
        )


class Teleoperation(ClosedOnExit):
    """Holds a person's devices and keys. A context manager.

    Args:
        kind: What they hold: a name in `serl.teleop`, or "package.module:object"; None for keys alone.
        config: How they drive.
        open_keys: Opens the keys; None as the configuration says.

    Raises:
        DeviceUnavailableError: A device is missing or may not be opened, or there is no terminal for a keyboard.
        ValueError: A setting cannot work, or there is no such device.
    """

    def __init__(
        self,
        kind: str | None,
        config: TeleopConfig | None = None,
        *,
        open_keys: Callable[[], PressedKeys] | None = None,
    ) -> None:
        self._config = config or TeleopConfig()
        self._closing = contextlib.ExitStack()
        try:
            plugin = None if kind is None else find_plugin(GROUP, kind).load(TeleopPlugin)
            self.keys = self._open_keys(plugin, open_keys)
            self.devices = self._open_devices(plugin) if plugin is not None else ()
        except BaseException:
            self.close()
            raise

    @property
    def help(self) -> str:
        """Explains the controls in one line."""
        return "; ".join(f"{device.name}: {device.help}" for device in self.devices)

    def require_keys(self, reason: str) -> None:
        """Checks that there is a keyboard for the keys.

        Raises:
            DeviceUnavailableError: There is no terminal.
        """
        if self.keys is _NO_KEYS:
            raise DeviceUnavailableError(
                f"{reason} needs keys, and standard input is no terminal; start it in one, or take --keys desktop"
            )

    def intervention_source(
        self, env: gymnasium.Env[Any, Any], *, is_alone: bool = False
    ) -> HumanIntervention | ArmInterventions:
        """Makes the person an intervention source of an environment; `is_alone` where they are always in control.

        With two devices each takes over its own arm, while the policy goes on with the other.

        Raises:
            ValueError: Its actions do not fit the devices.
        """
        size, rest = divmod((env.action_space.shape or (0,))[0], max(len(self.devices), 1))
        if rest or not self.devices:
            raise ValueError(
                f"{len(self.devices)} devices cannot drive an action of {env.action_space.shape} components"
            )
        sources = [
            HumanIntervention(
                (device,),
                size,
                axes=_attribute(env, "action_axes", None),
                gripper_action=_attribute(env, "gripper_action", "absolute"),
                max_gripper_width=_attribute(env, "max_gripper_width", 0.0),
                hold_s=self._config.hold_s,
                is_alone=is_alone,
            )
            for device in self.devices
        ]
        return sources[0] if len(sources) == 1 else ArmInterventions(sources)

    def close(self) -> None:
        """Closes everything. Safe to repeat."""
        self._closing.close()

    def _open_keys(self, plugin: TeleopPlugin | None, open_keys: Callable[[], PressedKeys] | None) -> PressedKeys:
        needs_keys = plugin is not None and plugin.reads_keys
        if open_keys is None and self._config.keys == "terminal" and not needs_keys and standard_terminal() is None:
            return _NO_KEYS  # A device alone can drive; only judging and pausing need keys.
        opened = (open_keys or (TerminalKeys if self._config.keys == "terminal" else DesktopKeys))()
        self._closing.callback(opened.close)
        return opened

    def _open_devices(self, plugin: TeleopPlugin) -> tuple[TeleopDevice, ...]:
        if plugin.reads_keys and self._config.device_paths:
            raise DeviceUnavailableError("the keyboard has no device path; leave --device-paths away")
        devices: list[TeleopDevice] = []
        for path in self._config.device_paths or (None,):
            opened = plugin.open(path, self.keys, self._config.apply)
            devices.append(DeadManDevice(opened, self._config.dead_man) if self._config.dead_man else opened)
            if not plugin.reads_keys:
                self._closing.callback(devices[-1].close)
        return tuple(devices)


def _attribute(env: gymnasium.Env[Any, Any], name: str, default: Any) -> Any:  # noqa: ANN401
    try:
        return env.get_wrapper_attr(name)
    except AttributeError:
        return default
