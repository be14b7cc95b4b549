import pytest

from serl_rl.algorithms.sac.config import SacConfig


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"discount": 1.5}, r"discount is 1\.5; it must be in \[0, 1\]"),
        ({"critic_count": 0}, r"critic_count is 0; it must be at least 1"),
        ({"target_critic_count": 0}, r"target_critic_count is 0; it must be at least 1"),
        ({"return_range": (1.0, 0.0)}, r"return_range is \(1\.0, 0\.0\); it must be \(smallest, largest\), or None"),
        (
            {"return_range": (0.0, 1.0), "backup_entropy": True},
            r"return_range is .*; it must be None with backup_entropy",
        ),
    ],
)
def test_a_value_that_cannot_work_is_refused_with_its_bound(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        SacConfig(**settings)
