import copy
import pickle

import gymnasium
import numpy as np
import pytest

from serl_api.plugins import PluginError
from serl_client.envs.registration import make_training_env, register_environments
from serl_client.envs.robot_env import RobotEnv
from serl_client.envs.task_finding import find_task, usable_tasks


@pytest.fixture
def private_peg():
    env = make_training_env("serl/PegInsertVision-v0")
    yield env
    env.close()


def test_every_preset_is_registered_with_its_time_limit():
    register_environments()
    limits = {"PickCube": 60, "PickCubeVision": 60, "PegInsert": 100, "PegInsertVision": 100}
    for name, steps in (limits | {"RelocateForward": 80, "RelocateBackward": 80}).items():
        assert gymnasium.spec(f"serl/{name}-v0").max_episode_steps == steps


@pytest.mark.parametrize("name", ["PegInsert", "PegInsertVision"])
def test_peg_insertion_has_the_numbers_of_upstream(name):
    """FrankaPegInsert of SERL; its rotation errors are half angles, so the rotational clip is twice its."""
    task = find_task(f"serl/{name}-v0")
    assert (task.control_rate_hz, task.max_episode_steps) == (10.0, 100)
    assert (task.translation_scale, task.rotation_scale, task.has_gripper, task.rotation) == (0.02, 0.1, False, True)
    third, box, start = np.pi / 6, task.box, task.start
    assert box.lower == pytest.approx((-0.05, -0.05, 0.0))
    assert box.upper == pytest.approx((0.05, 0.05, 0.1))
    assert box.rotation == pytest.approx((0.01, 0.01, third))
    assert start.lower == pytest.approx((-0.05, -0.05, 0.1))
    assert start.upper == pytest.approx((0.05, 0.05, 0.1))
    assert start.rotation == pytest.approx((0.0, 0.0, third))
    compliance = task.compliance
    assert (compliance.translational_stiffness, compliance.translational_damping) == (2000.0, 89.0)
    assert (compliance.rotational_stiffness, compliance.rotational_damping) == (150.0, 7.0)
    clips = compliance.translational_clip_positive, compliance.translational_clip_negative
    assert clips == ((0.003, 0.003, 0.01),) * 2
    turns = compliance.rotational_clip_positive, compliance.rotational_clip_negative
    assert turns == ((2 * 0.02,) * 3,) * 2
    np.testing.assert_array_equal(start.center.position, box.center.position)


def test_peg_insertion_from_images_sees_two_cameras_and_nothing_an_arm_cannot_measure(private_peg):
    observation, _ = private_peg.reset(seed=0)
    assert {name: array.shape for name, array in observation.items()} == {
        "state": (17,), "front": (128, 128, 3), "wrist": (128, 128, 3),
    }  # fmt: skip
    assert private_peg.action_space.shape == (6,)
    assert not any("peg" in name or "socket" in name for name in private_peg.component_names)
    assert len(np.unique(observation["front"].reshape(-1, 3), axis=0)) > 50
    assert len(np.unique(observation["wrist"].reshape(-1, 3), axis=0)) > 50


def test_an_unknown_task_names_the_nearest():
    with pytest.raises(ValueError, match="did you mean serl/PickCube-v0 of serl-robot"):
        find_task("serl/PickCub-v0")


@pytest.mark.parametrize(("options", "size"), [({}, 13), ({"rotation": True}, 22)])
def test_training_sees_one_vector_of_order_one(simulator_address, options, size):
    env = make_training_env("serl/PickCube-v0", address=simulator_address, **options)
    states = []
    for seed in range(3):
        observation, _ = env.reset(seed=seed)
        states.append(observation["state"])
        for _ in range(5):
            observation, *_ = env.step(env.action_space.sample())
            states.append(observation["state"])
            assert env.observation_space.contains(observation)
    env.close()
    assert np.stack(states).shape == (18, size)
    assert np.abs(np.stack(states)).max() < 5.0
    assert len(env.component_names) == len(set(env.component_names)) == size


def test_training_from_images_sees_no_cube(simulator_address):
    env = make_training_env("serl/PickCubeVision-v0", address=simulator_address)
    observation, _ = env.reset(seed=0)
    env.close()
    assert observation["state"].shape == (7,)
    assert not any("cube" in name for name in env.component_names)
    assert observation["front"].shape == (128, 128, 3)


@pytest.mark.parametrize("name", usable_tasks())
def test_a_task_is_copied_and_pickled_whole(name):
    task = find_task(name)
    for copied in (copy.deepcopy(task), pickle.loads(pickle.dumps(task))):
        assert (copied.name, copied.scene, copied.state) == (task.name, task.scene, task.state)
        assert list(copied.rewards) == list(task.rewards)
        assert (copied.expert is None) is (task.expert is None)


def test_gymnasium_registers_a_task_itself(simulator_address):
    gymnasium.register(id="own/PickCube-v0", entry_point=RobotEnv, kwargs={"task": find_task("serl/PickCube-v0")})
    try:
        env = gymnasium.make("own/PickCube-v0", address=simulator_address)
        assert env.reset(seed=0)[1]["cube_position"].shape == (3,)
        env.close()
    finally:
        del gymnasium.registry["own/PickCube-v0"]


def test_registering_imports_no_package_and_a_broken_one_harms_nobody_else(tmp_path, monkeypatch):
    (tmp_path / "broken-1.dist-info").mkdir()
    (tmp_path / "broken-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1\n")
    points = "[serl.tasks]\nbroken/Task-v0 = broken_package.task:TASK\n"
    (tmp_path / "broken-1.dist-info" / "entry_points.txt").write_text(points)
    monkeypatch.syspath_prepend(tmp_path)
    register_environments()
    try:
        with pytest.raises(PluginError, match=r"broken/Task-v0.* of broken 1 .*does not import.*repair or uninstall"):
            gymnasium.make("broken/Task-v0")
        assert "serl/PickCube-v0" in usable_tasks()
        assert "broken/Task-v0" not in usable_tasks()
    finally:
        gymnasium.registry.pop("broken/Task-v0")
