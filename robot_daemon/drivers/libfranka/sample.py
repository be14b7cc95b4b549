"""Robot states of libfranka as the daemon's arm states."""

from dataclasses import dataclass

import franky
import numpy as np

from robot_daemon.devices import ArmState
from robot_daemon.drivers.libfranka.facts import jacobian_at, joint_frames


@dataclass(frozen=True)
class Sample:
    """One state as it came, with its instant on the cell's clock."""

    state: franky.RobotState
    time_ns: int


def arm_state(sample: Sample) -> ArmState:
    """Everything of a sample in the daemon's terms.

    libfranka counts external forces and torques positive where the *robot* exerts them; here it is the surroundings
    that exert them, so both change their sign.
    """
    state = sample.state
    pose = state.O_T_EE
    positions, velocities = np.array(state.q), np.array(state.dq)
    tcp = np.array(pose.translation)
    jacobian = jacobian_at(joint_frames(positions), tcp)
    return ArmState(
        time_ns=sample.time_ns,
        joint_positions=positions,
        joint_velocities=velocities,
        joint_torques=np.array(state.tau_J),
        external_joint_torques=-np.array(state.tau_ext_hat_filtered),
        tcp_position=tcp,
        tcp_quaternion=np.array(pose.quaternion),
        tcp_twist=jacobian @ velocities,
        external_wrench=-np.array(state.O_F_ext_hat_K),
        jacobian=jacobian,
    )
