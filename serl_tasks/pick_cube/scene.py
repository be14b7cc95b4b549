"""Pick up a cube that lies anywhere in reach, at any angle."""

import math

import mujoco
import numpy as np

from serl_tasks.pick_cube.places import CUBE, HALF_EDGE, LOWER, UPPER
from simulator.scene.scene import add_prop_box, lay_prop

MASS = 0.1


class PickCube:
    """A 4 cm cube of 0.1 kg on the table."""

    text = "Pick up a 4 cm cube that lies anywhere within x 0.25 to 0.55 m and y -0.25 to 0.25 m."
    tracked_objects = (CUBE,)

    def add_props(self, spec: mujoco.MjSpec) -> None:
        """Adds the cube."""
        spec.add_material(name=CUBE, rgba=[0.86, 0.25, 0.16, 1.0], specular=0.3, shininess=0.4)
        add_prop_box(spec, name=CUBE, half_size=HALF_EDGE, mass=MASS, material=CUBE, friction=0.6)

    def place_props(self, model: mujoco.MjModel, data: mujoco.MjData, rng: np.random.Generator) -> None:
        """Draws the cube's place and yaw."""
        x, y = rng.uniform(LOWER, UPPER)
        lay_prop(model, data, CUBE, (x, y, HALF_EDGE), rng.uniform(-math.pi, math.pi))
