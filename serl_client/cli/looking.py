"""Implements the subcommands that only look: status, watch, faults, snapshot."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table

from serl_api.cell import CellInfo
from serl_api.enums import PixelEncoding
from serl_api.values import Fault, RobotState
from serl_client.camera import CameraClient
from serl_client.cli.options import Common, UsageError, say, say_json


@dataclass(frozen=True, kw_only=True)
class Status(Common):
    """Say what stands behind the address and how it is."""

    json: bool = False
    """Print JSON."""

    def run(self) -> None:
        """Prints one snapshot."""
        with self.connect() as robot:
            state = robot.get_state()
            if self.json:
                say_json(status_document(robot.info, state))
            else:
                Console().print(_cell_table(robot.info), _state_table(state))


@dataclass(frozen=True, kw_only=True)
class Watch(Common):
    """Show the state live until Ctrl-C; into a pipe, one line of JSON a state."""

    rate_hz: float = 10.0
    """States a second, in (0, 1000]."""
    count: int = 0
    """States to show before ending by itself; 0 is no end."""

    def run(self) -> None:
        """Redraws a table with each state."""
        if not 0.0 < self.rate_hz <= 1000.0:
            raise UsageError(f"--rate-hz is {self.rate_hz:g}; it must be in (0, 1000]")
        if not sys.stdout.isatty():
            self._list()
            return
        with self.connect() as robot, Live(console=Console(), auto_refresh=False) as live:
            for number, state in enumerate(robot.stream_states(self.rate_hz), start=1):
                live.update(_view(robot.info, state), refresh=True)
                if number == self.count:
                    return

    def _list(self) -> None:
        """Prints each state as one line of JSON, for whoever reads a pipe."""
        with self.connect() as robot:
            for number, state in enumerate(robot.stream_states(self.rate_hz), start=1):
                say(json.dumps(status_document(robot.info, state)))
                if number == self.count:
                    return


@dataclass(frozen=True, kw_only=True)
class Faults(Common):
    """List the faults that are active, and the last ones that were cleared."""

    json: bool = False
    """Print JSON."""

    def run(self) -> None:
        """Prints both lists."""
        with self.connect() as robot:
            faults = robot.list_faults()
        if self.json:
            say_json({"active": _documents(faults.active), "cleared": _documents(faults.cleared)})
            return
        if not faults.active:
            say("no fault is active")
        for title, listed in (("active", faults.active), ("cleared", faults.cleared)):
            for fault in listed:
                say(f"{title}: {fault.id} ({fault.severity.name.lower()}): {fault.text}")
                if fault.black_box_path:
                    say(f"  recorded on the robot PC: {fault.black_box_path}")


@dataclass(frozen=True, kw_only=True)
class Snapshot(Common):
    """Save the newest frame of a camera, or of all, as PNG."""

    camera: str = ""
    """Name of the camera; all when empty."""
    output: Path = Path()
    """Folder for the files, which are named after their cameras."""

    def run(self) -> None:
        """Writes the files and prints their names."""
        if not self.output.is_dir():
            raise UsageError(f"--output {self.output} is no folder")
        with self.connect() as robot:
            names = [self.camera] if self.camera else list(robot.info.cameras)
            if not names:
                raise UsageError(f"cell {robot.info.cell_name} has no cameras")
            cameras = CameraClient(robot.connection)
            for name in names:
                path = self.output / f"{name}.png"
                path.write_bytes(cameras.get_frame(name, encoding=PixelEncoding.PNG).data)
                say(str(path))


def status_document(info: CellInfo, state: RobotState) -> dict[str, Any]:
    """Converts a snapshot to JSON values, SI and xyzw."""
    return {
        "cell": info.cell_name,
        "backend": info.backend.name.lower(),
        "pacing": info.pacing.name.lower(),
        "arm": info.arm.model,
        "gripper": info.gripper.model if info.gripper is not None else None,
        "cameras": {name: camera.delivering for name, camera in info.cameras.items()},
        "task": info.task,
        "daemon_version": info.daemon_version,
        "boot_id": info.boot_id,
        "mode": state.mode.name.lower(),
        "control_holder": state.control_holder,
        "control_session_number": state.control_session_number,
        "control_class": state.control_class.name.lower() if state.control_holder else None,
        "stop_latched": state.stop_latched,
        "faults": _documents(state.faults),
        "joint_positions_rad": state.joint_positions.tolist(),
        "tcp_position_m": state.tcp_pose.position.tolist(),
        "tcp_quaternion_xyzw": state.tcp_pose.quaternion_xyzw.tolist(),
        "tcp_twist": state.tcp_twist.tolist(),
        "external_wrench": state.external_wrench.tolist(),
        "command_success_rate": state.command_success_rate,
        "gripper_width_m": state.gripper.width if state.gripper is not None else None,
    }


def _documents(faults: tuple[Fault, ...]) -> list[dict[str, Any]]:
    return [
        {
            "id": fault.id,
            "severity": fault.severity.name.lower(),
            "text": fault.text,
            "clearable": fault.clearable,
            "black_box_path": fault.black_box_path,
        }
        for fault in faults
    ]


def _view(info: CellInfo, state: RobotState) -> RenderableType:
    return Group(_cell_table(info), _state_table(state))


def _cell_table(info: CellInfo) -> Table:
    cameras = ", ".join(f"{name}{'' if camera.delivering else ' (silent)'}" for name, camera in info.cameras.items())
    rows = {
        "cell": f"{info.cell_name}, {info.backend.name.lower()}, {info.pacing.name.lower().replace('_', ' ')}",
        "arm": info.arm.model,
        "gripper": info.gripper.model if info.gripper is not None else "none",
        "cameras": cameras or "none",
        "task": info.task or "none",
        "daemon": f"{info.daemon_version}, boot {info.boot_id}",
    }
    return _table(rows)


def _holder(state: RobotState) -> str:
    if not state.control_holder:
        return "nobody"
    return f"{state.control_holder} ({state.control_class.name.lower()}, session {state.control_session_number})"


def _state_table(state: RobotState) -> Table:
    rows = {
        "mode": state.mode.name.lower() + (", stop is latched" if state.stop_latched else ""),
        "held by": _holder(state),
        "joints (rad)": _numbers(state.joint_positions.tolist()),
        "tcp (m)": _numbers(state.tcp_pose.position.tolist()),
        "tcp (xyzw)": _numbers(state.tcp_pose.quaternion_xyzw.tolist()),
        "wrench (N, Nm)": _numbers(state.external_wrench.tolist(), digits=1),
        "commands in time": "none sent"
        if state.command_success_rate is None
        else f"{100.0 * state.command_success_rate:.1f} %",
        "gripper": "none"
        if state.gripper is None
        else f"{state.gripper.width:.4f} m, {state.gripper.motion.name.lower()}",
        "faults": "; ".join(f"{fault.id}: {fault.text}" for fault in state.faults) or "none",
    }
    return _table(rows)


def _numbers(values: list[float], *, digits: int = 3) -> str:
    return "  ".join(f"{value:+.{digits}f}" for value in values)


def _table(rows: dict[str, str]) -> Table:
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column()
    for name, value in rows.items():
        table.add_row(name, value)
    return table
