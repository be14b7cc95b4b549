from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

from lerobot.device import Device, DeviceConfig

@dataclass(kw_only=True)
class RobotConfig(DeviceConfig): ...

class Robot(Device):
    config_class: type[RobotConfig]

    @property
    @abstractmethod
    def observation_features(self) -> dict[str, Any]: ...
    @abstractmethod
    def get_observation(self) -> dict[str, Any]: ...
    @abstractmethod
    def send_action(self, action: dict[str, Any]) -> dict[str, Any]: ...
