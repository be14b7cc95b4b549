"""Bad input of a run from pixels, through the command line: one clear sentence each, and nothing is lost."""

import pickle
import re

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from robot_daemon.api.server import DaemonServer
from robot_daemon.config.cell_config import LimitsConfig, ServerConfig
from robot_daemon.drivers.fake.cell import FakeCamera, build_fake_cell
from serl_api.enums import Pacing
from serl_client.episodes.files import Episode, EpisodeHeader, EpisodeWriter, read_episodes
from serl_rl.__main__ import main
from serl_rl.actor.rows import row_type
from serl_rl.actor.spool import Spool
from serl_rl.models.vision.encoder_config import BackboneConfig
from serl_rl.models.vision.factory import make_backbone
from serl_rl.models.vision.weights.files import save_weights
from serl_rl.protocol.spec import ArraySpec, EnvironmentSpec
from serl_rl.protocol.spec_file import write_spec

TASK, SIDE = "serl/PickCubeVision-v0", 36
QUICK = (
    "--sac.compile=off", "--sac.hidden-sizes", "8", "--sac.batch-size=4", "--sac.critic-updates-per-actor-update=1",
    "--vision.encoder.backbone.name=small", "--vision.cache.mode=off",
    "--learner.device=cpu", "--learner.threads=1", "--address=127.0.0.1:0",
)  # fmt: skip


@pytest.fixture
def said(capsys, monkeypatch):
    """Runs serl-train; returns its exit code and the one sentence that it ended with."""
    monkeypatch.setattr(
        "serl_api.lifetime.stop_signal.StopSignal.install", lambda self: self
    )  # Signals stay the tests' own.

    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        error = capsys.readouterr().err
        assert "Traceback" not in error
        (sentence,) = (line for line in error.splitlines() if line.startswith("serl-train: "))
        assert error.rstrip().endswith(sentence)
        return ended.value.code, sentence.removeprefix("serl-train: ")

    return run


def build_spec(image=(SIDE, SIDE, 3), dtype=np.uint8):
    return EnvironmentSpec(
        environment=TASK,
        observation=(
            ArraySpec(name="state", dtype=np.dtype(np.float32), shape=(2,), component_names=("height", "width")),
            ArraySpec(name="front", dtype=np.dtype(dtype), shape=image),
        ),
        action=ArraySpec(name="action", dtype=np.dtype(np.float32), shape=(4,)),
    )


@pytest.fixture
def learner(said, tmp_path):
    """A learner of pick-cube from a small picture, told of its environment by a file."""

    def run(*options, spec=None):
        write_spec(tmp_path / "spec.json", spec or build_spec())
        files = ("--run-directory", tmp_path / "run", "--spec-file", tmp_path / "spec.json")
        return said("learner", "--preset", "pick-cube", *files, *QUICK, *options)

    return run


def write_demonstrations(
    path, *, task=TASK, image=(SIDE, SIDE, 3), camera="front", actions=4, largest=0.5, header=None
):
    steps = 3
    specification = {"action": [[actions], "float32"], "state_components": ["height", "width"]}
    with EpisodeWriter(
        path, EpisodeHeader(task=task, specification=specification if header is None else header)
    ) as writer:
        observations = {"state": np.zeros((steps + 1, 2), np.float32), camera: np.zeros((steps + 1, *image), np.uint8)}
        writer.append(
            Episode(
                observations=observations,
                actions=np.full((steps, actions), largest, np.float32),
                rewards=np.zeros(steps),
                terminated=True,
                truncated=False,
                interventions=np.ones(steps, bool),
                stamps_ns=np.arange(steps + 1, dtype=np.int64),
                success=True,
            )
        )
    return path


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"task": "serl/PegInsertVision-v0"}, "of serl/PegInsertVision-v0, but the experiment is serl/PickCube"),
        ({"actions": 7}, f"holds actions of shape (7,), but {TASK} takes (4,)"),
        ({"actions": 7, "header": {}}, "do not fit the task: actions: is float32 of shape (4, 7), but must be float32"),
        ({"header": {"state_components": ["width", "height"]}}, "components width, height, but"),
        ({"image": (48, 48, 3)}, "front: is uint8 of shape (4, 48, 48, 3), but must be uint8 of shape (4, 36"),
        ({"image": (3, SIDE, SIDE)}, "observations.front: is uint8 of shape (4, 3, 36, 36)"),
        ({"camera": "side"}, "named ['side', 'state'], but the spec has ['front', 'state']"),
        ({"largest": 1.5}, "component 0 of row 0 is 1.5, outside [-1, 1]"),
    ],
)  # fmt: skip
def test_demonstrations_that_do_not_fit(learner, tmp_path, changes, sentence):
    path = write_demonstrations(tmp_path / "demos.episodes", **changes)
    before = path.read_bytes()
    code, found = learner("--demonstrations", path)
    assert code == 2
    assert sentence in found
    assert str(path) in found
    assert path.read_bytes() == before


class Foreign:
    """An object, which no file of weights may hold."""


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("missing.safetensors", "missing.safetensors: No such file or directory; give another, or none for random"),
        ("text.safetensors", "is no safetensors file"),
        ("other.safetensors", "holds another network"),
        ("objects.pkl", "Foreign"),
        ("weights.onnx", "ends in .onnx"),
    ],
)
def test_weight_files_that_cannot_be_used(learner, tmp_path, name, sentence):
    path = tmp_path / name
    if name.startswith("text") or name.endswith("onnx"):
        path.write_text("hello")
    elif name.startswith("other"):
        save_weights(make_backbone(BackboneConfig(name="resnet10")), path)
    elif name.startswith("objects"):
        path.write_bytes(pickle.dumps({"conv_init": Foreign()}))
    code, found = learner("--vision.encoder.backbone.weights", path)
    assert code == (2 if name.startswith("missing") else 1)
    assert sentence in found
    assert str(path) in found


@pytest.mark.parametrize(
    ("image", "dtype"), [((3, SIDE, SIDE), np.uint8), ((SIDE, SIDE, 4), np.uint8), ((SIDE, SIDE, 3), np.float32)]
)
def test_pictures_of_another_order_or_kind(learner, image, dtype):
    code, found = learner(spec=build_spec(image, dtype))
    assert code == 1
    assert f"'front' is {np.dtype(dtype)} of shape {image}" in found
    assert "uint8 of shape (height, width, 3): RGB" in found


@pytest.fixture
def cell():
    """Starts a daemon over fake devices; the cameras may be of any size."""
    servers = []

    def start(cameras=("front", "wrist"), side=128):
        fake = build_fake_cell(pacing=Pacing.LOCKSTEP, cameras=cameras)
        for name in cameras:
            made = FakeCamera(name, fake.cell.timebase, rate_hz=30.0, width=side, height=side)
            fake.cameras[name] = fake.cell.cameras[name] = made
        server = DaemonServer(fake.cell, ServerConfig(address="127.0.0.1:0", drain_grace_s=0.1), LimitsConfig())
        servers.append(server)
        return server.start(), fake

    yield start
    for server in servers:
        server.stop()


def record(said, address, output):
    task = ("--preset", "pick-cube-vision", "--environment.reward", "none", "--robot", address)
    return said("record-demos", *task, "--teleop", "random", "--keep-failures", "--append", "--output", output)


def test_a_camera_that_the_cell_lacks(said, cell, tmp_path):
    code, found = record(said, cell(("front",))[0], tmp_path / "new.episodes")
    assert (code, found) == (1, "pick-cube-vision needs the cameras wrist; cell fake has: front")


def test_a_camera_of_another_size(said, cell, tmp_path):
    code, found = record(said, cell(side=96)[0], tmp_path / "new.episodes")
    assert (code, found) == (1, "camera front delivers 96 x 96 px; pick-cube-vision needs 128 x 128")


def test_a_camera_that_is_unplugged_costs_no_episode_that_was_recorded(said, cell, tmp_path):
    path = tmp_path / "kept.episodes"
    address, fake = cell()
    from serl_client.envs.registration import make_training_env
    from serl_client.episodes.recording import EpisodeRecorder, episode_header, run_episode
    from serl_client.teleop.experts import NoOpExpert

    env = make_training_env(TASK, address=address, reward="none", max_episode_steps=3)
    with EpisodeRecorder(path, episode_header(env)) as recorder:
        recorder.add(run_episode(env, NoOpExpert(4)))
    env.close()
    fake.cameras["wrist"].is_delivering = False
    code, found = record(said, address, path)
    assert (code, found) == (1, "camera wrist delivered nothing since the episode began; is it plugged in?")
    assert len(read_episodes(path)) == 1


@pytest.mark.parametrize(
    ("front", "sentence"),
    [
        (None, "observed state, but its observation space holds front, state"),
        (np.zeros((1, 1, 3), np.uint8), "'front' as uint8 of shape (1, 1, 3), but its observation space says uint8"),
        (np.zeros((3, 8, 8), np.uint8), "'front' as uint8 of shape (3, 8, 8)"),
        (np.zeros((8, 8, 3), np.float32), "'front' as float32 of shape (8, 8, 3)"),
        (np.full((8, 8, 3), 256, np.uint16), "'front' as uint16 of shape (8, 8, 3)"),
    ],
)
def test_a_picture_that_changes_on_the_way_ends_the_actor_and_leaves_what_was_collected(
    collect, tmp_path, front, sentence
):
    class Losing(gymnasium.Env):
        observation_space = spaces.Dict(
            {"state": spaces.Box(-9, 9, (1,), np.float32), "front": spaces.Box(0, 255, (8, 8, 3), np.uint8)}
        )
        action_space = spaces.Box(-1, 1, (1,), np.float32)

        def reset(self, *, seed=None, options=None):
            self.steps = 0
            return self.observe(np.zeros((8, 8, 3), np.uint8)), {}

        def step(self, action):
            self.steps += 1
            return self.observe(front if self.steps == 3 else np.ones((8, 8, 3), np.uint8)), 0.0, False, False, {}

        def observe(self, image):
            state = {"state": np.full(1, self.steps, np.float32)}
            return state if image is None else state | {"front": image}

    with pytest.raises(ValueError, match=re.escape(sentence)):
        collect(Losing(), [0.5])
    spec = EnvironmentSpec.from_spaces("any", Losing.observation_space, Losing.action_space)
    spool = Spool(tmp_path / "spool", row_type(spec), "run/a", 10_000_000)
    assert spool.read(1, 10)["observation.state"].ravel().tolist() == [0, 1, 2]
    spool.close()


def test_a_classifier_of_one_class(said, tmp_path):
    path = write_demonstrations(tmp_path / "successes.episodes")
    before = path.read_bytes()
    code, found = said("train-classifier", "--examples", f"success={path}", "--output", tmp_path / "new")
    assert code == 1
    assert "4 frames of 'success' but none of 'failure'; record episodes that fail" in found
    assert not (tmp_path / "new").exists()
    assert path.read_bytes() == before


class NoMice:
    """hidapi with nothing plugged in."""

    def enumerate(self):
        return []


@pytest.mark.parametrize("command", ["record-demos", "actor"])
def test_a_spacemouse_that_is_not_there(said, tmp_path, monkeypatch, command):
    monkeypatch.setattr("serl_client.teleop.devices.spacemouse.installed_hid", NoMice)
    options = {
        "record-demos": ("--teleop", "spacemouse", "--output", tmp_path / "new.episodes"),
        "actor": ("--intervene", "spacemouse", "--spool-directory", tmp_path / "spool"),
    }
    code, found = said(command, "--preset", "debug", *options[command])
    assert code == 1
    assert "no SpaceMouse is plugged in" in found
    assert list(tmp_path.iterdir()) == []
