"""`record-demos --teleop leader`: what a leader's postures become as demonstrations, for us and for others."""

import threading

import numpy as np
import pytest

from serl_api.enums import Pacing
from serl_api.values import JointTarget
from serl_client import RobotClient
from serl_client.episodes.files import read_episodes, read_header
from serl_rl.demonstrations.files import check_files
from serl_rl.envs.config import EnvironmentConfig
from serl_rl.errors import CheckpointError, UsageError
from serl_rl.policies.saved import check_environment

pytestmark = pytest.mark.timeout(60)
JOINT = ("--environment.control", "joint", "--teleop", "leader", "--output")


@pytest.fixture(scope="module")
def leader():
    """A simulator whose last joint swings to and fro until the tests are over: its address."""
    pytest.importorskip("mujoco")
    server = pytest.importorskip("simulator.api.server").build_server("pick-cube", Pacing.LOCKSTEP, 0)
    address, is_over = server.start(), threading.Event()

    def swing():
        with RobotClient(address) as client, client.control("hand") as session:
            home, swing = client.info.arm.home, np.eye(7)[6] * 0.1
            while not is_over.is_set():
                swing = -swing
                session.move(JointTarget(positions=home + swing), 1.0)

    thread = threading.Thread(target=swing)
    thread.start()
    yield address
    is_over.set()
    thread.join()
    server.stop()


@pytest.fixture(scope="module")
def recorded(leader, simulator_address, tmp_path_factory):
    from serl_rl.__main__ import main

    path = tmp_path_factory.mktemp("led") / "led.episodes"
    options = ("--leader.address", leader, "--robot", simulator_address, "--environment.max-episode-steps", "6")
    with pytest.raises(SystemExit) as ended:
        main(["record-demos", *JOINT, str(path), *options, "--keep-failures", "--demonstration-count", "1"])
    assert ended.value.code == 0
    return path


def test_actions_are_the_leaders_joints_which_the_follower_reaches(recorded):
    [episode], header = read_episodes(recorded), read_header(recorded)
    assert header.specification["arm"] == "panda with 7 joints"
    lower, upper = map(np.array, header.specification["action_bounds"])
    asked = lower + (episode.actions + 1.0) / 2.0 * (upper - lower)
    assert episode.actions.shape == (6, 8)
    assert np.ptp(asked[:, 6]) > 0.01
    np.testing.assert_allclose(asked[:, :6], episode.sensors["joint_positions"][1:, :6], atol=0.02)
    np.testing.assert_allclose(episode.observations["state"][:, :7], episode.sensors["joint_positions"], atol=1e-5)


@pytest.mark.parametrize("form", ["aloha", "lerobot"])
def test_others_get_radians_and_metres_and_an_import_gives_back_the_file(recorded, run, tmp_path, form):
    out, back = tmp_path / form, tmp_path / "back.episodes"
    assert run("export", recorded, out, "--format", form)[0] == 0
    if form == "aloha":
        h5py = pytest.importorskip("h5py")
        with h5py.File(out / "episode_0.hdf5") as file:
            action, qpos = file["action"][()], file["observations/qpos"][()]
    else:
        table = pytest.importorskip("pyarrow.parquet").read_table(next(out.rglob("data/**/*.parquet"))).to_pydict()
        action = np.array(table["action"])
        qpos = np.hstack([table["sensor.joint_positions"], np.reshape(table["sensor.gripper_width"], (-1, 1))])
    np.testing.assert_allclose(action[:-1, :6], qpos[1:, :6], atol=0.02)
    assert 0.0 <= action[:, 7].min() <= action[:, 7].max() <= 0.0851
    assert run("import", out, back, "--format", form)[0] == 0
    assert back.read_bytes() == recorded.read_bytes()


def test_joint_positions_are_of_one_arm(recorded):
    config = EnvironmentConfig(control="joint")
    with pytest.raises(UsageError, match=r"actions of the joint, but environment\.control is tcp"):
        check_files([recorded], EnvironmentConfig())
    from dataclasses import replace

    from serl_rl.demonstrations.files import read_demonstrations

    spec = read_demonstrations([recorded], config, keeps_failures=True).spec
    manifest = {"spec": spec.to_dict()}
    check_environment(recorded, manifest, spec)
    with pytest.raises(CheckpointError, match=r"arm is panda with 7 joints, but here it is fr3 with 7 joints"):
        check_environment(recorded, manifest, replace(spec, arm="fr3 with 7 joints"))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ((*JOINT, "x"), "nobody leads; give --leader.address"),
        (("--teleop", "leader", "--leader.address", "127.0.0.1:1", "--output", "x"), "control is tcp; only a leader"),
        (("--environment.control", "joint", "--output", "x"), "teleop is scripted and environment.control is joint"),
    ],
)
def test_what_cannot_be_led_is_refused_before_anything_opens(run, options, named):
    code, _, said = run("record-demos", *options)
    assert code == 2
    assert named in said
