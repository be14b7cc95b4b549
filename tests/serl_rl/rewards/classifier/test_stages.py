"""Stages as they are written."""

from pathlib import Path

import pytest

from serl_rl.__main__ import parse
from serl_rl.rewards.classifier.condition import StateCondition
from serl_rl.rewards.classifier.config import ClassifierRewardConfig
from serl_rl.rewards.classifier.stages import Stage, parse_stages


def test_a_stage_is_a_name_and_what_differs_from_the_others():
    text = "lifted path=classifiers/my\\ cube class=up threshold=0.9 consecutive_steps=2 condition='tcp_pose[2] > 0.1'"
    assert Stage.parse(text) == Stage(
        name="lifted",
        path=Path("classifiers/my cube"),
        class_name="up",
        threshold=0.9,
        consecutive_steps=2,
        condition=StateCondition(key="tcp_pose", index=2, sign=">", bound=0.1),
    )
    assert Stage.parse("lifted") == Stage(name="lifted")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no name"),
        ("path=a", "has no name"),
        ("2nd", "no usable name"),
        ("a b", "stage 'a' has 'b'; write KEY=VALUE, with path, class, threshold, consecutive_steps, condition"),
        ("a treshold=1", "stage 'a' has 'treshold=1'"),
        ("a threshold=high", "threshold of stage 'a': 'high' is no number"),
        ("a threshold=2", r"threshold of stage 'a' is 2; it must be in \(0, 1\]"),
        ("a threshold=nan", "threshold of stage 'a' is nan"),
        ("a consecutive_steps=0", "consecutive_steps of stage 'a' is 0; it must be at least 1"),
        ("a consecutive_steps=1.5", "'1.5' is no number"),
        ("a condition=high", "condition of stage 'a': 'high' is no condition"),
        ("a class=", "class of stage 'a': '' is no name"),
        ("a class=b class=c", "class twice"),
        ("a condition='tcp", "cannot be read"),
    ],
)
def test_a_stage_that_cannot_be_read_is_told(text, words):
    with pytest.raises(ValueError, match=words):
        Stage.parse(text)


def test_two_stages_of_one_name_are_refused():
    with pytest.raises(ValueError, match="2 stages are named 'a'"):
        parse_stages(["a", "b", "a class=c"])


def test_settings_of_all_stages():
    config = ClassifierRewardConfig(path=Path("c"), stages=("a", "b"), threshold=0.6)
    assert config.judges
    assert ClassifierRewardConfig(stages=("a path=c",)).judges
    assert not ClassifierRewardConfig().judges
    with pytest.raises(ValueError, match="stage 'b' has no classifier; give it path=FOLDER"):
        ClassifierRewardConfig(stages=("a path=c", "b"))
    with pytest.raises(ValueError, match="give one to each stage"):
        ClassifierRewardConfig(path=Path("c"), stages=("a",), condition="tcp_pose[2] > 0.1")


def test_stages_come_from_the_command_line_and_from_a_file(tmp_path):
    here = Path("c").absolute()  # As every path of settings: a run may be resumed from another folder.
    stages = ("held path=c class=held", "up path=c condition='tcp_pose[2] > 0.1'")
    options = ("--environment.reward", "none", "--environment.classifier.stages", *stages)
    command = parse(["record-demos", "--output", "x", *options, "--environment.classifier.stages-pay", "each"])
    classifier = command.config.environment.classifier
    assert parse_stages(classifier.stages) == parse_stages(
        [stage.replace("path=c", f"path={here}") for stage in stages]
    )
    assert (classifier.stages_pay, classifier.stages_in_order) == ("each", True)
    path = tmp_path / "cube.json"
    path.write_text(
        '{"preset": "pick-cube-vision", "environment": {"reward": "none", "classifier": '
        '{"path": "c", "stages": ["held class=held", "up"], "stages_in_order": false}}}'
    )
    classifier = parse(["record-demos", "--output", "x", "--config-file", str(path)]).config.environment.classifier
    assert (classifier.stages, classifier.stages_in_order) == (("held class=held", "up"), False)
