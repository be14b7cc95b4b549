"""Small doubles of the classes of LeRobot that the plug-in builds on, for where LeRobot is not installed.

They hold their subclasses to what LeRobot's commands ask of them: abstract members, the registry of choices, and a
device found by the name of its configuration. `make lerobot-check` runs the plug-in on LeRobot itself.
"""

import importlib
import importlib.util
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType


@dataclass(kw_only=True)
class Config:
    """What LeRobot's command line makes, by the name it is registered by."""

    id: str | None = None
    calibration_dir: Path | None = None

    def __post_init__(self):
        """LeRobot checks cameras here."""

    @classmethod
    def register_subclass(cls, name):
        def register(subclass):
            assert issubclass(subclass, cls), name
            return subclass

        return register


class RobotConfig(Config): ...


class TeleoperatorConfig(Config): ...


class Device(ABC):
    def __init__(self, config):
        self.id = config.id

    def __str__(self):
        return f"{self.id} {type(self).__name__}"

    @property
    @abstractmethod
    def action_features(self): ...

    @property
    @abstractmethod
    def is_connected(self): ...

    @property
    @abstractmethod
    def is_calibrated(self): ...

    @abstractmethod
    def connect(self, calibrate=True): ...

    @abstractmethod
    def calibrate(self): ...

    @abstractmethod
    def configure(self): ...

    @abstractmethod
    def disconnect(self): ...


class Robot(Device):
    @property
    @abstractmethod
    def observation_features(self): ...

    @abstractmethod
    def get_observation(self): ...

    @abstractmethod
    def send_action(self, action): ...


class Teleoperator(Device):
    @property
    @abstractmethod
    def feedback_features(self): ...

    @abstractmethod
    def get_action(self): ...

    @abstractmethod
    def send_feedback(self, feedback): ...


class DeviceNotConnectedError(ConnectionError): ...


class DeviceAlreadyConnectedError(ConnectionError): ...


_MODULES = {
    "lerobot": (),
    "lerobot.robots": (Robot, RobotConfig),
    "lerobot.teleoperators": (Teleoperator, TeleoperatorConfig),
    "lerobot.utils": (),
    "lerobot.utils.errors": (DeviceAlreadyConnectedError, DeviceNotConnectedError),
}


def install():
    """Puts the doubles in LeRobot's place, unless it is installed."""
    if "lerobot" in sys.modules or importlib.util.find_spec("lerobot") is not None:
        return
    for name, classes in _MODULES.items():
        module = sys.modules[name] = ModuleType(name)
        for one in classes:
            setattr(module, one.__name__, one)


def make_device(config):
    """Makes the device of a configuration as LeRobot does: by its name without "Config", in the parent's module."""
    kind = type(config)
    parent = importlib.import_module(kind.__module__.rpartition(".")[0])
    return getattr(parent, kind.__name__.removesuffix("Config"))(config)
