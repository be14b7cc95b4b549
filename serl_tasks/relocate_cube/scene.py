"""Carry a cube from the left half of the table to the right one, and back."""

import math

import mujoco
import numpy as np

from serl_tasks.pick_cube.places import CUBE, HALF_EDGE
from serl_tasks.pick_cube.scene import PickCube
from serl_tasks.relocate_cube.places import LOWER, UPPER
from simulator.model.shapes import Block, add_visual
from simulator.scene.scene import lay_prop

_MAT_MARGIN = 0.04
_MAT_HALF_HEIGHT = 0.0005


class RelocateCube:
    """The cube of pick-cube, and two mats that only mark the halves."""

    text = "Carry a 4 cm cube from the left half of the table, y above 0 m, to the right half, and back."
    tracked_objects = (CUBE,)

    def __init__(self) -> None:
        self._cube = PickCube()

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
        lay_prop(model, data, CUBE, (x, side * y, HALF_EDGE), rng.uniform(-math.pi, math.pi))
