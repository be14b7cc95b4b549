"""When the actor evaluates."""

from serl_rl.actor.loop import EvaluationTrigger
from serl_rl.envs.evaluation import EvaluationConfig

CONFIG = EvaluationConfig(
    trigger_success_ratio=0.6, trigger_episode_count=5, shortest_gap_steps=100, longest_gap_steps=1000
)


def trigger(successes, steps):
    made = EvaluationTrigger(CONFIG)
    for success in successes:
        made.add_episode(steps, success=success)
    return made


def test_often_successful_training_triggers():
    assert trigger([True, True, True, False, False], 20).is_due()


def test_rarely_successful_training_does_not():
    assert not trigger([True, True, False, False, False], 20).is_due()


def test_only_the_latest_episodes_count():
    assert not trigger([True] * 5 + [False] * 4, 20).is_due()


def test_too_few_steps_since_the_last_evaluation_do_not_trigger():
    due = trigger([True] * 5, 20)
    due.reset()
    assert not due.is_due()
    due.add_episode(100, success=True)
    assert due.is_due()


def test_a_long_time_without_success_triggers():
    assert trigger([False] * 10, 100).is_due()
