"""A trace gives back what was recorded, as far as it was written before a crash."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_daemon.operations.traces.trace_file import (
    BLOCK_RECORDS,
    Datagram,
    Direction,
    TraceError,
    TraceWriter,
    read_trace,
)

DATAGRAMS = st.lists(
    st.builds(Datagram, st.sampled_from(Direction), st.integers(0, 2**62), st.binary(max_size=1400)), max_size=20
)


@settings(max_examples=40)
@given(datagrams=DATAGRAMS)
def test_every_datagram_comes_back_in_the_order_of_the_stamps(tmp_path_factory, datagrams):
    path = tmp_path_factory.mktemp("trace") / "t"
    with TraceWriter(path, {"host": "172.16.0.2"}) as writer:
        for datagram in datagrams:
            writer.add(datagram)
    trace = read_trace(path)
    assert trace.datagrams == sorted(datagrams, key=lambda datagram: datagram.time_ns)
    assert (trace.is_whole, trace.header["host"]) == (True, "172.16.0.2")


@pytest.fixture
def long_trace(tmp_path):
    """A trace of three blocks, of which the last is not full, and its datagrams."""
    path = tmp_path / "long"
    datagrams = [
        Datagram(Direction.STATE, number, struct.pack("<Q", number)) for number in range(2 * BLOCK_RECORDS + 9)
    ]
    with TraceWriter(path, {}) as writer:
        for datagram in datagrams:
            writer.add(datagram)
    return path, datagrams


@pytest.mark.parametrize("cut", [1, 7, 40])
def test_a_crash_costs_the_last_block_alone(long_trace, cut):
    path, datagrams = long_trace
    path.write_bytes(path.read_bytes()[:-cut])
    trace = read_trace(path)
    assert trace.datagrams == datagrams[: 2 * BLOCK_RECORDS]
    assert not trace.is_whole


def test_what_is_recorded_is_on_the_disk_a_block_at_a_time(tmp_path):
    writer = TraceWriter(tmp_path / "t", {})
    for number in range(BLOCK_RECORDS + 1):
        writer.add(Datagram(Direction.COMMAND, number, b"x"))
    assert len(read_trace(tmp_path / "t").datagrams) == BLOCK_RECORDS
    writer.close()
    assert len(read_trace(tmp_path / "t").datagrams) == BLOCK_RECORDS + 1


def test_a_block_that_was_damaged_ends_the_trace(long_trace):
    path, datagrams = long_trace
    damaged = bytearray(path.read_bytes())
    damaged[-30] ^= 1
    path.write_bytes(damaged)
    assert read_trace(path).datagrams == datagrams[: 2 * BLOCK_RECORDS]


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "is no trace"), (b"PK\x03\x04", "is no trace"), (b'{"format": "serl-trace", "version": 2}\n', "version 2")],
)
def test_another_file_is_one_sentence(tmp_path, content, said):
    path = tmp_path / "t"
    path.write_bytes(content)
    with pytest.raises(TraceError, match=said):
        read_trace(path)
    with pytest.raises(TraceError, match="exists already"):
        TraceWriter(path, {})
    with pytest.raises(TraceError, match="cannot be read"):
        read_trace(tmp_path / "none")
