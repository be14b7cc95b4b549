"""Counters, grants, live actors and reports."""

import pytest
from serl.learner.v1 import learner_service_pb2 as pb

from serl_rl.learner.run_state import Answer, RunState
from serl_rl.learner.update_rate_limiter import UpdateRateLimiter
from tests.support.clocks import ManualClock

GATE = UpdateRateLimiter(ratio=1, warm_up_steps=10, lead_steps=16, tolerance_steps=0, max_env_steps=1000)


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def state(clock):
    return RunState("run", GATE, clock)


def test_an_actor_is_alive_for_ten_seconds(state, clock):
    state.heard_of("a")
    clock.now = 9.9
    state.heard_of("b")
    assert state.live_actors() == 2
    clock.now = 10.1
    assert state.live_actors() == 1
    state.forget("b")
    assert state.live_actors() == 0


def test_actors_share_what_is_left(state):
    for name in ("a", "b"):
        state.heard_of(name)
    assert state.granted_sequence(5) == 5 + 13
    state.set_env_steps(25)
    assert state.granted_sequence(5) == 6
    state.set_env_steps(26)
    assert state.granted_sequence(5) == 5


def test_a_finished_run_stays_finished(state):
    state.set_phase(pb.PHASE_FINISHED)
    state.set_phase(pb.PHASE_TRAINING)
    assert state.phase == pb.PHASE_FINISHED


def test_the_step_count_never_goes_back(state):
    state.set_env_steps(7)
    state.set_env_steps(3)
    assert state.env_steps == 7


@pytest.mark.parametrize(
    ("now", "is_news"),
    [
        (Answer(5, 20, pb.PHASE_TRAINING, 9), False),
        (Answer(6, 20, pb.PHASE_TRAINING, 9), True),
        (Answer(5, 21, pb.PHASE_TRAINING, 9), False),
        (Answer(5, 22, pb.PHASE_TRAINING, 9), True),
        (Answer(5, 20, pb.PHASE_FINISHED, 9), True),
    ],
)
def test_only_news_is_sent(state, now, is_news):
    assert state.is_news(Answer(5, 20, pb.PHASE_TRAINING, 9), now) == is_news


def test_an_actor_that_waits_hears_of_a_single_step(state):
    assert state.is_news(Answer(5, 5, pb.PHASE_TRAINING, 9), Answer(5, 6, pb.PHASE_TRAINING, 9))


def test_an_evaluation_that_is_reported_again_is_not_new(state):
    summary = pb.EvaluationSummary(policy_version=3, episode_count=20, success_count=19)
    assert state.record_evaluation("a", summary)
    assert not state.record_evaluation("a", summary)
    assert state.take_evaluations() == [summary]
    assert state.take_evaluations() == []


def test_the_window_forgets_old_episodes(state):
    for number in range(30):
        state.record_episode("a", pb.EpisodeSummary(episode_id=number, success=number >= 20))
    assert [episode.success for episode in state.recent] == [False] * 10 + [True] * 10
    assert state.episode_count == 30
