"""Who comes back, with children that only wait."""

import signal

import pytest

from serl_api.lifetime.child_process import ChildProcess, ProcessError
from serl_api.lifetime.stop_signal import StopSignal
from serl_rl.artifacts.run_directory import RunDirectory
from serl_rl.config.presets import preset
from serl_rl.runs.forward_backward import supervisor as crews
from serl_rl.runs.forward_backward.supervisor import Supervisor
from serl_rl.runs.forward_backward.task_pair import pair_of

WAIT_S = 30.0
# Says that it is ready, in a file that is seen whole or not at all, and then waits for a signal.
_FINISHING = 'echo 127.0.0.1:1 > "$0.new"; mv "$0.new" "$0"'
_WAITING = f"{_FINISHING}; exec sleep 300"
_FAILING = f"{_FINISHING}; echo out of luck; exit 3"


class WaitingCrew(Supervisor):
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
def crew(tmp_path):
    made = WaitingCrew(pair_of(preset("relocate-cube")), RunDirectory(tmp_path), StopSignal())
    yield made
    made.stop()


def start_all(crew):
    crew.start_learner("forward")
    crew.start_learner("backward")
    crew.start_simulator()
    crew.start_actor()
    assert crew.mend() == ()


def option(command, name):
    return command[command.index(name) + 1]


def test_a_killed_learner_comes_back_at_its_address_and_resumes(crew):
    start_all(crew)
    crew.directory_of("forward").path.mkdir()
    crew.directory_of("forward").run.write_text("{}")
    crew.kill("forward learner")
    assert crew.is_training()
    assert crew.mend() == ("forward learner",)
    assert "--resume" in crew.command("forward learner")
    assert option(crew.command("forward learner"), "--address") == "127.0.0.1:1"
    assert "--resume" not in crew.command("backward learner")
    assert crew.mend() == ()


def test_a_killed_actor_comes_back_under_its_name(crew):
    start_all(crew)
    before = crew.command("actor")
    crew.kill("actor")
    assert crew.mend() == ("actor",)
    assert crew.command("actor") == before


def test_a_simulator_that_ends_comes_back_with_the_actor(crew):
    start_all(crew)
    crew.kill("simulator")
    assert crew.mend() == ("simulator", "actor")
    assert option(crew.command("simulator"), "--address") == "127.0.0.1:1"
    assert option(crew.command("actor"), "--robot") == "127.0.0.1:1"


def test_the_actor_gets_the_run_of_a_learner_that_has_finished(crew, tmp_path):
    crew.scripts["forward learner"] = _FINISHING
    crew.start_learner("forward")
    assert crew.child("forward learner").wait(WAIT_S) == 0
    crew.start_learner("backward")
    crew._addresses["forward"] = "127.0.0.1:1"
    crew.start_actor()
    assert option(crew.command("actor"), "--learner-address") == str(tmp_path / "forward")
    assert option(crew.command("actor"), "--backward-learner-address") == "127.0.0.1:1"
    assert crew.mend() == ()


def test_who_fails_by_itself_is_quoted(crew):
    crew.scripts["backward learner"] = _FAILING
    crew.start_learner("backward")
    crew.child("backward learner").wait(WAIT_S)
    with pytest.raises(ProcessError, match="the backward learner ended with code 3: out of luck"):
        crew.mend()


def test_who_is_killed_again_and_again_is_given_up(crew, monkeypatch):
    monkeypatch.setattr(crews, "_MOST_RETURNS", 2)
    start_all(crew)
    for _ in range(2):
        crew.kill("actor")
        crew.mend()
    crew.kill("actor")
    with pytest.raises(ProcessError, match="the actor was killed, after 2 processes before it; is memory short"):
        crew.mend()
