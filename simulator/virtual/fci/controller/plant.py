"""Simulates the arm's mechanics at 1 kHz by MuJoCo: torques in, joint states out, alone or in a task's scene.

The control box compensates gravity of the arm and of the mounted gripper, so a torque of zero keeps the arm still. Of
Coriolis and inertia it compensates nothing: those belong to the client.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np

from robot_daemon.hardware.devices import GripperSample
from serl_api.errors.robot import NotEquippedError, NotFoundError
from serl_api.values import FloatArray, GripperTarget, TrackedObject
from simulator.devices.world import World
from simulator.model.arm_table import ArmTable
from simulator.model.gripper_model import TCP_OFFSET
from simulator.virtual.fci.controller.flange_frame import FlangeFrame, bare_arm
from simulator.virtual.imperfections import Imperfections

PERIOD_S = 0.001
"""Time of one cycle, s."""
NO_TASK = "none"
"""Name of the scene with the bare arm."""

_LAW_GROUPS = 0b1011  # The simulator's own impedance actuators stay off; the gripper's, group 2, stay on.
_GRAVITY = 9.81
FRICTION = np.array((1.0, 1.0, 0.8, 0.8, 0.4, 0.4, 0.3))
"""Coulomb friction of the joints at a ratio of 1, Nm: the size of what is left on a real arm, ours."""


@dataclass(frozen=True, kw_only=True)
class MountedMass:
    """Describes the mass that is screwed to the flange, in the flange's frame."""

    mass: float
    """kg."""
    center: FloatArray
    """Centre of mass, m. Shape (3,)."""
    inertia: FloatArray
    """About the centre of mass, kg m^2. Shape (3, 3)."""


class Plant:
    """Simulates an arm that obeys torques. Not for several threads.

    Args:
        table: Facts of the arm.
        task: Name of the task whose scene the arm stands in, or `NO_TASK` for an arm without a gripper.
        seed: Seed of the scene.

    Raises:
        NotFoundError: There is no such task.
    """

    def __init__(self, table: ArmTable, task: str = NO_TASK, seed: int = 0) -> None:
        self.table = table
        self.task = task
        """Name of the scene's task."""
        self.seed = seed
        """Seed of the present scene."""
        self._world = _build_world(table, task, seed)
        self.model = bare_arm(table) if self._world is None else self._world.physics.model
        self.data = mujoco.MjData(self.model) if self._world is None else self._world.physics.data
        self.model.opt.timestep = PERIOD_S
        if self._world is None:
            self.data.qpos[:7] = table.home
        else:
            self.model.opt.disableactuator = _LAW_GROUPS
        data = self.data
        self.positions: FloatArray = data.qpos[:7]
        """Joint positions now, rad. A view."""
        self.velocities: FloatArray = data.qvel[:7]
        """Joint velocities now, rad/s. A view."""
        self.gravity: FloatArray = data.qfrc_gravcomp[:7]
        """Torques that carry arm and gripper, Nm. A view."""
        self._bias = data.qfrc_bias[:7]
        self._constraint = data.qfrc_constraint[:7]
        self._applied = data.qfrc_applied[:7]
        self.flange = FlangeFrame(self.model, data)
        """The flange now."""
        self._tool_offset = np.array((0.0, 0.0, 0.0 if self._world is None else TCP_OFFSET))
        self._mass = np.zeros((self.model.nv, self.model.nv))
        self._wrench = np.zeros(6)
        self._is_pushed = False
        self._weight = np.zeros(6)
        self._lag = 1.0
        self._lagging = np.zeros(7)
        self._load_mass = 0.0
        self._load_center = np.zeros(3)
        self.load_torque: FloatArray = np.zeros(7)
        """Torques that carry the configured load, Nm."""
        self._push_torque = np.zeros(7)
        mujoco.mj_step1(self.model, data)

    @property
    def has_gripper(self) -> bool:
        """Returns whether the scene has a gripper."""
        return self._world is not None

    @property
    def mounted(self) -> MountedMass:
        """Returns the gripper's mass, as somebody would have entered it in the arm's settings."""
        if self._world is None:
            return MountedMass(mass=0.0, center=np.zeros(3), inertia=np.zeros((3, 3)))
        return _subtree_mass(self.model, self.model.body("flange").id)

    def step(self, torque: FloatArray) -> None:
        """Lets one cycle pass under a torque that comes on top of gravity compensation. Shape (7,), Nm."""
        if self._lag < 1.0:
            self._lagging += self._lag * (torque - self._lagging)
            torque = self._lagging
        self._applied[:] = torque
        if self._load_mass > 0.0:
            self.load_torque = self.flange.jacobian(self._load_center)[2] * (self._load_mass * _GRAVITY)
            self._applied += self.load_torque
        if self._is_pushed:
            self._push_torque = self.flange.jacobian(self._tool_offset).T @ self._wrench
            self._applied += self._push_torque
        mujoco.mj_step2(self.model, self.data)
        mujoco.mj_step1(self.model, self.data)

    def external_torque(self) -> FloatArray:
        """Returns the torques of contacts, stops and pushes on the joints in the last cycle. Shape (7,), Nm."""
        return self._constraint + self._push_torque if self._is_pushed else self._constraint

    def coriolis(self) -> FloatArray:
        """Returns the torques of Coriolis and centrifugal terms. Shape (7,), Nm."""
        return self._bias - self.gravity

    def mass_matrix(self) -> FloatArray:
        """Returns the mass matrix of the arm's joints, kg m^2. Shape (7, 7)."""
        mujoco.mj_fullM(self.model, self.data, self._mass)
        return self._mass[:7, :7]

    def push(self, force: Sequence[float], torque: Sequence[float]) -> None:
        """Exerts a constant wrench on the tool from now on, in base axes: N and Nm.

        It acts at the TCP between the fingers, or at the flange of an arm without a gripper.
        """
        self._wrench[:] = (*force, *torque)
        self._wrench += self._weight
        self._is_pushed = bool(self._wrench.any())
        self._push_torque = np.zeros(7)

    def spoil(self, imperfections: Imperfections) -> None:
        """Makes the mechanics depart from the model: friction, torques that lag, a weight that nobody was told of."""
        self.model.dof_frictionloss[:7] = imperfections.friction * FRICTION
        self.model.dof_damping[:7] += 0.5 * imperfections.friction * FRICTION
        if imperfections.torque_lag_ms > 0.0:
            self._lag = 1.0 - math.exp(-1e3 * PERIOD_S / imperfections.torque_lag_ms)
        self._weight[2] = -imperfections.unknown_payload_kg * _GRAVITY
        self.push((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))

    def carry_load(self, mass: float, center: FloatArray) -> None:
        """Adds the weight of a load to gravity compensation; nothing is attached.

        Args:
            mass: kg.
            center: Centre of mass in the flange's frame, m. Shape (3,).
        """
        self._load_mass = mass
        self._load_center = np.array(center)
        self.load_torque = np.zeros(7)

    def place(self, positions: FloatArray) -> None:
        """Puts the joints at positions, at rest. Shape (7,), rad."""
        self.positions[:] = positions
        self.velocities[:] = 0.0
        mujoco.mj_step1(self.model, self.data)

    def reset_scene(self, seed: int) -> None:
        """Places the props anew and leaves the arm where it is."""
        self.seed = seed
        if self._world is None:
            return
        free = [joint for joint in range(self.model.njnt) if self.model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_FREE]
        for joint in free:
            first = int(self.model.jnt_dofadr[joint])
            self.data.qvel[first : first + 6] = 0.0
        self._world.scene.place_props(self.model, self.data, np.random.default_rng(seed % 2**64))
        mujoco.mj_step1(self.model, self.data)

    def set_gripper(self, target: GripperTarget) -> None:
        """Moves the fingers. Raises NotEquippedError without a gripper."""
        self._with_gripper().gripper.set_target(target)

    def gripper(self) -> GripperSample:
        """Returns the fingers' state now. Raises NotEquippedError without a gripper."""
        return self._with_gripper().gripper.read_state()

    def tracked_objects(self) -> tuple[TrackedObject, ...]:
        """Returns the poses of the props."""
        return () if self._world is None else self._world.tracked_objects()

    def _with_gripper(self) -> World:
        if self._world is None:
            raise NotEquippedError(
                "this virtual arm has no gripper; start it with --task pick-cube", capability="gripper"
            )
        return self._world


def _build_world(table: ArmTable, task: str, seed: int) -> World | None:
    if task == NO_TASK:
        return None
    try:
        return World(task, table, seed)
    except NotFoundError as error:
        raise NotFoundError.among("task", name=task, available=(NO_TASK, *error.available)) from None


def _subtree_mass(model: mujoco.MjModel, root: int) -> MountedMass:
    """Sums the mass of all bodies below one, in its frame, with the joints at zero."""
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    rotation, origin = data.xmat[root].reshape(3, 3), data.xpos[root]
    bodies = [body for body in range(model.nbody) if _is_below(model, body, root)]
    mass = float(model.body_mass[bodies].sum())
    center = (model.body_mass[bodies] @ data.xipos[bodies]) / mass
    inertia = np.zeros((3, 3))
    for body in bodies:
        axes = data.ximat[body].reshape(3, 3)
        arm = data.xipos[body] - center
        inertia += axes @ np.diag(model.body_inertia[body]) @ axes.T
        inertia += float(model.body_mass[body]) * (float(arm @ arm) * np.eye(3) - np.outer(arm, arm))
    return MountedMass(mass=mass, center=rotation.T @ (center - origin), inertia=rotation.T @ inertia @ rotation)


def _is_below(model: mujoco.MjModel, body: int, root: int) -> bool:
    while body > root:
        body = int(model.body_parentid[body])
    return body == root
