"""Finds which bodies touch, and how hard."""

import mujoco
import numpy as np

from simulator.physics.physics import Physics

TABLE = "table"
"""Name that the world's body gets here: the table is all it has to touch."""


def contact_pairs(physics: Physics) -> dict[tuple[str, str], float]:
    """Sums the normal forces of each pair of bodies in contact, N; names in alphabetical order within a pair."""
    model, data = physics.model, physics.data
    wrench = np.zeros(6)
    forces: dict[tuple[str, str], float] = {}
    for index in range(data.ncon):
        contact = data.contact[index]
        first, second = sorted(_body_name(model, int(geom)) for geom in (contact.geom1, contact.geom2))
        mujoco.mj_contactForce(model, data, index, wrench)
        forces[first, second] = forces.get((first, second), 0.0) + float(wrench[0])
    return forces


def _body_name(model: mujoco.MjModel, geom: int) -> str:
    body = int(model.geom_bodyid[geom])
    return model.body(body).name if body else TABLE
