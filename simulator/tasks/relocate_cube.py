"""Carry a cube from the left half of the table to the right one, and back."""

import math

import mujoco
import numpy as np

from simulator.model.shapes import Block, add_visual
from simulator.tasks.pick_cube import CUBE, HALF_EDGE, PickCube

LOWER = (0.32, 0.08)
"""Corner of the left area where the cube may lie, x and y in m; the right one is its mirror image in y = 0."""
UPPER = (0.48, 0.20)
"""The opposite corner."""

_MAT_MARGIN = 0.04
_MAT_HALF_HEIGHT = 0.0005


class RelocateCube:
    """The cube of pick-cube, and two mats that only mark the halves."""

    def __init__(self) -> None:
        self._cube = PickCube()

    @property
    def name(self) -> str:
        """Name in kebab-case."""
        return "relocate-cube"

    @property
    def text(self) -> str:
        """One sentence for people."""
        return "Carry a 4 cm cube from the left half of the table, y above 0 m, to the right half, and back."

    @property
    def tracked_objects(self) -> tuple[str, ...]:
        """The cube."""
        return self._cube.tracked_objects

    def add_props(self, spec: mujoco.MjSpec) -> None:
        """Adds the cube and the mats."""
        self._cube.add_props(spec)
        half_x, half_y = ((UPPER[axis] - LOWER[axis]) / 2 + _MAT_MARGIN for axis in (0, 1))
        x, y = ((UPPER[axis] + LOWER[axis]) / 2 for axis in (0, 1))
        for side in (1.0, -1.0):
            add_visual(spec.worldbody, Block((x, side * y, 0.0), (half_x, half_y, _MAT_HALF_HEIGHT), "mat"))

    def place_props(self, model: mujoco.MjModel, data: mujoco.MjData, rng: np.random.Generator) -> None:
        """Draws the cube's half, its place there and its yaw."""
        x, y = rng.uniform(LOWER, UPPER)
        side = rng.choice((1.0, -1.0))
        half_yaw = 0.5 * rng.uniform(-math.pi, math.pi)
        start = int(model.jnt_qposadr[model.joint(CUBE).id])
        data.qpos[start : start + 7] = (x, side * y, HALF_EDGE, math.cos(half_yaw), 0.0, 0.0, math.sin(half_yaw))
