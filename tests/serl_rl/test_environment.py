import pytest

from serl_rl.config import EnvironmentConfig
from serl_rl.environment import simulator_task
from serl_rl.errors import UsageError


@pytest.mark.parametrize(
    ("env_id", "task"),
    [
        ("serl/PickCube-v0", "pick-cube"),
        ("serl/PickCubeVision-v0", "pick-cube"),
        ("serl/PegInsert-v0", "peg-insert"),
        ("serl/PegInsertVision-v0", "peg-insert"),
    ],
)
def test_an_environment_names_the_task_of_its_simulator(env_id, task):
    assert simulator_task(EnvironmentConfig(id=env_id)) == task


def test_an_unknown_environment_is_answered_with_the_nearest():
    with pytest.raises(UsageError, match="did you mean PegInsert"):
        simulator_task(EnvironmentConfig(id="serl/PegInser-v0"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gripper_penalty": -0.02}, "environment.gripper_penalty is -0.02; it must be at least 0"),
        ({"max_episode_steps": -1}, "environment.max_episode_steps is -1"),
    ],
)
def test_settings_that_cannot_work_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        EnvironmentConfig(**change)
