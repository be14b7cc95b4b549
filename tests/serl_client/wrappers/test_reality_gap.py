import gymnasium
import numpy as np
import pytest

from serl_api.enums import Pacing
from serl_api.errors.robot import InvalidRequestError
from serl_api.plugins import PluginError
from serl_client import SimulatorClient
from serl_client.wrappers.plugin import find_wrappers
from serl_client.wrappers.reality_gap import RealityGap, RealityGapOptions

UP = np.array((0.0, 0.0, 1.0, 1.0), np.float32)


@pytest.fixture
def simulator(simulator_address):
    with SimulatorClient(simulator_address) as client:
        yield client
        client.clear_injections()


@pytest.fixture
def rise(simulator, simulator_address):
    """Rises for a second, and returns each step's observed and newest height."""

    def rising(wrapper):
        (chosen,) = find_wrappers([wrapper])
        with gymnasium.make("serl/PickCube-v0", address=simulator_address) as env:
            wrapped = chosen.wrap(env)
            wrapped.reset(seed=0)
            infos = [wrapped.step(UP)[-1] for _ in range(10)]
        return np.array([(info["tcp_pose"][2], info["newest_tcp_pose"][2]) for info in infos])

    return rising


def test_observations_are_late_and_the_newest_pose_is_not(rise):
    seen, newest = rise("reality-gap,observation_delay_s=0.06,observation_jitter_s=0.02").T
    assert (newest - seen > 0.001).sum() >= 8
    np.testing.assert_array_equal(rise("reality-gap").T[1], newest)  # The arm itself moves as ever.


def test_actions_are_late(rise, simulator):
    on_time = rise("reality-gap")
    late = rise("reality-gap,action_delay_s=0.05")
    assert late[0, 0] < on_time[0, 0] - 0.001
    simulator.clear_injections()


def test_targets_are_smoothed_until_that_is_cleared(rise, simulator):
    as_they_come = rise("reality-gap")
    smoothed = rise("reality-gap,target_time_constant_s=0.05")
    assert (smoothed[:, 0] < as_they_come[:, 0] - 0.002).all()
    simulator.clear_injections()
    np.testing.assert_array_equal(rise("reality-gap"), as_they_come)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("observation_delay_s=0.6", "observation_delay_s is 0.6; it must be at most 0.5"),
        ("action_delay_s=0.1,action_jitter_s=0.2", "action_jitter_s is 0.2; it must be at most the delay, 0.1"),
        ("action_delay_s=-1", "action_delay_s is -1"),
        ("target_time_constant_s=1", "target_time_constant_s is 1.0; it must be at most 0.5"),
    ],
)
def test_wrong_delays_are_refused(options, words):
    with pytest.raises(PluginError, match=words):
        find_wrappers([f"reality-gap,{options}"])


def test_an_environment_without_a_cell_is_refused():
    with gymnasium.make("CartPole-v1") as env, pytest.raises(ValueError, match="needs an environment of a robot cell"):
        RealityGap(env, RealityGapOptions())


def test_the_simulator_refuses_what_it_cannot_delay(simulator):
    with pytest.raises(InvalidRequestError, match=r"observation_delay reaches 600000000 ns"):
        simulator.delay_observations(0.6)
    with pytest.raises(InvalidRequestError, match=r"target_filter.time_constant is 600000000 ns"):
        simulator.filter_targets(0.6)
    with pytest.raises(InvalidRequestError, match=r"action_delay.jitter"):
        simulator.delay_actions(0.1, jitter_s=0.2)
    simulator.set_pacing(Pacing.REAL_TIME)
    try:
        with pytest.raises(InvalidRequestError, match="is for lockstep"):
            simulator.delay_actions(0.1)
    finally:
        simulator.set_pacing(Pacing.LOCKSTEP)
