import numpy as np

from serl_client.teleop.experts import RandomWalkExpert


def walk(expert, steps):
    expert.reset()
    return np.stack([expert.action({}, {}) for _ in range(steps)])


def test_actions_are_smooth_and_go_everywhere():
    actions = walk(RandomWalkExpert(4, seed=0), 3000)
    assert actions.dtype == np.float32
    assert np.abs(actions).max() <= 1
    motion = actions[:, :3]
    assert (np.abs(motion.mean(0)) < 0.2).all()
    assert (motion.std(0) > 0.4).all()
    neighbours = [np.corrcoef(motion[:-1, axis], motion[1:, axis])[0, 1] for axis in range(3)]
    assert min(neighbours) > 0.5
    assert set(np.unique(actions[:, 3])) == {-1.0, 1.0}
    assert 0.05 < (np.diff(actions[:, 3]) != 0).mean() < 0.15


def test_a_seed_repeats_the_walk_and_episodes_differ():
    expert = RandomWalkExpert(4, seed=1)
    first, second = walk(expert, 20), walk(expert, 20)
    np.testing.assert_array_equal(first, walk(RandomWalkExpert(4, seed=1), 20))
    assert not np.array_equal(first, second)


def test_without_a_gripper_every_component_wanders():
    assert len(np.unique(walk(RandomWalkExpert(6, has_gripper=False, seed=0), 50)[:, -1])) > 20
