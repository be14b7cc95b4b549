"""Somebody takes over: a script in a whole run, and a person at a terminal."""

import os
import pty
import re
import select
import sys
import time

import numpy as np
import pytest

from serl_api.lifetime.child_process import ChildProcess
from serl_client.episodes.files import read_episodes
from serl_client.episodes.recording import SUCCESS_LABELS
from serl_rl.config.presets import preset
from serl_rl.envs.factory import make_environment, spec_of
from serl_rl.monitoring.metrics import read_metrics
from serl_rl.replay.buffer import ReplayBuffer

WAIT_S = 150.0


@pytest.mark.slow
def test_scripted_corrections_reach_the_learner_and_its_metrics(tmp_path):
    correction = ("--intervene", "scripted", "--correction.probability", "0.3", "--correction.rest-steps", "0")
    call = [sys.executable, "-m", "serl_rl", "demo", "--preset", "debug", "--runs", str(tmp_path), "--name", "it"]
    limits = ("--learner.max-env-steps", "150", "--evaluation-episodes", "0", "--video-episodes", "0")
    demo = ChildProcess("demo", [*call, *correction, *limits], tmp_path / "demo.log")
    demo.wait(WAIT_S)
    demo.stop()
    rows = read_metrics(tmp_path / "it")
    assert max(row.intervention_ratio for row in rows) > 0.1, demo.log_path.read_text()
    assert "intervention" in demo.log_path.read_text()
    config = preset("debug")
    spec = spec_of(make_environment(config.environment), config.environment)
    replay = ReplayBuffer(spec, config.learner.replay_capacity, tmp_path / "it" / "replay")
    batch = replay.sample(500, np.random.default_rng(0), only_interventions=True)
    # The expert pushes straight to the centre, as hard as it may.
    expected = np.clip(-batch.observations["state"] / 0.1, -1, 1)
    np.testing.assert_allclose(batch.actions, expected, atol=1e-6)
    assert 0 < replay.intervention_count < replay.transition_count
    replay.close()


class Terminal:
    """A command in a pseudo-terminal, with somebody at the keyboard."""

    def __init__(self, *command):
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.execv(sys.executable, [sys.executable, "-m", "serl_rl", *command])
        self.output = ""

    def type_while(self, keys, pattern, count=1, timeout_s=WAIT_S):
        """Types again and again until the command has said something that often."""
        end = time.monotonic() + timeout_s
        while len(re.findall(pattern, self.output)) < count:
            assert time.monotonic() < end, self.output
            if keys:
                os.write(self.descriptor, keys)
            if not self._read(0.05):
                break

    def wait(self):
        """Exit code, once it has ended."""
        while self._read(WAIT_S):
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def _read(self, timeout_s):
        if not select.select([self.descriptor], [], [], timeout_s)[0]:
            return True
        try:
            data = os.read(self.descriptor, 4096)
        except OSError:  # The other end was closed.
            return False
        self.output += data.decode(errors="replace")
        return bool(data)


@pytest.mark.slow
def test_a_person_records_takes_back_and_labels(tmp_path):
    path = tmp_path / "hand.episodes"
    options = ("--output", str(path), "--teleop", "keyboard", "--environment.max-episode-steps", "40")
    terminal = Terminal("record-demos", *options, "--demonstration-count", "2")
    terminal.type_while(None, "move to begin")
    terminal.type_while(b"wy", "demonstration 1 of 2")
    terminal.type_while(b"\x7f", "took back the last episode")
    terminal.type_while(b"wy", "demonstration 1 of 2", count=2)
    terminal.type_while(b"wy", "demonstration 2 of 2")
    assert terminal.wait() == 0
    episodes = read_episodes(path)
    assert len(episodes) == 2
    for episode in episodes:
        assert episode.success
        assert episode.terminated
        assert episode.interventions.all()
        assert (np.abs(episode.actions) <= 1).all()
        assert episode.actions[0].tolist() == [-1, 0, 0, 1]  # Away from somebody who faces the arm; gripper open.
    terminal = Terminal("label-success", *options, "--positives", "5")
    terminal.type_while(b"e ", "positives")
    terminal.wait()
    labelled = read_episodes(path)[2:]
    assert sum(episode.metadata[SUCCESS_LABELS].count(True) for episode in labelled) >= 5
