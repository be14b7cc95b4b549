"""Holds one arm in the scene of a task, tracks what stands there, and resets it for an episode."""

import mujoco
import numpy as np

from robot_daemon.hardware.devices import MotionBounds
from serl_api.errors.robot import InvalidTargetError
from serl_api.values import FloatArray, JointTarget, Pose, TrackedObject
from simulator.devices.arm import MujocoArm
from simulator.devices.delays import Delays, Instant
from simulator.devices.gripper import MujocoGripper
from simulator.devices.injection import Injections
from simulator.devices.stage import Stage
from simulator.model.arm_table import ArmTable
from simulator.model.gripper_model import MAX_WIDTH
from simulator.model.mount import ALONE, Mount
from simulator.model.quaternion import to_xyzw
from simulator.physics.impedance import Impedance
from simulator.physics.kinematics import solve_pose
from simulator.physics.physics import Physics
from simulator.physics.stall import Stall

BOUNDS = MotionBounds(
    lower=np.full(3, -1e3),
    upper=np.full(3, 1e3),
    speed=1.0,
    rotation_speed=2.0,
    push_speed=0.25,
    push_rotation_speed=1.0,
)
"""Bounds until a daemon gives those of its cell."""


class World:
    """Holds one arm with its gripper in the scene of a task. Implements `robot_daemon.hardware.devices.Scene`.

    Args:
        scene: Name of the scene to load, or "package.module:class".
        table: Which arm.
        seed: Seed of the first scene and of the stream after it.
        stage: The scene, where another arm has loaded it; None loads it.
        mount: Which arm of the scene.

    Raises:
        NotFoundError: No scene has that name.
        PluginError: The scene cannot be used.
    """

    def __init__(
        self, scene: str, table: ArmTable, seed: int, *, stage: Stage | None = None, mount: Mount = ALONE
    ) -> None:
        self.name = scene
        """Name of the scene."""
        self.stage = stage or Stage(scene, table)
        self.mount = mount
        self.table = table
        self.physics = self.stage.physics
        self.scene = self.stage.scene
        self.renderer = self.stage.renderer
        self.injections = Injections(lambda: self.physics.time_ns)
        self.stall = Stall()
        self.impedance = Impedance(
            self.physics.model,
            self.physics.data,
            np.array(table.home),
            np.array([joint.speed for joint in table.joints]),
            BOUNDS,
            mount,
        )
        self.delays = Delays(self.physics, self.injections, self._measure)
        self.arm = MujocoArm(self.physics, table, self.impedance, self.injections, self.delays, mount)
        self.gripper = MujocoGripper(self.physics, self.injections, self.delays, mount)
        self._objects = [_tracked(self.physics, name) for name in self.scene.tracked_objects]
        self._at = mount.positions(self.physics.model)
        self._start, self._width = np.array(table.home), MAX_WIDTH
        self.stage.add(self)
        self.reset(seed=seed, start=None, gripper_width=None)

    def tracked_objects(self) -> tuple[TrackedObject, ...]:
        """Returns the poses of all props now."""
        with self.physics.lock:
            return tuple(self.mount.tracked(prop.pose()) for prop in self._objects)

    @property
    def scene_seed(self) -> int:
        """Returns the seed that the present scene was drawn from."""
        return self.stage.scene_seed

    def set_seed(self, seed: int) -> None:
        """Seeds the stream of scenes that resets without a seed draw from."""
        self.stage.set_seed(seed)

    def reset(self, *, seed: int | None, start: Pose | JointTarget | None, gripper_width: float | None) -> bool:
        """Draws a new scene and places the arm; what follows depends on the scene's seed and on the start alone.

        Another arm of the scene is placed where its own last reset put it: once both have asked for the same seed,
        what follows depends on that and on both starts, whichever asked first.

        Args:
            seed: Seed of the scene and of the stream after it; None draws the scene's seed from the stream.
            start: Where the arm starts; None is home.
            gripper_width: Opening to start with, m; None is fully open.

        Returns:
            True: arm and gripper are placed.

        Raises:
            InvalidTargetError: The start cannot be reached.
        """
        self._start = self._start_joints(start)
        self._width = MAX_WIDTH if gripper_width is None else gripper_width
        self.stage.draw(seed)
        return True

    def look(self, elapsed_s: float) -> None:
        """Looks at the arm between physics steps."""
        self.arm.look(elapsed_s)

    def agenda(self) -> Delays:
        """Returns what is due as time passes."""
        return self.delays

    def place(self) -> None:
        """Puts arm and gripper to their start; see `Stage.draw`, as for those that follow."""
        self.delays.forget()
        self.physics.data.qpos[self._at] = self._start
        self.gripper.place(self._width)

    def take_posture(self) -> None:
        """Lets the null space prefer the start."""
        self.impedance.posture = self._start
        self.arm.forget()

    def hold(self) -> None:
        """Holds the arm at its start."""
        self.impedance.restart()
        self.arm.hold_pose()

    def begin(self) -> None:
        """Begins with the scene that was drawn."""
        self.arm.forget()
        self.delays.restart(self.scene_seed)

    def close(self) -> None:
        """Frees what is shared by the devices."""
        self.stall.end()
        self.stage.close()

    def _measure(self) -> Instant:
        return Instant(
            time_ns=self.physics.time_ns,
            arm=self.arm.read_state(),
            gripper=self.gripper.read_state(),
            objects=self.tracked_objects(),
            positions=self.physics.data.qpos.copy(),
        )

    def _start_joints(self, start: Pose | JointTarget | None) -> FloatArray:
        home = np.array(self.table.home)
        if start is None:
            return home
        if isinstance(start, JointTarget):
            return np.array(start.positions)
        joints = solve_pose(self.physics.model, self.table, start.position, start.quaternion_xyzw, home, self.mount)
        if joints is None:
            x, y, z = start.position.tolist()
            text = f"the start pose at ({x:.3f}, {y:.3f}, {z:.3f}) m is out of the arm's reach; choose another"
            raise InvalidTargetError(text, field="reset.tcp_pose")
        return joints


def _tracked(physics: Physics, name: str) -> "_FreeObject | _Body":
    free = physics.model.body(name).jntnum[0] == 1 and physics.model.joint(name).type[0] == mujoco.mjtJoint.mjJNT_FREE
    return _FreeObject(physics, name) if free else _Body(physics, name)


class _Body:
    """Tracks a body that is fixed to another, such as to the hand or to the table."""

    def __init__(self, physics: Physics, name: str) -> None:
        self._name = name
        self._physics = physics
        self._id = physics.model.body(name).id
        self._velocity = np.zeros(6)

    def pose(self) -> TrackedObject:
        """Returns pose and twist now, in base."""
        physics = self._physics
        physics.refresh()
        mujoco.mj_comVel(physics.model, physics.data)  # A step leaves velocities of bodies one step behind, too.
        mujoco.mj_objectVelocity(physics.model, physics.data, mujoco.mjtObj.mjOBJ_XBODY, self._id, self._velocity, 0)
        return TrackedObject(
            name=self._name,
            monotonic_time_ns=physics.time_ns,
            pose=Pose(physics.data.xpos[self._id].copy(), to_xyzw(physics.data.xquat[self._id])),
            twist=np.concatenate([self._velocity[3:], self._velocity[:3]]),
            ground_truth=True,
        )


class _FreeObject:
    """Tracks a body with a free joint of its own name."""

    def __init__(self, physics: Physics, name: str) -> None:
        joint = physics.model.joint(name).id
        first, dof = int(physics.model.jnt_qposadr[joint]), int(physics.model.jnt_dofadr[joint])
        self._name = name
        self._physics = physics
        self._position = physics.data.qpos[first : first + 3]
        self._quat = physics.data.qpos[first + 3 : first + 7]
        self._linear = physics.data.qvel[dof : dof + 3]
        self._angular = physics.data.qvel[dof + 3 : dof + 6]

    def pose(self) -> TrackedObject:
        """Returns pose and twist now, in base."""
        return TrackedObject(
            name=self._name,
            monotonic_time_ns=self._physics.time_ns,
            pose=Pose(self._position.copy(), to_xyzw(self._quat)),
            twist=np.concatenate([self._linear, _rotate(self._quat, self._angular)]),
            ground_truth=True,
        )


def _rotate(quat_wxyz: FloatArray, vector: FloatArray) -> FloatArray:
    """Rotates a vector of the object's frame into base axes. Shapes (4,), (3,)."""
    w, x, y, z = quat_wxyz.tolist()
    a, b, c = vector.tolist()
    # v + 2 w (u x v) + 2 u x (u x v), with u the vector part.
    tx, ty, tz = 2.0 * (y * c - z * b), 2.0 * (z * a - x * c), 2.0 * (x * b - y * a)
    return np.array((a + w * tx + y * tz - z * ty, b + w * ty + z * tx - x * tz, c + w * tz + x * ty - y * tx))
