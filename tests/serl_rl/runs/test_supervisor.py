"""Who comes back, with children that only wait."""

import signal

import pytest

from serl_api.lifetime.child_process import ChildProcess, ProcessError
from serl_api.lifetime.stop_signal import StopSignal
from serl_rl.artifacts.run_directory import RunDirectory
from serl_rl.config.presets import preset
from serl_rl.runs import supervisor as supervision
from serl_rl.runs.forward_backward.task_pair import DIRECTIONS, task_pair_of
from serl_rl.runs.supervisor import Supervisor

WAIT_S = 30.0
# Says that it is ready, in a file that is seen whole or not at all, and then waits for a signal.
_FINISHING = 'echo 127.0.0.1:1 > "$0.new"; mv "$0.new" "$0"'
_WAITING = f"{_FINISHING}; exec sleep 300"
_FAILING = f"{_FINISHING}; echo out of luck; exit 3"


class WaitingSupervisor(Supervisor):
    """The same commands, carried out by a shell."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.started = []
        self.scripts = {}

    def _spawn(self, name, command, log, *, threads=1):
        ready = command[command.index("--ready-file") + 1]
        script = self.scripts.get(name, _WAITING)
        child = ChildProcess(name, ["sh", "-c", script, ready], self._directory.logs / f"{log}.log")
        self.started.append((name, command, child))
        return child

    def child(self, name):
        return [child for started, _, child in self.started if started == name][-1]

    def kill(self, name):
        self.child(name).signal(signal.SIGKILL)
        self.child(name).wait(WAIT_S)

    def command(self, name):
        return [command for started, command, _ in self.started if started == name][-1]


@pytest.fixture
def supervisor(tmp_path):
    pair = task_pair_of(preset("relocate-cube"))
    configs = {direction: pair.of(direction) for direction in DIRECTIONS}
    made = WaitingSupervisor(configs, RunDirectory(tmp_path), "pair", StopSignal())
    yield made
    made.stop()


def start_all(supervisor):
    supervisor.start_learner("forward")
    supervisor.start_learner("backward")
    supervisor.start_simulator()
    supervisor.start_actor()
    assert supervisor.restart_killed() == ()


def option(command, name):
    return command[command.index(name) + 1]


def test_a_killed_learner_comes_back_at_its_address_and_resumes(supervisor):
    start_all(supervisor)
    supervisor.directory_of("forward").path.mkdir()
    supervisor.directory_of("forward").run.write_text("{}")
    supervisor.kill("forward learner")
    assert supervisor.is_training()
    assert supervisor.restart_killed() == ("forward learner",)
    assert "--resume" in supervisor.command("forward learner")
    assert option(supervisor.command("forward learner"), "--address") == "127.0.0.1:1"
    assert "--resume" not in supervisor.command("backward learner")
    assert supervisor.restart_killed() == ()


def test_a_killed_actor_comes_back_under_its_name(supervisor):
    start_all(supervisor)
    before = supervisor.command("actor")
    supervisor.kill("actor")
    assert supervisor.restart_killed() == ("actor",)
    assert supervisor.command("actor") == before


def test_a_simulator_that_ends_comes_back_with_the_actor(supervisor):
    start_all(supervisor)
    supervisor.kill("simulator")
    assert supervisor.restart_killed() == ("simulator", "actor")
    assert option(supervisor.command("simulator"), "--address") == "127.0.0.1:1"
    assert option(supervisor.command("actor"), "--robot") == "127.0.0.1:1"


def test_the_actor_gets_the_run_of_a_learner_that_has_finished(supervisor, tmp_path):
    supervisor.scripts["forward learner"] = _FINISHING
    supervisor.start_learner("forward")
    assert supervisor.child("forward learner").wait(WAIT_S) == 0
    supervisor.start_learner("backward")
    supervisor._addresses["forward"] = "127.0.0.1:1"
    supervisor.start_actor()
    assert option(supervisor.command("actor"), "--learner-address") == str(tmp_path / "forward")
    assert option(supervisor.command("actor"), "--backward-learner-address") == "127.0.0.1:1"
    assert supervisor.restart_killed() == ()


def test_who_fails_by_itself_is_quoted(supervisor):
    supervisor.scripts["backward learner"] = _FAILING
    supervisor.start_learner("backward")
    supervisor.child("backward learner").wait(WAIT_S)
    with pytest.raises(ProcessError, match="the backward learner ended with code 3: out of luck"):
        supervisor.restart_killed()


def test_who_is_killed_again_and_again_is_given_up(supervisor, monkeypatch):
    monkeypatch.setattr(supervision, "_MOST_RETURNS", 2)
    start_all(supervisor)
    for _ in range(2):
        supervisor.kill("actor")
        supervisor.restart_killed()
    supervisor.kill("actor")
    with pytest.raises(ProcessError, match="the actor was killed, after 2 processes before it; is memory short"):
        supervisor.restart_killed()
