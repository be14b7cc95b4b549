"""Defines the options of a Robotiq gripper in a cell's file."""

from dataclasses import dataclass

from robot_daemon.drivers.robotiq.line import TCP_PREFIX, parse_tcp
from robot_daemon.drivers.robotiq.modbus import READ_HOLDING, READ_INPUT
from robot_daemon.drivers.robotiq.scale import FULL, MODELS, Scale
from serl_api.settings import ConfigError, nearest, require_between


@dataclass(frozen=True, kw_only=True)
class RobotiqOptions:
    """Says how to reach a Robotiq 2F-85, 2F-140 or Hand-E over Modbus RTU."""

    port: str
    """Serial port, best by its lasting name below /dev/serial/by-id, or "tcp://host:port" of an RTU adapter."""
    activate: bool = False
    """Whether to activate at start when the gripper is not. The fingers then close and open fully: let go first."""
    model: str = "2f-85"
    """"2f-85", "2f-140" or "hand-e"."""
    stroke_m: float | None = None
    """Opening at `open_counts`, m; left out: the model's. Other finger tips change it."""
    open_counts: int = 3
    """Position that the gripper reports when fully open, 0 to 255; measure it where the fingers are others than a
    2F-85's."""
    closed_counts: int = 230
    """Position that it reports when closed on nothing, 0 to 255."""
    default_speed_m_per_s: float | None = None
    """Speed of a target that names none, m/s; left out: the model's largest."""
    default_force_n: float | None = None
    """Force of a target that names none, N; left out: a quarter of the model's range."""
    baudrate: int = 115200
    """Of the serial port; the gripper's own is 115200 unless it was changed."""
    slave_id: int = 9
    """Modbus address, 1 to 247; the gripper's own is 9 unless it was changed."""
    poll_rate_hz: float = 100.0
    """Readings of the state a second, at most 200."""
    timeout_s: float = 0.1
    """How long to wait for an answer, s."""
    read_function: int = READ_INPUT
    """Modbus function that reads the state: 4, or 3 for firmware of before 2017."""

    def __post_init__(self) -> None:
        if self.model not in MODELS:
            raise ConfigError(f'model is "{self.model}"; {nearest(self.model, list(MODELS))}')
        if not self.port:
            raise ConfigError("port is empty; give a serial port such as /dev/ttyUSB0, or tcp://host:port")
        if self.port.startswith(TCP_PREFIX) and parse_tcp(self.port) is None:
            raise ConfigError(f'port is "{self.port}"; a TCP line is written tcp://HOST:PORT')
        model = MODELS[self.model]
        if self.stroke_m is not None:
            require_between("stroke_m", self.stroke_m, 0.0, 0.3, above=True)
        require_between("closed_counts", self.closed_counts, 1, FULL)
        require_between("open_counts", self.open_counts, 0, self.closed_counts - 1)
        if self.default_speed_m_per_s is not None:
            require_between("default_speed_m_per_s", self.default_speed_m_per_s, model.min_speed, model.max_speed)
        if self.default_force_n is not None:
            require_between("default_force_n", self.default_force_n, model.min_force, model.max_force)
        require_between("baudrate", self.baudrate, 1200, 1_000_000)
        require_between("slave_id", self.slave_id, 1, 247)
        require_between("poll_rate_hz", self.poll_rate_hz, 1.0, 200.0)
        require_between("timeout_s", self.timeout_s, 0.005, 2.0)
        if self.read_function not in (READ_HOLDING, READ_INPUT):
            raise ConfigError(f"read_function is {self.read_function}; it must be 3 or 4")

    @property
    def scale(self) -> Scale:
        """Returns the counts of this gripper."""
        model = MODELS[self.model]
        quarter = model.min_force + 0.25 * (model.max_force - model.min_force)
        return Scale(
            model=model,
            stroke=self.stroke_m or model.stroke,
            open_counts=self.open_counts,
            closed_counts=self.closed_counts,
            default_speed=self.default_speed_m_per_s or model.max_speed,
            default_force=self.default_force_n or quarter,
        )
