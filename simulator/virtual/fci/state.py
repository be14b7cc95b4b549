"""Fills the datagram that the arm sends each millisecond."""

import numpy as np

from robot_daemon.devices import FloatArray
from simulator.virtual.fci.control_box import ControlBox
from simulator.virtual.fci.protocol import STATE


class StateMessage:
    """One reused datagram.

    Args:
        box: Whose state it is.
    """

    def __init__(self, box: ControlBox) -> None:
        self._box = box
        self._array = np.zeros(1, dtype=STATE)
        self._message = self._array[0]
        self._fields: dict[str, np.ndarray] = {name: self._array[name][0:1] for name in STATE.names or ()}
        self._views = {name: field.reshape(-1) for name, field in self._fields.items()}
        self.buffer = memoryview(self._array).cast("B")
        """The bytes to send."""
        self._pose = np.eye(4)
        self._write_constants()

    def update(self) -> None:
        """Writes the present state."""
        box, views = self._box, self._views
        plant, reference, external = box.plant, box.reference, box.external
        views["message_id"][0] = box.message_id
        self._write_poses()
        views["q"][:] = plant.positions
        views["dq"][:] = plant.velocities
        views["theta"][:] = plant.positions
        views["dtheta"][:] = plant.velocities
        views["q_d"][:] = reference.positions
        views["dq_d"][:] = reference.velocities
        views["ddq_d"][:] = reference.accelerations
        views["tau_J"][:] = box.joint_torque
        views["tau_J_d"][:] = box.torque
        views["dtau_J"][:] = box.joint_torque_rate
        views["tau_ext_hat_filtered"][:] = external.joint_torques
        views["O_F_ext_hat_K"][:] = external.base_wrench
        views["K_F_ext_hat_K"][:] = external.tool_wrench
        joint_contact, axis_contact, joint_collision, axis_collision = external.levels(box.settings.thresholds)
        views["joint_contact"][:] = joint_contact
        views["cartesian_contact"][:] = axis_contact
        views["joint_collision"][:] = joint_collision
        views["cartesian_collision"][:] = axis_collision
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
        views["I_ee"][:] = mounted.inertia.ravel(order="F")
        views["O_ddP_O"][2] = -9.81
        self.write_settings()

    def _write_poses(self) -> None:
        plant, views, pose = self._box.plant, self._views, self._pose
        pose[:3, :3] = plant.flange_rotation
        pose[:3, 3] = plant.flange_position
        flat = _column_major(pose @ self._box.settings.flange_to_tool)
        views["O_T_EE"][:] = flat
        views["O_T_EE_d"][:] = flat
        views["O_T_EE_c"][:] = flat
        elbow = (plant.positions[2], 1.0 if plant.positions[3] >= 0.0 else -1.0)
        views["elbow"][:] = elbow
        views["elbow_d"][:] = elbow
        views["elbow_c"][:] = elbow


def _column_major(transform: FloatArray) -> FloatArray:
    return transform.T.ravel()
