from pathlib import Path

import pytest

from robot_daemon.config.cell_builder import device_options
from robot_daemon.config.cell_config import DriverConfig
from robot_daemon.drivers.realsense import RealsenseOptions
from serl_api.settings import ConfigError


def options(**table):
    return device_options(DriverConfig(driver="realsense", options=table), "cameras.wrist")


def test_a_table_becomes_options():
    made = options(serial="123", exposure_s=0.01, gain=16, crop_px=[80, 0, 480, 480], output_px=[128, 128])
    assert made == RealsenseOptions(
        serial="123", exposure_s=0.01, gain=16, crop_px=(80, 0, 480, 480), output_px=(128, 128)
    )
    assert options(recording="a.db3").recording == Path("a.db3")


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ({"serial": "1", "recording": "a.db3"}, "serial and recording exclude each other"),
        ({"exposure_s": 0.05}, "exposure_s is 0.05; it must be in (0, 0.0333333]"),
        ({"gain": 16}, "gain is 16, which an automatic exposure overrides; give exposure_s as well"),
        ({"crop_px": [0, 0, 0, 10]}, "crop_px (width) is 0; it must be in [1, 8192]"),
        ({"output_px": [128, 0]}, "output_px (height) is 0"),
        ({"mount": "hand"}, 'mount is "hand"'),
        ({"rate_hz": 0}, "rate_hz is 0; it must be in [1, 300]"),
        ({"latency_s": 2.0}, "latency_s is 2"),
        ({"white_balance_k": 10}, "white_balance_k is 10"),
        ({"sync_mode": -1}, "sync_mode is -1"),
        ({"exposure": 0.01}, "unknown key cameras.wrist.exposure; did you mean exposure_s?"),
    ],
)
def test_a_wrong_option_is_named_with_its_bounds(table, text):
    with pytest.raises(ConfigError) as caught:
        options(**table)
    assert str(caught.value).startswith("cameras.wrist") or "cameras.wrist" in str(caught.value)
    assert text in str(caught.value)
