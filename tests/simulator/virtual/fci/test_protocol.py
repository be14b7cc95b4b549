import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.virtual.fci.faults import Fault
from simulator.virtual.fci.protocol import (
    HEADER,
    MOTION_COMMAND,
    PAYLOAD_SIZES,
    STATE,
    Command,
    Controller,
    Generator,
    ProtocolError,
    Request,
    pack_response,
    pack_version,
    parse_connect,
    parse_doubles,
    parse_move,
    take_request,
)
from tests.support.fci_requests import pack_request

# Sent by libfranka 0.21.2 through franky 2.0.
CONNECT = "0000000000000000100000000a00c0b2"
GET_ROBOT_MODEL = "0b000000010000000c000000"
MOVE_TORQUES = (
    "01000000050000007d00000002000000040000000000000000002440f6285c8fc2f50840182d4454fb211940"
    "0000000000002440f6285c8fc2f50840182d4454fb21194000" + 56 * "00"
)
STOP_MOVE = "02000000060000000c000000"
RECOVERY = "0a000000080000000c000000"
SET_LOAD = "09000000090000007400000000000000" + "0000e03f" + 16 * "00" + "9a9999999999b93f" + 72 * "00"


@pytest.mark.parametrize(
    ("frame", "command", "number"),
    [
        (CONNECT, Command.CONNECT, 0),
        (GET_ROBOT_MODEL, Command.GET_ROBOT_MODEL, 1),
        (MOVE_TORQUES, Command.MOVE, 5),
        (STOP_MOVE, Command.STOP_MOVE, 6),
        (RECOVERY, Command.AUTOMATIC_ERROR_RECOVERY, 8),
        (SET_LOAD, Command.SET_LOAD, 9),
    ],
)
def test_frames_of_libfranka_are_read_and_written_byte_for_byte(frame, command, number):
    buffer = bytearray.fromhex(frame)
    request = take_request(buffer)
    assert (request.command, request.command_id, bytes(buffer)) == (command, number, b"")
    assert pack_request(request).hex() == frame


def test_payloads_of_libfranka_mean_what_was_asked_for():
    assert parse_connect(bytes.fromhex(CONNECT)[HEADER.size :]) == (10, 45760)
    move = parse_move(bytes.fromhex(MOVE_TORQUES)[HEADER.size :])
    assert (move.controller, move.generator) == (Controller.EXTERNAL, Generator.NONE)
    mass, center, inertia = parse_doubles(Command.SET_LOAD, bytes.fromhex(SET_LOAD)[HEADER.size :])
    assert (mass.tolist(), center.tolist(), inertia.tolist()) == ([0.5], [0.0, 0.0, 0.1], [0.0] * 9)


def test_responses_are_header_status_and_extra():
    assert pack_response(Command.CONNECT, 7, 1, pack_version(10)).hex() == "00000000070000000f000000010a00"
    assert pack_response(Command.MOVE, 258, 8).hex() == "01000000020100000d00000008"


def test_datagrams_have_the_sizes_that_libfranka_checks():
    assert (STATE.itemsize, MOTION_COMMAND.itemsize, len(Fault)) == (1377, 371, 41)


@pytest.mark.parametrize(
    ("name", "offset"),
    [("O_T_EE", 8), ("m_ee", 392), ("tau_J", 512), ("q", 596), ("tau_ext_hat_filtered", 840), ("robot_mode", 1372)],
)
def test_fields_of_the_state_lie_where_libfranka_reads_them(name, offset):
    assert STATE.fields[name][1] == offset


def test_a_state_is_little_endian_as_libfranka_reads_it():
    state = np.zeros((), STATE)
    state["message_id"], state["q"], state["robot_mode"] = 258, np.arange(7), 4
    state["errors"][6], state["control_command_success_rate"] = 1, 0.5
    said = struct.unpack("<Q320f2B41B41BBf", state.tobytes())
    assert (said[0], said[148:155], said[323:364]) == (258, tuple(range(7)), (*[0] * 6, 1, *[0] * 34))
    assert said[-2:] == (4, 0.5)


def test_fields_of_a_motion_command_lie_where_libfranka_writes_them():
    datagram = struct.pack(
        "<Q7d7d16d6d2d??7d?", 9, *range(7), *range(7), *range(16), *range(6), 3, -1, 1, 0, *range(7), 1
    )
    command = np.frombuffer(datagram, MOTION_COMMAND)[0]
    assert command["message_id"] == 9
    assert command["O_T_EE_c"].tolist() == list(range(16))
    assert command["elbow_c"].tolist() == [3, -1]
    assert (command["valid_elbow"], command["motion_generation_finished"]) == (1, 0)
    assert command["tau_J_d"].tolist() == list(range(7))
    assert command["torque_command_finished"] == 1


@given(
    frames=st.lists(
        st.sampled_from(list(Command)).flatmap(
            lambda command: st.builds(
                Request,
                command=st.just(command),
                command_id=st.integers(0, 2**32 - 1),
                payload=st.binary(min_size=PAYLOAD_SIZES[command], max_size=PAYLOAD_SIZES[command]),
            )
        ),
        max_size=4,
    ),
    cut=st.integers(1, 200),
)
def test_requests_survive_any_cut_of_the_stream(frames, cut):
    stream = b"".join(pack_request(frame) for frame in frames)
    buffer, read = bytearray(), []
    for start in range(0, len(stream), cut):
        buffer += stream[start : start + cut]
        while (request := take_request(buffer)) is not None:
            read.append(request)
    assert read == frames


@pytest.mark.parametrize(
    ("header", "part"), [((12, 0, 12), "command 12 is unknown"), ((1, 0, 12), "needs 125"), ((2, 0, 2**31), "needs 12")]
)
def test_a_malformed_header_is_one_sentence(header, part):
    with pytest.raises(ProtocolError, match=part):
        take_request(bytearray(HEADER.pack(*header)))


def test_unknown_modes_of_a_move_are_refused():
    payload = bytearray(bytes.fromhex(MOVE_TORQUES)[HEADER.size :])
    payload[4] = 9
    with pytest.raises(ProtocolError, match="generator 9"):
        parse_move(bytes(payload))
