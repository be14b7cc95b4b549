"""A peer that falls silent without closing is noticed in two seconds, on every side (docs/reliability.md)."""

import pytest

from serl_api.errors.robot import ConnectionLostError
from tests.support import silence

pytestmark = pytest.mark.real_time
NOTICED_S = 2.0
AT_REST_S = 2.3


def test_an_arm_holds_after_its_network_has_fallen_silent():
    assert silence.arm_in_a_silent_network() < AT_REST_S


def test_an_arm_holds_after_its_client_was_stopped():
    assert silence.arm_of_a_stopped_client() < AT_REST_S


def test_a_client_says_that_it_lost_the_daemon_and_nothing_about_the_arm():
    seconds, error = silence.client_in_a_silent_network()
    assert seconds < NOTICED_S
    assert isinstance(error, ConnectionLostError)
    assert "holds" not in str(error)


def test_an_actor_notices_a_silent_network(tmp_path):
    assert silence.actor_in_a_silent_network(tmp_path) < NOTICED_S


def test_a_learner_forgets_an_actor_in_a_silent_network(tmp_path):
    assert silence.learner_in_a_silent_network(tmp_path) < NOTICED_S


@pytest.mark.parametrize(
    "seconds_until_room",
    [
        silence.watch_of_health_in_a_silent_network,
        silence.stream_of_states_in_a_silent_network,
        silence.watch_of_a_policy_in_a_silent_network,
    ],
)
def test_a_silent_client_of_a_stream_gives_its_place_up(seconds_until_room):
    assert seconds_until_room() < NOTICED_S
