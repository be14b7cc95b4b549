from types import SimpleNamespace

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces

from serl_rl.classifier.condition import StateCondition
from serl_rl.classifier.config import ClassifierRewardConfig
from serl_rl.classifier.errors import ClassifierError
from serl_rl.classifier.network import ClassifierSpec, RewardClassifier
from serl_rl.classifier.reward import (
    ClassifierReward,
    Detector,
    StagedClassifierReward,
    share_backbones,
    with_classifier_reward,
)
from serl_rl.classifier.store import save_classifier


class BrightnessClassifier:
    """Says success with the brightness of a channel."""

    def __init__(self, channel=0, camera="front", size=(8, 8)):
        self.spec = ClassifierSpec(image_sizes={camera: size})
        self.channel = channel

    def share(self, remembered):
        return False

    @property
    def encoder(self):
        return SimpleNamespace(backbone=lambda camera: SimpleNamespace(is_frozen=False))

    def classify(self, observation):
        bright = observation[self.spec.cameras[0]][..., self.channel].mean() / 255
        return np.array([1 - bright, bright])


class LampEnv(gymnasium.Env):
    """Shows a given brightness of red and green at each step; its own reward is -1."""

    observation_space = spaces.Dict({"front": spaces.Box(0, 255, (8, 8, 3), np.uint8)})
    action_space = spaces.Box(-1, 1, (1,), np.float32)

    def __init__(self, red, green=None, *, ends=False):
        self.red = red
        self.green = green or [0.0] * len(red)
        self.ends = ends

    def reset(self, *, seed=None, options=None):
        self.steps = 0
        return self.observe(0.0, 0.0), {"height": 0.0}

    def step(self, action):
        red, green = self.red[self.steps], self.green[self.steps]
        self.steps += 1
        over = self.steps == len(self.red)
        info = {"height": self.steps / 10, "success": True}
        return self.observe(red, green), -1.0, over and self.ends, over and not self.ends, info

    def observe(self, red, green):
        return {"front": np.full((8, 8, 3), [255 * red, 255 * green, 0], np.uint8)}


def rollout(env):
    env.reset()
    steps = []
    while True:
        _, reward, terminated, truncated, info = env.step(np.zeros(1))
        steps.append((reward, terminated, truncated, info))
        if terminated or truncated:
            return steps


def watch(red, **kwargs):
    ends = kwargs.pop("ends", False)
    return ClassifierReward(LampEnv(red, ends=ends), Detector(classifier=BrightnessClassifier(), **kwargs))


def test_success_pays_and_terminates():
    steps = rollout(watch([0.2, 0.4, 0.9, 1.0], threshold=0.8))
    assert [step[:3] for step in steps] == [(0, False, False), (0, False, False), (1, True, False)]
    assert [step[3]["success"] for step in steps] == [False, False, True]
    assert steps[-1][3]["success_probability"] == pytest.approx(0.9, abs=0.01)


def test_a_timeout_without_success_is_no_terminal_state():
    steps = rollout(watch([0.2, 0.2], threshold=0.8))
    assert steps[-1][:3] == (0, False, True)
    assert steps[-1][3]["success"] is False


def test_an_end_of_the_environment_stays_one_but_pays_nothing():
    assert rollout(watch([0.2, 0.2], threshold=0.8, ends=True))[-1][:3] == (0, True, False)


def test_a_flicker_is_outlasted():
    env = watch([0.9, 0.1, 0.9, 0.9], threshold=0.8, consecutive_steps=2)
    assert [step[0] for step in rollout(env)] == [0, 0, 0, 1]
    env.reset()  # The count starts anew with each episode.
    assert env.step(np.zeros(1))[1] == 0


def test_a_condition_must_hold_as_well():
    condition = StateCondition.parse("height > 0.25")
    assert [step[0] for step in rollout(watch([1.0, 1.0, 1.0], threshold=0.5, condition=condition))] == [0, 0, 1]


def stages(red, green, **kwargs):
    detectors = {
        name: Detector(classifier=BrightnessClassifier(channel), threshold=0.5)
        for channel, name in enumerate(("red", "green"))
    }
    return StagedClassifierReward(LampEnv(red, green), detectors, **kwargs)


def test_each_stage_pays_once_and_all_together_end():
    steps = rollout(stages([1, 1, 0, 0], [0, 0, 0, 1]))
    assert [step[0] for step in steps] == [1, 0, 0, 1]
    assert steps[-1][1:3] == (True, True)  # Both at the last step: the end of the task counts, the clock does not.
    assert steps[-1][3]["stages_reached"] == ("red", "green")
    assert steps[2][3]["success"] is False


def test_two_stages_at_once_pay_twice():
    assert [step[:2] for step in rollout(stages([0, 1, 1], [0, 1, 1]))] == [(0, False), (2, True)]


def test_stages_in_order_wait_for_those_before():
    assert [step[0] for step in rollout(stages([0, 1, 0], [1, 1, 1], in_order=True))] == [0, 1, 1]
    assert [step[0] for step in rollout(stages([0, 1, 0], [1, 1, 1]))] == [1, 1]


def test_stages_begin_anew_with_each_episode():
    env = stages([1, 1], [0, 0])
    assert rollout(env)[0][0] == 1
    assert rollout(env)[0][0] == 1


def test_cameras_that_do_not_fit_are_refused():
    for classifier, words in (
        (BrightnessClassifier(camera="wrist"), "through camera 'wrist'; the observation has front"),
        (BrightnessClassifier(size=(9, 9)), r"9 x 9 px of camera 'front'; the observation has \(8, 8, 3\)"),
    ):
        with pytest.raises(ClassifierError, match=words):
            ClassifierReward(LampEnv([1]), Detector(classifier=classifier, threshold=0.5))
    with pytest.raises(ClassifierError, match="at least one stage"):
        StagedClassifierReward(LampEnv([1]), {})


@pytest.mark.parametrize(("values", "words"), [({"threshold": 0.0}, "threshold"), ({"threshold": 1.1}, "threshold")])
def test_bad_detectors_are_refused(values, words):
    with pytest.raises(ValueError, match=words):
        Detector(classifier=BrightnessClassifier(), **values)
    with pytest.raises(ValueError, match="consecutive_steps"):
        Detector(classifier=BrightnessClassifier(), threshold=0.5, consecutive_steps=0)


def test_classifiers_of_one_backbone_run_it_once(small_config):
    calls = []
    classifiers = []
    for seed in range(2):  # Heads differ; the seed of the frozen backbone is the configuration's.
        spec = ClassifierSpec(image_sizes={"front": (36, 36)})
        classifier = RewardClassifier(spec, small_config, torch.Generator().manual_seed(seed)).eval()
        classifier.encoder.backbones[0].register_forward_hook(lambda *_: calls.append(1))
        classifiers.append(classifier)
    rng = np.random.default_rng(0)
    observations = [{"front": rng.integers(0, 256, (36, 36, 3), dtype=np.uint8)} for _ in range(3)]
    alone = [[classifier.classify(observation) for classifier in classifiers] for observation in observations]
    assert len(calls) == 6
    share_backbones(Detector(classifier=classifier, threshold=0.5) for classifier in classifiers)
    calls.clear()
    together = [[classifier.classify(observation) for classifier in classifiers] for observation in observations]
    assert len(calls) == 3
    np.testing.assert_allclose(together, alone, atol=1e-6)
    assert not np.allclose(together[0][0], together[0][1])


def test_a_saved_classifier_replaces_the_reward(small_config, tmp_path):
    spec = ClassifierSpec(image_sizes={"front": (36, 36)})
    classifier = RewardClassifier(spec, small_config, torch.Generator().manual_seed(0)).eval()
    save_classifier(classifier, 0.9, tmp_path / "saved")

    class Lamp36(LampEnv):
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
    assert with_classifier_reward(Lamp36(reds), never)._watch.detector.threshold == 0.9
    env = Lamp36(reds)
    assert with_classifier_reward(env, ClassifierRewardConfig()) is env
    with pytest.raises(ClassifierError, match=r"has no manifest\.json"):
        with_classifier_reward(env, ClassifierRewardConfig(path=tmp_path))
    with pytest.raises(ValueError, match="is no condition"):
        with_classifier_reward(env, ClassifierRewardConfig(path=tmp_path / "saved", condition="high"))
    with pytest.raises(ValueError, match="threshold is 2"):
        ClassifierRewardConfig(threshold=2)
