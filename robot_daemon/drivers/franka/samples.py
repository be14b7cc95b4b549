"""Converts messages of the arm to states.

libfranka counts wrenches and torques as positive that the robot exerts on its surroundings; the daemon, those that the
surroundings exert on the robot. The stiffness frame, at which libfranka estimates the wrench, is put at the TCP when
the driver connects.
"""

from dataclasses import dataclass

import franky
import numpy as np

from robot_daemon.hardware.devices import ArmSample
from serl_api.values import Pose


@dataclass(frozen=True, eq=False)
class Sample:
    """Holds one message of the arm."""

    time_ns: int
    """When the arm sent it, on the cell's clock."""
    arrival_ns: int
    """When it was first seen."""
    state: franky.RobotState
    model: franky.Model
    """The model of the arm that sent it."""


def arm_state(sample: Sample) -> ArmSample:
    """Converts a message to a state."""
    state = sample.state
    velocities = state.dq
    jacobian = sample.model.zero_jacobian(franky.Frame.EndEffector, state)
    pose = state.O_T_EE
    return ArmSample(
        time_ns=sample.time_ns,
        joint_positions=state.q,
        joint_velocities=velocities,
        joint_torques=state.tau_J,
        external_joint_torques=0.0 - state.tau_ext_hat_filtered,
        tcp_pose=Pose(pose.translation, _unit(pose.quaternion)),
        tcp_twist=jacobian @ velocities,
        external_wrench=0.0 - state.O_F_ext_hat_K,
        jacobian=jacobian,
    )


def _unit(quaternion: np.ndarray) -> np.ndarray:
    return quaternion / np.sqrt(quaternion @ quaternion)
