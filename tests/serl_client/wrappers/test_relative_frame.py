import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from scipy.spatial.transform import Rotation

from serl_client.wrappers import RelativeFrame

START = Rotation.from_euler("xyz", (3.0, 0.1, 0.5))
LATER = Rotation.from_euler("xyz", (2.7, -0.2, 1.5))


def observation(position, rotation):
    return {
        "tcp_pose": np.concatenate((position, rotation.as_quat())),
        "tcp_twist": np.array((0.1, 0.2, 0.3, 0.4, 0.5, 0.6)),
        "tcp_wrench": np.array((1.0, 2.0, 3.0, 4.0, 5.0, 6.0)),
        "cube_position": np.array((0.5, 0.1, 0.02)),
        "gripper_width": np.array((0.05,)),
    }


class TurningEnv(gymnasium.Env):
    """Starts in one pose, is in another from the first step on, and remembers its actions."""

    observation_space = spaces.Dict({"tcp_pose": spaces.Box(-9, 9, (7,), np.float64)})

    def __init__(self, size=7):
        self.action_space = spaces.Box(-1, 1, (size,), np.float32)
        self.actions = []
        self.info = {}

    def reset(self, *, seed=None, options=None):
        return observation((0.4, 0.0, 0.2), START), {"raw": True}

    def step(self, action):
        self.actions.append(np.array(action))
        return observation((0.5, 0.1, 0.1), LATER), 0.0, False, False, dict(self.info)


@pytest.fixture
def inner():
    return TurningEnv()


@pytest.fixture
def env(inner):
    return RelativeFrame(inner)


@pytest.mark.trap
def test_the_first_pose_is_the_origin(env):
    seen, info = env.reset()
    np.testing.assert_allclose(seen["tcp_pose"], (0, 0, 0, 0, 0, 0, 1), atol=1e-12)
    assert info == {"raw": True}


@pytest.mark.trap
def test_positions_are_seen_from_the_start(env):
    env.reset()
    seen, *_ = env.step(np.zeros(7, np.float32))
    expected = START.inv().apply(np.array((0.5, 0.1, 0.1)) - (0.4, 0.0, 0.2))
    np.testing.assert_allclose(seen["tcp_pose"][:3], expected, atol=1e-12)
    relative = (START.inv() * LATER).as_quat()
    assert abs(seen["tcp_pose"][3:] @ relative) == pytest.approx(1.0)
    np.testing.assert_allclose(seen["cube_position"], START.inv().apply(np.array((0.1, 0.1, -0.18))), atol=1e-12)
    assert seen["gripper_width"].tolist() == [0.05]


@pytest.mark.trap
def test_twist_and_wrench_turn_half_by_half(env):
    env.reset()
    seen, *_ = env.step(np.zeros(7, np.float32))
    raw = observation((0, 0, 0), LATER)
    for key in ("tcp_twist", "tcp_wrench"):
        expected = np.concatenate((LATER.inv().apply(raw[key][:3]), LATER.inv().apply(raw[key][3:])))
        np.testing.assert_allclose(seen[key], expected, atol=1e-12)


@pytest.mark.trap
def test_an_action_is_turned_from_the_axes_before_the_step(env, inner):
    env.reset()
    action = np.array((0.1, 0.2, -0.3, 0.3, -0.1, 0.2, 0.7), np.float32)
    for rotation in (START, LATER):
        env.step(action)
        expected = np.concatenate((rotation.apply(action[:3]), rotation.apply(action[3:6]), action[6:]))
        np.testing.assert_allclose(inner.actions[-1], expected, atol=1e-6)


@pytest.mark.trap
def test_a_translation_asks_for_no_rotation(env, inner):
    env.reset()
    env.step(np.array((0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0), np.float32))
    np.testing.assert_array_equal(inner.actions[-1][3:6], np.zeros(3))


@pytest.mark.trap
def test_an_action_keeps_its_direction_inside_the_box(env, inner):
    env.reset()
    env.step(np.ones(7, np.float32))
    sent = inner.actions[-1]
    assert np.abs(sent).max() <= 1.0
    direction = START.apply(np.ones(3))
    np.testing.assert_allclose(np.cross(sent[:3], direction), np.zeros(3), atol=1e-6)


@pytest.mark.trap
def test_an_intervention_is_stored_in_the_policys_frame(env, inner):
    env.reset()
    own = np.array((0.1, -0.2, 0.3, 0.2, 0.1, -0.1, -1.0), np.float32)
    env.step(own)
    inner.info = {"intervention_action": np.zeros(7, np.float32)}
    base = np.concatenate((LATER.apply(own[:3]), LATER.apply(own[3:6]), own[6:])).astype(np.float32)
    inner.info = {"intervention_action": base}
    *_, info = env.step(np.zeros(7, np.float32))
    np.testing.assert_allclose(info["intervention_action"], own, atol=1e-6)


def test_four_components_turn_their_translation():
    inner = TurningEnv(size=4)
    env = RelativeFrame(inner)
    env.reset()
    env.step(np.array((0.0, 0.5, 0.0, -1.0), np.float32))
    np.testing.assert_allclose(inner.actions[-1], (*START.apply((0.0, 0.5, 0.0)), -1.0), atol=1e-6)


class TwoTurningEnvs(gymnasium.Env):
    """Two of them, as two arms."""

    def __init__(self):
        self.arms = {"left": TurningEnv(), "right": TurningEnv()}
        pose = spaces.Box(-9, 9, (7,), np.float64)
        self.observation_space = spaces.Dict({"left/tcp_pose": pose, "right/tcp_pose": pose})
        self.action_space = spaces.Box(-1, 1, (14,), np.float32)

    def reset(self, *, seed=None, options=None):
        seen = {side: arm.reset()[0] for side, arm in self.arms.items()}
        # The right arm's base is turned by a third of a turn, and everything with it.
        seen["right"]["tcp_pose"] = np.concatenate((seen["right"]["tcp_pose"][:3], (THIRD * START).as_quat()))
        return {f"{side}/{key}": value for side, one in seen.items() for key, value in one.items()}, {}

    def step(self, action):
        for arm, half in zip(self.arms.values(), np.split(action, 2), strict=True):
            arm.step(half)
        return self.reset()[0], 0.0, False, False, {}


THIRD = Rotation.from_euler("z", 120, degrees=True)


def test_each_of_two_arms_acts_in_its_own_axes():
    inner = TwoTurningEnvs()
    env = RelativeFrame(inner)
    seen, _ = env.reset()
    for side in ("left", "right"):
        np.testing.assert_allclose(seen[f"{side}/tcp_pose"], (0, 0, 0, 0, 0, 0, 1), atol=1e-12)
    half = np.array((0.3, 0.1, -0.2, 0.2, 0.0, 0.1, -1.0), np.float32)
    action = np.concatenate([half, half])
    env.step(action)
    left, right = (arm.actions[0] for arm in inner.arms.values())
    np.testing.assert_allclose(left[:3], START.apply(half[:3]), atol=1e-6)
    np.testing.assert_allclose(right[:3], THIRD.apply(left[:3]), atol=1e-6)
    assert (left[6], right[6]) == (-1.0, -1.0)
    np.testing.assert_allclose(env.from_base(env.to_base(action)), action, atol=1e-6)
    assert env.moves("left/bar_position")
    assert not env.moves("left/tcp_twist")
