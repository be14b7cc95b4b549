"""Environments whose actions push: what reaches the arm, who refuses, frames, recordings, corrections."""

from dataclasses import replace

import gymnasium
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serl_api.enums import Pacing
from serl_client import RobotClient
from serl_client.envs.robot_env import RobotEnv
from serl_client.envs.wrench_actions import WrenchActions
from serl_client.episodes.files import read_episodes, read_header
from serl_client.episodes.recording import EpisodeRecorder, episode_header, run_episode
from serl_client.errors import TaskMismatchError
from serl_client.teleop.devices.device import TeleopSample
from serl_client.teleop.experts import RandomWalkExpert
from serl_client.teleop.human import HumanIntervention
from serl_client.wrappers import FlattenState, RelativeFrame
from serl_tasks.pick_cube.task import PICK_CUBE
from tests.support.waiting import wait_until

PUSHING = replace(
    PICK_CUBE,
    control="wrench",
    wrench_scale=(10.0, 10.0, 10.0, 2.0, 2.0, 2.0),
    control_rate_hz=20.0,
    has_gripper=False,
    max_episode_steps=8,
)
SOME_AXES = replace(PUSHING, wrench_scale=(13.0, 0.0, 12.0, 0.0, 3.5, 0.0))


def serve(pacing, limits=None):
    pytest.importorskip("mujoco")
    from simulator.api.server import build_server
    from simulator.devices.cell import LIMITS

    return build_server("pick-cube", pacing, limits=limits or replace(LIMITS, wrench_control=True))


@pytest.fixture(scope="module")
def address():
    server = serve(Pacing.LOCKSTEP)
    yield server.start()
    server.stop()


@pytest.fixture
def make(address):
    made = []

    def build(task=PUSHING, **options):
        made.append(RobotEnv(task, **{"address": address, **options}))
        return made[-1]

    yield build
    for env in made:
        env.close()


def moved(env, action, steps=6):
    """Way and turn of the TCP under a push that lasts, m and rad/s, in base."""
    _, before = env.reset(seed=1)
    for _ in range(steps):
        seen, *_, info = env.step(np.array(action, np.float32))
    return info["tcp_pose"][:3] - before["tcp_pose"][:3], seen["tcp_twist"][3:]


@given(
    st.lists(st.floats(0.0, 30.0), min_size=6, max_size=6).filter(any),
    st.lists(st.floats(-1.0, 1.0), min_size=6, max_size=6),
)
def test_a_wrench_is_the_action_times_the_scale_and_nothing_along_the_other_axes(scale, action):
    actions = WrenchActions(scale=tuple(scale))
    lower, upper = actions.bounds
    given_ = np.array(action)[: len(actions.names)]
    wrench = actions.target(given_, None).wrench
    assert np.count_nonzero(wrench) <= len(actions.names) == np.count_nonzero(scale)
    assert (np.abs(wrench) <= scale).all()
    np.testing.assert_allclose(wrench[list(actions.axes)], lower + 0.5 * (given_ + 1.0) * (upper - lower), atol=1e-12)


def test_the_tcp_goes_where_it_is_pushed_and_is_held_along_the_other_axes(make):
    env = make(SOME_AXES)
    assert env.action_names == ("force_x", "force_z", "torque_y")
    for axis, action in ((0, (0.5, 0, 0)), (2, (0, -0.5, 0))):
        way, turn = moved(env, action)
        sign = np.sign(sum(action))
        assert sign * way[axis] > 0.01
        assert np.abs(np.delete(way, axis)).max() < 0.003
        assert np.abs(turn).max() < 0.05
    way, turn = moved(env, (0, 0, 0.5))
    assert turn[1] > 0.2
    assert np.abs(way).max() < 0.005


def test_a_relative_frame_turns_the_push(make):
    env = make()
    framed = RelativeFrame(env)
    for own, base in (((0, 0, 0.5, 0, 0, 0), (0, 0, -0.5, 0, 0, 0)), ((0, 0.5, 0, 0, 0, 0), (0, -0.5, 0, 0, 0, 0))):
        np.testing.assert_allclose(moved(framed, own)[0], moved(env, base)[0], atol=1e-3)
    with pytest.raises(ValueError, match=r"1 of a wrench means \(13.0, 0.0, 12.0\) N .* leave the frame away"):
        RelativeFrame(make(SOME_AXES))


def test_a_cell_that_takes_no_wrenches_or_weaker_ones_is_refused(make, simulator_address):
    with pytest.raises(TaskMismatchError, match=r"takes none; set wrench_control = true in \[limits\]"):
        make(address=simulator_address)
    with pytest.raises(TaskMismatchError, match=r"force_z of an action of 1 is 31, and cell .* cuts it at 30"):
        make(replace(PUSHING, wrench_scale=(10.0, 10.0, 31.0, 1.0, 1.0, 1.0)))
    with pytest.raises(ValueError, match=r"has the wrench_scale None; six numbers"):
        make(replace(PUSHING, wrench_scale=None))


def test_what_is_recorded_says_what_it_means_and_replays_to_the_bit(make, tmp_path):
    from serl_rl.demonstrations import files
    from serl_rl.envs.config import EnvironmentConfig
    from serl_rl.envs.factory import spec_of
    from serl_rl.errors import CheckpointError, UsageError
    from serl_rl.policies.saved import check_environment

    env = gymnasium.wrappers.TimeLimit(FlattenState(make(SOME_AXES), SOME_AXES.components(rotation=True)), 8)
    path = tmp_path / "pushes.episodes"
    with EpisodeRecorder(path, episode_header(env)) as recorder:
        recorder.add(run_episode(env, RandomWalkExpert(3, has_gripper=False, seed=3), seed=5))
    [episode], held = read_episodes(path), read_header(path).specification
    assert held["control"] == "wrench"
    assert held["action_components"] == ["force_x", "force_z", "torque_y"]
    assert held["action_bounds"] == [[-13.0, -12.0, -3.5], [13.0, 12.0, 3.5]]
    env.reset(options={"scene_seed": episode.metadata["scene_seed"]})
    for action, seen in zip(episode.actions, episode.observations["state"][1:], strict=True):
        np.testing.assert_array_equal(env.step(action)[0]["state"], seen)

    pushing = EnvironmentConfig(id="", control="wrench")
    spec = files.spec_of_header(read_header(path), pushing, path)
    check_environment(path, {"spec": spec.to_dict()}, spec_of(env, pushing))
    six = FlattenState(make(), PUSHING.components(rotation=True))
    with pytest.raises(CheckpointError, match=r"action.shape is \(3,\), but here it is \(6,\)"):
        check_environment(path, {"spec": spec.to_dict()}, spec_of(six, pushing))
    with pytest.raises(UsageError, match=r"actions of the wrench, but environment\.control is tcp"):
        files.check_files([path], EnvironmentConfig(id=""))


def test_a_person_pushes_along_the_axes_that_the_task_names(make):
    class Device:
        name, help, fault = "device", "", ""

        def read(self):
            twist = np.arange(1.0, 7.0) / 10.0
            return TeleopSample(twist=twist, gripper=0.0, buttons=frozenset(), time=1.0, is_connected=True)

    person = HumanIntervention([Device()], 3, axes=make(SOME_AXES).action_axes)
    np.testing.assert_allclose(person.intervene(np.zeros(3), None, {}), (0.1, 0.3, 0.5))


@pytest.fixture
def live_address():
    server = serve(Pacing.REAL_TIME)
    yield server.start()
    server.stop()


@pytest.mark.real_time
def test_steps_keep_a_push_alive_and_silence_ends_it(make, live_address):
    env = make(SOME_AXES, address=live_address)
    env.reset(seed=0)
    speeds = [env.step(np.array((0.5, 0, 0), np.float32))[0]["tcp_twist"][0] for _ in range(12)]
    assert np.median(speeds[4:]) > 0.05, speeds
    with RobotClient(live_address) as watcher:
        wait_until(lambda: abs(watcher.get_state().tcp_twist[0]) < 0.005)
