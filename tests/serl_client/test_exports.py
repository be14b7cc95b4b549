import inspect
import subprocess
import sys

import serl_client
from serl_api.errors import robot
from serl_client import errors


def test_public_names_are_sorted_unique_and_exist():
    assert list(serl_client.__all__) == sorted(set(serl_client.__all__))
    assert all(hasattr(serl_client, name) for name in serl_client.__all__)


def test_every_exception_is_public():
    exceptions = {
        name
        for name, value in (vars(robot) | vars(errors)).items()
        if inspect.isclass(value) and issubclass(value, robot.RobotError)
    }
    assert exceptions <= set(serl_client.__all__)


def test_the_client_pulls_in_neither_torch_nor_mujoco_nor_a_daemon():
    code = (
        "import sys, serl_client, serl_client.__main__, serl_tasks.pick_cube.expert, serl_client.wrappers;"
        "print([m for m in ('torch', 'mujoco', 'robot_daemon', 'simulator', 'serl_rl') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
