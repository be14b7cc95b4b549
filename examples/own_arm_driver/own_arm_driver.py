"""Drives an arm with four joints that pushes a block, both integrated here, and tracks the block."""

import math
import threading
from dataclasses import dataclass

import numpy as np

from robot_daemon.hardware.devices import Arm, ArmSample, DeviceConnectError, DeviceFault, Scene, Timebase
from serl_api.cell import ArmInfo
from serl_api.enums import ControlMode
from serl_api.values import FloatArray, FullCompliance, JointTarget, Load, Pose, Target, TrackedObject

LIFT_M_PER_RAD, STEP_S = 0.1, 0.002
HALF_EDGE_M, TOOL_RADIUS_M = 0.02, 0.01
SPEED = np.array([2.0, 2.0, 8.0, 4.0])
"""Largest speed of each joint, rad/s."""
BLOCK_START = np.array([0.45, 0.0, HALF_EDGE_M])


@dataclass(frozen=True, kw_only=True)
class OwnArmOptions:
    """Options of the arm, as the table `[arm]` of a cell's file gives them."""

    upper_arm_m: float = 0.45
    """Length of the upper arm, m."""
    forearm_m: float = 0.45
    """Length of the forearm, m."""
    lag_s: float = 0.03
    """Time constant with which a joint follows its target, s."""


class OwnArm:
    """An arm with two joints in the plane, a lift and a wrist; its tool always points down. Implements `Arm`."""

    def __init__(self, timebase: Timebase, options: OwnArmOptions) -> None:
        self._timebase, self._options = timebase, options
        self._lock = threading.Lock()
        self._time_ns = timebase.now_ns()
        home = np.array([0.4, 0.0, 0.25])
        down = np.array([1.0, 0.0, 0.0, 0.0])
        self._joints = self._goal = self.inverse(home, down)
        self._velocities = np.zeros(4)
        self.block = BLOCK_START.copy()
        """Centre of the block in base, m."""
        self.info = ArmInfo(
            model="own-arm",
            joint_lower=np.array([-2.8, -2.8, 0.0, -6.0]),
            joint_upper=np.array([2.8, 2.8, 8.0, 6.0]),
            joint_speed=SPEED,
            home=self._joints,
            home_tcp_pose=Pose(home, down),
            control_modes=frozenset((ControlMode.CARTESIAN_IMPEDANCE, ControlMode.JOINT_IMPEDANCE)),
        )

    def read_state(self) -> ArmSample:
        """Returns the state now; this arm measures no torques and no contact."""
        with self._lock:
            self._advance()
            position, quaternion, jacobian = self._forward(self._joints)
            return ArmSample(
                time_ns=self._time_ns,
                joint_positions=self._joints,
                joint_velocities=self._velocities,
                joint_torques=np.zeros(4),
                external_joint_torques=None,
                tcp_pose=Pose(position, quaternion),
                tcp_twist=jacobian @ self._velocities,
                external_wrench=np.zeros(6),
                jacobian=jacobian,
            )

    def set_target(self, target: Target) -> None:
        """Follows a TCP pose, of which it can reach the position and the heading, or joint positions."""
        with self._lock:
            self._advance()
            if isinstance(target, JointTarget):
                self._goal = target.positions
            elif isinstance(target, Pose):
                self._goal = self.inverse(target.position, target.quaternion_xyzw)

    def hold(self) -> None:
        """Holds the joints where they are."""
        with self._lock:
            self._advance()
            self._goal = self._joints

    def set_compliance(self, compliance: FullCompliance) -> None:
        """Does nothing: the arm is stiff."""

    def set_load(self, load: Load) -> None:
        """Does nothing: the arm carries nothing."""

    def faults(self) -> tuple[DeviceFault, ...]:
        """Reports none."""
        return ()

    def recover(self, fault_ids: tuple[str, ...]) -> None:
        """Does nothing: there is no fault to clear."""

    def close(self) -> None:
        """Does nothing: there is no connection to end."""

    def place(self, joints: FloatArray, block: FloatArray) -> None:
        """Puts arm and block somewhere at once, as only a simulated arm can. Shapes (4,) in rad, (3,) in m."""
        with self._lock:
            self._time_ns = self._timebase.now_ns()
            self._joints = self._goal = joints
            self._velocities, self.block = np.zeros(4), block

    def inverse(self, position: FloatArray, quaternion: FloatArray) -> FloatArray:
        """Joints, shape (4,) in rad, that put the tool at a position (m) with the heading of a quaternion (xyzw)."""
        a, b = self._options.upper_arm_m, self._options.forearm_m
        x, y, z = position.tolist()
        elbow = math.acos(min(max((x * x + y * y - a * a - b * b) / (2.0 * a * b), -1.0), 1.0))
        shoulder = math.atan2(y, x) - math.atan2(b * math.sin(elbow), a + b * math.cos(elbow))
        wrist = 2.0 * math.atan2(quaternion[1], quaternion[0]) - shoulder - elbow
        return np.array([shoulder, elbow, z / LIFT_M_PER_RAD, math.remainder(wrist, math.tau)])

    def _forward(self, joints: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Position (3,), quaternion (4,) xyzw and Jacobian (6, 4) of the tool in base."""
        shoulder, elbow, lift, wrist = joints.tolist()
        upper = self._options.upper_arm_m * np.array([math.cos(shoulder), math.sin(shoulder)])
        fore = self._options.forearm_m * np.array([math.cos(shoulder + elbow), math.sin(shoulder + elbow)])
        x, y = upper + fore
        half_yaw = 0.5 * (shoulder + elbow + wrist)
        jacobian = np.zeros((6, 4))
        jacobian[:2, 0], jacobian[:2, 1] = (-y, x), (-fore[1], fore[0])
        jacobian[2, 2] = LIFT_M_PER_RAD
        jacobian[5, [0, 1, 3]] = 1.0
        quaternion = np.array([math.cos(half_yaw), math.sin(half_yaw), 0.0, 0.0])
        return np.array([x, y, lift * LIFT_M_PER_RAD]), quaternion, jacobian

    def _advance(self) -> None:
        """Integrates joints and block from the last call to now."""
        now_ns = self._timebase.now_ns()
        steps = math.ceil((now_ns - self._time_ns) * 1e-9 / STEP_S)
        for _ in range(steps):
            step_s = (now_ns - self._time_ns) * 1e-9 / steps
            self._velocities = np.clip((self._goal - self._joints) / max(self._options.lag_s, step_s), -SPEED, SPEED)
            self._joints = self._joints + self._velocities * step_s
            self._push(self._forward(self._joints)[0])
        self._time_ns = now_ns

    def _push(self, tool: FloatArray) -> None:
        """Moves the block out of the tool's way; friction stops it at once."""
        if tool[2] > 2.0 * HALF_EDGE_M:
            return
        away = tool[:2] - self.block[:2]
        gap = away - np.clip(away, -HALF_EDGE_M, HALF_EDGE_M)
        distance = float(np.hypot(*gap))
        if 0.0 < distance < TOOL_RADIUS_M:
            self.block = self.block - np.append(gap * (TOOL_RADIUS_M / distance - 1.0), 0.0)


@dataclass(frozen=True, kw_only=True)
class OwnTrackerOptions:
    """Options of the tracker, as the table `[tracker]` gives them: where an episode's block may start, m in base."""

    lower_m: tuple[float, float] = (0.42, -0.10)
    upper_m: tuple[float, float] = (0.50, 0.10)


class BlockTracker:
    """Reports the block before an arm, and draws where it starts. Implements `Scene`."""

    def __init__(self, arm: OwnArm, timebase: Timebase, options: OwnTrackerOptions) -> None:
        self._arm, self._timebase, self._options = arm, timebase, options
        self._random = np.random.default_rng()

    def tracked_objects(self) -> tuple[TrackedObject, ...]:
        """Returns the block's pose now."""
        return (
            TrackedObject(
                name="block",
                monotonic_time_ns=self._timebase.now_ns(),
                pose=Pose(self._arm.block, np.array([0.0, 0.0, 0.0, 1.0])),
                twist=None,
                ground_truth=True,
            ),
        )

    def reset(self, *, seed: int | None, start: Pose | JointTarget | None, gripper_width: float | None) -> bool:
        """Draws the block and places the arm at its start; returns True: the daemon need not move it there."""
        del gripper_width
        if seed is not None:
            self._random = np.random.default_rng(seed % 2**64)
        joints = self._arm.info.home
        if isinstance(start, JointTarget):
            joints = start.positions
        elif start is not None:
            joints = self._arm.inverse(start.position, start.quaternion_xyzw)
        place = self._random.uniform(self._options.lower_m, self._options.upper_m)
        self._arm.place(joints, np.append(place, HALF_EDGE_M))
        return True

    def close(self) -> None:
        """Does nothing: there is no connection to end."""


_arms: list[OwnArm] = []
"""The arm of this process's cell, which a daemon builds before its tracker."""


def build(_name: str, timebase: Timebase, options: OwnArmOptions) -> Arm:
    """Builds the arm of a cell's file."""
    _arms[:] = [OwnArm(timebase, options)]
    return _arms[0]


def build_tracker(_name: str, timebase: Timebase, options: OwnTrackerOptions) -> Scene:
    """Builds the tracker of a cell's file. Raises DeviceConnectError where the cell's arm is another one."""
    if not _arms:
        raise DeviceConnectError("this tracker sees the block of own_arm_driver:build alone; set arm.driver to it")
    return BlockTracker(_arms[0], timebase, options)
