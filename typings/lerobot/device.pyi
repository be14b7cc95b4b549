"""What robots and teleoperators have in common; LeRobot has no such module."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

@dataclass(kw_only=True)
class DeviceConfig:
    id: str | None = ...
    calibration_dir: Path | None = ...

    def __post_init__(self) -> None: ...
    @classmethod
    def register_subclass(cls, name: str) -> Callable[[type[T]], type[T]]: ...

class Device(ABC):
    name: str
    id: str | None

    def __init__(self, config: Any) -> None: ...
    @property
    @abstractmethod
    def action_features(self) -> dict[str, Any]: ...
    @property
    @abstractmethod
    def is_connected(self) -> bool: ...
    @property
    @abstractmethod
    def is_calibrated(self) -> bool: ...
    @abstractmethod
    def connect(self, calibrate: bool = ...) -> None: ...
    @abstractmethod
    def calibrate(self) -> None: ...
    @abstractmethod
    def configure(self) -> None: ...
    @abstractmethod
    def disconnect(self) -> None: ...
