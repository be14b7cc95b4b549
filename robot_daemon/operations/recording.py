"""Reads and writes the black box's file: a zip of NumPy arrays with `header.json`, without pickle."""

import io
import json
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from robot_daemon.control.events import Command, Event
from robot_daemon.hardware.devices import ArmSample, GripperSample
from serl_api.enums import GripperMotion
from serl_api.lifetime.whole_file import written_whole
from serl_api.sentence import SentenceError
from serl_api.values import JointTarget, Pose, WrenchTarget

FORMAT = "serl-black-box"
VERSION = 1
HEADER = "header.json"
SUFFIX = ".npz"

TARGET_KINDS = ("none", "tcp_pose", "joint_positions", "wrench")
MOTIONS = tuple(motion.name.lower() for motion in GripperMotion if motion is not GripperMotion.UNKNOWN)
UNITS = "SI and rad, base frame, quaternions xyzw, times in ns on the daemon's monotonic clock"

_ROWS_AT_ONCE = 256
_LARGEST_MEMBER_BYTES = 1 << 29
# The head of an array is Python, and may say any size.
_HEAD_DAMAGE = (SyntaxError, tokenize.TokenError, TypeError, OverflowError, MemoryError, UserWarning)
_DAMAGE = (zipfile.BadZipFile, zlib.error, KeyError, ValueError, EOFError, NotImplementedError, *_HEAD_DAMAGE)

Array: TypeAlias = NDArray[Any]
Sample: TypeAlias = tuple[ArmSample, GripperSample | None]


class RecordingError(SentenceError):
    """Raised for a file that is no recording; the message is one sentence for people."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Recording:
    """Holds the last seconds before a fault: N samples, M commands, an arm of n joints."""

    header: Mapping[str, Any]
    """What happened, when and where: "triggers" and "events" are lists of `{"name", "time_ns", **fields}`."""
    arrays: Mapping[str, Array]
    """`arm_*` and `gripper_*` with N rows, `command_*` with M rows; docs/hardware/operations.md lists them."""

    @property
    def trigger_time_ns(self) -> int:
        """Returns the instant of the event that the recording was written for."""
        return int(self.header["trigger_time_ns"])


def pack_samples(samples: Sequence[Sample]) -> dict[str, Array]:
    """Packs samples into columns; NaN for what was not measured, motion -1 without a gripper."""
    rows = len(samples)
    joints = len(samples[0][0].joint_positions) if rows else 0
    columns: dict[str, Array] = {"arm_time_ns": np.zeros(rows, np.int64)}
    widths = dict.fromkeys(("joint_positions", "joint_velocities", "joint_torques", "external_joint_torques"), joints)
    widths |= {"tcp_twist": 6, "external_wrench": 6}
    columns |= {f"arm_{name}": np.full((rows, width), np.nan) for name, width in widths.items()}
    columns["arm_tcp_position"] = np.full((rows, 3), np.nan)
    columns["arm_tcp_quaternion"] = np.full((rows, 4), np.nan)
    columns["arm_command_success_rate"] = np.full(rows, np.nan)
    columns["arm_jacobian"] = np.full((rows, 6, joints), np.nan)
    columns |= {f"gripper_{name}": np.full(rows, np.nan) for name in ("width", "target_width", "force")}
    columns["gripper_time_ns"] = np.zeros(rows, np.int64)
    columns["gripper_motion"] = np.full(rows, -1, np.int8)
    for start in range(0, rows, _ROWS_AT_ONCE):
        part = samples[start : start + _ROWS_AT_ONCE]
        arms = [arm for arm, _ in part]
        here = slice(start, start + len(part))
        columns["arm_time_ns"][here] = [arm.time_ns for arm in arms]
        columns["arm_tcp_position"][here] = [arm.tcp_pose.position for arm in arms]
        columns["arm_tcp_quaternion"][here] = [arm.tcp_pose.quaternion_xyzw for arm in arms]
        rates = (arm.command_success_rate for arm in arms)
        columns["arm_command_success_rate"][here] = [np.nan if rate is None else rate for rate in rates]
        empty = np.full(joints, np.nan)
        for name in (*widths, "jacobian"):
            values = [getattr(arm, name) for arm in arms]
            columns[f"arm_{name}"][here] = [empty if value is None else value for value in values]
        for row, (_, gripper) in enumerate(part, start=start):
            if gripper is not None:
                _pack_gripper(columns, row, gripper)
    return columns


def pack_commands(commands: Sequence[Command], joints: int) -> dict[str, Array]:
    """Packs commands into columns. `command_target` has max(7, n): position and quaternion, joints or wrench."""
    rows = len(commands)
    columns: dict[str, Array] = {
        "command_time_ns": np.array([command.time_ns for command in commands], np.int64),
        "command_sequence_number": np.array([command.sequence_number for command in commands], np.int64),
        "command_kind": np.zeros(rows, np.int8),
        "command_target": np.full((rows, max(7, joints)), np.nan),
        "command_gripper": np.full((rows, 3), np.nan),
    }
    for row, command in enumerate(commands):
        kind, values = _target_values(command)
        columns["command_kind"][row] = kind
        columns["command_target"][row, : len(values)] = values
        if command.gripper is not None:
            gripper = command.gripper
            columns["command_gripper"][row] = (gripper.width, gripper.speed, gripper.force)
    return columns


def event_document(event: Event) -> dict[str, Any]:
    """Converts an event to JSON values."""
    return {"name": event.name, "time_ns": event.time_ns, **event.fields}


def write_recording(path: Path, recording: Recording) -> int:
    """Writes a file so that it is there whole or not at all, also after a loss of power; returns its bytes.

    Raises:
        OSError: The disk is full or may not be written.
    """
    with written_whole(path) as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            archive.writestr(HEADER, json.dumps(recording.header, indent=1))
            for name, array in recording.arrays.items():
                buffer = io.BytesIO()
                np.lib.format.write_array(buffer, np.ascontiguousarray(array), allow_pickle=False)
                archive.writestr(f"{name}.npy", buffer.getbuffer())
        return file.tell()


def read_recording(path: Path) -> Recording:
    """Reads a file.

    Raises:
        RecordingError: It cannot be read or is no recording.
    """
    try:
        with zipfile.ZipFile(path) as archive, warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # NumPy's, of heads that no recording has.
            header = json.load(_member(archive, HEADER))
            if not isinstance(header, dict) or header.get("format") != FORMAT:
                raise RecordingError(f"{path} is no recording of a black box")
            if header.get("version") != VERSION:
                text = f"{path} has version {header.get('version')} of the format; this program reads version {VERSION}"
                raise RecordingError(text)
            names = [name for name in archive.namelist() if name != HEADER]
            arrays = {
                name.removesuffix(".npy"): np.lib.format.read_array(_member(archive, name), allow_pickle=False)
                for name in names
            }
    except OSError as error:
        raise RecordingError(f"{path} cannot be read: {error.strerror or error}") from None
    except _DAMAGE as error:
        raise RecordingError(f"{path} is no recording of a black box, or is damaged ({error})") from None
    return Recording(header=header, arrays=arrays)


def _member(archive: zipfile.ZipFile, name: str) -> io.BytesIO:
    size = archive.getinfo(name).file_size
    if size > _LARGEST_MEMBER_BYTES:
        raise ValueError(f"{name} has {size} bytes, more than {_LARGEST_MEMBER_BYTES}")
    return io.BytesIO(archive.read(name))


def _pack_gripper(columns: Mapping[str, Array], row: int, gripper: GripperSample) -> None:
    columns["gripper_time_ns"][row] = gripper.time_ns
    columns["gripper_width"][row] = gripper.width
    columns["gripper_target_width"][row] = gripper.target_width
    columns["gripper_motion"][row] = MOTIONS.index(gripper.motion.name.lower())
    if gripper.force is not None:
        columns["gripper_force"][row] = gripper.force


def _target_values(command: Command) -> tuple[int, list[float]]:
    target = command.target
    if isinstance(target, Pose):
        return TARGET_KINDS.index("tcp_pose"), [*target.position.tolist(), *target.quaternion_xyzw.tolist()]
    if isinstance(target, JointTarget):
        return TARGET_KINDS.index("joint_positions"), target.positions.tolist()
    if isinstance(target, WrenchTarget):
        return TARGET_KINDS.index("wrench"), target.wrench.tolist()
    return 0, []
