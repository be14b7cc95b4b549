import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import serl_client
from serl_api.enums import Pacing
from serl_api.errors.robot import ControlHeldError, DeviceUnavailableError, FaultError
from serl_api.rotation import angle_between
from serl_client import RobotClient, SimulatorClient
from serl_client.envs.observation_map import MISSING_LIMIT
from serl_client.envs.robot_env import RobotEnv
from serl_client.errors import TaskMismatchError

ENV_ID = "serl/PickCube-v0"
STILL = np.array((0.0, 0.0, 0.0, 1.0), np.float32)


@pytest.fixture
def make(simulator_address):
    made = []

    def build(env_id=ENV_ID, **options):
        made.append(gymnasium.make(env_id, **{"address": simulator_address, **options}))
        return made[-1]

    yield build
    for env in made:
        env.close()


@pytest.fixture
def env(make):
    return make()


def step_until_refused(env):
    for _ in range(50):
        env.step(STILL)


def assert_same(first, second):
    assert list(first) == list(second)
    for key, value in first.items():
        np.testing.assert_array_equal(value, second[key], err_msg=key)


@pytest.mark.parametrize("options", [{}, {"rotation": True, "reward": "dense"}], ids=["4-d", "7-d"])
def test_gymnasium_finds_nothing_wrong(make, options):
    env = make(render_mode="rgb_array", **options)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # Each render mode would be tried on an environment of its own, but this one holds the arm.
        check_env(env.unwrapped, skip_render_check=True)


def test_spaces_are_float64_si_and_float32_in_the_unit_box(make):
    env = make()
    assert {key: (space.shape, space.dtype) for key, space in env.observation_space.items()} == {
        "tcp_pose": ((7,), np.float64),
        "tcp_twist": ((6,), np.float64),
        "tcp_wrench": ((6,), np.float64),
        "gripper_width": ((1,), np.float64),
        "joint_positions": ((7,), np.float64),
        "joint_velocities": ((7,), np.float64),
        "cube_position": ((3,), np.float64),
    }
    assert env.action_space == gymnasium.spaces.Box(-1.0, 1.0, (4,), np.float32)


def test_seven_components_with_rotation(make):
    assert make(rotation=True).action_space.shape == (7,)


def test_the_same_seed_gives_the_same_episodes_to_the_bit(env):
    def rollout():
        rng = np.random.default_rng(3)
        seen = [env.reset(seed=11)[0]]
        for _ in range(6):
            seen.append(env.step(rng.uniform(-1, 1, 4).astype(np.float32))[0])
        seen.append(env.reset()[0])
        return seen

    for first, second in zip(rollout(), rollout(), strict=True):
        assert_same(first, second)


def test_another_seed_gives_another_scene(env):
    first, _ = env.reset(seed=1)
    second, _ = env.reset(seed=2)
    third, _ = env.reset()
    assert not np.allclose(first["cube_position"], second["cube_position"])
    assert not np.allclose(second["cube_position"], third["cube_position"])


def test_a_scene_can_be_named(env):
    first, info = env.reset(seed=5)
    env.reset()
    again, _ = env.reset(options={"scene_seed": info["scene_seed"]})
    assert_same(first, again)


def test_the_cube_lies_in_the_upstream_range(env):
    cubes = np.array([env.reset(seed=seed)[0]["cube_position"] for seed in range(30)])
    assert ((cubes[:, :2] >= (0.25, -0.25)) & (cubes[:, :2] <= (0.55, 0.25))).all()


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_an_action_moves_the_tcp_along_its_axis(env, axis):
    start = env.reset(seed=0)[0]["tcp_pose"]
    action = STILL.copy()
    action[axis] = 1.0
    for _ in range(2):
        observation, *_ = env.step(action)
    moved = observation["tcp_pose"][:3] - start[:3]
    assert moved[axis] > 0.04
    assert np.abs(np.delete(moved, axis)).max() < 0.02


def test_an_action_turns_the_tcp_about_its_axis(make):
    env = make(rotation=True)
    start = env.reset(seed=0)[0]["tcp_pose"][3:]
    action = np.array((0, 0, 0, 0, 0, 1.0, 1.0), np.float32)
    for _ in range(3):
        observation, *_ = env.step(action)
    turned = observation["tcp_pose"][3:]
    assert 0.2 < angle_between(start, turned) < 0.8


@pytest.mark.parametrize(
    ("options", "value", "width"),
    [
        ({}, -1.0, 0.0),
        ({}, 0.0, 0.0425),
        ({}, 1.0, 0.085),
        ({"gripper_action": "binary"}, -0.6, 0.0),
        ({"gripper_action": "binary"}, 0.0, 0.085),
    ],
)
def test_the_last_component_drives_the_gripper(make, options, value, width):
    env = make(**options)
    env.reset(seed=0)
    for _ in range(8):
        *_, info = env.step(np.array((0, 0, 0, value), np.float32))
    assert info["gripper_width"] == pytest.approx(width, abs=0.003)


def test_actions_beyond_the_box_are_clipped(env):
    observations = []
    for scale in (1.0, 5.0):
        env.reset(seed=0)
        observations.append(env.unwrapped.step(scale * np.array((1, 0, 0, 1), np.float32))[0])
    assert_same(*observations)


@pytest.mark.parametrize("bad", [np.zeros(3), np.zeros((1, 4)), np.zeros(7)])
def test_a_wrong_shape_is_named_with_the_right_one(env, bad):
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"\(4,\)"):
        env.unwrapped.step(bad)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_refused_and_nothing_moves(env, bad):
    env.reset(seed=0)
    with pytest.raises(ValueError, match="finite"):
        env.unwrapped.step(np.array((0, bad, 0, 0)))
    env.step(STILL)


def test_a_step_before_reset_is_refused(env):
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.unwrapped.step(STILL)


@pytest.mark.trap
def test_a_timeout_truncates_and_never_terminates(make):
    env = make(max_episode_steps=3)
    env.reset(seed=0)
    ends = [env.step(STILL)[2:4] for _ in range(3)]
    assert ends == [(False, False), (False, False), (False, True)]


def test_info_has_raw_values_and_stamps(env):
    observation, info = env.reset(seed=0)
    np.testing.assert_array_equal(info["tcp_pose"], observation["tcp_pose"])
    np.testing.assert_array_equal(info["cube_position"], observation["cube_position"])
    *_, after = env.step(STILL)
    assert (info["stamp_ns"], after["stamp_ns"]) == (0, 100_000_000)
    assert env.unwrapped.episode_start_time_ns > 0
    assert after["success"] is False
    assert after["synchronized"]
    assert abs(after["lift"]) < 0.01


def test_a_clipped_target_is_reported(env):
    env.reset(seed=0)
    down = np.array((0, 0, -1.0, 1.0), np.float32)
    kinds = [kind for _ in range(20) for kind in env.step(down)[-1]["clips"]]
    assert "WORKSPACE_POSITION" in kinds


@pytest.mark.trap
def test_commanded_reference_keeps_the_target_where_it_was(make):
    env = make(delta_reference="commanded")
    start = env.reset(seed=0)[0]["tcp_pose"][:3]
    env.step(np.array((0, 1.0, 0, 1.0), np.float32))
    for _ in range(10):
        observation, *_ = env.step(STILL)
    assert observation["tcp_pose"][1] - start[1] == pytest.approx(0.05, abs=0.01)


def test_images_belong_to_the_vision_environment(make):
    env = make("serl/PickCubeVision-v0")
    observation, _ = env.reset(seed=0)
    observation, *_ = env.step(STILL)
    assert "cube_position" not in observation
    assert observation["front"].shape == observation["wrist"].shape == (128, 128, 3)
    assert observation["front"].dtype == np.uint8
    assert env.observation_space.contains(observation)


def test_the_last_image_of_a_dropped_camera_stands_in_for_a_few_steps_and_then_the_episode_ends(
    make, simulator_address
):
    env = make("serl/PickCubeVision-v0")
    env.reset(seed=0)
    before, *_, info = env.step(STILL)
    assert info["missing"] == ()
    with SimulatorClient(simulator_address) as simulator:
        simulator.drop_camera("front")
        for _ in range(MISSING_LIMIT):
            observation, *_, info = env.step(np.array((0, 1, 0, 1), np.float32))
            np.testing.assert_array_equal(observation["front"], before["front"])
            assert info["missing"] == ("camera/front",)
            assert not info["synchronized"]
        with pytest.raises(DeviceUnavailableError, match="camera front delivered nothing for 3 steps"):
            env.step(STILL)
        with pytest.raises(DeviceUnavailableError, match="camera front delivered nothing since the episode began"):
            env.reset(seed=0)
        simulator.clear_injections()
    env.reset(seed=0)
    assert env.step(STILL)[-1]["missing"] == ()


def test_a_camera_that_returns_in_time_ends_nothing(make, simulator_address):
    env = make("serl/PickCubeVision-v0")
    env.reset(seed=0)
    with SimulatorClient(simulator_address) as simulator:
        for _ in range(3):
            simulator.drop_camera("front")
            for _ in range(MISSING_LIMIT):
                env.step(STILL)
            simulator.clear_injections()
            assert env.step(STILL)[-1]["missing"] == ()


def test_render_shows_the_simulator(make):
    env = make(render_mode="rgb_array")
    env.reset(seed=0)
    image = env.render()
    assert image.shape == (480, 640, 3)
    assert image.std() > 5.0


def test_a_fault_is_raised_and_reset_waits_for_recovery(env, simulator_address):
    env.reset(seed=0)
    with SimulatorClient(simulator_address) as simulator, RobotClient(simulator_address) as robot:
        simulator.trigger_contact_reflex()
        with pytest.raises(FaultError):
            env.step(STILL)
        with pytest.raises(FaultError):
            env.reset()
        robot.recover()
    env.reset()
    env.step(STILL)


def test_a_fault_can_end_the_episode_instead(make, simulator_address):
    env = make(on_fault="truncate")
    env.reset(seed=0)
    with SimulatorClient(simulator_address) as simulator:
        simulator.trigger_contact_reflex()
    observation, reward, terminated, truncated, info = env.step(STILL)
    assert (reward, terminated, truncated) == (0.0, False, True)
    assert info["fault"] == ("contact_reflex",)
    assert env.observation_space.contains(observation)
    env.reset()
    env.step(STILL)


def test_close_lets_go_of_the_arm(make):
    first = make()
    first.reset(seed=0)
    second = make()
    with pytest.raises(ControlHeldError):
        second.reset(seed=0)
    first.close()
    first.close()
    second.reset(seed=0)


def test_reset_finds_a_restarted_daemon(start_daemon, tmp_path):
    address = f"unix:{tmp_path}/robot.sock"
    daemon = start_daemon(address)
    env = RobotEnv(fake_task(), address=address, reward="none")
    env.reset(seed=0)
    daemon.stop()
    daemon = start_daemon(address)
    env.reset(seed=0)
    env.step(STILL)
    env.close()
    daemon.stop()


def fake_task():
    from dataclasses import replace

    from serl_tasks.pick_cube.task import PICK_CUBE

    return replace(PICK_CUBE, tracked_objects=())


def test_a_cell_without_a_tracker_cannot_give_the_reward(lockstep_daemon):
    env = RobotEnv("serl/PickCube-v0", address=lockstep_daemon.address)
    with pytest.raises(TaskMismatchError, match="cube"):
        env.reset(seed=0)
    env.close()


def test_an_object_that_is_lost_from_sight_ends_the_episode_until_it_is_seen_again(monkeypatch):
    from simulator.api.server import build_server

    server = build_server("pick-cube", Pacing.LOCKSTEP, 0)
    env = RobotEnv("serl/PickCube-v0", address=server.start())
    env.reset(seed=0)
    with monkeypatch.context() as patched:
        patched.setattr(server.core.cell.scene, "tracked_objects", lambda: ())
        with pytest.raises(DeviceUnavailableError, match="cube is not tracked at present"):
            env.step(STILL)
        with pytest.raises(DeviceUnavailableError, match="cube is not tracked at present"):
            env.reset(seed=0)
    env.reset(seed=0)
    env.step(STILL)
    env.close()
    server.stop()


@pytest.mark.real_time
def test_it_runs_in_real_time_on_a_cell_with_fake_devices(start_daemon):
    daemon = start_daemon(pacing=Pacing.REAL_TIME)
    env = RobotEnv(fake_task(), address=daemon.address, reward="none", render_mode="rgb_array")
    env.reset(seed=0)
    stamps = [env.step(STILL)[-1]["stamp_ns"] for _ in range(4)]
    assert np.diff(stamps) == pytest.approx([1e8] * 3, rel=0.5)
    assert env.render().shape == (128, 128, 3)
    env.close()
    daemon.stop()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"task": "serl/PickCub-v0"}, "did you mean serl/PickCube-v0"),
        ({"reward": "spars"}, "'sparse'"),
        ({"gripper_action": "x"}, "'binary'"),
        ({"delta_reference": "x"}, "'measured'"),
        ({"on_fault": "x"}, "'truncate'"),
        ({"render_mode": "human"}, "'rgb_array'"),
    ],
)
def test_a_wrong_option_lists_the_right_ones(options, named):
    with pytest.raises(ValueError, match=named):
        RobotEnv(**{"task": "serl/PickCube-v0", "address": "127.0.0.1:1", **options})


def test_a_private_simulator_starts_by_itself_and_is_replaced_when_it_dies():
    import os
    import signal

    env = gymnasium.make(ENV_ID)
    first, _ = env.reset(seed=4)
    os.kill(env.unwrapped._link._private.pid, signal.SIGKILL)
    with pytest.raises(serl_client.RobotError):
        step_until_refused(env)
    again, _ = env.reset(seed=4)
    assert_same(first, again)
    env.close()
