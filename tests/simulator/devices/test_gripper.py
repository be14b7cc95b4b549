import numpy as np
import pytest

from serl_api.enums import GripperMotion
from serl_api.values import GripperTarget
from simulator.devices.injection import Condition


def test_it_opens_and_closes_over_its_whole_stroke(cell, run_for, park_cube):
    park_cube()
    for width in (0.0, 0.085, 0.03):
        cell.gripper.set_target(GripperTarget(width=width))
        assert cell.gripper.read_state().motion is GripperMotion.MOVING
        run_for(1.2)
        state = cell.gripper.read_state()
        assert state.width == pytest.approx(width, abs=5e-4)
        assert state.motion is GripperMotion.AT_TARGET


@pytest.mark.parametrize("speed", [0.03, 0.1])
def test_it_moves_at_the_asked_speed(cell, run_for, speed):
    cell.gripper.set_target(GripperTarget(width=0.0, speed=speed))
    run_for(0.2)
    before = cell.gripper.read_state().width
    run_for(0.3)
    assert (before - cell.gripper.read_state().width) / 0.3 == pytest.approx(speed, rel=0.02)


@pytest.mark.parametrize("force", [20.0, 60.0, 150.0])
def test_a_held_cube_is_pressed_with_the_asked_force(cell, run_for, go_to, force):
    cube = cell.scene.tracked_objects()[0].pose.position
    go_to([cube[0], cube[1], 0.12])
    go_to([cube[0], cube[1], 0.02])
    cell.gripper.set_target(GripperTarget(width=0.0, force=force))
    run_for(1.0)
    state = cell.gripper.read_state()
    assert state.motion is GripperMotion.OBJECT_HELD
    assert state.width == pytest.approx(0.04, abs=0.004)
    assert state.force == pytest.approx(force, rel=0.05)


def test_repeating_a_target_does_not_loosen_the_grip(cell, run_for, go_to):
    cube = cell.scene.tracked_objects()[0].pose.position
    go_to([cube[0], cube[1], 0.12])
    go_to([cube[0], cube[1], 0.02])
    forces = []
    for _ in range(15):
        cell.gripper.set_target(GripperTarget(width=0.0))
        run_for(0.1)
        forces.append(cell.gripper.read_state().force)
    assert min(forces[8:]) > 50.0


def test_opening_a_pressing_hand_starts_at_once(cell, run_for, go_to):
    cube = cell.scene.tracked_objects()[0].pose.position
    go_to([cube[0], cube[1], 0.12])
    go_to([cube[0], cube[1], 0.02])
    cell.gripper.set_target(GripperTarget(width=0.0))
    run_for(1.0)
    held = cell.gripper.read_state().width
    cell.gripper.set_target(GripperTarget(width=0.085))
    run_for(0.1)
    assert cell.gripper.read_state().width > held + 0.008


def test_a_jammed_gripper_stands_until_the_jam_ends(cell, run_for):
    cell.gripper.set_target(GripperTarget(width=0.0))
    run_for(0.1)
    cell.scene.injections.inject(Condition.GRIPPER_JAM, duration_ns=500_000_000)
    cell.gripper.read_state()
    run_for(0.1)
    stuck = cell.gripper.read_state().width
    run_for(0.3)
    state = cell.gripper.read_state()
    assert state.width == pytest.approx(stuck, abs=1e-3)
    assert (state.target_width, state.motion) == (0.0, GripperMotion.MOVING)
    run_for(0.2)
    cell.gripper.read_state()
    run_for(1.0)
    assert cell.gripper.read_state().width == pytest.approx(0.0, abs=1e-3)


def test_the_fingers_stay_symmetric_when_pushed_aside(cell, run_for):
    physics = cell.scene.physics
    physics.data.xfrc_applied[physics.model.body("finger_left").id, 1] = 20.0
    run_for(0.5)
    left, right = physics.data.qpos[7:9]
    assert abs(left - right) < 0.003


def test_every_cube_of_many_is_grasped_and_lifted(cell, run_for, go_to):
    lifted = 0
    for seed in range(20):
        cell.scene.reset(seed=seed, start=None, gripper_width=None)
        cube = cell.scene.tracked_objects()[0].pose.position
        go_to([cube[0], cube[1], 0.1], steps=9)
        go_to([cube[0], cube[1], 0.02], steps=4)
        cell.gripper.set_target(GripperTarget(width=0.0))
        run_for(0.4)
        go_to([cube[0], cube[1], 0.2], steps=5)
        lifted += cell.scene.tracked_objects()[0].pose.position[2] > 0.12
    assert lifted == 20


def test_a_lifted_cube_does_not_slip(cell, run_for, go_to):
    cube = cell.scene.tracked_objects()[0].pose.position
    go_to([cube[0], cube[1], 0.12])
    go_to([cube[0], cube[1], 0.02])
    cell.gripper.set_target(GripperTarget(width=0.0))
    run_for(0.5)
    go_to([0.4, 0.0, 0.25])
    run_for(1.0)
    offset = cell.scene.tracked_objects()[0].pose.position - cell.arm.read_state().tcp_pose.position
    run_for(10.0)
    later = cell.scene.tracked_objects()[0].pose.position - cell.arm.read_state().tcp_pose.position
    np.testing.assert_allclose(later, offset, atol=0.002)
