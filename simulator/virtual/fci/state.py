"""Fills the datagram that the arm sends each millisecond."""

import numpy as np

from serl_api.values import FloatArray
from simulator.virtual.fci.controller.control_box import ControlBox
from simulator.virtual.fci.protocol import STATE


class StateMessage:
    """Fills one reused datagram.

    Acceleration sensors, motor positions and accelerations of the Cartesian command are not modelled: the motors stand
    where the joints stand, the rest is zero.
    """

    def __init__(self, box: ControlBox) -> None:
        self._box = box
        self.buffer = bytearray(STATE.itemsize)
        """The bytes to send."""
        array = np.frombuffer(self.buffer, dtype=STATE)
        self._views: dict[str, np.ndarray] = {name: array[name].reshape(-1) for name in STATE.names or ()}
        self._write_constants()

    def update(self) -> None:
        """Writes the present state."""
        box, views = self._box, self._views
        plant, external = box.plant, box.external
        views["message_id"][0] = box.message_id
        views["q"][:] = plant.positions
        views["dq"][:] = plant.velocities
        views["theta"][:] = plant.positions
        views["dtheta"][:] = plant.velocities
        views["tau_J"][:] = box.joint_torque
        views["tau_J_d"][:] = box.torque
        views["dtau_J"][:] = box.joint_torque_rate
        views["tau_ext_hat_filtered"][:] = external.joint_torques
        views["O_F_ext_hat_K"][:] = external.base_wrench
        views["K_F_ext_hat_K"][:] = external.tool_wrench
        self._write_contact()
        self._write_desired(self._write_pose())
        views["motion_generator_mode"][0], views["controller_mode"][0] = box.reported_modes
        views["errors"][:] = box.faults
        views["reflex_reason"][:] = box.reflex_reason
        views["robot_mode"][0] = box.mode
        views["control_command_success_rate"][0] = box.success_rate

    def write_settings(self) -> None:
        """Writes frames and loads; call after they have changed."""
        settings, views = self._box.settings, self._views
        views["F_T_EE"][:] = _column_major(settings.flange_to_tool)
        views["F_T_NE"][:] = _column_major(settings.flange_to_nominal)
        views["NE_T_EE"][:] = _column_major(settings.nominal_to_tool)
        views["EE_T_K"][:] = _column_major(settings.tool_to_stiffness)
        views["m_load"][0] = settings.load_mass
        views["F_x_Cload"][:] = settings.load_center
        views["I_load"][:] = settings.load_inertia

    def _write_constants(self) -> None:
        mounted, views = self._box.plant.mounted, self._views
        views["m_ee"][0] = mounted.mass
        views["F_x_Cee"][:] = mounted.center
        views["I_ee"][:] = mounted.inertia.ravel()
        views["O_ddP_O"][2] = -9.81
        self.write_settings()

    def _write_contact(self) -> None:
        external, thresholds, views = self._box.external, self._box.settings.thresholds, self._views
        torques, wrench = np.abs(external.joint_torques), np.abs(external.tool_wrench)
        views["joint_contact"][:] = torques > thresholds.lower_torque
        views["cartesian_contact"][:] = wrench > thresholds.lower_force
        views["joint_collision"][:] = torques > thresholds.upper_torque
        views["cartesian_collision"][:] = wrench > thresholds.upper_force

    def _write_pose(self) -> FloatArray:
        plant, views = self._box.plant, self._views
        pose = _column_major(plant.flange.tool_pose(self._box.settings.flange_to_tool))
        views["O_T_EE"][:] = pose
        views["elbow"][:] = _elbow(plant.positions)
        return pose

    def _write_desired(self, measured_pose: FloatArray) -> None:
        """Writes where the arm should be; under the client's torques that is where it is."""
        box, views = self._box, self._views
        reference, motion, follower = box.reference, box.motion, box.cartesian_follower
        views["q_d"][:] = reference.positions
        views["dq_d"][:] = reference.velocities
        views["ddq_d"][:] = reference.accelerations
        is_free = motion is not None and motion.takes_torques and motion.follower is None
        pose = measured_pose if is_free else _column_major(box.desired.flange.tool_pose(box.settings.flange_to_tool))
        twist = None if is_free else box.desired_twist()
        views["O_T_EE_d"][:] = pose
        views["O_dP_EE_d"][:] = 0.0 if twist is None else twist
        views["elbow_d"][:] = views["elbow_c"][:] = _elbow(reference.positions)
        views["O_T_EE_c"][:] = pose if follower is None else _column_major(follower.pose)
        views["O_dP_EE_c"][:] = views["O_dP_EE_d"] if follower is None else follower.twist


def _elbow(positions: FloatArray) -> tuple[float, float]:
    """Returns the position of joint 3, rad, and the sign of joint 4."""
    return float(positions[2]), 1.0 if positions[3] >= 0.0 else -1.0


def _column_major(transform: FloatArray) -> FloatArray:
    return transform.T.ravel()
