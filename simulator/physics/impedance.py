r"""Implements the Cartesian impedance law by MuJoCo's own actuators: no Python runs between two physics steps.

.. math:: \tau = J^\top (\mathrm{clip}(K e) - D J \dot q) + n n^\top (k_n (q_0 - q) - 2 \sqrt{k_n} \dot q) + g(q)

after Khatib (1987), with the per-axis error clip and the null-space posture of serl_franka_controllers:

- **Spring**: six actuators between the site "tcp" (rotations: "tcp_error") and a site of the world, so lengths and
  forces are in base axes. The translation's set-point is `ctrl`. For rotation the *site itself* is turned: "tcp_error"
  sits at the TCP with the inverse of the target's orientation, so its orientation in the base frame is the rotation
  from target to measured, its length is that rotation vector, and the set-point is zero. The law is thus exact for
  every orientation. The force range is stiffness times clip, each direction on its own.
- **Damper**: six more without a force range, because the law clips the spring alone.
- **Posture**: one actuator on a tendon whose coefficients are the unit vector n that spans the null space of the
  Jacobian, refreshed with each target. A spring along n does not push the TCP, whatever the posture.
- **Gravity and Coriolis**: gravity compensation of the bodies; Coriolis terms are left in, they are small here.
- The set-point is not filtered, as in franky; a filter of the target belongs to the client.
"""

import math
from enum import Enum, auto

import mujoco
import numpy as np

from serl_api.values import FloatArray, FullCompliance
from simulator.model.arm_model import JOINT_NAMES

CARTESIAN_GROUP = 0
"""Actuator group of the Cartesian springs and dampers."""
JOINT_GROUP = 1
"""Actuator group of the joint springs."""
POSTURE_GROUP = 3
"""Actuator group of the null-space posture."""

AXES = ("x", "y", "z", "rx", "ry", "rz")
"""Cartesian axes in the order of a twist."""

JOINT_STIFFNESS = (600.0, 600.0, 600.0, 600.0, 250.0, 150.0, 50.0)
"""Joint impedance, Nm/rad: Franka's example values."""
JOINT_DAMPING = (50.0, 50.0, 50.0, 50.0, 30.0, 25.0, 15.0)
"""Joint impedance, Nms/rad."""

WRENCH_DAMPING = 10.0
"""Share of the translational damper that stays on in wrench control, Ns/m: free motion ends somewhere."""
WRENCH_ROTATIONAL_DAMPING = 1.0
"""The same for rotation, Nms/rad."""

_UNBOUNDED = 1e6


def add_impedance(spec: mujoco.MjSpec, tool: mujoco.MjsBody, tcp_offset: float) -> None:
    """Adds the law's sites, tendon and actuators to a scene under construction.

    Args:
        spec: Scene with the arm and its tool.
        tool: Body that carries the site "tcp".
        tcp_offset: TCP on the tool's z axis, m.
    """
    # Not the identity, else the compiler marks the site as aligned with its body and its orientation would be ignored.
    tool.add_site(name="tcp_error", pos=[0.0, 0.0, tcp_offset], quat=[0.0, 1.0, 0.0, 0.0], group=4)
    spec.worldbody.add_site(name="base", group=4)
    for kind in ("spring", "damper"):
        for index, axis in enumerate(AXES):
            _add_site_actuator(spec, f"{kind}_{axis}", index, limited=kind == "spring")
    posture = spec.add_tendon(name="posture")
    for index, name in enumerate(JOINT_NAMES):
        posture.wrap_joint(name, 1.0)
        _add_joint_actuator(spec, name, index)
    spec.add_actuator(
        name="posture",
        trntype=mujoco.mjtTrn.mjTRN_TENDON,
        target="posture",
        biastype=mujoco.mjtBias.mjBIAS_AFFINE,
        group=POSTURE_GROUP,
    )


def _add_site_actuator(spec: mujoco.MjSpec, name: str, axis: int, *, limited: bool) -> None:
    gear = [0.0] * 6
    gear[axis] = 1.0
    actuator = spec.add_actuator(
        name=name,
        trntype=mujoco.mjtTrn.mjTRN_SITE,
        target="tcp" if axis < 3 else "tcp_error",
        refsite="base",
        gear=gear,
        biastype=mujoco.mjtBias.mjBIAS_AFFINE,
        group=CARTESIAN_GROUP,
    )
    if limited:
        actuator.forcelimited = mujoco.mjtLimited.mjLIMITED_TRUE
        actuator.forcerange = [-1.0, 1.0]


def _add_joint_actuator(spec: mujoco.MjSpec, name: str, index: int) -> None:
    stiffness, damping = JOINT_STIFFNESS[index], JOINT_DAMPING[index]
    spec.add_actuator(
        name=name,
        trntype=mujoco.mjtTrn.mjTRN_JOINT,
        target=name,
        gainprm=[stiffness] + [0.0] * 9,
        biastype=mujoco.mjtBias.mjBIAS_AFFINE,
        biasprm=[0.0, -stiffness, -damping] + [0.0] * 7,
        group=JOINT_GROUP,
    )


def null_vector(jacobian: FloatArray) -> FloatArray:
    """Computes the unit vector that a 6 x 7 matrix maps to zero, by its minors; zero where the matrix loses rank.

    Shapes (6, 7) and (7,).
    """
    minors = np.linalg.det(jacobian[:, _WITHOUT_ONE].transpose(1, 0, 2)) * _ALTERNATING
    norm = math.sqrt(float(minors @ minors))
    return minors / norm if norm > 1e-9 else np.zeros(7)


_WITHOUT_ONE = np.array([[column for column in range(7) if column != left_out] for left_out in range(7)])
_ALTERNATING = (-1.0) ** np.arange(7)


class _Law(Enum):
    POSE = auto()
    JOINTS = auto()
    WRENCH = auto()


class Impedance:
    """Writes gains and set-points of the law into a model and its data. Call under the physics lock.

    Args:
        model: Compiled scene with the law's actuators.
        data: Its state.
        posture: Joint positions that the null space prefers, rad. Shape (7,).
    """

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData, posture: FloatArray) -> None:
        self._model = model
        self._data = data
        self.posture = posture
        """Joint positions that the null space prefers, rad. Shape (7,)."""
        first = model.actuator("spring_x").id
        self._springs = slice(first, first + 6)
        self._dampers = slice(first + 6, first + 12)
        first = model.actuator(JOINT_NAMES[0]).id
        self._joints = slice(first, first + 7)
        self._posture_actuator = model.actuator("posture").id
        first = int(model.tendon_adr[model.tendon("posture").id])
        self._posture_terms = slice(first, first + 7)
        self._error_site = model.site("tcp_error").id
        self._law = _Law.POSE
        self._compliance = FullCompliance()
        self.set_compliance(self._compliance)

    @property
    def compliance(self) -> FullCompliance:
        """Returns the gains in force."""
        return self._compliance

    @property
    def holds_joints(self) -> bool:
        """Returns whether joint positions are tracked, not a pose."""
        return self._law is _Law.JOINTS

    def set_compliance(self, compliance: FullCompliance) -> None:
        """Changes gains and clips of the Cartesian law from the next physics step on."""
        self._compliance = compliance
        stiffness = compliance.nullspace_stiffness
        self._model.actuator_gainprm[self._posture_actuator, 0] = stiffness
        self._model.actuator_biasprm[self._posture_actuator, 1:3] = (-stiffness, -2.0 * math.sqrt(stiffness))
        if self._law is not _Law.WRENCH:
            self._write_springs()

    def track_pose(self, position: FloatArray, quat_xyzw: FloatArray, jacobian: FloatArray) -> None:
        """Pulls the TCP to a pose in base.

        Args:
            position: Shape (3,), m.
            quat_xyzw: Shape (4,).
            jacobian: Geometric Jacobian of the TCP now, for the null space. Shape (6, 7).
        """
        self._switch(_Law.POSE)
        x, y, z, w = quat_xyzw.tolist()
        self._model.site_quat[self._error_site] = (w, -x, -y, -z)
        self._data.ctrl[self._springs] = (*position.tolist(), 0.0, 0.0, 0.0)
        self._hold_posture(jacobian)

    def track_joints(self, positions: FloatArray) -> None:
        """Pulls the joints to positions. Shape (7,), rad."""
        self._switch(_Law.JOINTS)
        self._data.ctrl[self._joints] = positions

    def exert_wrench(self, wrench: FloatArray, jacobian: FloatArray) -> None:
        """Makes the tool push with a wrench at the TCP, in base axes. Shapes (6,), N and Nm, and (6, 7)."""
        self._switch(_Law.WRENCH)
        self._data.ctrl[self._springs] = wrench
        self._hold_posture(jacobian)

    def _switch(self, law: _Law) -> None:
        if law is self._law:
            return
        self._law = law
        if law is _Law.WRENCH:
            self._write_motors()
        else:
            self._write_springs()
        off = (CARTESIAN_GROUP, POSTURE_GROUP) if law is _Law.JOINTS else (JOINT_GROUP,)
        self._model.opt.disableactuator = sum(1 << group for group in off)

    def _write_springs(self) -> None:
        gains = self._compliance
        stiffness = np.repeat([gains.translational_stiffness, gains.rotational_stiffness], 3)
        upper = np.array([*gains.translational_clip_positive, *gains.rotational_clip_positive])
        lower = np.array([*gains.translational_clip_negative, *gains.rotational_clip_negative])
        self._model.actuator_gainprm[self._springs, 0] = stiffness
        self._model.actuator_biasprm[self._springs, 1] = -stiffness
        self._model.actuator_forcerange[self._springs] = np.stack([-stiffness * lower, stiffness * upper], axis=1)
        self._write_dampers(gains.translational_damping, gains.rotational_damping)

    def _write_motors(self) -> None:
        self._model.actuator_gainprm[self._springs, 0] = 1.0
        self._model.actuator_biasprm[self._springs, 1] = 0.0
        self._model.actuator_forcerange[self._springs] = (-_UNBOUNDED, _UNBOUNDED)
        self._write_dampers(WRENCH_DAMPING, WRENCH_ROTATIONAL_DAMPING)

    def _write_dampers(self, translational: float, rotational: float) -> None:
        self._model.actuator_biasprm[self._dampers, 2] = np.repeat([-translational, -rotational], 3)

    def _hold_posture(self, jacobian: FloatArray) -> None:
        """Turns the posture's spring into the null space at the present joint positions."""
        direction = null_vector(jacobian)
        self._model.wrap_prm[self._posture_terms] = direction
        self._data.ctrl[self._posture_actuator] = direction @ self.posture
