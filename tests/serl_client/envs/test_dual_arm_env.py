import threading
from dataclasses import dataclass, field
from types import SimpleNamespace

import gymnasium
import numpy as np
import pytest

from robot_daemon.hardware.devices import DeviceFault
from serl_api.enums import FaultSeverity, FaultSource, Pacing
from serl_api.errors.robot import ConnectionLostError, FaultError, StopLatchedError
from serl_client import RobotClient
from serl_client.envs.dual_arm_env import DualArmEnv
from serl_client.envs.task import Outcome, Task
from serl_client.errors import TaskMismatchError
from tests.support.daemons import serve
from tests.support.waiting import wait_until

STILL = np.array((0.0,) * 6 + (1.0,), np.float32)
FORWARD = np.array((0.5,) + (0.0,) * 5 + (1.0,), np.float32)


@dataclass
class Judge:
    """Judges as it is told to."""

    outcome: Outcome = field(default_factory=lambda: Outcome(reward=0.0, terminated=False, success=False))
    tracked_objects: tuple[str, ...] = ()

    def __call__(self, start, now):
        return self.outcome


@pytest.fixture
def judges():
    return Judge(), Judge()


@pytest.fixture
def task(judges):
    arms = tuple(Task(name="reach", rewards={"sparse": judge}, rotation=True) for judge in judges)
    return Task(name="reach-both", arms=arms)


@pytest.fixture
def pair(request):
    pacing = getattr(request, "param", Pacing.LOCKSTEP)
    daemons = [serve(name=side, pacing=pacing) for side in ("left", "right")]
    yield SimpleNamespace(
        left=daemons[0], right=daemons[1], address=",".join(daemon.address for daemon in daemons), daemons=daemons
    )
    for daemon in daemons:
        daemon.stop()


@pytest.fixture
def make(task, pair):
    made = []

    def build(**options):
        made.append(DualArmEnv(task, **{"address": pair.address, **options}))
        return made[-1]

    yield build
    for env in made:
        env.close()


def fault(daemon):
    daemon.core.active_cell.faults.raise_fault(
        DeviceFault(
            id="test", source=FaultSource.ARM, severity=FaultSeverity.CRITICAL, onset_time_ns=0, text="of a test"
        )
    )


def both(left=STILL, right=STILL):
    return np.concatenate([left, right])


def test_each_half_of_an_action_drives_its_arm(make):
    env = make()
    assert env.action_space.shape == (14,)
    before, _ = env.reset(seed=0)
    env.step(both(right=FORWARD))
    after, *_ = env.step(both(right=FORWARD))
    np.testing.assert_allclose(after["left/tcp_pose"], before["left/tcp_pose"], atol=1e-3)
    assert after["right/tcp_pose"][0] > before["right/tcp_pose"][0] + 0.02


def test_info_speaks_of_each_arm_and_of_both(make):
    env = make()
    _, first = env.reset(seed=0)
    *_, info = env.step(both())
    assert info["left/stamp_ns"] == info["right/stamp_ns"] == info["stamp_ns"] > 0
    assert first["skew_ns"] == info["skew_ns"] == 0
    assert info["synchronized"]
    assert info["gripper_width"].shape == (2,)


@pytest.mark.parametrize(
    ("left", "right", "reward", "terminated", "success"),
    [
        ((1.0, False, True), (1.0, False, True), 1.0, True, True),
        ((1.0, False, True), (0.0, False, False), 0.0, False, False),
        ((0.0, False, False), (0.0, True, False), 0.0, True, False),
        ((0.0, False, False), (0.0, False, False), 0.0, False, False),
    ],
)
def test_success_takes_both_arms_and_either_ends(make, judges, left, right, reward, terminated, success):
    env = make()
    env.reset(seed=0)
    for judge, (of_step, ends, is_done) in zip(judges, (left, right), strict=True):
        judge.outcome = Outcome(reward=of_step, terminated=ends, success=is_done)
    _, got, is_end, truncated, info = env.step(both())
    assert (got, is_end, truncated, info["success"]) == (reward, terminated, False, success)


@pytest.mark.parametrize("index", [0, 1])
def test_one_arms_fault_holds_both_and_says_whose_it_is(make, pair, index):
    env, side = make(), ("left", "right")[index]
    env.reset(seed=0)
    fault(pair.daemons[index])
    with pytest.raises(FaultError, match=f"^{side} arm: the arm is faulted") as caught:
        env.step(both())
    assert caught.value.fault_ids == ("test",)
    wait_until(lambda: not any(daemon.core.session for daemon in pair.daemons))
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(both())


def test_the_other_arm_is_let_go_of_before_its_step_ends(make, pair, monkeypatch):
    env = make()
    env.reset(seed=0)
    begun, let_go = threading.Event(), threading.Event()
    in_time = []
    interrupt = env.arms[0].interrupt
    monkeypatch.setattr(env.arms[0], "interrupt", lambda: (let_go.set(), interrupt()))

    def wait_left(_):
        begun.set()
        in_time.append(let_go.wait(5.0))

    def wait_right(_):
        begun.wait(5.0)
        fault(pair.right)

    monkeypatch.setattr(pair.left.fake.cell.timebase, "wait_until", wait_left)
    monkeypatch.setattr(pair.right.fake.cell.timebase, "wait_until", wait_right)
    with pytest.raises(FaultError, match=r"^right arm"):
        env.step(both())
    wait_until(lambda: in_time)
    assert in_time == [True]


def test_a_fault_can_end_the_episode_instead(make, pair):
    env = make(on_fault="truncate")
    env.reset(seed=0)
    fault(pair.right)
    observation, reward, terminated, truncated, info = env.step(both())
    assert (reward, terminated, truncated, info["fault"]) == (0.0, False, True, ("right/test",))
    assert observation in env.observation_space
    env.reset()
    assert not env.step(both())[3]


def test_a_stop_of_one_arm_is_named_and_holds_the_other(make, pair):
    env = make()
    env.reset(seed=0)
    with RobotClient(pair.left.address) as client:
        client.stop("enough")
    with pytest.raises(StopLatchedError, match=r"^left arm: .*enough"):
        env.step(both())
    wait_until(lambda: pair.right.core.session is None)


def test_an_action_that_one_arm_refuses_moves_neither(make, pair):
    env = make()
    env.reset(seed=0)
    steps = pair.left.core.step_index
    with pytest.raises(ValueError, match="finite"):
        env.step(both(left=FORWARD, right=STILL * np.nan))
    assert pair.left.core.step_index == steps


def test_a_daemon_that_goes_away_is_named_and_the_other_arm_holds(make, pair):
    env = make()
    env.reset(seed=0)
    pair.right.stop()
    with pytest.raises(ConnectionLostError, match=r"^right arm: "):
        env.step(both())
    wait_until(lambda: pair.left.core.session is None)


def test_exchanged_addresses_are_refused(make, pair):
    with pytest.raises(TaskMismatchError, match="left and right are exchanged"):
        make(address=f"{pair.right.address},{pair.left.address}")


def test_two_tasks_or_none_make_a_task(task):
    with pytest.raises(ValueError, match="has 1 tasks of arms"):
        Task(name="reach-one", arms=task.arms[:1])
    assert (task.gripper_count, task.arms[0].gripper_count) == (2, 1)


@pytest.mark.real_time
@pytest.mark.parametrize("pair", [Pacing.REAL_TIME], indirect=True)
def test_in_real_time_ticks_that_have_come_apart_meet_again(make, pair):
    env = make()
    for arm in env.arms:
        arm.begin_observing()
    for arm in env.arms:
        arm.end_observing()
    env.step(both())
    env.arms[0].begin_step(STILL, 0.03)
    env.arms[1].begin_step(STILL)
    for arm in env.arms:
        arm.end_step()
    skews = [abs(env.step(both())[-1]["skew_ns"]) for _ in range(5)]
    assert skews[0] > 20_000_000 > 4_000_000 > skews[-1]
