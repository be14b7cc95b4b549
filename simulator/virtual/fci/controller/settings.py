"""Holds the control box's settings: frames, loads, thresholds, stiffness."""

from dataclasses import dataclass, field

import numpy as np

from serl_api.values import FloatArray
from simulator.model.gripper_model import TCP_OFFSET
from simulator.virtual.fci.controller.plant import Plant
from simulator.virtual.fci.protocol import GROUPS, Command, ProtocolError, SetterStatus, parse_doubles

HEAVIEST_LOAD = 3.0
"""Largest payload that SET_LOAD takes, kg: the FR3's and the Panda's rating."""
STIFFEST_JOINT = 14250.0
"""Largest joint stiffness that the control box takes, Nm/rad."""

_RIGID = 1e-3  # Largest departure from a rotation matrix.


@dataclass(frozen=True, kw_only=True, eq=False)
class Thresholds:
    """Holds collision thresholds of SET_COLLISION_BEHAVIOR; contact is reported between lower and upper.

    The control box tells phases with and without acceleration apart; here the nominal ones hold always.
    """

    lower_torque: FloatArray
    """Nm. Shape (7,)."""
    upper_torque: FloatArray
    """Nm. Shape (7,)."""
    lower_force: FloatArray
    """N and Nm. Shape (6,)."""
    upper_force: FloatArray
    """N and Nm. Shape (6,)."""


def _default_thresholds() -> Thresholds:
    return Thresholds(
        lower_torque=np.full(7, 20.0),
        upper_torque=np.full(7, 20.0),
        lower_force=np.full(6, 30.0),
        upper_force=np.full(6, 30.0),
    )


@dataclass(kw_only=True, eq=False)
class Settings:
    """Holds the present settings. Transforms have shape (4, 4)."""

    flange_to_nominal: FloatArray
    """F_T_NE: set in the web page."""
    nominal_to_tool: FloatArray = field(default_factory=lambda: np.eye(4))
    """NE_T_EE."""
    tool_to_stiffness: FloatArray = field(default_factory=lambda: np.eye(4))
    """EE_T_K."""
    flange_to_tool: FloatArray = field(default_factory=lambda: np.eye(4))
    """F_T_EE: follows from the two."""
    flange_to_stiffness: FloatArray = field(default_factory=lambda: np.eye(4))
    """F_T_K: follows from the three."""
    load_mass: float = 0.0
    load_center: FloatArray = field(default_factory=lambda: np.zeros(3))
    load_inertia: FloatArray = field(default_factory=lambda: np.zeros(9))
    thresholds: Thresholds = field(default_factory=_default_thresholds)
    joint_stiffness: FloatArray = field(
        default_factory=lambda: np.array([3000.0, 3000.0, 3000.0, 2500.0, 2500.0, 2000.0, 2000.0])
    )
    """Of the internal joint controller, Nm/rad. Shape (7,)."""
    cartesian_stiffness: FloatArray = field(default_factory=lambda: np.array([3000.0] * 3 + [300.0] * 3))
    """N/m and Nm/rad; kept, though the internal controller is the joint one in either mode. Shape (6,)."""

    def __post_init__(self) -> None:
        self._chain_frames()

    def apply(self, command: Command, payload: bytes, plant: Plant) -> SetterStatus:
        """Applies a command that sets something.

        Raises:
            ProtocolError: The command sets nothing.
        """
        if command is Command.SET_GUIDING_MODE:
            return SetterStatus.SUCCESS  # A virtual hand leads all axes alike.
        if command not in GROUPS:
            raise ProtocolError(f"{command.name} sets nothing")
        groups = parse_doubles(command, payload)
        if not all(np.isfinite(group).all() for group in groups):
            return SetterStatus.INVALID_ARGUMENT
        if command is Command.SET_COLLISION_BEHAVIOR:
            return self._set_thresholds(groups)
        if command is Command.SET_LOAD:
            return self._set_load(groups, plant)
        if command in (Command.SET_EE_TO_K, Command.SET_NE_TO_EE):
            return self._set_frame(command, groups[0].reshape(4, 4, order="F"))
        return self._set_stiffness(command, groups[0])

    def _set_thresholds(self, groups: tuple[FloatArray, ...]) -> SetterStatus:
        if any((group <= 0.0).any() for group in groups):
            return SetterStatus.INVALID_ARGUMENT
        _, _, lower_torque, upper_torque, _, _, lower_force, upper_force = groups
        self.thresholds = Thresholds(
            lower_torque=lower_torque, upper_torque=upper_torque, lower_force=lower_force, upper_force=upper_force
        )
        return SetterStatus.SUCCESS

    def _set_load(self, groups: tuple[FloatArray, ...], plant: Plant) -> SetterStatus:
        mass = float(groups[0][0])
        if not 0.0 <= mass <= HEAVIEST_LOAD:
            return SetterStatus.INVALID_ARGUMENT
        self.load_mass, self.load_center, self.load_inertia = mass, groups[1], groups[2]
        plant.carry_load(mass, groups[1])
        return SetterStatus.SUCCESS

    def _set_frame(self, command: Command, transform: FloatArray) -> SetterStatus:
        rotation = transform[:3, :3]
        turned = np.abs(rotation @ rotation.T - np.eye(3)).max() < _RIGID and np.linalg.det(rotation) > 0.0
        if not turned or not np.allclose(transform[3], (0.0, 0.0, 0.0, 1.0)):
            return SetterStatus.INVALID_ARGUMENT
        if command is Command.SET_EE_TO_K:
            self.tool_to_stiffness = transform
        else:
            self.nominal_to_tool = transform
        self._chain_frames()
        return SetterStatus.SUCCESS

    def _chain_frames(self) -> None:
        self.flange_to_tool = self.flange_to_nominal @ self.nominal_to_tool
        self.flange_to_stiffness = self.flange_to_tool @ self.tool_to_stiffness

    def _set_stiffness(self, command: Command, values: FloatArray) -> SetterStatus:
        if (values < 0.0).any() or (values > STIFFEST_JOINT).any():
            return SetterStatus.INVALID_ARGUMENT
        if command is Command.SET_JOINT_IMPEDANCE:
            self.joint_stiffness = values
        else:
            self.cartesian_stiffness = values
        return SetterStatus.SUCCESS


def initial_settings(plant: Plant) -> Settings:
    """Returns the settings after switching on: with a gripper, the nominal end effector is the TCP of its fingers."""
    transform = np.eye(4)
    if plant.has_gripper:
        half = np.sqrt(0.5)  # The hand is mounted at -pi / 4 about the flange's axis, as Franka's own.
        transform[:2, :2] = [[half, half], [-half, half]]
        transform[2, 3] = TCP_OFFSET
    return Settings(flange_to_nominal=transform)
