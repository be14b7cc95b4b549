"""One actor and two learners as real processes: turns, kill -9 of anybody, both learners away, learning."""

import dataclasses
import json
import os
import pathlib
import re
import signal
import sys

import grpc
import numpy as np
import pytest
from serl.learner.v1 import learner_service_pb2 as pb
from serl.learner.v1 import learner_service_pb2_grpc

from serl_api.lifetime.child_process import ChildProcess
from serl_api.lifetime.stop_signal import StopSignal
from serl_api.security import open_channel
from serl_rl.artifacts import checkpoint as checkpoints
from serl_rl.config.presets import preset
from serl_rl.envs.factory import make_environment, spec_of
from serl_rl.replay.buffer import ReplayBuffer
from serl_rl.runs.forward_backward.task_pair import DIRECTIONS
from tests.support.waiting import wait_until

WAIT_S = 150.0
SLOW_WAIT_S = 300.0
CONFIG = preset("debug")
IDS = {"forward": "serl/PointRight-v0", "backward": "serl/PointLeft-v0"}
NEVER_EVALUATED = ("--evaluation.shortest-gap-steps", "1000000", "--evaluation.longest-gap-steps", "1000000")
ENDLESS = ("--learner.max-env-steps", "1000000", *NEVER_EVALUATED)
# A script that always drives: each episode succeeds, so that the turn passes on at each end.
TAUGHT = ("--intervene", "scripted", "--correction.probability", "1", "--correction.rest-steps", "0")
ROW_BYTES = 100  # A row is a little less; one in ten is an episode's last and no step.
SIGNS = {"forward": 1.0, "backward": -1.0}


class TaskPair:
    """Two learners and an actor in a folder."""

    def __init__(self, folder):
        self.folder = folder
        self.learners = {}
        self.addresses = {}
        self.actor = None
        self._count = 0

    def spawn(self, command, *arguments):
        self._count += 1
        ready = self.folder / f"ready-{self._count}"
        options = ("--preset", "debug", "--ready-file", str(ready))
        call = [sys.executable, "-m", "serl_rl", command, *options, *arguments]
        child = ChildProcess(command, call, self.folder / "logs" / f"{command}-{self._count}.log")
        return child, ready

    def learn(self, direction, *arguments):
        where = ("--run-directory", str(self.folder / direction), "--address")
        address = self.addresses.get(direction, "127.0.0.1:0")
        child, ready = self.spawn("learner", *where, address, "--environment.id", IDS[direction], *ENDLESS, *arguments)
        self.learners[direction] = child
        self.addresses[direction] = child.wait_for_file(ready, StopSignal(), WAIT_S)

    def act(self, *arguments):
        learners = ("--learner-address", self.addresses["forward"], "--backward-learner-address")
        where = ("--spool-directory", str(self.folder / "spool"), "--actor-id", "a", "--environment.id", IDS["forward"])
        self.actor, ready = self.spawn(
            "actor", *learners, self.addresses["backward"], *where, *NEVER_EVALUATED, *TAUGHT, *arguments
        )
        self.actor.wait_for_file(ready, StopSignal(), WAIT_S)

    def swapped_words(self):
        """What an actor says whose learners are exchanged."""
        forward, backward = (self.addresses[direction] for direction in DIRECTIONS)
        learners = ("--learner-address", backward, "--backward-learner-address", forward)
        where = ("--spool-directory", str(self.folder / "other"), "--environment.id", IDS["forward"])
        actor, _ = self.spawn("actor", *learners, *where)
        assert actor.wait(WAIT_S) == 1
        return actor.last_words()

    def steps(self, direction):
        """Environment steps in a learner's replay; 0 where it does not answer."""
        with open_channel(self.addresses[direction]) as channel:
            try:
                stub = learner_service_pb2_grpc.LearnerServiceStub(channel)
                return stub.GetProgress(pb.GetProgressRequest(), timeout=2.0).environment_step_count
            except grpc.RpcError:
                return 0

    def wait_for_more(self, count):
        """Waits until both replays have grown."""
        goal = {direction: self.steps(direction) + count for direction in DIRECTIONS}
        wait_until(
            lambda: all(self.steps(direction) >= goal[direction] for direction in DIRECTIONS),
            WAIT_S,
            explain=lambda: [child.last_words() for child in (self.actor, *self.learners.values())],
        )

    def spooled(self, direction):
        return sum(path.stat().st_size for path in (self.folder / "spool" / direction).rglob("*.spool"))

    def stop(self):
        for child in (self.actor, *self.learners.values()):
            if child is not None:
                child.stop()


@pytest.fixture
def pair(tmp_path):
    running = TaskPair(tmp_path)
    yield running
    running.stop()


def check_rows(replay_folder, direction):
    """Every row that a replay has room for once and in order, and nothing but actions of this direction's script."""
    environment = dataclasses.replace(CONFIG.environment, id=IDS[direction])
    spec = spec_of(make_environment(environment), environment)
    replay = ReplayBuffer(spec, CONFIG.learner.replay_capacity, replay_folder)
    columns = {name: np.array(values[: replay._storage.end]) for name, values in replay._storage.columns.items()}
    replay.close()
    numbers, taken = columns["sequence_numbers"], columns["interventions"].astype(bool)
    oldest = int(numbers.argmin())  # A full replay goes on at its beginning.
    np.testing.assert_array_equal(np.roll(numbers, -oldest), numbers[oldest] + np.arange(len(numbers)))
    assert oldest or numbers[0] == 1
    assert taken.sum() > 20
    assert (columns["actions"][taken][:, 0] == SIGNS[direction]).all()


@pytest.mark.slow
def test_everybody_may_be_killed_and_each_learner_has_the_rows_of_its_own_task(pair):
    for direction in DIRECTIONS:
        pair.learn(direction)
    pair.act("--actor.ignores-grants")
    pair.wait_for_more(20)
    before = {direction: pair.steps(direction) for direction in DIRECTIONS}
    for learner in pair.learners.values():
        learner.signal(signal.SIGKILL)
    for learner in pair.learners.values():
        learner.wait(WAIT_S)
    # The arm goes on, and each task's rows wait in a spool of its own.
    spooled = {direction: pair.spooled(direction) for direction in DIRECTIONS}
    wait_until(
        lambda: all(pair.spooled(name) > spooled[name] + 5000 for name in DIRECTIONS),
        WAIT_S,
        explain=pair.actor.last_words,
    )
    pair.actor.signal(signal.SIGKILL)
    pair.actor.wait(WAIT_S)
    for direction in DIRECTIONS:
        pair.learn(direction, "--resume")
        assert pair.steps(direction) >= before[direction]
    pair.act()
    arrived = 4000 // ROW_BYTES
    wait_until(
        lambda: all(pair.steps(name) >= before[name] + arrived for name in DIRECTIONS),
        WAIT_S,
        explain=pair.actor.last_words,
    )
    assert "differs: the actor has serl/PointRight-v0, the learner serl/PointLeft-v0" in pair.swapped_words()
    pair.stop()
    for direction in DIRECTIONS:
        check_rows(pair.folder / direction / "replay", direction)


@pytest.fixture
def start(tmp_path):
    """Starts a whole run; whatever still runs at the end is stopped."""
    started = []

    def run(*arguments):
        call = [sys.executable, "-m", "serl_rl", "forward-backward", "--preset", "debug", "--runs", str(tmp_path)]
        names = ("--name", "it", "--environment.id", IDS["forward"])
        started.append(ChildProcess("run", [*call, *names, *arguments], tmp_path / "run.log"))
        return started[-1]

    yield run
    for child in started:
        child.stop()


def process_of(parent_pid, words):
    """The child of a process whose command line holds some words; None if there is none."""
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
            line = (path.parent / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if int(fields[1]) == parent_pid and fields[0] != "Z" and words in line:
            return int(path.parent.name)
    return None


def replayed(run):
    """Environment steps of each direction, as a run has told them."""
    told = re.findall(r"(forward|backward) .* steps +(\d+) ", run.log_path.read_text())
    return {direction: max((int(n) for name, n in told if name == direction), default=0) for direction in DIRECTIONS}


def wait_for_both(run, count, timeout_s=WAIT_S):
    wait_until(lambda: all(steps >= count for steps in replayed(run).values()), timeout_s, explain=run.last_words)


def wait_for_words(run, words, count=1):
    wait_until(lambda: run.log_path.read_text().count(words) >= count, SLOW_WAIT_S, explain=run.last_words)


def test_one_command_trains_both_and_drains_at_ctrl_c(start, tmp_path):
    run, folder = start(*ENDLESS, *TAUGHT), tmp_path / "it"
    wait_for_both(run, 20)
    run.signal(signal.SIGINT)
    assert run.wait(WAIT_S) == 0, run.log_path.read_text()
    result = json.loads((folder / "result.json").read_text())
    for direction in DIRECTIONS:
        assert checkpoints.newest(folder / direction / "checkpoints") is not None
        assert result[direction]["environment"] == IDS[direction]
        assert result[direction]["env_steps"] > 20
        check_rows(folder / direction / "replay", direction)


@pytest.mark.slow
def test_one_command_brings_back_who_is_killed(start, tmp_path):
    run, folder = start(*ENDLESS, *TAUGHT), tmp_path / "it"
    wait_for_both(run, 20, SLOW_WAIT_S)
    children = (f"run-directory {folder}/forward", f"run-directory {folder}/backward", "serl_rl actor")
    for count, words in enumerate(children, start=1):
        os.kill(process_of(run.pid, words), signal.SIGKILL)
        wait_for_words(run, "was killed and goes on", count)
        wait_for_both(run, max(replayed(run).values()) + 20, SLOW_WAIT_S)
    run.signal(signal.SIGINT)
    assert run.wait(SLOW_WAIT_S) == 0, run.log_path.read_text()
    for direction in DIRECTIONS:
        check_rows(folder / direction / "replay", direction)


@pytest.mark.slow
def test_a_killed_simulator_comes_back_with_another_scene(start):
    pytest.importorskip("mujoco")
    relocation = ("--environment.id", "serl/RelocateForward-v0", "--correction.max-steps", "80")
    run = start(*ENDLESS, *TAUGHT, *relocation)
    wait_for_both(run, 20, SLOW_WAIT_S)
    os.kill(process_of(run.pid, "simulator"), signal.SIGKILL)
    wait_for_words(run, "the simulator was killed and goes on")
    wait_for_both(run, max(replayed(run).values()) + 40, SLOW_WAIT_S)
    run.signal(signal.SIGINT)
    assert run.wait(SLOW_WAIT_S) == 0, run.log_path.read_text()


def test_a_task_without_an_opposite_is_refused_before_anything_starts(start, tmp_path):
    run = start("--environment.id", "serl/PointMass-v0")
    assert run.wait(WAIT_S) == 2
    assert "no task undoes that of serl/PointMass-v0" in run.last_words()
    assert not (tmp_path / "it").exists()


@pytest.mark.slow
def test_both_directions_are_learned(start, tmp_path):
    sizes = ("--sac.hidden-sizes", "32", "32", "--sac.batch-size", "64", "--learner.max-env-steps", "6000")
    target = ("--evaluation.target-success-ratio", "0.9", "--evaluation.episode-count", "10")
    run = start(*sizes, *target, "--demonstration-count", "5", "--evaluation-episodes", "20")
    assert run.wait(600.0) == 0, run.log_path.read_text()
    result = json.loads((tmp_path / "it" / "result.json").read_text())
    for direction in DIRECTIONS:
        assert result[direction]["reached_target"]
        assert result[direction]["final_evaluation"]["success_ratio"] >= 0.8
        assert (tmp_path / "it" / direction / "curves.png").exists()
