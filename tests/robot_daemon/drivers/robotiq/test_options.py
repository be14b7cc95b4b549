import pytest

from robot_daemon.config.cell_builder import device_options
from robot_daemon.config.cell_config import DriverConfig
from robot_daemon.drivers.robotiq import RobotiqOptions
from serl_api.settings import ConfigError


def options(**table):
    return device_options(DriverConfig(driver="robotiq", options=table), "gripper")


def test_a_port_is_enough():
    assert options(port="/dev/ttyUSB0") == RobotiqOptions(port="/dev/ttyUSB0")
    assert not options(port="/dev/ttyUSB0").activate


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ({}, "key gripper.port is missing"),
        ({"port": ""}, "gripper.port is empty; give a serial port such as /dev/ttyUSB0, or tcp://host:port"),
        ({"port": "tcp://gripper"}, 'gripper.port is "tcp://gripper"; a TCP line is written tcp://HOST:PORT'),
        ({"model": "2f-58"}, 'gripper.model is "2f-58"; did you mean 2f-85?'),
        ({"slaveid": 9}, "unknown key gripper.slaveid; did you mean slave_id?"),
        ({"poll_rate_hz": 500.0}, r"gripper.poll_rate_hz is 500; it must be in \[1, 200\]"),
        ({"slave_id": 0}, r"gripper.slave_id is 0; it must be in \[1, 247\]"),
        ({"open_counts": 230}, r"gripper.open_counts is 230; it must be in \[0, 229\]"),
        ({"default_force_n": 5.0}, r"gripper.default_force_n is 5; it must be in \[20, 235\]"),
        ({"default_speed_m_per_s": 0.2}, r"gripper.default_speed_m_per_s is 0.2; it must be in \[0.02, 0.15\]"),
        ({"stroke_m": 0.0}, r"gripper.stroke_m is 0; it must be in \(0, 0.3\]"),
        ({"timeout_s": 0.0}, "gripper.timeout_s is 0"),
        ({"read_function": 6}, "gripper.read_function is 6; it must be 3 or 4"),
        ({"baudrate": "fast"}, "gripper.baudrate must be a whole number, not 'fast'"),
    ],
)
def test_a_wrong_option_is_told_with_its_way_out(table, text):
    table = table if "port" in table or not table else {"port": "/dev/ttyUSB0"} | table
    with pytest.raises(ConfigError, match=text.replace("?", r"\?")):
        options(**table)


def test_the_bounds_are_those_of_the_model():
    assert options(port="x", model="2f-140", default_force_n=12.0).scale.default_force == 12.0
