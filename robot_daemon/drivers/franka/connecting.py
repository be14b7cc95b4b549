"""Connects to an arm, and says in one sentence why it cannot be done."""

import os
import re

import franky
import numpy as np

from robot_daemon.drivers.franka.facts import ARMS
from robot_daemon.drivers.franka.options import FrankaOptions
from robot_daemon.rotation import Quaternion

FRANKY_ERRORS = (
    franky.Exception,
    franky.InvalidMotionTypeException,
    franky.MotionReuseException,
    franky.TorqueSignalTimeoutException,
    RuntimeError,
)
"""What franky raises: libfranka's errors, franky's own, and a plain RuntimeError where a connection has broken."""

SERVER_VERSIONS = {
    10: "libfranka 0.18 or newer",
    9: "libfranka 0.15",
    8: "libfranka 0.14.1",
    7: "libfranka 0.13.3",
    6: "libfranka 0.10",
    5: "libfranka 0.9.2 (Panda, system image 4.2.1)",
    4: "libfranka 0.8 (Panda)",
    3: "libfranka 0.7.1 (Panda)",
}
"""Version of the arm's server to the libfranka that speaks it.

Source: Franka Robotics, "Compatibility with images"; the wheel of franky-control on PyPI brings 0.21."""

_IDENTITY = np.eye(4).flatten(order="F").tolist()


def connect(options: FrankaOptions) -> franky.Robot:
    """Connects and tells the arm its end effector, load and collision thresholds. Moves nothing.

    libfranka gives the calling thread the highest real-time priority where it may, and the thread that controls the arm
    inherits it from the one that starts a motion. With `realtime = "ignore"` it is taken back here.

    Raises:
        franky.Exception, RuntimeError: It did not work; `explain` turns them into a sentence.
    """
    is_enforced = options.realtime == "enforce"
    config = franky.RealtimeConfig.Enforce if is_enforced else franky.RealtimeConfig.Ignore
    try:
        robot = franky.Robot(options.host, realtime_config=config)
    finally:
        if options.realtime == "ignore":
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    _set_up(robot, options)
    return robot


def _set_up(robot: franky.Robot, options: FrankaOptions) -> None:
    torque = np.array(options.collision_torque_nm)
    wrench = np.array(options.collision_wrench)
    ratio = options.collision_acceleration_ratio
    robot.set_collision_behavior(
        torque * ratio, torque * ratio, torque, torque, wrench * ratio, wrench * ratio, wrench, wrench
    )
    if options.flange_to_tcp_m is not None:
        tool = franky.Affine(np.array(options.flange_to_tcp_m), np.array(options.flange_to_tcp_xyzw))
        nominal_to_tool = robot.state.F_T_NE.inverse * tool
        robot.set_ee(nominal_to_tool.matrix.flatten(order="F").tolist())
    robot.set_k(_IDENTITY)  # Wrenches are then at the TCP.
    if options.load is not None:
        load = options.load
        robot.set_load(load.mass_kg, list(load.center_of_mass_m), column_major(load.inertia_kg_m2))


def column_major(inertia: tuple[float, ...]) -> list[float]:
    """A row-major 3 x 3 matrix as libfranka wants it."""
    return np.reshape(inertia, (3, 3)).flatten(order="F").tolist()


def model_name(urdf: str) -> str | None:
    """The known model that an arm's URDF describes: "fr3" also for "fr3v2"; None for an unknown one."""
    match = re.search(r"<robot\b[^>]*\bname\s*=\s*[\"']([^\"']*)", urdf)
    named = match.group(1).lower() if match else ""
    return next((model for model in ARMS if named.startswith(model)), None)


def tcp_pose(robot: franky.Robot, joints: tuple[float, ...]) -> tuple[np.ndarray, Quaternion]:
    """Position (3,) and orientation (xyzw) of the TCP at joint positions, by libfranka's model of this arm."""
    state = robot.state
    pose = robot.model.pose(franky.Frame.EndEffector, np.array(joints), state.F_T_EE, state.EE_T_K)
    x, y, z, w = np.asarray(pose.quaternion, dtype=np.float64).tolist()
    return np.array(pose.translation, dtype=np.float64), (x, y, z, w)


def explain(error: Exception, host: str) -> str:
    """Why an arm cannot be reached: one sentence with the way out."""
    text = sentence(error)
    if isinstance(error, TimeoutError):
        return f"no answer from an arm at {host} ({text}); check the address, the cable and that the arm is switched on"
    if isinstance(error, franky.IncompatibleVersionException):
        return _explain_version(text, host)
    if isinstance(error, franky.RealtimeException):
        return _explain_realtime(text)
    if isinstance(error, franky.CommandException):
        return f"the arm at {host} refuses to be set up ({text}); release its user stop, open its brakes in Desk, retry"
    if "refused" in text:
        return (
            f"the machine at {host} accepts no FCI connection; activate FCI in Desk, fix the address, or end another "
            "program that controls the arm"
        )
    if "interrupted" in text or "reset by peer" in text:
        return f"the arm at {host} closed the connection; another program controls it: end that one first"
    if "not found" in text:
        return f'the name "{host}" is unknown; give the address of the arm, such as 172.16.0.2'
    return f"no connection to an arm at {host} ({text}); check the address, the cable and that FCI is active in Desk"


def sentence(error: BaseException) -> str:
    """What libfranka says, on one line, without its own name and full stop."""
    return " ".join(str(error).split()).removeprefix("libfranka: ").rstrip(".! ") or type(error).__name__


def _explain_version(text: str, host: str) -> str:
    found = re.search(r"server version: (\d+)\D+library version: (\d+)", text)
    if found is None:
        return f"the arm at {host} speaks another version than this libfranka ({text}); update the arm"
    server, library = int(found.group(1)), int(found.group(2))
    table = ", ".join(f"{version}: {name}" for version, name in SERVER_VERSIONS.items())
    return (
        f"the arm at {host} speaks version {server} and this libfranka version {library}; update the arm to system "
        f"image 5.9.0, or install a franky built with {SERVER_VERSIONS.get(server, 'the libfranka that it needs')} "
        f"(server versions are {table})"
    )


def _explain_realtime(text: str) -> str:
    if "permitted" in text or "scheduling" in text:
        return (
            'this user may not set real-time priority; add "LimitRTPRIO=99" to the service (or "rtprio 99" to '
            '/etc/security/limits.conf and log in again), or set realtime = "ignore" for a virtual arm'
        )
    return (
        "this kernel has no real-time scheduling (PREEMPT_RT), so commands would reach the arm too late now and then "
        'and stop it; boot a real-time kernel, or set realtime = "ignore" to continue without'
    )
