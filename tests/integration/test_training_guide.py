"""The walk-through of docs/training-guide.md, run as it is printed: in short with tiny sizes, and in full.

Blocks that follow `<!-- walk-through: NAME -->` in the guide are its steps: console commands, and files to write.
Nothing is repeated here but the order of the commands, so that guide, program and test cannot drift apart unnoticed.
"""

import json
import re
import shlex
import signal
import sys
import tempfile
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

import pytest

from serl_api.lifetime.child_process import ChildProcess
from serl_api.lifetime.stop_signal import StopSignal
from serl_client.episodes.files import read_episodes
from serl_client.episodes.recording import SUCCESS_LABELS
from serl_rl.__main__ import parse
from serl_rl.cli.options import config_of_file
from serl_rl.monitoring.metrics import read_metrics
from serl_rl.rewards.classifier.store import load_classifier

GUIDE = Path(__file__).parents[2] / "docs" / "training-guide.md"
ROBOT, LEARNER = "127.0.0.1:50051", "127.0.0.1:50052"  # As printed, or the defaults of both ends.
_MARKED = re.compile(r"^<!-- walk-through(?:: (?P<name>\S+))? -->\n```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.M | re.S)
_FENCED = re.compile(r"^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.M | re.S)

# What the walk-through consists of, in order. "&" is a process that goes on beside the others.
FROM_PICTURES = (
    "serl-sim &",
    "serl-robot status",
    "mkdir pictures",
    "serl-robot snapshot",
    "serl-train pretrain-encoder",
    "serl-train record-demos",
    "serl-train record-demos",
    "serl-train record-demos",
    "serl-train train-classifier",
    "cube.json",
    "serl-train record-demos",
    "serl-train review",
    "serl-train learner &",
    "serl-train actor",
    "wait %2",
    "serl-train plot",
    "serl-train evaluate",
    "serl-train evaluate",
    "kill %1",
)
FROM_STATE = (
    "serl-sim &",
    "serl-train record-demos",
    "serl-train learner &",
    "serl-train actor",
    "wait %2",
    "serl-train evaluate",
    "kill %1",
)


@dataclass(frozen=True)
class Step:
    """A command, or a file to write."""

    text: str
    file: str = ""

    @property
    def words(self):
        """Program and arguments, without what the shell reads."""
        return [word for word in shlex.split(self.text, comments=True) if word != "&"]

    @property
    def goes_on(self):
        return shlex.split(self.text, comments=True)[-1] == "&"

    @property
    def name(self):
        """Program and subcommand."""
        if self.file:
            return self.file
        count = 1 if self.words[0] == "serl-sim" else 2
        return " ".join(self.words[:count]) + (" &" if self.goes_on else "")


def commands_of(text):
    """Commands of a console block; a backslash continues a line."""
    lines = text.replace("\\\n", " ").splitlines()
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


def walk_through(name=""):
    """Steps of a walk-through; the one from pictures has no name but those of its files."""
    steps = []
    for block in _MARKED.finditer(GUIDE.read_text()):
        title, text = block["name"] or "", block["text"]
        if block["kind"] == "console" and title == name:
            steps += [Step(command) for command in commands_of(text)]
        elif block["kind"] != "console" and not name:
            steps.append(Step(text, file=title))
    return steps


@dataclass
class Shell:
    """Does what a shell would do with the steps, in the current folder. Programs that end run in this process."""

    capture: pytest.CaptureFixture
    socket_folder: Path
    options: dict = field(default_factory=dict)
    """More options of a command, by its number."""
    settings: dict = field(default_factory=dict)
    """Values over those of a JSON file."""
    patience_s: float = 60.0
    jobs: list = field(default_factory=list)
    said: list = field(default_factory=list)
    """What each step wrote to stdout."""

    def run(self, steps):
        for number, step in enumerate(steps):
            self.capture.readouterr()
            self._do(step, self.options.get(number, ()))
            self.said.append(self.capture.readouterr().out)

    def stop(self):
        for job in self.jobs:
            job.stop()

    def _do(self, step, options):
        if step.file:
            Path(step.file).write_text(json.dumps(over(json.loads(step.text), self.settings)))
            return
        program, *arguments = [word.replace(ROBOT, self._address("robot")) for word in step.words]
        if program == "mkdir":
            Path(*arguments).mkdir()
        elif program == "wait":
            job = self._job(arguments)
            assert job.wait(self.patience_s) == 0, job.log_path.read_text()
        elif program == "kill":
            assert self._job(arguments).stop() == 0
        elif program in ("serl-sim", "serl-robot", "serl-train"):
            self._start(program, [*arguments, *options, *self._learner(arguments)], goes_on=step.goes_on)
        else:
            pytest.fail(f"the guide has {step.text!r}, which this test cannot run")

    def _start(self, program, arguments, *, goes_on):
        (entry,) = metadata.entry_points(group="console_scripts", name=program)
        if goes_on:
            log = Path(f"{program}.log").absolute()
            module = entry.module.removesuffix(".__main__")
            ready = Path(f"{program}.ready").absolute()
            call = [sys.executable, "-m", module, *arguments, "--ready-file", str(ready)]
            self.jobs.append(ChildProcess(program, call, log))
            self.jobs[-1].wait_for_file(ready, StopSignal(), self.patience_s)
            return
        code = 0
        try:
            entry.load()(arguments)
        except SystemExit as exited:
            code = exited.code or 0
        assert code == 0, f"{program} {shlex.join(arguments)} ended with {code}: {self.capture.readouterr().err}"

    def _learner(self, arguments):
        """Learner and actor meet where the guide does not need to say."""
        own = {"learner": "--address", "actor": "--learner-address"}.get(arguments[0]) if arguments else None
        return [own, self._address("learner")] if own else []

    def _address(self, name):
        return f"unix:{self.socket_folder / name}"

    def _job(self, arguments):
        return self.jobs[int(arguments[0].removeprefix("%")) - 1]


def over(values, others):
    """Values with others in their places."""
    merged = dict(values)
    for key, value in others.items():
        merged[key] = over(values.get(key, {}), value) if isinstance(value, dict) else value
    return merged


@pytest.fixture
def shell(tmp_path, monkeypatch, capsys):
    """A shell in an empty folder; everything that it started ends with the test."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.chdir(tmp_path)
    with tempfile.TemporaryDirectory() as sockets:  # Names of sockets must be short.
        running = Shell(capsys, Path(sockets))
        yield running
        running.stop()
    for number, handler in handlers.items():
        signal.signal(number, handler)


# Sizes at which everything happens and nothing is learned.
SHORT = {
    4: ("--pretraining.scenes", "6", "--pretraining.steps", "2", "--pretraining.batch-size", "4"),
    5: ("--demonstration-count", "2", "--environment.max-episode-steps", "18"),
    6: ("--demonstration-count", "2", "--environment.max-episode-steps", "5"),
    7: ("--demonstration-count", "2", "--environment.max-episode-steps", "5"),
    8: ("--training.steps", "25", "--training.cached-shifts", "1", "--training.learning-rate", "0.003"),
    10: ("--demonstration-count", "2"),
    12: ("--environment.max-episode-steps", "4"),  # Evaluated and filmed so as well.
    13: ("--environment.max-episode-steps", "8", "--correction.probability", "0.5", "--correction.rest-steps", "0"),
    16: ("--episodes", "1", "--video-episodes", "1"),
    17: ("--episodes", "1"),
}
TINY = {
    "environment": {"max_episode_steps": 20, "classifier": {"threshold": 0.3}},
    "sac": {"hidden_sizes": [16, 16], "batch_size": 8, "compile": "off"},
    "vision": {"cache": {"crops": 1}},
    "learner": {
        "max_env_steps": 40,
        "warm_up_steps": 20,
        "update_to_data_ratio": 0.5,
        "threads": 1,
        "device": "cpu",
        "replay_capacity": 200,
        "metrics_period_s": 0.1,
        "publish_updates": 1,
    },
    "evaluation": {"episode_count": 1, "check_episode_count": 1, "longest_gap_steps": 1000},
}


def test_the_guide_has_the_steps_that_are_run_here():
    assert tuple(step.name for step in walk_through()) == FROM_PICTURES
    assert tuple(step.name for step in walk_through("state")) == FROM_STATE


@pytest.mark.trap
def test_every_other_command_of_the_guide_has_options_that_exist(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for step in walk_through():
        if step.file:
            Path(step.file).write_text(step.text)
    text = GUIDE.read_text()
    run_here = {step.text for name in ("", "state") for step in walk_through(name)}
    others = {c for b in _FENCED.finditer(text) if b["kind"] == "console" for c in commands_of(b["text"])} - run_here
    quoted = {c.replace("\n", " ") for c in re.findall(r"`((?:\.venv/bin/)?serl-train [a-z-]+ [^`]+)`", text)}
    assert len(others) > 10
    for command in sorted(others | {c for c in quoted if "..." not in c and not c.endswith("--help")}):
        words = shlex.split(command, comments=True)
        if words and words[0].endswith("serl-train"):
            try:
                parse(words[1:])
            except SystemExit:
                pytest.fail(f"the guide has a command that is not understood: {command}")


def test_every_settings_file_of_the_guide_can_be_read(tmp_path):
    texts = [block["text"] for block in _FENCED.finditer(GUIDE.read_text()) if block["kind"] == "json"]
    assert len(texts) > 1
    for text in texts:
        (tmp_path / "task.json").write_text(text)
        assert config_of_file(tmp_path / "task.json").environment.classifier.judges


@pytest.mark.timeout(180)
def test_the_walk_through_in_short_leaves_everything_that_the_guide_promises(shell):
    shell.options, shell.settings = SHORT, TINY
    shell.run(walk_through())
    said = dict(zip(range(len(FROM_PICTURES)), shell.said, strict=True))
    assert "task     pick-cube" in said[1]
    for camera in ("front", "wrist"):
        assert Path("pictures", f"{camera}.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads(said[4])["scenes"] == 6
    check_examples()
    report = json.loads(said[8])
    assert json.loads(Path("classifiers/cube/report.json").read_text()) == report
    assert Path("classifiers/cube/report.png").stat().st_size > 10_000
    assert load_classifier(Path("classifiers/cube")).classifier.spec.cameras == ("front", "wrist")
    demonstrations = read_episodes("demos.episodes")
    assert [(e.rewards.sum(), e.terminated, e.success) for e in demonstrations] == [(1, True, True)] * 2
    assert "2 episodes, 2 successes" in said[11]
    check_run(Path("runs/cube"), steps=40)
    figures = json.loads(said[15])["runs/cube"]
    assert figures["env_steps"] >= 40
    assert Path("runs/cube/curves.png").read_bytes().startswith(b"\x89PNG")
    for number in (16, 17):
        assert json.loads(said[number])["episodes"] == 1
    assert Path("cube.mp4").stat().st_size > 1000


def check_examples():
    """Successes, failures and near misses, labelled frame by frame."""
    wins, lost, near = (read_episodes(f"{name}.episodes") for name in ("wins", "lost", "near"))
    assert [len(wins), len(lost), len(near)] == [2, 2, 2]
    for episode in wins:
        assert set(episode.metadata[SUCCESS_LABELS]) == {False, True}
    for episode in lost:
        assert set(episode.metadata[SUCCESS_LABELS]) == {False}
    for episode in (*wins, *lost, *near):
        assert episode.observations["front"].shape == (len(episode) + 1, 128, 128, 3)


def check_run(folder, steps):
    """A finished run in which a script took over."""
    rows = read_metrics(folder)
    assert rows[-1].env_steps >= steps
    assert rows[-1].critic_updates > 0
    assert max(row.intervention_ratio for row in rows if row.intervention_ratio == row.intervention_ratio) > 0
    manifest = json.loads((folder / "checkpoint" / "manifest.json").read_text())
    assert manifest["phase"] == "PHASE_FINISHED"
    config = json.loads((folder / "config.json").read_text())
    assert Path(config["environment"]["classifier"]["path"]) == Path("classifiers/cube").resolve()


def success_ratio(text):
    return json.loads(text)["success_ratio"]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_walk_through_from_state_learns(shell):
    shell.run(walk_through("state"))
    assert success_ratio(shell.said[FROM_STATE.index("serl-train evaluate")]) >= 0.8


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_the_walk_through_learns_from_pictures_what_the_simulator_calls_success(shell):
    shell.run(walk_through())
    assert success_ratio(shell.said[16]) >= 0.8
    assert success_ratio(shell.said[17]) >= 0.8
