import logging

import numpy as np

from simulator.devices.arm import DIVERGED_FAULT
from simulator.physics.physics import TIMESTEP_NS


def test_time_is_a_whole_number_of_steps(cell):
    physics = cell.scene.physics
    physics.advance(7)
    assert (physics.step_count, physics.time_ns) == (7, 7 * TIMESTEP_NS)
    physics.set_time(10**18)
    physics.advance(1)
    assert physics.time_ns == 10**18 + TIMESTEP_NS


def test_a_diverged_state_is_a_fault_that_recovery_and_reset_cure(cell, caplog):
    cell.scene.physics.data.qvel[0] = np.nan
    with caplog.at_level(logging.WARNING):
        cell.timebase.wait_until(100_000_000)
    cell.arm.read_state()
    assert cell.arm.faults()[0].id == DIVERGED_FAULT
    assert "QVEL" in caplog.text
    cell.arm.recover((DIVERGED_FAULT,))
    cell.scene.reset(seed=0, start=None, gripper_width=None)
    state = cell.arm.read_state()
    assert not cell.arm.faults()
    np.testing.assert_allclose(state.joint_positions, cell.arm.info.home)


def test_poses_are_those_of_the_present_positions(cell):
    physics = cell.scene.physics
    physics.advance(1)
    physics.data.qvel[0] = 1.0
    physics.advance(1)
    before = physics.data.site("tcp").xpos.copy()
    physics.refresh()
    assert np.abs(physics.data.site("tcp").xpos - before).max() > 1e-4
