import numpy as np
import pytest

from serl_client.teleop.arm_interventions import ArmInterventions

POLICY = np.linspace(-0.6, 0.6, 14).astype(np.float32)


class Source:
    """Takes over while it has something to say, and remembers what it saw."""

    def __init__(self):
        self.says = None
        self.saw = {}
        self.is_moving = False

    def reset(self, observation, info):
        self.saw = dict(info)

    def intervene(self, action, observation, info):
        self.saw = {"action": action, **observation}
        return self.says

    def is_asking(self):
        return self.says is not None


@pytest.fixture
def sources():
    return Source(), Source()


@pytest.fixture
def both(sources):
    return ArmInterventions(sources)


def test_whoever_takes_over_one_arm_leaves_the_other_to_the_policy(both, sources):
    assert both.intervene(POLICY, {}, {}) is None
    sources[1].says = np.full(7, 0.25, np.float32)
    np.testing.assert_array_equal(both.intervene(POLICY, {}, {}), np.append(POLICY[:7], sources[1].says))
    assert both.is_asking()


def test_each_sees_its_own_arm(both, sources):
    both.reset({}, {"left/gripper_width": 0.01, "right/gripper_width": 0.08, "success": False})
    assert [source.saw for source in sources] == [{"gripper_width": 0.01}, {"gripper_width": 0.08}]
    both.intervene(POLICY, {"left/tcp_pose": 1, "right/tcp_pose": 2}, {})
    assert [source.saw["tcp_pose"] for source in sources] == [1, 2]
    np.testing.assert_array_equal(sources[1].saw["action"], POLICY[7:])


def test_one_source_cannot_take_over_two_arms(sources):
    with pytest.raises(ValueError, match="give one for each"):
        ArmInterventions(sources[:1])
