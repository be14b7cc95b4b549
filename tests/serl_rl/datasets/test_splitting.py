"""Which episodes only validate."""

from hypothesis import given
from hypothesis import strategies as st

from serl_rl.datasets.splitting import split_episodes


@given(count=st.integers(0, 60), share=st.floats(0, 0.99), seed=st.integers(0, 5))
def test_a_split_gives_each_episode_to_one_side(count, share, seed):
    train, valid = split_episodes(count, share, seed)
    assert sorted(train + valid) == list(range(count))
    assert (len(train) > 0) == (count > 0)
    assert (len(valid) > 0) == (share > 0 and count > 1)
