import numpy as np
import pytest

from robot_daemon.config.cell_config import SyncConfig
from robot_daemon.sensing.sensors import LockstepSensors
from serl_api.enums import Pacing
from serl_api.values import GripperTarget, Pose
from simulator.devices.cell import build_cell
from simulator.devices.delays import SAMPLE_NS
from simulator.devices.injection import Condition, Latency

MS = 1_000_000
ABOVE = np.array((0.0, 0.0, 0.05))


@pytest.fixture
def make_cell():
    cells = []

    def build(condition=None, delay_ms=0.0, jitter_ms=0.0, seed=0):
        cells.append(build_cell("pick-cube", Pacing.LOCKSTEP))
        world = cells[-1].scene
        if condition is not None:
            latency = Latency(delay_ns=round(delay_ms * MS), jitter_ns=round(jitter_ms * MS))
            world.injections.inject(condition, latency=latency)
        world.reset(seed=seed, start=None, gripper_width=None)
        return cells[-1]

    yield build
    for cell in cells:
        cell.close()


def wait(cell, ms):
    cell.timebase.wait_until(cell.timebase.now_ns() + round(ms * MS))


def rise(cell):
    """Targets a pose 5 cm above the present one."""
    pose = cell.arm.read_state().tcp_pose
    cell.arm.set_target(Pose(pose.position + ABOVE, pose.quaternion_xyzw))


def walk(cell, cameras=(), ticks=8, period_ms=100):
    """Rises once a period, and returns what the sensors showed at each tick, with the instant of the tick."""
    sensors = LockstepSensors(cell, SyncConfig())
    shown = []
    for _ in range(ticks):
        rise(cell)
        wait(cell, period_ms)
        shown.append((cell.timebase.now_ns(), sensors.snapshot(cameras)))
    return shown


def test_an_observation_shows_one_earlier_instant_as_it_was(make_cell):
    delayed = walk(make_cell(Condition.OBSERVATION_DELAY, 50), ("front",))
    twin = make_cell()
    for now_ns, snapshot in delayed:
        assert snapshot.reference_time_ns == now_ns - 50 * MS
        assert snapshot.newest_arm.time_ns == now_ns
        rise(twin)
        wait(twin, 50)
        then = twin.arm.read_state()
        assert snapshot.arm.time_ns == then.time_ns == snapshot.gripper.time_ns == snapshot.frames[0][1].time_ns
        np.testing.assert_array_equal(snapshot.arm.tcp_pose.position, then.tcp_pose.position)
        np.testing.assert_array_equal(snapshot.objects[0].pose.position, twin.scene.tracked_objects()[0].pose.position)
        np.testing.assert_array_equal(snapshot.frames[0][1].rgb, twin.cameras["front"].read(1.0).rgb)
        wait(twin, 50)


def test_ages_are_drawn_within_the_jitter_from_the_seed_and_never_go_back(make_cell):
    def times(seed):
        cell = make_cell(Condition.OBSERVATION_DELAY, 60, 40, seed=seed)
        walk(cell, ticks=2)  # Older than any delay.
        shown = walk(cell, ticks=40, period_ms=30)  # Shorter than the jitter, which would put the later one first.
        return [(now_ns, snapshot.reference_time_ns) for now_ns, snapshot in shown]

    first = times(1)
    ages = np.array([now_ns - shown_ns for now_ns, shown_ns in first])
    assert (ages >= 20 * MS).all()
    assert (ages <= 100 * MS + SAMPLE_NS).all()
    assert len(set(ages.tolist())) > 4
    assert (np.diff([shown_ns for _, shown_ns in first]) >= 0).all()
    assert times(1) == first
    assert times(2) != first


def test_nothing_older_than_the_reset_is_shown(make_cell):
    cell = make_cell(Condition.OBSERVATION_DELAY, 400)
    walk(cell, ticks=3)
    cell.scene.reset(seed=5, start=None, gripper_width=None)
    reset_ns = cell.timebase.now_ns()
    first = cell.scene.tracked_objects()[0].pose.position
    for _, snapshot in walk(cell, ticks=3):
        assert snapshot.reference_time_ns >= reset_ns
        np.testing.assert_array_equal(snapshot.objects[0].pose.position, first)


def test_delays_change_nothing_that_is_not_delayed(make_cell):
    delayed, twin = make_cell(Condition.OBSERVATION_DELAY, 50, 20), make_cell()
    walk(delayed)
    walk(twin)
    np.testing.assert_array_equal(delayed.scene.physics.data.qpos, twin.scene.physics.data.qpos)


def test_a_target_takes_effect_when_it_is_due(make_cell):
    delayed, twin = make_cell(Condition.ACTION_DELAY, 30), make_cell()
    rise(delayed)
    delayed.gripper.set_target(GripperTarget(width=0.02))
    wait(delayed, 100)
    wait(twin, 30)
    rise(twin)
    twin.gripper.set_target(GripperTarget(width=0.02))
    wait(twin, 70)
    np.testing.assert_array_equal(delayed.scene.physics.data.qpos, twin.scene.physics.data.qpos)


def test_targets_keep_their_order_and_holding_is_not_delayed(make_cell):
    cell = make_cell(Condition.ACTION_DELAY, 50, 50)
    start = cell.arm.read_state().tcp_pose.position
    for _ in range(20):
        rise(cell)
    cell.arm.hold()
    wait(cell, 200)
    np.testing.assert_allclose(cell.arm.read_state().tcp_pose.position, start, atol=1e-3)
    for width in (0.08, 0.02, 0.06, 0.04):
        cell.gripper.set_target(GripperTarget(width=width))
    wait(cell, 101)
    assert cell.gripper.read_state().target_width == 0.04


def test_a_cell_in_real_time_delays_nothing_here(make_cell):
    cell = make_cell(Condition.ACTION_DELAY, 400)
    cell.scene.delays.in_lockstep = False
    cell.gripper.set_target(GripperTarget(width=0.02))
    assert cell.gripper.read_state().target_width == 0.02
