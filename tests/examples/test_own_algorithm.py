"""An algorithm of somebody else's goes through learner, actor and evaluation; nothing of the product is edited."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from serl_api.lifetime.child_process import ChildProcess
from serl_api.lifetime.stop_signal import StopSignal
from serl_api.plugins import PluginError
from serl_rl.__main__ import parse
from serl_rl.algorithms.algorithm import load_algorithm
from serl_rl.algorithms.sac.config import SacConfig
from serl_rl.config.presets import preset
from serl_rl.config.train import TrainConfig, from_dict, to_dict
from serl_rl.demonstrations.scripted import record
from serl_rl.envs.factory import make_environment
from serl_rl.monitoring.metrics import read_metrics

EXAMPLES = Path(__file__).parents[2] / "examples"
NAME = "own_algorithm:TD3"
WAIT_S = 150.0


@pytest.fixture(autouse=True)
def in_examples(monkeypatch):
    monkeypatch.chdir(EXAMPLES)
    yield
    while str(EXAMPLES) in sys.path:
        sys.path.remove(str(EXAMPLES))


def serl_train(folder, command, *arguments):
    ready = folder / f"{command}.ready"
    call = [sys.executable, "-m", "serl_rl", command, "--preset", "debug", "--algorithm", NAME]
    child = ChildProcess(command, [*call, "--ready-file", str(ready), *arguments], folder / f"{command}.log")
    return child, child.wait_for_file(ready, StopSignal(), WAIT_S)


@pytest.mark.timeout(300)
def test_td3_learns_the_point_through_learner_actor_and_evaluate(tmp_path, capsys):
    settings = ("--learner.max-env-steps", "300", "--algorithm-config.batch-size", "48")
    settings += ("--evaluation.shortest-gap-steps", "100000", "--evaluation.longest-gap-steps", "100000")
    config, demonstrations = preset("debug"), tmp_path / "demonstrations.episodes"
    record(make_environment(config.environment), replace(config, demonstration_count=10), demonstrations)
    run = ("--run-directory", str(tmp_path / "run"), "--address", "127.0.0.1:0")
    run += ("--demonstrations", str(demonstrations))
    learner, address = serl_train(tmp_path, "learner", *run, *settings)
    where = ("--learner-address", address, "--spool-directory", str(tmp_path / "spool"), "--actor-id", "a")
    actor, _ = serl_train(tmp_path, "actor", *where, *settings)
    try:
        assert learner.wait(WAIT_S) == 0, learner.last_words()
        assert actor.wait(WAIT_S) == 0, actor.last_words()
    finally:
        for child in (actor, learner):
            if child.poll() is None:
                child.stop()
    saved = json.loads((tmp_path / "run" / "config.json").read_text())
    assert (saved["algorithm"], saved["algorithm_config"]["batch_size"]) == (NAME, 48)
    assert read_metrics(tmp_path / "run")[-1].more["largest_q"] > 0
    parse(["evaluate", "--checkpoint", str(tmp_path / "run"), "--episodes", "20"]).run()
    assert json.loads(capsys.readouterr().out)["success_ratio"] >= 0.9


def test_settings_of_its_own_are_written_read_and_checked():
    config = TrainConfig(algorithm=NAME)
    assert from_dict(to_dict(config)) == config
    assert ("algorithm", NAME) in config.shared_settings()
    values = to_dict(config)
    values["algorithm_config"]["rate"] = 1
    with pytest.raises(ValueError, match=r"unknown key algorithm_config\.rate"):
        from_dict(values)
    with pytest.raises(ValueError, match="algorithm_config is SacConfig; it must be a Td3Config"):
        TrainConfig(algorithm=NAME, algorithm_config=SacConfig())


def test_an_unknown_algorithm_gets_the_nearest_name():
    with pytest.raises(PluginError, match='named "sacc"; did you mean sac of serl-robot'):
        TrainConfig(algorithm="sacc")


def test_settings_written_before_there_was_a_choice_mean_sac():
    values = to_dict(TrainConfig())
    del values["algorithm"], values["algorithm_config"]
    assert from_dict(values) == TrainConfig()
    assert type(load_algorithm("sac")).__name__ == "Sac"
