"""`serl-train evaluate` from its options to what it writes."""

import itertools
import json
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from serl_client.errors import TaskMismatchError
from serl_rl.__main__ import parse
from serl_rl.algorithms.sac.agent import SacAgent
from serl_rl.artifacts import checkpoint as checkpoints
from serl_rl.cli.evaluate import with_wrappers
from serl_rl.config.train import SacConfig, TrainConfig, to_dict
from serl_rl.envs.config import EnvironmentConfig
from serl_rl.envs.evaluation import wilson_interval
from serl_rl.envs.factory import make_environment, spec_of
from serl_rl.errors import CheckpointError, UsageError
from serl_tasks.point_mass.environment import PointMassEnv
from tests.support.policy_servers import serving
from tests.support.waiting import wait_until

SAC = SacConfig(hidden_sizes=(16, 16), compile="off", precision="float32")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run with a policy that was never trained, which reaches the centre sometimes."""
    from google.protobuf import json_format

    config = TrainConfig(environment=EnvironmentConfig(id="serl/PointMass-v0"), sac=SAC)
    env = make_environment(config.environment)
    spec = spec_of(env, config.environment)
    agent = SacAgent(spec, SAC, seed=4)
    tensors, skeleton = checkpoints.flatten(agent.state_dict())
    manifest = {
        "config": to_dict(config),
        "spec": json_format.MessageToDict(spec.to_proto(), preserving_proto_field_name=True),
        "agent": skeleton,
        "policy_version": 7,
        "env_steps": 11,
    }
    path = tmp_path_factory.mktemp("evaluate") / "run"
    checkpoints.save(checkpoints.Checkpoint(manifest, tensors, agent.policy_state()), path / "checkpoint")
    return path


@pytest.fixture
def evaluate(run, capsys, monkeypatch):
    """Runs the command and returns what it printed, as values."""
    monkeypatch.setattr(
        "serl_api.lifetime.stop_signal.StopSignal.install", lambda self: self
    )  # Signals stay the tests' own.

    def call(*options):
        assert parse(["evaluate", "--checkpoint", str(run), *map(str, options)]).run() == 0
        return json.loads(capsys.readouterr().out)

    return call


@pytest.mark.trap
def test_it_prints_the_rate_with_its_interval(evaluate):
    report = evaluate("--episodes", 12)
    assert report["episodes"] == 12
    assert report["success_ratio"] == pytest.approx(report["successes"] / 12, abs=1e-4)
    expected = wilson_interval(report["successes"], 12)
    assert report["wilson_interval_95"] == pytest.approx(expected, abs=1e-4)
    assert (report["policy_version"], report["env_steps"]) == (7, 11)


def test_it_is_deterministic_and_watching_changes_nothing(evaluate, tmp_path):
    plain = [evaluate("--episodes", 6, "--output-json", tmp_path / f"{index}.json") for index in range(2)]
    video = ("--video", tmp_path / "policy.mp4", "--video-episodes", 2)
    watched = evaluate("--episodes", 6, "--output-json", tmp_path / "2.json", *video)
    assert plain[0] == plain[1] == watched
    files = [json.loads((tmp_path / f"{index}.json").read_text()) for index in range(3)]
    assert files[0] == files[1] == files[2]
    other = evaluate("--episodes", 6, "--evaluation-seed", 3, "--output-json", tmp_path / "3.json")
    assert json.loads((tmp_path / "3.json").read_text())["outcomes"] != files[0]["outcomes"]
    assert other["episodes"] == 6


def test_the_file_tells_of_every_episode(evaluate, tmp_path):
    report = evaluate("--episodes", 5, "--evaluation-seed", 40, "--output-json", tmp_path / "new" / "result.json")
    found = json.loads((tmp_path / "new" / "result.json").read_text())
    assert {name: found[name] for name in report} == report
    assert [outcome["seed"] for outcome in found["outcomes"]] == [40, 41, 42, 43, 44]
    assert sum(outcome["success"] for outcome in found["outcomes"]) == report["successes"]
    assert np.mean([outcome["steps"] for outcome in found["outcomes"]]) == pytest.approx(report["mean_steps"])
    assert found["environment"] == "serl/PointMass-v0"
    assert list((tmp_path / "new").iterdir()) == [tmp_path / "new" / "result.json"]


def test_the_video_has_the_first_episodes_frame_by_frame(evaluate, tmp_path):
    options = ("--episodes", 3, "--video-episodes", 2, "--output-json", tmp_path / "result.json")
    evaluate(*options, "--video", tmp_path / "with.mp4")
    evaluate(*options, "--video", tmp_path / "without.mp4", "--no-overlay")
    steps = [outcome["steps"] for outcome in json.loads((tmp_path / "result.json").read_text())["outcomes"]]
    sizes = []
    for name in ("with.mp4", "without.mp4"):
        with av.open(str(tmp_path / name)) as video:
            stream = video.streams.video[0]
            assert stream.average_rate == 10
            assert stream.frames == steps[0] + steps[1] + 2 * 10  # The end of each is held for a second.
            sizes.append((stream.width, stream.height))
    assert sizes[0][1] > sizes[1][1]


def test_episodes_of_the_video_alone_do_not_count(evaluate, tmp_path):
    alone = evaluate("--episodes", 1)
    assert evaluate("--episodes", 1, "--video", tmp_path / "policy.mp4", "--video-episodes", 3) == alone


def test_a_recording_is_written(evaluate, tmp_path):
    pytest.importorskip("rerun", reason="needs the extra serl-robot[rerun]")
    from rerun.chunk import RrdReader

    evaluate("--episodes", 2, "--rerun", tmp_path / "policy.rrd")
    paths = {chunk.entity_path for chunk in RrdReader(tmp_path / "policy.rrd").stream()}
    assert {"/scene", "/action", "/value/mean", "/value/critics", "/reward/step", "/success", "/events"} <= paths


def breaking(monkeypatch, *, after, error):
    """Lets the environment's daemon break for good in a reset."""
    begin, count = PointMassEnv.reset, 0

    def reset(self, **options):
        nonlocal count
        count += 1
        if count > after:
            raise error
        return begin(self, **options)

    monkeypatch.setattr(PointMassEnv, "reset", reset)


def test_an_error_in_the_middle_loses_no_episode(run, evaluate, capsys, monkeypatch, tmp_path):
    whole = evaluate("--episodes", 4)
    assert whole["ended"] == "complete"
    breaking(monkeypatch, after=4, error=TaskMismatchError("another task is loaded"))
    path = tmp_path / "result.json"
    command = parse(["evaluate", "--checkpoint", str(run), "--episodes", "9", "--output-json", str(path)])
    assert command.run() == 1
    kept = json.loads(capsys.readouterr().out)
    assert kept == whole | {"ended": "another task is loaded"}
    assert len(json.loads(path.read_text())["outcomes"]) == 4


def test_an_error_before_the_first_episode_is_over_is_raised(run, evaluate, monkeypatch):
    breaking(monkeypatch, after=0, error=TaskMismatchError("another task is loaded"))
    with pytest.raises(TaskMismatchError):
        evaluate("--episodes", 9)


def test_a_result_that_cannot_be_written_is_printed_all_the_same(run, evaluate, capsys, tmp_path):
    (tmp_path / "result.json").mkdir()
    with pytest.raises(UsageError, match=r"cannot write .*result\.json"):
        evaluate("--episodes", 2, "--output-json", tmp_path / "result.json")
    assert json.loads(capsys.readouterr().out)["episodes"] == 2


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (("--episodes", "0"), UsageError, "^episodes is 0; it must be at least 1"),
        (("--video-episodes", "-1"), UsageError, "^video_episodes is -1; it must be at least 1"),
        (
            ("--output-json", "/dev/null/x/result.json"),
            UsageError,
            "nothing can be written in /dev/null/x: Not a dir",
        ),
        (("--checkpoint", "/nowhere"), CheckpointError, "there is no checkpoint in /nowhere"),
    ],
)
def test_what_cannot_work_is_one_sentence(evaluate, options, error, message):
    with pytest.raises(error, match=message):
        evaluate(*options)


def test_wrappers_are_added_innermost_and_only_where_the_policy_still_fits():
    trained = EnvironmentConfig(wrappers=("relative-frame",))
    gap = "reality-gap,observation_delay_s=0.06"
    assert with_wrappers(trained, (gap,)).wrappers == (gap, "relative-frame")
    with pytest.raises(UsageError, match="--added-wrappers relative-frame changes observations or actions"):
        with_wrappers(trained, ("relative-frame",))
    with pytest.raises(UsageError, match="did you mean reality-gap"):
        with_wrappers(trained, ("realty-gap",))


@pytest.fixture
def evaluate_remote(capsys, monkeypatch):
    """Evaluates a policy of another process in the point mass; returns the exit code and what was printed."""
    monkeypatch.setattr("serl_api.lifetime.stop_signal.StopSignal.install", lambda self: self)

    def call(policy, *options):
        arguments = ("evaluate", "--policy", policy, "--environment.id", "serl/PointMass-v0", *options)
        code = parse([str(argument) for argument in arguments]).run()
        return code, json.loads(capsys.readouterr().out)

    return call


def test_a_policy_server_of_openpis_protocol_is_evaluated(evaluate_remote, tmp_path):
    def towards_the_centre(request):
        return {"actions": np.clip(-10 * request["observation/state"], -1, 1)[None]}

    with serving(towards_the_centre) as server:
        written = tmp_path / "result.json"
        code, report = evaluate_remote(f"openpi:{server.address}", "--episodes", 3, "--output-json", written)
    assert (code, report["successes"], report["ended"]) == (0, 3, "complete")
    assert json.loads(written.read_text())["environment"] == "serl/PointMass-v0"


def test_a_policy_server_that_falls_silent_loses_no_episode_that_was_over(evaluate_remote):
    def for_a_while(request):
        return {"actions": np.clip(-10 * request["observation/state"], -1, 1)[None]} if next(steps) < 40 else None

    steps = itertools.count()
    with serving(for_a_while) as server:
        code, report = evaluate_remote(f"openpi:{server.address}", "--episodes", 100, "--answer-timeout-s", 0.3)
    assert code == 1
    assert report["episodes"] > 0
    assert "gave no answer for 0.3 s; the arm holds" in report["ended"]


def test_a_lerobot_policy_is_served_by_its_own_python_which_ends_with_the_evaluation(evaluate_remote, tmp_path):
    program = tmp_path / "python"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {Path(__file__).with_name("served_point_mass.py")} "$@"\n')
    program.chmod(0o755)
    checkpoint = tmp_path / "pretrained_model"
    checkpoint.mkdir()
    (checkpoint / "config.json").write_text("{}")
    code, report = evaluate_remote(f"lerobot:{checkpoint}", "--episodes", 3, "--lerobot-python", program)
    assert (code, report["successes"], report["policy"]) == (0, 3, f"lerobot:{checkpoint}")
    served = json.loads((checkpoint / "served.json").read_text())
    assert served["arguments"][:3] == ["-m", "lerobot_robot_serl.policy_server", str(checkpoint)]
    wait_until(lambda: not Path(f"/proc/{served['pid']}").exists())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "neither of --checkpoint and --policy"),
        (("--checkpoint", "a", "--policy", "openpi:a:1"), "both of --checkpoint and --policy"),
        (("--checkpoint", "a", "--environment.id", "serl/PointMass-v0"), "--environment is for --policy"),
        (("--policy", "openpi:a:1", "--chunks", "ensemble"), "--chunks is for policies of act"),
        (("--policy", "somewhere"), "it must be openpi:host:port or lerobot:folder"),
        (("--policy", "lerobot:/nowhere"), "there is no LeRobot policy in /nowhere"),
    ],
)
def test_policies_that_are_named_wrongly_are_refused(options, words):
    with pytest.raises(UsageError, match=words):
        parse(["evaluate", *options]).run()
