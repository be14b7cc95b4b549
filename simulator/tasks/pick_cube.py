"""Pick up a cube that lies anywhere in reach, at any angle."""

import math

import mujoco
import numpy as np

from simulator.scene.scene import add_prop_box

CUBE = "cube"
HALF_EDGE = 0.02
MASS = 0.1
LOWER = (0.25, -0.25)
"""Corner of the area where the cube may lie, x and y in m."""
UPPER = (0.55, 0.25)
"""The opposite corner."""


class PickCube:
    """A 4 cm cube of 0.1 kg on the table."""

    @property
    def name(self) -> str:
        """Name in kebab-case."""
        return "pick-cube"

    @property
    def text(self) -> str:
        """One sentence for people."""
        return "Pick up a 4 cm cube that lies anywhere within x 0.25 to 0.55 m and y -0.25 to 0.25 m."

    @property
    def tracked_objects(self) -> tuple[str, ...]:
        """The cube."""
        return (CUBE,)

    def add_props(self, spec: mujoco.MjSpec) -> None:
        """Adds the cube."""
        spec.add_material(name=CUBE, rgba=[0.86, 0.25, 0.16, 1.0], specular=0.3, shininess=0.4)
        add_prop_box(spec, name=CUBE, half_size=HALF_EDGE, mass=MASS, material=CUBE, friction=0.6)

    def place_props(self, model: mujoco.MjModel, data: mujoco.MjData, rng: np.random.Generator) -> None:
        """Draws the cube's place and yaw."""
        x, y = rng.uniform(LOWER, UPPER)
        half_yaw = 0.5 * rng.uniform(-math.pi, math.pi)
        start = int(model.jnt_qposadr[model.joint(CUBE).id])
        data.qpos[start : start + 7] = (x, y, HALF_EDGE, math.cos(half_yaw), 0.0, 0.0, math.sin(half_yaw))
