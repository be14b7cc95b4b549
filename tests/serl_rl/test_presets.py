"""Named experiments."""

import json

import pytest

from serl_rl import config as configuration
from serl_rl.config import LearnerConfig
from serl_rl.errors import UsageError
from serl_rl.presets import PRESETS, preset


def test_an_unknown_preset_names_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'pick-cube'"):
        preset("pik-cub")


@pytest.mark.parametrize("name", PRESETS)
def test_a_config_file_holds_everything(name):
    text = configuration.to_json(PRESETS[name])
    assert configuration.from_dict(json.loads(text)) == PRESETS[name]


def test_an_unknown_setting_in_a_file_is_named():
    with pytest.raises(ValueError, match=r"learner\.bath_size"):
        configuration.from_dict({"learner": {"bath_size": 3}})


def test_a_value_out_of_range_is_named_with_its_bound():
    with pytest.raises(ValueError, match=r"update_to_data_ratio is -1.*above 0"):
        LearnerConfig(update_to_data_ratio=-1)


def test_ten_critics_differ_only_in_the_critics():
    two, ten = PRESETS["pick-cube"], PRESETS["pick-cube-10"]
    assert (ten.sac.critic_count, ten.sac.target_critic_count) == (10, 2)
    assert ten.learner == two.learner


def test_the_shared_settings_are_text():
    assert dict(preset("debug").shared_settings())["sac.hidden_sizes"] == "16,16"
