import math
from pathlib import Path

import pytest

import robot_daemon
from robot_daemon.config.cell_builder import build_cell
from robot_daemon.config.cell_config import (
    ConfigError,
    DaemonConfig,
    LimitsConfig,
    ServerConfig,
    SyncConfig,
    load_config,
)
from serl_api.enums import Backend
from serl_api.values import FullCompliance

EXAMPLE = Path(robot_daemon.__file__).with_name("example.toml")


def load(tmp_path, text):
    path = tmp_path / "cell.toml"
    path.write_text(text)
    return load_config(path)


def test_the_example_is_right_and_shows_the_defaults():
    config = load_config(EXAMPLE)
    assert (config.server, config.limits, config.synchronization, config.compliance) == (
        ServerConfig(),
        LimitsConfig(),
        SyncConfig(),
        FullCompliance(),
    )
    assert list(config.cameras) == ["front", "wrist"]


def test_the_example_builds_a_cell():
    cell = build_cell(load_config(EXAMPLE))
    assert (cell.name, cell.backend, list(cell.cameras)) == ("left-bench", Backend.FAKE, ["front", "wrist"])


def test_only_the_arm_is_required(tmp_path):
    config = load(tmp_path, '[arm]\ndriver = "fake"')
    assert isinstance(config, DaemonConfig)
    assert (config.gripper, config.cameras) == (None, {})


ARM = '[arm]\ndriver = "fake"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"\[arm\] is missing"),
        (
            ARM + "[limits]\ncomand_timeout_s = 1",
            r"unknown key limits\.comand_timeout_s; did you mean command_timeout_s",
        ),
        (ARM + "[limit]\n", r"unknown key limit; did you mean limits"),
        (ARM + "[limits]\nforce_n = 900.0", r"limits\.force_n is 900; it must be in \[0, 200\]"),
        (ARM + "[limits]\nforce_n = nan", r"limits\.force_n is nan"),
        (ARM + '[limits]\nforce_n = "9"', r"limits\.force_n must be a number, not '9'"),
        (ARM + "[limits]\nforce_n = true", r"limits\.force_n must be a number, not True"),
        (ARM + "[limits]\nworkspace_lower_m = [0.1, 0.2]", r"limits\.workspace_lower_m has 2 values; it needs 3"),
        (ARM + "[limits]\nworkspace_lower_m = [0.9, 0.0, 0.0]", r"limits\.workspace_lower_m is 0\.9 in x"),
        (ARM + "[server]\nmax_streams = 1.5", r"server\.max_streams must be a whole number"),
        (ARM + '[server]\ntls_key = "k"', "belong together"),
        (ARM + "limits = 3", r"unknown key|must be a table"),
        ("[arm]\n", r"arm must be a table with at least driver"),
        (ARM + "[cameras]\nfront = 3", r"cameras\.front must be a table"),
        ("arm = [", "is not TOML"),
    ],
)
def test_what_does_not_fit_is_named_with_its_path(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message) as caught:
        build_cell(load(tmp_path, text))
    assert "\n" not in str(caught.value).strip() or "TOML" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '[arm]\ndriver = "fakes"',
            r'arm\.driver: no serl\.arms plug-in is named "fakes"; did you mean fake of serl-robot',
        ),
        (ARM + '[cameras.front]\ndriver = "fake"\nrate = 3', r"unknown key cameras\.front\.rate; did you mean rate_hz"),
        (ARM + '[cameras.front]\ndriver = "fake"\nwidth = 0', r"cameras\.front\.width is 0"),
    ],
)
def test_options_of_drivers_are_as_strict(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        build_cell(load(tmp_path, text))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.toml: cannot be read"):
        load_config(tmp_path / "nowhere.toml")


@pytest.mark.parametrize(
    "change",
    [
        {"workspace_rotation_rad": 0.0},
        {"workspace_orientation_xyzw": (1.0, 1.0, 0.0, 0.0)},
        {"step_translation_m": math.nan},
        {"min_period_s": 2.0},
        {"command_timeout_s": 0.0},
    ],
)
def test_limits_out_of_bounds_are_refused(change):
    with pytest.raises(ConfigError, match=next(iter(change))):
        LimitsConfig(**change)
