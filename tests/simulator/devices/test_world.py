import numpy as np
import pytest

from serl_api.enums import Pacing
from serl_api.errors.robot import InvalidTargetError, NotFoundError
from serl_api.values import GripperTarget, JointTarget, Pose
from simulator.devices.cell import build_cell

DOWN = np.array([1.0, 0.0, 0.0, 0.0])


def rollout(cell, seed, steps=12):
    """Everything that is seen in an episode of seeded actions."""
    rng = np.random.default_rng(99)
    cell.scene.reset(seed=seed, start=None, gripper_width=None)
    seen = []
    for _ in range(steps):
        state = cell.arm.read_state()
        cell.arm.set_target(Pose(state.tcp_pose.position + rng.uniform(-0.05, 0.05, 3) - [0, 0, 0.02], DOWN))
        cell.gripper.set_target(GripperTarget(width=float(rng.uniform(0.0, 0.085))))
        cell.timebase.wait_until(cell.timebase.now_ns() + 100_000_000)
        state, gripper, cube = cell.arm.read_state(), cell.gripper.read_state(), cell.scene.tracked_objects()[0]
        seen.append(
            np.concatenate(
                (
                    *(state.joint_positions, state.joint_velocities, state.joint_torques, state.tcp_twist),
                    *(state.external_wrench, (gripper.width, gripper.force)),
                    *(cube.pose.position, cube.pose.quaternion_xyzw, cube.twist),
                )
            )
        )
    return np.array(seen)


def test_two_fresh_simulators_agree_to_the_bit():
    first, second = (rollout(build_cell("pick-cube", Pacing.LOCKSTEP, 0), seed=5) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_used_simulator_agrees_with_a_fresh_one_to_the_bit(cell):
    rollout(cell, seed=11)
    cell.arm.set_target(JointTarget(positions=cell.arm.info.home + 0.05))
    cell.timebase.wait_until(cell.timebase.now_ns() + 30_000_000)
    used = rollout(cell, seed=5)
    np.testing.assert_array_equal(used, rollout(build_cell("pick-cube", Pacing.LOCKSTEP, 3), seed=5))


def test_a_reset_after_joint_control_starts_like_any_other(cell):
    cell.arm.set_target(JointTarget(positions=cell.arm.info.home + 0.05))
    cell.timebase.wait_until(cell.timebase.now_ns() + 30_000_000)
    states = []
    for tested in (cell, build_cell("pick-cube", Pacing.LOCKSTEP, 3)):
        tested.scene.reset(seed=5, start=None, gripper_width=None)
        tested.timebase.wait_until(tested.timebase.now_ns() + 200_000_000)
        states.append(tested.arm.read_state())
    np.testing.assert_array_equal(states[0].joint_positions, states[1].joint_positions)
    np.testing.assert_array_equal(states[0].joint_torques, states[1].joint_torques)


def test_reading_changes_nothing(cell):
    plain = rollout(cell, seed=5)
    other = build_cell("pick-cube", Pacing.LOCKSTEP, 0)
    for _ in range(3):
        other.arm.read_state()
        other.scene.tracked_objects()
    np.testing.assert_array_equal(plain, rollout(other, seed=5))


def test_resets_without_a_seed_continue_the_stream(cell):
    def scenes(count):
        places = []
        for _ in range(count):
            cell.scene.reset(seed=None, start=None, gripper_width=None)
            places.append(cell.scene.tracked_objects()[0].pose.position)
        return np.array(places)

    cell.scene.set_seed(7)
    first = scenes(3)
    cell.scene.set_seed(7)
    np.testing.assert_array_equal(scenes(3), first)
    assert len(np.unique(first[:, 0])) == 3


def test_every_scene_can_be_had_again_by_its_seed(cell):
    cell.scene.reset(seed=None, start=None, gripper_width=None)
    seed, place = cell.scene.scene_seed, cell.scene.tracked_objects()[0].pose.position
    cell.scene.reset(seed=1, start=None, gripper_width=None)
    cell.scene.reset(seed=seed, start=None, gripper_width=None)
    np.testing.assert_array_equal(cell.scene.tracked_objects()[0].pose.position, place)


@pytest.mark.parametrize("seed", [-1, 0, 2**63 - 1])
def test_any_64_bit_seed_is_a_seed(cell, seed):
    assert cell.scene.reset(seed=seed, start=None, gripper_width=None)


def test_a_reset_places_the_arm_where_it_is_told(cell):
    start = Pose(np.array([0.5, -0.1, 0.2]), np.array([0.98, 0.199, 0.0, 0.0]))
    start = Pose(start.position, start.quaternion_xyzw / np.linalg.norm(start.quaternion_xyzw))
    cell.scene.reset(seed=0, start=start, gripper_width=0.03)
    state = cell.arm.read_state()
    np.testing.assert_allclose(state.tcp_pose.position, start.position, atol=1e-5)
    assert abs(state.tcp_pose.quaternion_xyzw @ start.quaternion_xyzw) == pytest.approx(1.0, abs=1e-9)
    assert cell.gripper.read_state().width == pytest.approx(0.03)
    cell.timebase.wait_until(cell.timebase.now_ns() + 1_000_000_000)
    np.testing.assert_allclose(cell.arm.read_state().tcp_pose.position, start.position, atol=1e-3)


def test_a_start_out_of_reach_is_refused_and_nothing_changes(cell):
    before = cell.scene.tracked_objects()[0].pose.position
    with pytest.raises(InvalidTargetError, match="out of the arm's reach"):
        cell.scene.reset(seed=4, start=Pose(np.array([1.5, 0, 0.2]), DOWN), gripper_width=None)
    np.testing.assert_array_equal(cell.scene.tracked_objects()[0].pose.position, before)


def test_an_unknown_task_or_arm_is_refused_with_the_list():
    with pytest.raises(NotFoundError, match="pick-cube"):
        build_cell("pick-cub", Pacing.LOCKSTEP, 0)
    with pytest.raises(NotFoundError, match="fr3, panda"):
        build_cell("pick-cube", Pacing.LOCKSTEP, 0, arm="ur5")


def test_the_fr3_works_too():
    cell = build_cell("pick-cube", Pacing.LOCKSTEP, 0, arm="fr3")
    start = cell.arm.read_state()
    cell.arm.set_target(Pose(start.tcp_pose.position + np.array((0.05, 0.0, 0.0)), start.tcp_pose.quaternion_xyzw))
    cell.timebase.wait_until(2_000_000_000)
    np.testing.assert_allclose(
        cell.arm.read_state().tcp_pose.position, start.tcp_pose.position + np.array((0.05, 0, 0)), atol=1e-3
    )
    assert cell.arm.info.model == "fr3"


def test_the_twist_of_a_prop_is_in_base_axes(cell):
    physics = cell.scene.physics
    dof = int(physics.model.jnt_dofadr[physics.model.joint("cube").id])
    with physics.lock:
        physics.data.qpos[9:16] = (0.4, 0.0, 0.4, np.sqrt(0.5), np.sqrt(0.5), 0.0, 0.0)  # A quarter turn about x.
        physics.data.qvel[dof : dof + 6] = (0.1, 0.2, 0.3, 0.0, 0.0, 1.0)  # Spins about its own z.
    twist = cell.scene.tracked_objects()[0].twist
    np.testing.assert_allclose(twist, [0.1, 0.2, 0.3, 0.0, -1.0, 0.0], atol=1e-12)
