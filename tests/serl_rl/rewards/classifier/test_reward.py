"""The reward of one classifier."""

import numpy as np
import pytest
import torch
from gymnasium import spaces

from serl_rl.rewards.classifier.condition import StateCondition
from serl_rl.rewards.classifier.config import ClassifierRewardConfig
from serl_rl.rewards.classifier.detector import Detector
from serl_rl.rewards.classifier.errors import ClassifierError
from serl_rl.rewards.classifier.network import ClassifierSpec, RewardClassifier
from serl_rl.rewards.classifier.reward import ClassifierReward, with_classifier_reward
from serl_rl.rewards.classifier.store import save_classifier


@pytest.fixture
def watch(lamp_env, brightness_classifier):
    """A lamp whose red a classifier watches."""

    def make(red, **kwargs):
        ends = kwargs.pop("ends", False)
        detector = Detector(classifier=brightness_classifier(), **kwargs)
        return ClassifierReward(lamp_env(red, ends=ends), {"success": detector})

    return make


def test_success_pays_and_terminates(watch, rollout):
    steps = rollout(watch([0.2, 0.4, 0.9, 1.0], threshold=0.8))
    assert [step[:3] for step in steps] == [(0, False, False), (0, False, False), (1, True, False)]
    assert [step[3]["success"] for step in steps] == [False, False, True]
    assert steps[-1][3]["success_probability"] == pytest.approx(0.9, abs=0.01)


@pytest.mark.trap
def test_a_timeout_without_success_is_no_terminal_state(watch, rollout):
    steps = rollout(watch([0.2, 0.2], threshold=0.8))
    assert steps[-1][:3] == (0, False, True)
    assert steps[-1][3]["success"] is False


def test_an_end_of_the_environment_stays_one_but_pays_nothing(watch, rollout):
    assert rollout(watch([0.2, 0.2], threshold=0.8, ends=True))[-1][:3] == (0, True, False)


def test_a_flicker_is_outlasted(watch, rollout):
    env = watch([0.9, 0.1, 0.9, 0.9], threshold=0.8, consecutive_steps=2)
    assert [step[0] for step in rollout(env)] == [0, 0, 0, 1]
    env.reset()  # The count starts anew with each episode.
    assert env.step(np.zeros(1))[1] == 0


def test_a_condition_must_hold_as_well(watch, rollout):
    condition = StateCondition.parse("height > 0.25")
    assert [step[0] for step in rollout(watch([1.0, 1.0, 1.0], threshold=0.5, condition=condition))] == [0, 0, 1]


def test_a_saved_classifier_replaces_the_reward(small_config, lamp_env, rollout, tmp_path):
    spec = ClassifierSpec(image_sizes={"front": (36, 36)})
    classifier = RewardClassifier(spec, small_config, torch.Generator().manual_seed(0)).eval()
    save_classifier(classifier, 0.9, tmp_path / "saved")

    class Lamp36(lamp_env):
        observation_space = spaces.Dict({"front": spaces.Box(0, 255, (36, 36, 3), np.uint8)})

        def observe(self, red, green):
            return {"front": np.full((36, 36, 3), 255 * red, np.uint8)}

    frames = [{"front": np.full((36, 36, 3), 255 * red, np.uint8)} for red in (0.0, 1.0)]
    dark, bright = (classifier.classify(frame)[1] for frame in frames)
    threshold = float((dark + bright) / 2)  # Random weights tell black from white one way or the other.
    first = int(bright > dark)
    reds = [1 - first, 1 - first, first, first]
    config = ClassifierRewardConfig(path=tmp_path / "saved", threshold=threshold, condition="height > 0.1")
    assert [step[0] for step in rollout(with_classifier_reward(Lamp36(reds), config))] == [0, 0, 1]
    never = ClassifierRewardConfig(path=tmp_path / "saved")
    assert with_classifier_reward(Lamp36(reds), never).success_thresholds == {"success": 0.9}
    env = Lamp36(reds)
    assert with_classifier_reward(env, ClassifierRewardConfig()) is env
    with pytest.raises(ClassifierError, match=r"has no manifest\.json"):
        with_classifier_reward(env, ClassifierRewardConfig(path=tmp_path))
    with pytest.raises(ValueError, match="is no condition"):
        with_classifier_reward(env, ClassifierRewardConfig(path=tmp_path / "saved", condition="high"))
    with pytest.raises(ValueError, match="threshold is 2"):
        ClassifierRewardConfig(threshold=2)
