"""Formats a recording of the black box: a summary with small plots, and a table for spreadsheets."""

import csv
from collections.abc import Iterator, Mapping
from typing import Any, TextIO

import numpy as np

from robot_daemon.operations.recording import TARGET_KINDS, Array, Recording

PLOT_WIDTH = 60
"""Characters of a plot."""

_LEVELS = "▁▂▃▄▅▆▇█"
_JOINT_COLUMNS = {"q": "joint_positions", "dq": "joint_velocities", "tau": "joint_torques"}
_VECTOR_COLUMNS = {
    "tcp_position": ("x", "y", "z"),
    "tcp_quaternion": ("x", "y", "z", "w"),
    "tcp_twist": ("vx", "vy", "vz", "wx", "wy", "wz"),
    "external_wrench": ("fx", "fy", "fz", "tx", "ty", "tz"),
}


def summarize(recording: Recording) -> Iterator[str]:
    """Summarizes what happened in lines, with a plot of each signal that matters most."""
    header, arrays = recording.header, recording.arrays
    facts = header.get("facts", {})
    yield ", ".join(f"{name} {value}" for name, value in facts.items() if value)
    for trigger in header["triggers"]:
        yield f"trigger  {header['trigger_wall_time']}  {_event_text(trigger)}"
    times = seconds_from_trigger(recording)
    yield f"states   {_coverage(times)}"
    yield f"commands {len(arrays['command_time_ns'])}"
    yield "events"
    for event in header["events"]:
        yield f"  {(event['time_ns'] - recording.trigger_time_ns) * 1e-9:+8.3f} s  {_event_text(event)}"
    if len(times) < 2:
        return
    yield f"{'signal':<26}{'min':>10}{'max':>10}  {_axis(times)}"
    for name, values in signals(recording).items():
        if np.isfinite(values).any():
            yield f"{name:<26}{np.nanmin(values):>10.4g}{np.nanmax(values):>10.4g}  {_plot(times, values)}"


def signals(recording: Recording) -> dict[str, Array]:
    """Selects the signals that matter most for a fault, one value a state, by name with unit."""
    arrays = recording.arrays
    return {
        "external force (N)": np.linalg.norm(arrays["arm_external_wrench"][:, :3], axis=1),
        "external torque (Nm)": np.linalg.norm(arrays["arm_external_wrench"][:, 3:], axis=1),
        "tcp x (m)": arrays["arm_tcp_position"][:, 0],
        "tcp y (m)": arrays["arm_tcp_position"][:, 1],
        "tcp z (m)": arrays["arm_tcp_position"][:, 2],
        "tcp speed (m/s)": np.linalg.norm(arrays["arm_tcp_twist"][:, :3], axis=1),
        "fastest joint (rad/s)": np.abs(arrays["arm_joint_velocities"]).max(axis=1, initial=0.0),
        "distance to target (m)": _distance_to_target(recording),
        "gripper width (m)": arrays["gripper_width"],
    }


def write_csv(recording: Recording, file: TextIO) -> int:
    """Writes one row a state: time from the trigger, state, the command in force; returns how many."""
    arrays = recording.arrays
    columns: dict[str, Array] = {"time_s": seconds_from_trigger(recording)}
    for short, name in _JOINT_COLUMNS.items():
        columns |= {f"{short}{joint + 1}": column for joint, column in enumerate(arrays[f"arm_{name}"].T)}
    for name, axes in _VECTOR_COLUMNS.items():
        columns |= {f"{name}_{axis}": column for axis, column in zip(axes, arrays[f"arm_{name}"].T, strict=True)}
    columns |= {"gripper_width": arrays["gripper_width"], "gripper_target_width": arrays["gripper_target_width"]}
    latest = _command_in_force(recording)
    kinds = np.array(["", *TARGET_KINDS])
    columns["target_kind"] = kinds[np.where(latest < 0, 0, _taken(arrays["command_kind"], latest) + 1)]
    targets = _taken(arrays["command_target"], latest)
    targets[latest < 0] = np.nan
    columns |= {f"target_{number + 1}": column for number, column in enumerate(targets.T)}
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    for row in zip(*(column.tolist() for column in columns.values()), strict=True):
        writer.writerow("" if value != value else value for value in row)  # NaN is an empty cell.
    return len(columns["time_s"])


def seconds_from_trigger(recording: Recording) -> Array:
    """Returns the times of the states, (N,) s; negative before the trigger."""
    return (recording.arrays["arm_time_ns"] - recording.trigger_time_ns) * 1e-9


def _command_in_force(recording: Recording) -> Array:
    """Finds the index of the last command with a target at each state, (N,); -1 where there was none."""
    arrays = recording.arrays
    numbers = np.flatnonzero(arrays["command_kind"] > 0)
    if len(numbers) == 0:
        return np.full(len(arrays["arm_time_ns"]), -1)
    places = np.searchsorted(arrays["command_time_ns"][numbers], arrays["arm_time_ns"], side="right") - 1
    return np.where(places < 0, -1, numbers[places])


def _taken(values: Array, indices: Array) -> Array:
    """Takes rows at indices; any row where an index is -1."""
    if len(values) == 0:
        return np.zeros((len(indices), *values.shape[1:]), values.dtype)
    return values[indices].copy()


def _distance_to_target(recording: Recording) -> Array:
    arrays = recording.arrays
    latest = _command_in_force(recording)
    is_pose = (latest >= 0) & (_taken(arrays["command_kind"], latest) == TARGET_KINDS.index("tcp_pose"))
    targets = _taken(arrays["command_target"], latest)[:, :3]
    distance = np.linalg.norm(targets - arrays["arm_tcp_position"], axis=1)
    return np.where(is_pose, distance, np.nan)


def _coverage(times: Array) -> str:
    if len(times) < 2:
        return f"{len(times)}"
    span = float(times[-1] - times[0])
    gap = float(np.diff(times).max())
    rate = (len(times) - 1) / span if span > 0.0 else 0.0
    return f"{len(times)}, from {times[0]:+.2f} s to {times[-1]:+.2f} s, {rate:.0f} Hz, longest gap {gap * 1e3:.1f} ms"


def _event_text(event: Mapping[str, Any]) -> str:
    fields = (f"{name}={value}" for name, value in event.items() if name not in ("name", "time_ns", "onset_time_ns"))
    return " ".join([str(event["name"]), *fields])


def _columns(times: Array) -> Array:
    """Assigns each state a column of the plot."""
    span = max(float(times[-1] - times[0]), 1e-9)
    return np.minimum((times - times[0]) / span * PLOT_WIDTH, PLOT_WIDTH - 1).astype(int)


def _axis(times: Array) -> str:
    """Draws a line with a mark at the trigger."""
    trigger = int(np.clip(np.searchsorted(times, 0.0), 0, len(times) - 1))
    place = int(_columns(times)[trigger])
    return "".join("▼" if column == place else "·" for column in range(PLOT_WIDTH))


def _plot(times: Array, values: Array) -> str:
    """Plots the largest magnitude in each column, as a height between the smallest and the largest value."""
    lower, upper = float(np.nanmin(values)), float(np.nanmax(values))
    columns = _columns(times)
    text = ""
    for column in range(PLOT_WIDTH):
        here = values[(columns == column) & np.isfinite(values)]
        if len(here) == 0:
            text += " "
            continue
        height = (float(here.max()) - lower) / (upper - lower) if upper > lower else 0.0
        text += _LEVELS[round(height * (len(_LEVELS) - 1))]
    return text
