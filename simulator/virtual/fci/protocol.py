"""Packs and parses the Franka Control Interface, server version 10: commands over TCP, state over UDP.

Everything is little endian and packed. Sizes and orders are facts of libfranka's research interface, checked against
the clients of libfranka 0.21; matrices are column-major. Nothing here opens a socket.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from simulator.virtual.fci.faults import Fault

PORT = 1337
"""TCP port that libfranka connects to."""
VERSION = 10
"""Server version that libfranka 0.18 and later ask for."""

HEADER = struct.Struct("<III")
"""Command, command id, size of the whole message in bytes."""


class Command(IntEnum):
    """Enumerates what a client asks for over TCP."""

    CONNECT = 0
    MOVE = 1
    STOP_MOVE = 2
    SET_COLLISION_BEHAVIOR = 3
    SET_JOINT_IMPEDANCE = 4
    SET_CARTESIAN_IMPEDANCE = 5
    SET_GUIDING_MODE = 6
    SET_EE_TO_K = 7
    SET_NE_TO_EE = 8
    SET_LOAD = 9
    AUTOMATIC_ERROR_RECOVERY = 10
    GET_ROBOT_MODEL = 11


GROUPS: dict[Command, tuple[int, ...]] = {
    Command.SET_COLLISION_BEHAVIOR: (7, 7, 7, 7, 6, 6, 6, 6),
    Command.SET_JOINT_IMPEDANCE: (7,),
    Command.SET_CARTESIAN_IMPEDANCE: (6,),
    Command.SET_EE_TO_K: (16,),
    Command.SET_NE_TO_EE: (16,),
    Command.SET_LOAD: (1, 3, 9),
}
"""Payloads that are doubles alone: how many, in which groups."""

PAYLOAD_SIZES: dict[Command, int] = {
    Command.CONNECT: 4,
    Command.MOVE: 113,
    Command.STOP_MOVE: 0,
    Command.SET_GUIDING_MODE: 7,
    Command.AUTOMATIC_ERROR_RECOVERY: 0,
    Command.GET_ROBOT_MODEL: 0,
    **{command: 8 * sum(groups) for command, groups in GROUPS.items()},
}
"""Bytes after the header of each request."""

LONGEST_REQUEST = HEADER.size + max(PAYLOAD_SIZES.values())


class RobotMode(IntEnum):
    """Enumerates what the arm is doing, as the state says it."""

    OTHER = 0
    IDLE = 1
    MOVE = 2
    GUIDING = 3
    REFLEX = 4
    USER_STOPPED = 5
    RECOVERY = 6


class Controller(IntEnum):
    """Enumerates who computes torques, as a Move asks for it and as the state says it; OTHER only in the state."""

    JOINT_IMPEDANCE = 0
    CARTESIAN_IMPEDANCE = 1
    EXTERNAL = 2
    OTHER = 3


class Generator(IntEnum):
    """Enumerates what a client streams, as the state says it. A Move asks with the number that is one lower."""

    IDLE = 0
    JOINT_POSITION = 1
    JOINT_VELOCITY = 2
    CARTESIAN_POSITION = 3
    CARTESIAN_VELOCITY = 4
    NONE = 5


class ConnectStatus(IntEnum):
    """Enumerates the answers to CONNECT."""

    SUCCESS = 0
    INCOMPATIBLE_VERSION = 1


class MoveStatus(IntEnum):
    """Enumerates the answers to MOVE: one when it starts, one when it ends."""

    SUCCESS = 0
    MOTION_STARTED = 1
    PREEMPTED = 2
    PREEMPTED_BY_SAFETY = 3
    REJECTED_BY_SAFETY = 4
    NOT_POSSIBLE = 5
    SINGULAR_START = 6
    INVALID_ARGUMENT = 7
    REFLEX_ABORTED = 8
    EMERGENCY_ABORTED = 9
    INPUT_ERROR_ABORTED = 10
    ABORTED = 11


class SetterStatus(IntEnum):
    """Enumerates the answers to the commands that set something."""

    SUCCESS = 0
    NOT_POSSIBLE = 1
    INVALID_ARGUMENT = 2
    REJECTED_BY_SAFETY = 3


class StopStatus(IntEnum):
    """Enumerates the answers to STOP_MOVE."""

    SUCCESS = 0
    NOT_POSSIBLE = 1
    REJECTED_BY_SAFETY = 2
    EMERGENCY_ABORTED = 3
    REFLEX_ABORTED = 4


class PlainStatus(IntEnum):
    """Enumerates the answers to AUTOMATIC_ERROR_RECOVERY and GET_ROBOT_MODEL."""

    SUCCESS = 0
    NOT_POSSIBLE = 1
    REJECTED_BY_SAFETY = 2


_STATE_FLOATS: tuple[tuple[str, int], ...] = (
    ("O_T_EE", 16),
    ("O_T_EE_d", 16),
    ("F_T_EE", 16),
    ("EE_T_K", 16),
    ("F_T_NE", 16),
    ("NE_T_EE", 16),
    ("m_ee", 1),
    ("I_ee", 9),
    ("F_x_Cee", 3),
    ("m_load", 1),
    ("I_load", 9),
    ("F_x_Cload", 3),
    ("elbow", 2),
    ("elbow_d", 2),
    ("tau_J", 7),
    ("tau_J_d", 7),
    ("dtau_J", 7),
    ("q", 7),
    ("q_d", 7),
    ("dq", 7),
    ("dq_d", 7),
    ("ddq_d", 7),
    ("joint_contact", 7),
    ("cartesian_contact", 6),
    ("joint_collision", 7),
    ("cartesian_collision", 6),
    ("tau_ext_hat_filtered", 7),
    ("O_F_ext_hat_K", 6),
    ("K_F_ext_hat_K", 6),
    ("O_dP_EE_d", 6),
    ("O_ddP_O", 3),
    ("elbow_c", 2),
    ("delbow_c", 2),
    ("ddelbow_c", 2),
    ("O_T_EE_c", 16),
    ("O_dP_EE_c", 6),
    ("O_ddP_EE_c", 6),
    ("theta", 7),
    ("dtheta", 7),
    ("accelerometer_top", 18),
    ("accelerometer_bottom", 18),
)

STATE = np.dtype(
    [
        ("message_id", "<u8"),
        *((name, "<f4", (count,)) for name, count in _STATE_FLOATS),
        ("motion_generator_mode", "u1"),
        ("controller_mode", "u1"),
        ("errors", "u1", (len(Fault),)),
        ("reflex_reason", "u1", (len(Fault),)),
        ("robot_mode", "u1"),
        ("control_command_success_rate", "<f4"),
    ]
)
"""One UDP datagram from the arm: 1377 bytes, float32."""

MOTION_COMMAND = np.dtype(
    [
        ("message_id", "<u8"),
        ("q_c", "<f8", (7,)),
        ("dq_c", "<f8", (7,)),
        ("O_T_EE_c", "<f8", (16,)),
        ("O_dP_EE_c", "<f8", (6,)),
        ("elbow_c", "<f8", (2,)),
        ("valid_elbow", "u1"),
        ("motion_generation_finished", "u1"),
        ("tau_J_d", "<f8", (7,)),
        ("torque_command_finished", "u1"),
    ]
)
"""One UDP datagram from the client: 371 bytes, float64."""

_CONNECT = struct.Struct("<HH")
_MOVE = struct.Struct("<II3d3dB7d")


class ProtocolError(Exception):
    """Raised for what the protocol does not know; the text is one sentence."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """Holds a command as it came over TCP."""

    command: Command
    command_id: int
    payload: bytes


@dataclass(frozen=True, kw_only=True)
class MoveRequest:
    """Holds the payload of MOVE, modes as the state will say them."""

    controller: Controller
    generator: Generator


def take_request(buffer: bytearray) -> Request | None:
    """Takes the first whole request out of a buffer; None while it is not complete.

    Raises:
        ProtocolError: The command is unknown or its size is wrong.
    """
    if len(buffer) < HEADER.size:
        return None
    number, command_id, size = HEADER.unpack_from(buffer)
    try:
        command = Command(number)
    except ValueError:
        raise ProtocolError(f"command {number} is unknown; this server speaks version {VERSION}") from None
    expected = HEADER.size + PAYLOAD_SIZES[command]
    if size != expected:
        raise ProtocolError(f"{command.name} has {size} bytes and needs {expected}; check the client's version")
    if len(buffer) < size:
        return None
    payload = bytes(buffer[HEADER.size : size])
    del buffer[:size]
    return Request(command=command, command_id=command_id, payload=payload)


def pack_response(command: Command, command_id: int, status: int, extra: bytes = b"") -> bytes:
    """Packs an answer: header, one byte of status, and what belongs to the command."""
    return HEADER.pack(command, command_id, HEADER.size + 1 + len(extra)) + bytes((status,)) + extra


def parse_connect(payload: bytes) -> tuple[int, int]:
    """Reads CONNECT: the version that the client speaks, and its UDP port."""
    version, udp_port = _CONNECT.unpack(payload)
    return version, udp_port


def pack_version(version: int) -> bytes:
    """Packs what follows the status of an answer to CONNECT."""
    return struct.pack("<H", version)


def parse_move(payload: bytes) -> MoveRequest:
    """Reads MOVE. Raises ProtocolError for modes that do not exist."""
    controller, generator, *_ = _MOVE.unpack(payload)
    if controller > Controller.EXTERNAL or generator > Generator.NONE - 1:
        raise ProtocolError(f"MOVE asks for controller {controller} and generator {generator}; at most 2 and 4 exist")
    return MoveRequest(controller=Controller(controller), generator=Generator(generator + 1))


def parse_doubles(command: Command, payload: bytes) -> tuple[np.ndarray, ...]:
    """Splits a payload of doubles into its groups."""
    return tuple(np.split(np.frombuffer(payload, "<f8"), np.cumsum(GROUPS[command])[:-1]))
