from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

from lerobot.device import Device, DeviceConfig

@dataclass(kw_only=True)
class TeleoperatorConfig(DeviceConfig): ...

class Teleoperator(Device):
    config_class: type[TeleoperatorConfig]

    @property
    @abstractmethod
    def feedback_features(self) -> dict[str, Any]: ...
    @abstractmethod
    def get_action(self) -> dict[str, Any]: ...
    @abstractmethod
    def send_feedback(self, feedback: dict[str, Any]) -> None: ...
