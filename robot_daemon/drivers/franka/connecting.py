"""Connects to an arm, says what it is, or in one sentence why it cannot be reached."""

import re
from collections.abc import Callable

import franky
import numpy as np

from robot_daemon.drivers.franka.bare_recovery import recover_bare
from robot_daemon.drivers.franka.facts import ARMS
from robot_daemon.drivers.franka.options import FrankaOptions
from robot_daemon.drivers.franka.priority import restored
from robot_daemon.hardware.devices import DeviceConnectError
from serl_api.cell import ArmInfo
from serl_api.enums import ControlMode
from serl_api.values import Pose

FRANKY_ERRORS = (
    franky.Exception,
    franky.InvalidMotionTypeException,
    franky.MotionReuseException,
    franky.TorqueSignalTimeoutException,
    RuntimeError,
)
"""What franky raises: libfranka's errors, franky's own, and a plain RuntimeError where a connection has broken."""

FRANKY_WHEELS = {9: "0.17.0", 8: "0.14.2", 7: "0.13.3", 6: "0.12.1", 5: "0.9.2", 4: "0.8.0", 3: "0.7.1"}
"""Version of the arm's server to the libfranka of the franky wheel that speaks it; 5 and below are Pandas.

Sources: Franka Robotics, "Compatibility with images"; the wheels that the page of franky lists. That 0.17.0 and 0.12.1
speak 9 and 6 is read from the former. The wheel of franky-control on PyPI brings 0.21, which speaks 10."""
WHEEL_INDEX = "https://timschneider42.github.io/franky/whl/libfranka-{version}/"
"""Index of franky's author with the wheels for one libfranka, as its releases name it."""

_LAST_PANDA = 5
_IDENTITY = np.eye(4).flatten(order="F").tolist()


def connect(options: FrankaOptions, on_recovered: Callable[[str], None]) -> franky.Robot:
    """Connects and tells the arm its end effector, load and thresholds of contact. Moves nothing.

    An arm that refuses that in a reflex is recovered first, since nothing could be done with it else.

    Args:
        options: What the cell's file says.
        on_recovered: Hears what the arm refused before it was recovered: a fault for whoever is to look at it.

    Raises:
        franky.Exception, RuntimeError: It did not work; `explain` turns them into a sentence.
    """
    try:
        return _connect_once(options)
    except franky.CommandException as error:
        refused = sentence(error)
    if recover_bare(options.host, options.connect_timeout_s):
        robot = _connect_once(options)
        on_recovered(refused)
        return robot
    return _connect_once(options)


def _connect_once(options: FrankaOptions) -> franky.Robot:
    config = franky.RealtimeConfig.Enforce if options.realtime == "enforce" else franky.RealtimeConfig.Ignore
    with restored():
        robot = franky.Robot(options.host, realtime_config=config)
    _set_up(robot, options)
    return robot


def _set_up(robot: franky.Robot, options: FrankaOptions) -> None:
    torque = options.contact_torque_nm * np.array([1.0] * 4 + [0.4] * 3)
    wrench = options.contact_force_n * np.array([1.0] * 3 + [0.3] * 3)
    ratio = options.contact_acceleration_ratio
    fast_torque, fast_wrench = ratio * torque, ratio * wrench
    robot.set_collision_behavior(fast_torque, fast_torque, torque, torque, fast_wrench, fast_wrench, wrench, wrench)
    nominal_to_tool = _IDENTITY  # Given always: the arm keeps what another program has set.
    if options.tcp_position_m is not None:
        tool = franky.Affine(np.array(options.tcp_position_m), np.array(options.tcp_quaternion_xyzw))
        nominal_to_tool = (robot.state.F_T_NE.inverse * tool).matrix.flatten(order="F").tolist()
    robot.set_ee(nominal_to_tool)
    robot.set_k(_IDENTITY)  # Wrenches are then at the TCP.
    if options.load is not None:
        load = options.load
        robot.set_load(load.mass_kg, list(load.center_of_mass_m), column_major(load.inertia_kg_m2))


def column_major(inertia: tuple[float, ...]) -> list[float]:
    """Converts a row-major 3 x 3 matrix to the column-major order of libfranka."""
    return np.reshape(inertia, (3, 3)).flatten(order="F").tolist()


def describe(robot: franky.Robot, options: FrankaOptions) -> ArmInfo:
    """Reads constant facts of an arm; the pose at home is by libfranka's model of it.

    Raises:
        DeviceConnectError: It is another model than the options say, or one that is not known here.
    """
    # An older libfranka has no URDF to tell the model from.
    name = _identify(model_name(getattr(robot, "model_urdf", "")), options)
    facts = ARMS[name]
    home = np.array(options.home_rad or facts.home)
    state = robot.state
    pose = robot.model.pose(franky.Frame.EndEffector, home, state.F_T_EE, state.EE_T_K)
    return ArmInfo(
        model=name,
        joint_lower=np.array(facts.lower),
        joint_upper=np.array(facts.upper),
        joint_speed=np.array(facts.speed),
        home=home,
        home_tcp_pose=Pose(pose.translation, pose.quaternion),
        control_modes=frozenset({ControlMode.CARTESIAN_IMPEDANCE, ControlMode.JOINT_IMPEDANCE, ControlMode.WRENCH}),
    )


def model_name(urdf: str) -> str | None:
    """Finds the known model that an arm's URDF describes, "fr3" also for "fr3v2"; None for an unknown one."""
    match = re.search(r"<robot\b[^>]*\bname\s*=\s*[\"']([^\"']*)", urdf)
    said = match.group(1).lower() if match else ""
    return next((model for model in ARMS if said.startswith(model)), None)


def _identify(said: str | None, options: FrankaOptions) -> str:
    host, named = options.host, options.model
    if named and said and said != named:
        raise DeviceConnectError(f'the arm at {host} is a {said}, not a {named}; set model = "{said}" or fix host')
    name = named or said
    if name is None:
        known = ", ".join(f'"{model}"' for model in ARMS)
        text = f"the arm at {host} is of a model that is not known here; set model to the nearest of {known}"
        raise DeviceConnectError(text)
    return name


def explain(error: Exception, host: str) -> str:
    """Says in one sentence why an arm cannot be reached, with the way out."""
    text = sentence(error)
    if isinstance(error, TimeoutError):
        return f"no answer from an arm at {host} ({text}); check the address, the cable and that the arm is switched on"
    if isinstance(error, franky.IncompatibleVersionException):
        return _explain_version(text, host)
    if isinstance(error, franky.RealtimeException | PermissionError):
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
    """Returns what libfranka says, on one line, without its own name and full stop."""
    return " ".join(str(error).split()).removeprefix("libfranka: ").rstrip(".! ") or type(error).__name__


def _explain_version(text: str, host: str) -> str:
    found = re.search(r"server version: (\d+)\D+library version: (\d+)", text)
    if found is None:
        return f"the arm at {host} speaks another version than this libfranka ({text}); update the arm"
    server, library = int(found.group(1)), int(found.group(2))
    said = f"the arm at {host} speaks version {server} and this libfranka version {library}"
    wheel = FRANKY_WHEELS.get(server)
    if wheel is None:
        return f"{said}; install a franky-control for it, or update the arm"
    index = WHEEL_INDEX.format(version=wheel)
    other = "" if server <= _LAST_PANDA else ", or update the arm to system image 5.9.0"
    return (
        f"{said}; install franky's wheel for libfranka {wheel} (pip install --force-reinstall --no-deps "
        f"franky-control --index-url {index}){other}"
    )


def _explain_realtime(text: str) -> str:
    if "permitted" in text:
        return (
            'this user may not set real-time priority; add "LimitRTPRIO=99" to the service (or "rtprio 99" to '
            '/etc/security/limits.conf and log in again), or set realtime = "prefer" for a virtual arm'
        )
    return (
        "this kernel has no real-time scheduling (PREEMPT_RT), so commands would reach the arm too late now and then "
        'and stop it; boot a real-time kernel, or set realtime = "prefer" to continue without'
    )


def is_loss(error: Exception) -> bool:
    """Returns whether an error of libfranka means that the connection is gone, as some plain RuntimeErrors do."""
    return type(error) is RuntimeError or isinstance(error, franky.NetworkException | franky.ProtocolException)
