"""The experiment as a whole: every field survives a file, old files load, and the wire holds what it always did."""

import dataclasses
import json
import types
import typing
from pathlib import Path

import pytest

from serl_rl.config import train as configuration
from serl_rl.config.presets import preset
from serl_rl.config.train import TrainConfig

COMPANIONS = {
    "environment.classifier.path": [("environment.reward", "none")],
    "environment.classifier.stages": [("environment.reward", "none"), ("environment.classifier.path", Path("/c"))],
    "sac.grippers": [("environment.gripper_action", "binary")],
    "vice.enabled": [("environment.reward", "none")],
}
"""What a field needs beside it, where no value works alone."""


def leaves(kind, path=""):
    """Every field that is no section, as (path, type)."""
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        below = f"{path}.{field.name}" if path else field.name
        if dataclasses.is_dataclass(hints[field.name]):
            yield from leaves(hints[field.name], below)
        else:
            yield below, hints[field.name]


def get(config, path):
    for name in path.split("."):
        config = getattr(config, name)
    return config


def put(config, path, value):
    name, _, rest = path.partition(".")
    return dataclasses.replace(config, **{name: put(getattr(config, name), rest, value) if rest else value})


def candidates(hint, value):
    """Other values of a type, likely ones first."""
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        kinds = [kind for kind in typing.get_args(hint) if kind is not types.NoneType]
        return [None, *(found for kind in kinds for found in candidates(kind, value))]
    if typing.get_origin(hint) is typing.Literal:
        return typing.get_args(hint)
    if typing.get_origin(hint) is tuple:
        first, *others = typing.get_args(hint)
        count = 1 if others == [Ellipsis] else 1 + len(others)
        return [tuple([candidates(first, i)[0] for i in range(count)])]
    number = value if isinstance(value, (int, float)) else 0
    return {
        bool: [not value],
        int: [number + 1, number - 1, 1, 2],
        float: [number / 2 + 0.125, number + 1.5, 0.25],
        str: ["word"],
        Path: [Path("/folder") / "file"],
    }[hint]


def changed(path, hint):
    """The experiment with another value of one field."""
    default = TrainConfig()
    for companion, value in COMPANIONS.get(path, []):
        default = put(default, companion, value)
    for value in candidates(hint, get(default, path)):
        try:
            config = put(default, path, value)
        except ValueError:
            continue
        if get(config, path) != get(default, path):
            return config
    raise AssertionError(f"no other value of {path} is allowed; add its companions")


FIELDS = dict(leaves(TrainConfig))
del FIELDS["algorithm"], FIELDS["algorithm_config"]  # Of an algorithm that is found; see `test_own_algorithm.py`.
del FIELDS["vision.encoder.backbone.condition_size"]  # For networks of one's own; an agent's is always None.


@pytest.mark.parametrize(("path", "hint"), FIELDS.items(), ids=FIELDS)
def test_every_field_survives_a_file(path, hint):
    config = changed(path, hint)
    assert configuration.from_dict(json.loads(configuration.to_json(config))) == config


def test_a_file_of_before_some_settings_existed_loads():
    old = {
        "environment": {"id": "serl/PickCube-v0", "rotation": False, "reward": "sparse"},
        "sac": {"hidden_sizes": [256, 256], "return_range": [0.0, 1.0], "target_entropy": None, "discount": 1},
        "vision": {"encoder": {"backbone": {"weights": "b.safetensors"}}},
        "seed": 3,
    }
    config = configuration.from_dict(old)
    assert config.sac.return_range == (0.0, 1.0)
    assert config.vision.encoder.backbone.weights == Path("b.safetensors")
    assert config.seed == 3


def test_a_setting_out_of_range_in_a_file_is_named_by_its_path():
    with pytest.raises(ValueError, match=r"^vision\.encoder\.head\.embeddings is 0; it must be at least 1$"):
        configuration.from_dict({"vision": {"encoder": {"head": {"embeddings": 0}}}})
    with pytest.raises(ValueError, match=r"^sac\.discount is 2\.0; it must be in \[0, 1\]$"):
        configuration.from_dict({"sac": {"discount": 2}})
    with pytest.raises(ValueError, match=r"^environment\.gripper_penalty is -1\.0; it must be at least 0$"):
        configuration.from_dict({"environment": {"gripper_penalty": -1}})


def test_what_actor_and_learner_compare_is_what_they_always_did():
    assert preset("pick-cube-vision").shared_settings() == (
        ("environment.id", "serl/PickCubeVision-v0"),
        ("environment.rotation", "False"),
        ("environment.reward", "sparse"),
        ("environment.gripper_action", "absolute"),
        ("environment.wrappers", ""),
        ("sac.hidden_sizes", "256,256"),
        ("sac.grippers", "0"),
        ("vision.encoder.backbone", "small, random, he, 0, True, True"),
        ("vision.encoder.head", "learned, 8, 32"),
        ("vision.frame_stack", "1"),
    )


def test_a_gripper_that_is_chosen_acts_step_by_step():
    values = {"environment": {"wrappers": ["chunking"], "gripper_action": "binary"}, "sac": {"grippers": 1}}
    with pytest.raises(ValueError, match=r"sac\.grippers is 1; it must be 0 with chunking"):
        configuration.from_dict(values)


def test_a_path_in_a_file_means_the_same_in_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = put(TrainConfig(), "vision.encoder.backbone.weights", Path("w.safetensors"))
    assert configuration.to_dict(config)["vision"]["encoder"]["backbone"]["weights"] == str(tmp_path / "w.safetensors")
