"""The preset's simulated arm is like the one behind the driver of a Franka arm, so that a policy drives either."""

import pytest

from serl_api.values import FullCompliance
from serl_client.wrappers.plugin import find_wrappers
from serl_tasks.pick_cube.preset import PICK_CUBE as PRESET
from serl_tasks.pick_cube.task import PICK_CUBE, PICK_CUBE_HESITANT, PICK_CUBE_VISION


def test_targets_pass_the_low_pass_of_the_driver():
    options = pytest.importorskip("robot_daemon.drivers.franka.options", exc_type=ImportError)
    (wrapper,) = find_wrappers(PRESET.environment.wrappers)
    assert wrapper.options.target_time_constant_s == options.FrankaOptions(host="arm").target_time_constant_s


def test_the_tool_presses_down_no_harder_than_a_cells_file_ships():
    shipped = FullCompliance()
    assert PICK_CUBE.compliance.translational_clip_negative[2] == shipped.translational_clip_negative[2]
    assert PICK_CUBE.compliance.rotational_clip_positive == shipped.rotational_clip_positive


def test_tasks_that_were_learned_with_the_clips_of_the_cell_keep_them():
    for task in (PICK_CUBE_VISION, PICK_CUBE_HESITANT):
        assert task.compliance.translational_clip_negative is None
