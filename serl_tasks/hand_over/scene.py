"""Builds the scene of the hand-over: two arms that face each other, and a bar before the left one."""

import mujoco
import numpy as np

from serl_tasks.hand_over.places import BAR, BAR_HALF, LOWER, MAX_YAW, RIGHT_BASE, RIGHT_YAW, UPPER
from simulator.model.contact_bits import PROP_BIT, TABLE_BIT
from simulator.model.mount import Mount
from simulator.model.shapes import VISUAL_GROUP
from simulator.scene.scene import lay_prop

MASS = 0.05


class HandOver:
    """A 16 cm bar of 50 g on a table between two arms."""

    text = "Pick a 16 cm bar up with the left arm and hand it over to the right one."
    tracked_objects = (BAR,)
    right_arm = Mount(prefix="right/", position=RIGHT_BASE, yaw=RIGHT_YAW)

    def add_props(self, spec: mujoco.MjSpec) -> None:
        """Adds the bar."""
        spec.add_material(name=BAR, rgba=[0.93, 0.62, 0.15, 1.0], specular=0.3, shininess=0.4)
        body = spec.worldbody.add_body(name=BAR, pos=[LOWER[0], 0.0, BAR_HALF[2]])
        body.add_freejoint(name=BAR)
        geom = body.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, size=BAR_HALF, mass=MASS, material=BAR)
        geom.name = BAR
        geom.contype, geom.conaffinity, geom.condim = PROP_BIT, TABLE_BIT | PROP_BIT, 3
        geom.friction = [0.6, 0.005, 0.0001]
        geom.group = VISUAL_GROUP

    def place_props(self, model: mujoco.MjModel, data: mujoco.MjData, rng: np.random.Generator) -> None:
        """Draws the bar's place and yaw."""
        x, y = rng.uniform(LOWER, UPPER)
        lay_prop(model, data, BAR, (x, y, BAR_HALF[2]), rng.uniform(-MAX_YAW, MAX_YAW))
