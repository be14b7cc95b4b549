import dataclasses
from pathlib import Path

import pytest

from robot_daemon.drivers.franka import FrankaOptions
from robot_daemon.drivers.franka.options import LoadOptions
from serl_api.settings import ConfigError, to_dataclass


def options(**table):
    return to_dataclass(FrankaOptions, {"host": "172.16.0.2"} | table, "arm")


def test_an_address_is_enough():
    found = options()
    assert (found.realtime, found.model, found.load, found.tcp_position_m) == ("enforce", "", None, None)


def test_tables_within_the_table_are_understood():
    load = {"mass_kg": 0.9, "center_of_mass_m": [0.0, 0.0, 0.06], "inertia_kg_m2": [0.001, 0, 0, 0, 0.001, 0, 0, 0, 0]}
    assert options(load=load).load.inertia_kg_m2 == (0.001, 0.0, 0.0, 0.0, 0.001, 0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"host": ""}, "arm.host is empty; give the address of the arm, such as 172.16.0.2"),
        ({"realtime": "enforced"}, 'arm.realtime is "enforced"; did you mean enforce?'),
        ({"model": "fr4"}, 'arm.model is "fr4"; did you mean fr3?'),
        ({"tcp_quaternion_xyzw": [0.0, 0.0, 0.0, 2.0]}, "arm.tcp_quaternion_xyzw has norm 2; it must be a unit"),
        ({"tcp_position_m": [0.0, 0.0, 1.5]}, "arm.tcp_position_m[2] is 1.5; it must be in [-1, 1]"),
        ({"load": {"mass_kg": 4.0}}, "arm.load.mass_kg is 4; it must be in [0, 3]"),
        ({"home_rad": [0.0] * 6}, "arm.home_rad has 6 values; it needs 7"),
        ({"loop_rate_hz": 20.0}, "arm.loop_rate_hz is 20; it must be in [100, 1000]"),
        ({"target_time_constant_s": -0.1}, "arm.target_time_constant_s is -0.1; it must be in [0, 2]"),
        ({"contact_force_n": 0.0}, "arm.contact_force_n is 0; it must be in [1, 500]"),
        ({"joint_stiffness_nm_per_rad": [3000.0] + [50.0] * 6}, "arm.joint_stiffness_nm_per_rad[0] is 3000"),
        ({"set_point": 0.2}, "unknown key arm.set_point; known: host"),
    ],
)
def test_a_wrong_option_is_one_sentence_with_its_path(table, sentence):
    with pytest.raises(ConfigError) as caught:
        options(**table)
    assert str(caught.value).startswith(sentence)


def test_the_page_of_the_arm_lists_every_key():
    page = (Path(__file__).parents[4] / "docs" / "hardware" / "arm.md").read_text()
    names = [field.name for field in dataclasses.fields(FrankaOptions) if field.name != "load"]
    names += [f"load.{field.name}" for field in dataclasses.fields(LoadOptions)]
    assert [name for name in names if f"`{name}`" not in page] == []
