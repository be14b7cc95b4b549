"""Describes a connected arm: its model, its limits, where home puts the TCP."""

import re

import franky
import numpy as np

from robot_daemon.drivers.franka.facts import ARMS
from robot_daemon.drivers.franka.options import FrankaOptions
from robot_daemon.hardware.devices import DeviceConnectError
from serl_api.cell import ArmInfo
from serl_api.enums import ControlMode
from serl_api.values import Pose


def describe(robot: franky.Robot, options: FrankaOptions) -> ArmInfo:
    """Reads constant facts of an arm; the pose at home is by libfranka's model of it.

    Raises:
        DeviceConnectError: It is another model than the options say, or one that is not known here.
    """
    name = _identify(model_name(robot.model_urdf), options)
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
