import json

import pytest
from safetensors import safe_open

from serl_rl.__main__ import main
from serl_rl.models.vision.encoder_config import BackboneConfig
from serl_rl.models.vision.factory import make_backbone


def run(*arguments):
    with pytest.raises(SystemExit) as ended:
        main(["pretrain-encoder", *map(str, arguments)])
    return ended.value.code


def test_command_writes_weights_that_an_encoder_takes(tmp_path, capsys):
    output = tmp_path / "small.safetensors"
    quick = (
        "--pretraining.scenes=4",
        "--pretraining.steps=2",
        "--pretraining.batch-size=4",
        "--pretraining.device=cpu",
    )
    assert run("--output", output, "--backbone", "small", *quick) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["scenes"], facts["steps"]) == (4, 2)
    assert set(facts["errors_m"]) == {"front", "wrist"}
    with safe_open(output, "pt") as file:
        assert json.loads(file.metadata()["pretraining"]) == facts
    assert make_backbone(BackboneConfig(name="small", weights=output)).is_frozen


def test_bad_command_lines_get_one_sentence(tmp_path, capsys):
    (tmp_path / "there.safetensors").touch()
    for name, words in (("there.safetensors", "exists already"), ("weights.pt", "must end in .safetensors")):
        assert run("--output", tmp_path / name) == 2
        assert words in capsys.readouterr().err


def test_a_device_that_is_not_there_is_refused_before_anything_is_drawn(tmp_path, capsys):
    options = ("--pretraining.device", "cuda:99", "--simulator", "127.0.0.1:1")  # Nobody answers there.
    assert run("--output", tmp_path / "new.safetensors", *options) == 2
    error = capsys.readouterr().err
    assert "there is no device 'cuda:99' here; use --pretraining.device cpu or auto" in error
    assert len(error.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
