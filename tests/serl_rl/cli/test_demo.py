"""`serl-train demo`: what it refuses before anything is started."""

import pytest

from serl_rl.__main__ import main, parse


def test_a_backbone_that_cannot_be_pretrained_is_refused_before_a_run_begins(tmp_path, capsys):
    arguments = ["demo", "--vision", "--runs", str(tmp_path), "--vision.encoder.backbone.name", "resnet18"]
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "name is resnet18, which cannot be pretrained; take resnet10 or small" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_ways_out_that_it_names_exist(tmp_path):
    arguments = ["demo", "--vision", "--vision.encoder.backbone.name", "resnet18"]
    for way_out in (["--no-pretrain-encoder"], ["--vision.encoder.backbone.weights", str(tmp_path / "resnet18.pth")]):
        parse([*arguments, *way_out])._check_pretraining()


@pytest.mark.parametrize("command", ["demo", "forward-backward"])
def test_a_keyboard_that_nobody_could_read_is_refused_before_a_run_begins(tmp_path, capsys, command):
    with pytest.raises(SystemExit) as ended:
        main([command, "--runs", str(tmp_path), "--intervene", "keyboard"])
    assert ended.value.code == 2
    assert "has no terminal to read it in; take a spacemouse" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
