"""Who drives, and what is stored: values of the turned frames are computed by hand."""

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from serl_client.wrappers import EpisodeStatistics, Intervention, RelativeFrame

IDENTITY = (0.0, 0.0, 0.0, 1.0)
TOOL_DOWN = (1.0, 0.0, 0.0, 0.0)  # 180 degrees about x: y and z point the other way.
QUARTER = (0.0, 0.0, np.sqrt(0.5), np.sqrt(0.5))  # 90 degrees about z: the tool's x is base y.
EIGHTH = (0.0, 0.0, np.sin(np.pi / 8), np.cos(np.pi / 8))  # 45 degrees about z.


class RecordingEnv(gymnasium.Env):
    """Stands in one orientation, or in one after the other, and remembers what it was told."""

    observation_space = spaces.Dict({"tcp_pose": spaces.Box(-9, 9, (7,), np.float64)})

    def __init__(self, *orientations, size=7):
        self.action_space = spaces.Box(-1, 1, (size,), np.float32)
        self.orientations = orientations or (IDENTITY,)
        self.executed = []

    def observe(self):
        orientation = self.orientations[min(len(self.executed), len(self.orientations) - 1)]
        return {"tcp_pose": np.array((0.4, 0.0, 0.2, *orientation))}

    def reset(self, *, seed=None, options=None):
        self.executed.clear()
        return self.observe(), {"gripper_width": 0.085, "raw": 0}

    def step(self, action):
        self.executed.append(np.array(action))
        return self.observe(), 0.0, False, False, {"raw": len(self.executed)}


class FixedTeacher:
    """Takes over with one action when told to."""

    def __init__(self, action):
        self.action = None if action is None else np.array(action, np.float32)
        self.seen = []

    def reset(self, observation, info):
        self.seen = [("reset", info)]

    def intervene(self, action, observation, info):
        self.seen.append((np.array(action), info))
        return self.action


def act(*values):
    return np.array(values, np.float32)


def test_without_a_correction_the_policy_acts():
    env = RecordingEnv()
    wrapped = Intervention(env, FixedTeacher(None))
    wrapped.reset()
    *_, info = wrapped.step(act(0.1, 0, 0, 0, 0, 0, 1))
    assert env.executed[0].tolist() == act(0.1, 0, 0, 0, 0, 0, 1).tolist()
    assert info["intervention"] is False
    assert "intervention_action" not in info


def test_a_correction_is_executed_and_reported():
    env = RecordingEnv()
    wrapped = Intervention(env, FixedTeacher((0.1, -0.2, 0.3, 0, 0, 0.5, -1)))
    wrapped.reset()
    *_, info = wrapped.step(np.zeros(7, np.float32))
    assert info["intervention"] is True
    assert info["raw"] == 1
    for action in (env.executed[0], info["intervention_action"]):
        np.testing.assert_array_equal(action, act(0.1, -0.2, 0.3, 0, 0, 0.5, -1))


@pytest.mark.trap
@pytest.mark.parametrize(
    ("orientation", "base", "own"),
    [
        (TOOL_DOWN, (0.5, 0.2, -0.3, 0.1, 0.4, -0.6, -1), (0.5, -0.2, 0.3, 0.1, -0.4, 0.6, -1)),
        (QUARTER, (1, 0, 0.5, 0, 1, 0, 1), (0, -1, 0.5, 1, 0, 0, 1)),
        (IDENTITY, (0.3, 0.2, 0.1, -0.1, -0.2, -0.3, 0.5), (0.3, 0.2, 0.1, -0.1, -0.2, -0.3, 0.5)),
    ],
)
def test_what_is_stored_is_in_the_policys_frame(orientation, base, own):
    env = RecordingEnv(orientation)
    wrapped = Intervention(RelativeFrame(env), FixedTeacher(base))
    wrapped.reset()
    *_, info = wrapped.step(np.zeros(7, np.float32))
    np.testing.assert_allclose(info["intervention_action"], own, atol=1e-6)
    np.testing.assert_allclose(env.executed[0], base, atol=1e-6)


@pytest.mark.trap
def test_the_frame_is_the_one_before_the_step():
    env = RecordingEnv(IDENTITY, QUARTER)
    wrapped = Intervention(RelativeFrame(env), FixedTeacher((1, 0, 0, 0, 0, 0, 0)))
    wrapped.reset()
    stored = [wrapped.step(np.zeros(7, np.float32))[-1]["intervention_action"][:3] for _ in range(2)]
    np.testing.assert_allclose(stored, [(1, 0, 0), (0, -1, 0)], atol=1e-6)


@pytest.mark.trap
def test_a_corner_is_shortened_and_executed_as_it_is_stored():
    # (1, 1, 0) in base is (sqrt 2, 0, 0) in a tool turned by 45 degrees: shortened to (1, 0, 0), which is
    # (0.7071, 0.7071, 0) in base.
    env = RecordingEnv(EIGHTH)
    wrapped = Intervention(RelativeFrame(env), FixedTeacher((1, 1, 0, 0, 0, 0, 1)))
    wrapped.reset()
    *_, info = wrapped.step(np.zeros(7, np.float32))
    np.testing.assert_allclose(info["intervention_action"], (1, 0, 0, 0, 0, 0, 1), atol=1e-6)
    np.testing.assert_allclose(env.executed[0], (0.70710678, 0.70710678, 0, 0, 0, 0, 1), atol=1e-6)


@pytest.mark.trap
@given(
    st.lists(st.floats(-1, 1), min_size=7, max_size=7),
    st.lists(st.floats(-1, 1), min_size=4, max_size=4).filter(lambda q: np.linalg.norm(q) > 0.1),
)
def test_replaying_what_was_stored_as_the_policys_action_does_the_same(base, quaternion):
    orientation = tuple(np.array(quaternion) / np.linalg.norm(quaternion))
    taught, replayed = RecordingEnv(orientation), RecordingEnv(orientation)
    human = Intervention(RelativeFrame(taught), FixedTeacher(base))
    human.reset()
    stored = human.step(np.zeros(7, np.float32))[-1]["intervention_action"]
    assert np.abs(stored).max() <= 1.0
    policy = RelativeFrame(replayed)
    policy.reset()
    policy.step(stored)
    np.testing.assert_array_equal(replayed.executed[0], taught.executed[0])


def test_a_teacher_sees_the_policys_action_in_base_axes():
    teacher = FixedTeacher(None)
    wrapped = Intervention(RelativeFrame(RecordingEnv(QUARTER)), teacher)
    wrapped.reset()
    wrapped.step(act(1, 0, 0, 0, 0, 0, 0))
    seen, info = teacher.seen[1]
    np.testing.assert_allclose(seen[:3], Rotation.from_quat(QUARTER).apply((1, 0, 0)), atol=1e-6)
    assert info["raw"] == 0


def test_an_action_outside_the_box_is_clipped():
    env = RecordingEnv()
    wrapped = Intervention(env, FixedTeacher((3, 0, 0, 0, 0, 0, -2)))
    wrapped.reset()
    *_, info = wrapped.step(np.zeros(7, np.float32))
    np.testing.assert_array_equal(info["intervention_action"], act(1, 0, 0, 0, 0, 0, -1))


def test_nobody_takes_over_while_suspended():
    env = RecordingEnv()
    wrapped = Intervention(env, FixedTeacher(np.ones(7)))
    wrapped.reset()
    with wrapped.suspended():
        assert wrapped.step(np.zeros(7, np.float32))[-1]["intervention"] is False
    assert wrapped.step(np.zeros(7, np.float32))[-1]["intervention"] is True


def test_the_share_of_corrected_steps_is_counted():
    class Turncoat(FixedTeacher):
        def intervene(self, action, observation, info):
            return self.action if info["raw"] < 2 else None

    class ShortEnv(RecordingEnv):
        def step(self, action):
            observation, reward, _, _, info = super().step(action)
            return observation, reward, False, len(self.executed) == 8, info

    env = EpisodeStatistics(Intervention(ShortEnv(), Turncoat(np.zeros(7))))
    env.reset()
    for _ in range(8):
        *_, info = env.step(np.zeros(7, np.float32))
    assert info["episode"]["intervention_ratio"] == 0.25
