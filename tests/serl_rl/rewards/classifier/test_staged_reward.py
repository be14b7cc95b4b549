"""The reward of a task in stages."""

import numpy as np
import pytest
import torch
from gymnasium import spaces

from serl_rl.rewards.classifier.config import ClassifierRewardConfig
from serl_rl.rewards.classifier.detector import Detector
from serl_rl.rewards.classifier.errors import ClassifierError
from serl_rl.rewards.classifier.network import ClassifierSpec, RewardClassifier
from serl_rl.rewards.classifier.reward import ClassifierReward, stage_detectors, with_classifier_reward
from serl_rl.rewards.classifier.store import save_classifier


@pytest.fixture
def stages(lamp_env, brightness_classifier):
    """A lamp of which one classifier watches red, another green."""

    def make(red, green, **kwargs):
        detectors = {
            name: Detector(classifier=brightness_classifier(channel), threshold=0.5)
            for channel, name in enumerate(("red", "green"))
        }
        return ClassifierReward(lamp_env(red, green), detectors, **kwargs)

    return make


@pytest.mark.trap
def test_stages_wait_for_those_before_and_the_last_one_pays(stages, rollout):
    steps = rollout(stages([0, 1, 0, 0], [1, 0, 0, 1]))
    assert [step[:2] for step in steps] == [(0, False), (0, False), (0, False), (1, True)]
    assert [step[3]["stages_reached"] for step in steps] == [(), ("red",), ("red",), ("red", "green")]
    assert [step[3]["success"] for step in steps] == [False, False, False, True]
    # What is waited for: red, red, and then green.
    assert [step[3]["success_probability"] for step in steps] == pytest.approx([0, 1, 0, 1])
    assert steps[-1][2]  # The end of the task counts although the clock ran out at the same step.


def test_a_later_stage_alone_is_no_success(stages, rollout):
    steps = rollout(stages([0, 0], [1, 1]))
    assert [step[:3] for step in steps] == [(0, False, False), (0, False, True)]


def test_two_stages_in_order_take_two_steps(stages, rollout):
    assert [step[:2] for step in rollout(stages([1, 1], [1, 1]))] == [(0, False), (1, True)]


@pytest.mark.trap
def test_each_stage_pays_its_share_once(stages, rollout):
    assert [step[0] for step in rollout(stages([1, 1, 0], [0, 0, 1], pays="each"))] == [0.5, 0, 0.5]
    assert [step[0] for step in rollout(stages([1, 1, 1], [0, 0, 0], pays="each"))] == [0.5, 0, 0]


def test_stages_in_any_order(stages, rollout):
    assert [step[0] for step in rollout(stages([0, 1, 0], [1, 1, 1], in_order=False))] == [0, 1]
    steps = rollout(stages([0, 1, 1], [0, 1, 1], in_order=False, pays="each"))
    assert [step[:2] for step in steps] == [(0, False), (1, True)]


def test_stages_begin_anew_with_each_episode(stages, rollout):
    env = stages([1, 1], [0, 0], pays="each")
    assert rollout(env)[0][0] == 0.5
    assert rollout(env)[0][0] == 0.5
    _, info = env.reset()
    assert (info["stages_reached"], info["success"], info["red_probability"]) == ((), False, 0.0)


def test_without_a_stage_there_is_nothing_to_wait_for(lamp_env):
    with pytest.raises(ClassifierError, match="at least one stage"):
        ClassifierReward(lamp_env([1]), {})


@pytest.fixture
def saved(small_config, tmp_path):
    """Folders of a classifier of two classes and of one of three."""
    for name, classes, success in (
        ("two", ("failure", "success"), "success"),
        ("three", ("apart", "held", "lifted"), "lifted"),
    ):
        spec = ClassifierSpec(classes=classes, success_class=success, image_sizes={"front": (36, 36)})
        network = RewardClassifier(spec, small_config, torch.Generator().manual_seed(0)).eval()
        save_classifier(network, 0.9, tmp_path / name)
    return tmp_path


def test_a_stage_takes_what_it_does_not_say_from_its_classifier_and_the_common_settings(saved):
    config = ClassifierRewardConfig(
        path=saved / "three",
        consecutive_steps=2,
        stages=(
            "held",
            "lifted consecutive_steps=1 condition='height > 0.1'",
            f"placed path={saved / 'two'} threshold=0.6",
        ),
    )
    held, lifted, placed = stage_detectors(config).values()
    assert (held.class_name, held.threshold, held.consecutive_steps) == ("held", 0.75, 2)
    assert (lifted.class_name, lifted.threshold, lifted.consecutive_steps) == ("lifted", 0.9, 1)
    assert (placed.class_name, placed.threshold, placed.consecutive_steps) == ("success", 0.6, 2)
    assert lifted.condition({}, {"height": 0.2})
    assert not lifted.condition({}, {"height": 0.0})
    assert held.classifier is lifted.classifier  # Read once.


@pytest.mark.parametrize(
    ("stages", "words"),
    [
        (("helt",), "stage 'helt' looks for class 'helt', which .*three does not have; it has apart, held, lifted"),
        (("held", "up class=liftet"), "stage 'up' looks for class 'liftet'"),
        (("held path={folder}/none",), "none is no classifier"),
        (("done path={folder}/two class=lifted",), "two does not have; it has failure, success"),
    ],
)
def test_a_stage_without_its_class_or_classifier_is_told(saved, lamp_env, stages, words):
    texts = tuple(text.format(folder=saved) for text in stages)
    with pytest.raises(ClassifierError, match=words):
        with_classifier_reward(lamp_env([1]), ClassifierRewardConfig(path=saved / "three", stages=texts))


def test_saved_stages_replace_the_reward(saved, lamp_env, rollout):
    class Lamp36(lamp_env):
        observation_space = spaces.Dict({"front": spaces.Box(0, 255, (36, 36, 3), np.uint8)})

        def observe(self, red, green):
            return {"front": np.full((36, 36, 3), 255 * red, np.uint8)}

    # A threshold that every frame passes: the conditions decide.
    texts = ("held threshold=1e-9 condition='height > 0.15'", "lifted threshold=1e-9 condition='height > 0.35'")
    config = ClassifierRewardConfig(path=saved / "three", stages=texts, stages_pay="each")
    env = with_classifier_reward(Lamp36([0, 0, 1, 1, 1]), config)
    assert [step[0] for step in rollout(env)] == [0, 0.5, 0, 0.5]
    env = with_classifier_reward(Lamp36([0, 0, 1, 1, 1]), ClassifierRewardConfig(path=saved / "three", stages=texts))
    assert [step[0] for step in rollout(env)] == [0, 0, 0, 1]
