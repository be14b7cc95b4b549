"""Runs a whole virtual cell: virtual arm, gripper and cameras, and the real daemon with its real drivers."""

import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

from robot_daemon.config.cell_config import LimitsConfig
from serl_api.lifetime.child_process import ChildProcess, python_command
from serl_api.lifetime.stop_signal import StopSignal
from serl_api.values import FullCompliance
from simulator.devices.cell import LIMITS
from simulator.model.gripper_model import TCP_OFFSET
from simulator.physics.impedance import COMPLIANCE
from simulator.virtual.fci.process import VirtualFciProcess
from simulator.virtual.imperfections import PERFECT, Imperfections
from simulator.virtual.serving import Device

_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 15.0
_SIZE = 128
_PRIORITY = 50
_TEXT = """\
# The cell of `serl-virtual cell`: real drivers in front of virtual hardware.
name = "virtual cell"

[server]
address = "{address}"

[limits]
{limits}

[compliance]
{compliance}

[black_box]
directory = "{folder}/black-box"

[arm]
driver = "franka"
host = "{host}"
model = "{arm}"
realtime = "prefer"
tcp_position_m = [0.0, 0.0, {tcp}]
contact_force_n = 200.0
contact_torque_nm = 100.0

[gripper]
driver = "robotiq"
port = "{port}"
activate = true
timeout_s = 1.0

[tracker]
driver = "socket"
path = "{control}"
rearranges = true
ground_truth = true
"""
_LIVE_CAMERA = """
[cameras.{name}]
driver = "simulator.virtual.realsense.live_camera:build_camera"
socket = "{socket}"
"""
_RECORDED_CAMERA = """
[cameras.{name}]
driver = "realsense"
recording = "{file}"
"""


class VirtualCell(Device):
    """Answers the robot API at `address`, with libfranka, Modbus and librealsense at work behind it.

    Args:
        task: Task whose scene the virtual arm stands in.
        arm: "panda" or "fr3".
        address: Where the daemon listens; port 0 picks a free one.
        cameras: Names of the scene's cameras that are rendered live; none are needed by default.
        recordings: Names of cameras that are a recording instead, which is played again and again.
        camera_size: Width and height of live pictures, px.
        camera_rate_hz: Frames a second of live cameras, at best.
        lost_packet_limit: Missing commands in a row that stop the arm. On a machine that is busy with other things a
            test may forgive more than the true value.
        imperfections: How the arm departs from its model.
        seed: Of the scene.
        wrench_control: Whether clients may push with a wrench.
    """

    def __init__(
        self,
        *,
        task: str = "pick-cube",
        arm: str = "panda",
        address: str = "127.0.0.1:0",
        cameras: Sequence[str] = (),
        recordings: Sequence[str] = (),
        camera_size: int = _SIZE,
        camera_rate_hz: int = 15,
        lost_packet_limit: int = 20,
        imperfections: Imperfections = PERFECT,
        seed: int = 0,
        wrench_control: bool = False,
    ) -> None:
        self._address = address
        self._limits = replace(LIMITS, wrench_control=wrench_control)
        self._arm = arm
        self._cameras = cameras
        self._recordings = recordings
        self._camera_size = camera_size
        self._camera_rate_hz = camera_rate_hz
        self._task = task
        self._folder = tempfile.TemporaryDirectory(prefix="virtual-cell-")
        self.folder = Path(self._folder.name)
        """Configuration, logs and black box, while the cell lives."""
        self.fci = VirtualFciProcess(
            arm=arm,
            task=task,
            lost_packet_limit=lost_packet_limit,
            imperfections=imperfections,
            seed=seed,
            priority=_allowed_priority(),
        )
        """The virtual arm: to disturb it and to know the truth."""
        self._children: dict[str, ChildProcess] = {}
        self.address = ""
        """Of the daemon, once it answers."""
        self.starting = ""
        """Part that is being started, in a word."""

    def start(self) -> None:
        """Starts everything.

        Raises:
            ProcessError: A part did not start; what it said last is quoted.
        """
        try:
            self.starting = "arm"
            self.fci.start()
            link, socket = self.folder / "ttyRobotiq", self.fci.control_path
            port = self._spawn("gripper", "simulator.virtual", "robotiq", link=link, fci=socket)
            if self._cameras:
                self._start_cameras()
            config = self.folder / "cell.toml"
            config.write_text(self._config(port))
            self.address = self._spawn("daemon", "robot_daemon", config=config)
        except BaseException:
            self.close()
            raise

    @property
    def daemon(self) -> ChildProcess:
        """Returns the process of the real daemon, once it was started."""
        return self._children["daemon"]

    def close(self) -> None:
        """Ends everything, the daemon first."""
        for child in reversed(self._children.values()):
            child.stop()
        self.fci.close()
        self._folder.cleanup()

    def _config(self, port: str) -> str:
        text = _TEXT.format(
            address=self._address,
            folder=self.folder,
            host=self.fci.host,
            arm=self._arm,
            tcp=TCP_OFFSET,
            port=port,
            control=self.fci.control_path,
            limits=_other_than_default(self._limits, LimitsConfig()),
            compliance=_other_than_default(COMPLIANCE, FullCompliance()),
        )
        live = [_LIVE_CAMERA.format(name=name, socket=self._pictures) for name in self._cameras]
        recorded = [_RECORDED_CAMERA.format(name=name, file=self._recording(name)) for name in self._recordings]
        return "".join([text, *live, *recorded])

    @property
    def _pictures(self) -> Path:
        """Returns the socket of the live cameras."""
        return self.folder / "pictures.sock"

    def _start_cameras(self) -> None:
        size, rate_hz = self._camera_size, self._camera_rate_hz
        places = {"fci": self.fci.control_path, "socket": self._pictures}
        self._spawn("cameras", "simulator.virtual", "cameras", width=size, height=size, rate_hz=rate_hz, **places)

    def _recording(self, name: str) -> Path:
        """Records what a camera of the simulator would see of the empty-handed arm at home, a second long."""
        file = self.folder / f"{name}.db3"
        self.starting = f"camera {name}"
        command = python_command(
            "simulator.virtual", "realsense-recording", out=file, width=_SIZE, height=_SIZE, duration_s=1
        )
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=_START_TIMEOUT_S)
        return file

    def _spawn(self, name: str, module: str, *words: str, **options: object) -> str:
        """Starts a part and returns what it writes into its ready file."""
        ready = self.folder / f"{name}.ready"
        self.starting = name
        command = python_command(module, *words, **options, ready_file=ready)
        child = ChildProcess(
            name, command, self.folder / f"{name}.log", threads=None, grace_s=_STOP_TIMEOUT_S, folder=self.folder
        )
        self._children[name] = child
        return child.wait_for_file(ready, StopSignal(), _START_TIMEOUT_S)


def _other_than_default(values: LimitsConfig | FullCompliance, defaults: LimitsConfig | FullCompliance) -> str:
    """Writes as TOML in what the simulator differs from a real cell: what was learned there meets the same here."""
    pairs = ((field.name, getattr(values, field.name), getattr(defaults, field.name)) for field in fields(values))
    return "\n".join(f"{name} = {json.dumps(value)}" for name, value, usual in pairs if value != usual)


def _allowed_priority() -> int:
    """Returns the virtual arm's real-time priority: below libfranka's control thread, where this user may have it."""
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))
    except PermissionError:
        return 0
    os.sched_setscheduler(0, policy, parameters)
    return _PRIORITY
