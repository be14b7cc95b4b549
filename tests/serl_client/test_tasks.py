import gymnasium
import numpy as np
import pytest

from serl_client.tasks import TASKS, find_task, make_training_env, register_environments


def test_every_preset_is_registered_with_its_time_limit():
    register_environments()
    limits = {"PickCube": 60, "PickCubeVision": 60, "PegInsert": 100, "PegInsertVision": 100}
    for name, steps in (limits | {"RelocateForward": 80, "RelocateBackward": 80}).items():
        assert gymnasium.spec(f"serl/{name}-v0").max_episode_steps == TASKS[name].max_episode_steps == steps


def test_an_unknown_task_names_the_nearest():
    with pytest.raises(ValueError, match="did you mean PickCube"):
        find_task("PickCub")


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
