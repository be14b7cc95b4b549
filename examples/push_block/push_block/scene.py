"""What the simulator shows: a block, and a mat that only marks the goal."""

import math

import mujoco
import numpy as np

from push_block.places import BLOCK, GOAL, GOAL_RADIUS, HALF_EDGE, LOWER, UPPER
from simulator.model.shapes import Block, add_visual
from simulator.scene.scene import add_prop_box, lay_prop


class PushBlock:
    """A wooden block of 0.1 kg before a mat."""

    text = "Push a 5 cm block onto the mat at x 0.55 m."
    tracked_objects = (BLOCK,)

    def add_props(self, spec: mujoco.MjSpec) -> None:
        """Adds block and mat."""
        add_prop_box(spec, name=BLOCK, half_size=HALF_EDGE, mass=0.1, material="wood", friction=0.4)
        add_visual(spec.worldbody, Block((*GOAL, 0.0), (GOAL_RADIUS, GOAL_RADIUS, 0.0005), "mat"))

    def place_props(self, model: mujoco.MjModel, data: mujoco.MjData, rng: np.random.Generator) -> None:
        """Draws the block's place and yaw."""
        x, y = rng.uniform(LOWER, UPPER)
        lay_prop(model, data, BLOCK, (x, y, HALF_EDGE), rng.uniform(-math.pi, math.pi))
