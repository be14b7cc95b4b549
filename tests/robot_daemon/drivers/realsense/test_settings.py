"""Settings on a sensor that keeps them; recorded sensors have none."""

from types import SimpleNamespace

import pytest

from robot_daemon.drivers.realsense.library import rs
from robot_daemon.drivers.realsense.options import RealsenseOptions
from robot_daemon.drivers.realsense.settings import apply_settings
from robot_daemon.hardware.devices import DeviceConnectError
from serl_api.settings import ConfigError

OPTION = rs.option
COLOUR_BOUNDS = {
    OPTION.enable_auto_exposure: (0, 1, 1),
    OPTION.exposure: (1, 10000, 1),
    OPTION.gain: (0, 128, 1),
    OPTION.enable_auto_white_balance: (0, 1, 1),
    OPTION.white_balance: (2800, 6500, 10),
    OPTION.global_time_enabled: (0, 1, 1),
}


class Sensor:
    """Keeps options within bounds, as the camera does."""

    def __init__(self, bounds, *, is_stereo=False):
        self.bounds, self.values, self._is_stereo = bounds, {}, is_stereo

    def supports(self, option):
        return option in self.bounds

    def is_depth_sensor(self):
        return self._is_stereo

    def get_option_range(self, option):
        lower, upper, step = self.bounds[option]
        return SimpleNamespace(min=float(lower), max=float(upper), step=float(step))

    def set_option(self, option, value):
        lower, upper, step = self.bounds[option]
        assert lower <= value <= upper
        assert (value - lower) % step == pytest.approx(0.0)
        self.values[option] = value


def test_fixed_settings_turn_the_automatic_ones_off():
    sensor = Sensor(COLOUR_BOUNDS)
    apply_settings(sensor, [sensor], RealsenseOptions(exposure_s=0.01, gain=16, white_balance_k=4604))
    assert sensor.values == {
        OPTION.enable_auto_exposure: 0,
        OPTION.exposure: 100,  # 100 us each.
        OPTION.gain: 16,
        OPTION.enable_auto_white_balance: 0,
        OPTION.white_balance: 4600,
        OPTION.global_time_enabled: 1,
    }


def test_a_stereo_module_counts_microseconds():
    sensor = Sensor({OPTION.enable_auto_exposure: (0, 1, 1), OPTION.exposure: (1, 165000, 1)}, is_stereo=True)
    apply_settings(sensor, [sensor], RealsenseOptions(exposure_s=0.01))
    assert sensor.values[OPTION.exposure] == 10000


def test_dark_scenes_do_not_lower_the_frame_rate():
    sensor = Sensor(COLOUR_BOUNDS | {OPTION.auto_exposure_priority: (0, 1, 1)})
    apply_settings(sensor, [sensor], RealsenseOptions())
    assert sensor.values[OPTION.auto_exposure_priority] == 0


@pytest.mark.parametrize(("hertz", "value"), [(0, 0), (50, 1), (60, 2)])
def test_lamps_on_the_mains_are_told(hertz, value):
    sensor = Sensor(COLOUR_BOUNDS | {OPTION.power_line_frequency: (0, 3, 1)})
    apply_settings(sensor, [sensor], RealsenseOptions(power_line_hz=hertz))
    assert sensor.values[OPTION.power_line_frequency] == value


def test_a_mains_that_does_not_exist_is_refused():
    with pytest.raises(ConfigError, match="power_line_hz is 55; it must be 50, 60, 0 for none, or left out"):
        RealsenseOptions(power_line_hz=55)


def test_an_automatic_exposure_is_warned_of(caplog):
    sensor = Sensor(COLOUR_BOUNDS)
    apply_settings(sensor, [sensor], RealsenseOptions(exposure_s=0.01))
    assert caplog.messages == []
    apply_settings(sensor, [sensor], RealsenseOptions())
    (text,) = caplog.messages
    assert "automatic exposure" in text
    assert "give exposure_s" in text


def test_left_out_settings_are_automatic():
    sensor = Sensor(COLOUR_BOUNDS)
    apply_settings(sensor, [sensor], RealsenseOptions())
    assert sensor.values[OPTION.enable_auto_exposure] == sensor.values[OPTION.enable_auto_white_balance] == 1
    assert OPTION.exposure not in sensor.values


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (RealsenseOptions(exposure_s=0.01, gain=500), "gain is 500; this camera takes 0 to 128"),
        (RealsenseOptions(white_balance_k=2000), "white_balance_k is 2000; this camera takes 2800 to 6500"),
        (RealsenseOptions(exposure_s=2e-5), "exposure_s is 2e-05; this camera takes 0.0001 to 1"),
    ],
)
def test_a_value_beyond_the_cameras_bounds_is_refused_with_them(options, text):
    sensor = Sensor(COLOUR_BOUNDS)
    with pytest.raises(DeviceConnectError, match=text):
        apply_settings(sensor, [sensor], options)


def test_a_setting_that_the_camera_lacks_is_refused():
    sensor = Sensor({})
    with pytest.raises(
        DeviceConnectError, match=r"exposure_s is 0\.01, but this camera cannot be set so; leave it out"
    ):
        apply_settings(sensor, [sensor], RealsenseOptions(exposure_s=0.01))


def test_the_cable_between_cameras_is_set_up_on_the_sensor_that_has_it():
    stereo = Sensor({OPTION.inter_cam_sync_mode: (0, 260, 1)}, is_stereo=True)
    apply_settings(Sensor(COLOUR_BOUNDS), [stereo], RealsenseOptions(sync_mode=2))
    assert stereo.values == {OPTION.inter_cam_sync_mode: 2}
