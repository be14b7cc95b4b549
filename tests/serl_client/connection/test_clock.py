import pytest
from hypothesis import given
from hypothesis import strategies as st

from serl_client.connection.clock import TimeExchange, best_offset

delays = st.integers(0, 10_000_000)


def exchange(offset_ns, there_ns, back_ns, sent_ns=1_000, held_ns=500):
    received = sent_ns + there_ns + offset_ns
    answered = received + held_ns
    return TimeExchange(
        client_send_ns=sent_ns,
        daemon_receive_ns=received,
        daemon_send_ns=answered,
        client_receive_ns=answered - offset_ns + back_ns,
    )


@given(st.integers(-(10**15), 10**15), delays)
def test_symmetric_delays_give_the_exact_offset(offset_ns, delay_ns):
    found = best_offset([exchange(offset_ns, delay_ns, delay_ns)])
    assert found.offset_ns == offset_ns
    assert found.round_trip_ns == 2 * delay_ns


@given(st.integers(-(10**12), 10**12), st.lists(st.tuples(delays, delays), min_size=1))
def test_the_error_is_at_most_half_the_smallest_round_trip(offset_ns, pairs):
    found = best_offset([exchange(offset_ns, *pair) for pair in pairs])
    assert found.round_trip_ns == min(map(sum, pairs))
    assert abs(found.offset_ns - offset_ns) <= found.round_trip_ns / 2 + 1


def test_instants_map_there_and_back():
    found = best_offset([exchange(12_345, 10, 10)])
    assert found.to_client_ns(found.to_daemon_ns(77)) == 77


def test_no_exchange_is_an_error():
    with pytest.raises(ValueError, match="empty"):
        best_offset([])
