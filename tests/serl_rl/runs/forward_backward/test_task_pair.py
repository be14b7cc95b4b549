"""Which task undoes which, and one arm for both."""

import dataclasses

import pytest

from serl_client.envs.task_finding import find_task, usable_tasks
from serl_rl.config.presets import preset
from serl_rl.config.train import TrainConfig
from serl_rl.envs.config import EnvironmentConfig
from serl_rl.envs.factory import RobotConfig
from serl_rl.errors import UsageError
from serl_rl.runs.forward_backward.task_pair import TaskPair, opposite_id, pair_environments, task_pair_of


def test_opposites_are_mutual_and_share_everything_but_the_goal():
    own = ("name", "scene", "rewards", "opposite", "expert", "environment", "start", "choices")
    for name, task in usable_tasks().items():
        if task.opposite:
            other = find_task(task.opposite)
            assert other.opposite == name
            assert other.scene == task.scene or task.environment is not None
            assert dataclasses.replace(other, **{field: getattr(task, field) for field in own}) == task
            assert not task.rewards or other.rewards["sparse"] != task.rewards["sparse"]


def test_the_backward_experiment_differs_in_its_task_alone():
    task_pair = task_pair_of(preset("relocate-cube"))
    assert task_pair.backward == preset("relocate-cube-backward")
    assert task_pair_of(task_pair.backward).backward == task_pair.forward
    assert task_pair.of("forward") is task_pair.forward


def test_a_task_that_nothing_undoes_is_refused_with_those_that_have_an_opposite():
    with pytest.raises(UsageError, match=r"no task undoes that of serl/PickCube-v0.*RelocateBackward-v0"):
        opposite_id("serl/PickCube-v0")
    with pytest.raises(UsageError, match="no task undoes that of serl/Nonsense-v0"):
        opposite_id("serl/Nonsense-v0")


def test_two_experiments_of_one_task_are_no_pair():
    config = preset("relocate-cube")
    with pytest.raises(UsageError, match="RelocateForward-v0 does not undo serl/RelocateForward-v0, which serl/Reloca"):
        TaskPair(config, config)


def test_points_are_one_point():
    config = TrainConfig(environment=EnvironmentConfig(id="serl/PointLeft-v0"))
    with pair_environments(task_pair_of(config), RobotConfig()) as envs:
        envs["forward"].reset(seed=0)
        (x, _) = envs["backward"].reset(options={"keep_scene": True})[0]["state"]
        assert x > 0  # Away from the left, where forward is to go here.


def test_a_private_simulator_serves_both(tmp_path):
    pytest.importorskip("mujoco")
    with pair_environments(task_pair_of(preset("relocate-cube")), RobotConfig()) as envs:
        _, first = envs["forward"].reset(seed=3)
        envs["forward"].get_wrapper_attr("release")()
        _, second = envs["backward"].reset(seed=4, options={"keep_scene": True})
        assert second["success"]  # The cube lies where backward is to carry it.
        assert not first["success"]
        assert abs(first["cube_position"] - second["cube_position"]).max() < 1e-3
