"""Named experiments."""

import json
from dataclasses import replace

import pytest

from serl_rl.algorithms.sac.config import SacConfig
from serl_rl.cli.options import base_config
from serl_rl.config import train as configuration
from serl_rl.config.presets import preset, preset_names
from serl_rl.config.train import LearnerConfig, TrainConfig
from serl_rl.envs.config import EnvironmentConfig
from serl_rl.errors import UsageError
from serl_rl.models.vision.config import VisionConfig
from serl_rl.models.vision.encoder_config import BackboneConfig, EncoderConfig


def test_an_unknown_preset_names_the_nearest():
    with pytest.raises(UsageError, match="did you mean pick-cube of serl-robot"):
        preset("pik-cub")


@pytest.mark.parametrize("name", preset_names())
def test_a_config_file_holds_everything(name):
    text = configuration.to_json(preset(name))
    assert configuration.from_dict(json.loads(text)) == preset(name)


def test_a_value_out_of_range_is_named_with_its_bound():
    with pytest.raises(ValueError, match=r"update_to_data_ratio is -1.*above 0"):
        LearnerConfig(update_to_data_ratio=-1)


def test_ten_critics_differ_only_in_the_critics():
    two, ten = preset("pick-cube"), preset("pick-cube-10")
    assert (ten.sac.critic_count, ten.sac.target_critic_count) == (10, 2)
    assert ten.learner == two.learner


def test_vision_means_the_preset_of_the_same_task_from_images():
    for arguments in (["demo", "--vision"], ["demo", "--preset", "pick-cube", "--vision"]):
        assert base_config(arguments) == preset("pick-cube-vision")
    assert base_config(["demo", "--vision", "--preset", "pick-cube-vision-resnet10"]).sac.critic_count == 10
    with pytest.raises(UsageError, match='is named "debug-vision"'):
        base_config(["demo", "--preset", "debug", "--vision"])
    with pytest.raises(UsageError, match=r"--vision names a preset, but the experiment comes from a\.json; leave one"):
        base_config(["demo", "--vision", "--config-file", "a.json"])


def test_actor_and_learner_must_agree_on_the_content_of_a_weight_file(tmp_path):
    def settings(path):
        encoder = EncoderConfig(backbone=BackboneConfig(weights=path))
        return TrainConfig(vision=VisionConfig(encoder=encoder)).shared_settings()

    files = [tmp_path / name for name in ("one.safetensors", "copy.safetensors", "other.safetensors")]
    for file, content in zip(files, (b"weights", b"weights", b"others"), strict=True):
        file.write_bytes(content)
    assert settings(files[0]) == settings(files[1])
    assert settings(files[0]) != settings(files[2])
    with pytest.raises(UsageError, match=r"cannot read the weight file .*missing"):
        settings(tmp_path / "missing.safetensors")


def test_grippers_that_choose_need_an_environment_in_which_they_can():
    with pytest.raises(ValueError, match="gripper_action is absolute; it must be binary where"):
        TrainConfig(sac=SacConfig(grippers=1))


@pytest.mark.parametrize(("task", "grippers", "bound"), [("PegInsert", 1, 0), ("PickCubeVision", 2, 1)])
def test_grippers_that_the_task_lacks_are_refused(task, grippers, bound):
    environment = EnvironmentConfig(id=f"serl/{task}-v0", gripper_action="binary")
    with pytest.raises(ValueError, match=f"sac.grippers is {grippers}; it must be at most {bound}, as serl/{task}-v0"):
        TrainConfig(environment=environment, sac=SacConfig(grippers=grippers))
    TrainConfig(environment=replace(environment, id="my/Cell-v0"), sac=SacConfig(grippers=grippers))


def test_numbers_that_the_libraries_would_trip_over_are_refused():
    with pytest.raises(ValueError, match=r"seed is -1; it must be in \[0, 4294967295\]"):
        TrainConfig(seed=-1)
    with pytest.raises(ValueError, match=r"threads is -1; it must be in \[0, 1024\]"):
        LearnerConfig(threads=-1)
