from pathlib import Path

import numpy as np
import pytest
import torch

from serl_rl.envs.config import EnvironmentConfig
from serl_rl.envs.factory import check_environment, make_environment, simulator_scene
from serl_rl.errors import UsageError
from serl_rl.models.vision.encoder_config import BackboneConfig, EncoderConfig, HeadConfig
from serl_rl.rewards.classifier.config import ClassifierConfig, ClassifierRewardConfig
from serl_rl.rewards.classifier.errors import ClassifierError
from serl_rl.rewards.classifier.network import ClassifierSpec, RewardClassifier
from serl_rl.rewards.classifier.store import save_classifier


@pytest.mark.parametrize(
    ("env_id", "scene"),
    [
        ("serl/PickCube-v0", "pick-cube"),
        ("serl/PickCubeVision-v0", "pick-cube"),
        ("serl/PegInsert-v0", "peg-insert"),
        ("serl/PegInsertVision-v0", "peg-insert"),
        ("serl/PointMass-v0", None),
    ],
)
def test_an_environment_names_the_scene_of_its_simulator(env_id, scene):
    assert simulator_scene(EnvironmentConfig(id=env_id)) == scene


def test_an_unknown_environment_is_refused_before_a_simulator_starts():
    with pytest.raises(UsageError, match=r"environment.id is serl/PickCub-v0: .*PickCube"):
        make_environment(EnvironmentConfig(id="serl/PickCub-v0"))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"reward": "spars"}, "environment.reward is spars; the rewards of serl/PickCube-v0 are: sparse, dense, none"),
        ({"wrappers": ("relativ-frame",)}, "did you mean relative-frame"),
        ({"id": "serl/PickCub-v0"}, "did you mean serl/PickCube"),
    ],
)
def test_wrong_names_are_refused_before_anything_is_started(wrong, words):
    with pytest.raises(UsageError, match=words):
        check_environment(EnvironmentConfig(**wrong))


def test_an_unknown_environment_is_answered_with_the_nearest():
    with pytest.raises(UsageError, match="did you mean serl/PegInsert"):
        simulator_scene(EnvironmentConfig(id="serl/PegInser-v0"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gripper_penalty": -0.02}, "gripper_penalty is -0.02; it must be at least 0"),
        ({"max_episode_steps": -1}, "max_episode_steps is -1"),
        ({"classifier": ClassifierRewardConfig(path=Path("a"))}, "reward is sparse; it must be none"),
        (
            {"classifier": ClassifierRewardConfig(stages=("up path=a",))},
            "reward is sparse; it must be none",
        ),
    ],
)
def test_settings_that_cannot_work_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        EnvironmentConfig(**change)


def test_a_classifier_judges_an_environment_that_does_not(tmp_path):
    encoder = EncoderConfig(backbone=BackboneConfig(name="small"), head=HeadConfig(bottleneck=8))
    for camera in ("wrist", "side"):
        spec = ClassifierSpec(image_sizes={camera: (128, 128)})
        network = RewardClassifier(spec, ClassifierConfig(encoder=encoder, hidden_size=8), torch.Generator())
        save_classifier(network.eval(), 0.9, tmp_path / camera)

    def config(camera, threshold):
        judge = ClassifierRewardConfig(path=tmp_path / camera, threshold=threshold, condition="tcp_pose[2] > 0.05")
        return EnvironmentConfig(id="serl/PickCubeVision-v0", reward="none", classifier=judge)

    env = make_environment(config("wrist", 1e-9))
    try:
        env.reset(seed=0)
        _, reward, terminated, truncated, info = env.step(np.zeros(4, np.float32))
    finally:
        env.close()
    assert (reward, terminated, truncated, info["success"]) == (1.0, True, False, True)
    assert 0 < info["success_probability"] < 1
    staged = ClassifierRewardConfig(stages=(f"near path={tmp_path / 'wrist'}", f"done path={tmp_path / 'side'}"))
    with pytest.raises(ClassifierError, match="camera 'side'; the observation has"):
        make_environment(EnvironmentConfig(id="serl/PickCubeVision-v0", reward="none", classifier=staged))
