import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from serl_client.wrappers import FlattenState, StateComponent


class FixedEnv(gymnasium.Env):
    """Always the same observation."""

    action_space = spaces.Box(-1, 1, (1,))
    observation_space = spaces.Dict(
        {
            "zeta": spaces.Box(-9, 9, (2,), np.float64),
            "alpha": spaces.Box(-9, 9, (3,), np.float64),
            "front": spaces.Box(0, 255, (4, 4, 3), np.uint8),
        }
    )

    def reset(self, *, seed=None, options=None):
        observation = {
            "zeta": np.array((1.0, 2.0)),
            "alpha": np.array((3.0, 4.0, 5.0)),
            "front": np.full((4, 4, 3), 7, np.uint8),
        }
        return observation, {}


@pytest.mark.trap
def test_the_order_is_that_of_the_components_not_alphabetical():
    env = FlattenState(
        FixedEnv(),
        [
            StateComponent(name="z", key="zeta", indices=(1, 0), scale=2.0),
            StateComponent(name="a", key="alpha", indices=(2,), offset=(1.0,), scale=4.0),
        ],
    )
    observation, _ = env.reset()
    assert observation["state"].tolist() == [1.0, 0.5, 1.0]
    assert observation["state"].dtype == np.float32
    assert env.component_names == ("z.0", "z.1", "a.0")


def test_a_difference_of_two_keys():
    component = StateComponent(name="d", key="alpha", minus_key="zeta", indices=(0, 1), scale=1.0)
    observation, _ = FlattenState(FixedEnv(), [component]).reset()
    assert observation["state"].tolist() == [2.0, 2.0]


def test_images_pass_unchanged():
    env = FlattenState(FixedEnv(), [StateComponent(name="z", key="zeta", indices=(0,), scale=1.0)])
    observation, _ = env.reset()
    assert list(observation) == ["state", "front"]
    assert (observation["front"] == 7).all()
    assert env.observation_space.contains(observation)


@pytest.mark.parametrize(
    ("component", "named"),
    [
        (StateComponent(name="x", key="omega", indices=(0,), scale=1.0), "omega"),
        (StateComponent(name="x", key="zeta", indices=(2,), scale=1.0), "2 numbers"),
        (StateComponent(name="x", key="zeta", indices=(0, 1), offset=(1.0,), scale=1.0), "1 offsets"),
    ],
)
def test_a_wrong_component_is_named(component, named):
    with pytest.raises(ValueError, match=named):
        FlattenState(FixedEnv(), [component])
