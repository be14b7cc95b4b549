"""Defines the options of the robot and of its teleoperators, as LeRobot's command lines take them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from lerobot.robots import RobotConfig
from lerobot.teleoperators import TeleoperatorConfig

ACTIONS = ("delta", "pose", "joints")
STATES = ("robot", "task")


@RobotConfig.register_subclass("serl")
@dataclass(kw_only=True)
class SerlRobotConfig(RobotConfig):
    """Configures an arm behind a daemon, real or simulated."""

    address: str = "127.0.0.1:50051"
    """Of the daemon: `host:port` or `unix:/path`."""
    token_file: Path | None = None
    """File whose first line is the daemon's bearer token."""
    tls_root: Path | None = None
    """PEM file with the certificate that signed the daemon's; None for a plain connection."""
    tls_identity: Path | None = None
    """PEM file with a private key and its certificate, where the daemon asks clients for one."""
    fps: float = 10.0
    """Actions a second, Hz: the same as LeRobot's own `--dataset.fps` or `--fps`."""
    task: str = ""
    """Task such as serl/PickCube-v0: scales of actions, compliance, start, bounds, cameras, objects. Empty for none."""
    state: str = "robot"
    """`robot`: joints, TCP pose, gripper and the task's objects in SI. `task`: the task's own vector."""
    action: str = "delta"
    """`delta`: movements of the TCP in [-1, 1], as the task's environment. `pose`: TCP poses. `joints`: positions."""
    rotation: bool | None = None
    """Whether deltas turn the TCP; None leaves it to the task, and is true without one."""
    translation_scale: float = 0.05
    """Translation of delta 1 where no task says it, m."""
    rotation_scale: float = 0.2
    """Rotation of delta 1 where no task says it, rad."""
    camera_names: list[str] | None = None
    """Cameras to observe; None for the task's, or without a task for all of the cell."""
    episode_time_s: float = 0.0
    """As `--dataset.episode_time_s`: the arm is brought to the start of each episode, and a simulator draws a scene. 0
    leaves that to a person, who may end episodes by key."""
    reset_time_s: float = 0.0
    """As `--dataset.reset_time_s`: for so long between two episodes the arm holds, whatever is sent."""
    seed: int = 0
    """Of the scenes and starts."""

    def __post_init__(self) -> None:
        """Refuses values that cannot work."""
        super().__post_init__()
        _check_choice("--robot.action", self.action, ACTIONS)
        _check_choice("--robot.state", self.state, STATES)
        for name in ("fps", "translation_scale", "rotation_scale"):
            _check_positive(f"--robot.{name}", getattr(self, name))
        for name in ("episode_time_s", "reset_time_s"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"--robot.{name} is {value}; it must be at least 0, in s")
        if self.state == "task" and not self.task:
            raise ValueError("--robot.state is task, but --robot.task is empty; name one, such as serl/PickCube-v0")


@TeleoperatorConfig.register_subclass("serl_expert")
@dataclass(kw_only=True)
class SerlExpertConfig(TeleoperatorConfig):
    """Configures the scripted expert of the robot's task."""

    task: str = "serl/PickCube-v0"
    """The robot's task."""
    rotation: bool | None = None
    """As the robot's."""
    noise: float = 0.2
    """Standard deviation of each movement, as a share of its length."""
    seed: int = 0
    """Of the noise."""

    def __post_init__(self) -> None:
        """Refuses values that cannot work."""
        if not (math.isfinite(self.noise) and self.noise >= 0):
            raise ValueError(f"--teleop.noise is {self.noise}; it must be at least 0")


@TeleoperatorConfig.register_subclass("serl_device")
@dataclass(kw_only=True)
class SerlDeviceConfig(TeleoperatorConfig):
    """Configures a SpaceMouse, gamepad or keyboard in a person's hand."""

    device: str = "spacemouse"
    """A name of `serl.teleop`: spacemouse, gamepad, keyboard."""
    device_path: str = ""
    """File of the device, such as /dev/hidraw3; empty for the only one."""
    keys: str = "desktop"
    """Where a keyboard is read: `desktop`, or `terminal`, which LeRobot reads too."""
    viewpoint: str = "facing"
    """Where the person stands: `facing` the arm, or `behind` it."""
    rotation: bool = True
    """Whether actions turn the TCP; the same as the robot's."""
    has_gripper: bool = True
    """Whether the cell has a gripper."""

    def __post_init__(self) -> None:
        """Refuses values that cannot work."""
        _check_choice("--teleop.keys", self.keys, ("desktop", "terminal"))
        _check_choice("--teleop.viewpoint", self.viewpoint, ("facing", "behind"))


def _check_choice(option: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{option} is {value!r}; it must be one of: {', '.join(allowed)}")


def _check_positive(option: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{option} is {value}; it must be above 0")
