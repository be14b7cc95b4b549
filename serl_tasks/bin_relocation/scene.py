"""Builds the scene of the bins: two of them side by side, and items of several shapes in them."""

import math

import mujoco
import numpy as np

from serl_tasks.bin_relocation.places import (
    AREA_HALF,
    BIN_HALF,
    BIN_X,
    BIN_Y,
    ITEM_DISTANCE,
    ITEM_NAMES,
    ITEMS,
    WALL_HEIGHT,
    Item,
)
from serl_tasks.plate_insert.slot import add_box
from simulator.model.contact_bits import TABLE_BIT
from simulator.model.shapes import Block, add_visual
from simulator.scene.scene import lay_prop

MASS = 0.08
_FRICTION = 0.6
_WALL = 0.002
"""Half the thickness of a wall, m."""
_COLORS = {
    "cube": (0.86, 0.25, 0.16),
    "can": (0.20, 0.55, 0.30),
    "bar": (0.93, 0.72, 0.18),
    "left_bin": (0.22, 0.42, 0.62),
    "right_bin": (0.45, 0.36, 0.55),
}


class BinRelocation:
    """A cube, a can and a bar, each in one of two bins."""

    text = "Carry a cube, a can and a bar between two bins with walls of 4 cm, one side by side with the other."
    tracked_objects = ITEM_NAMES

    def add_props(self, spec: mujoco.MjSpec) -> None:
        """Adds the bins and the items."""
        for name, rgb in _COLORS.items():
            spec.add_material(name=name, rgba=[*rgb, 1.0], specular=0.3, shininess=0.4)
        _add_bin(spec, "left_bin", BIN_Y)
        _add_bin(spec, "right_bin", -BIN_Y)
        for item in ITEMS:
            _add_item(spec, item)

    def place_props(self, model: mujoco.MjModel, data: mujoco.MjData, rng: np.random.Generator) -> None:
        """Draws each item's bin, place and yaw; those in one bin leave room for fingers between them."""
        for item, x, side in zip(ITEMS, _spread(rng), rng.choice((1.0, -1.0), len(ITEMS)), strict=True):
            y = side * (BIN_Y + rng.uniform(-AREA_HALF[1], AREA_HALF[1]))
            place = (BIN_X + float(x), float(y), item.half_size[2])
            lay_prop(model, data, item.name, place, rng.uniform(-math.pi, math.pi))


def _spread(rng: np.random.Generator) -> np.ndarray:
    """Offsets along x, in any order, uniform among those that are far enough apart. Shape (items,)."""
    gaps = ITEM_DISTANCE * np.arange(len(ITEMS))
    room = 2 * AREA_HALF[0] - gaps[-1]
    offsets = np.sort(rng.uniform(0.0, room, len(ITEMS))) + gaps - AREA_HALF[0]
    return rng.permutation(offsets)


def _add_bin(spec: mujoco.MjSpec, name: str, y: float) -> None:
    body = spec.worldbody.add_body(name=name, pos=[BIN_X, y, 0.0])
    half_x, half_y = BIN_HALF
    add_visual(body, Block((0.0, 0.0, 0.0), (half_x, half_y, 0.0005), name))
    for end in (-1.0, 1.0):
        across = (_WALL, half_y, WALL_HEIGHT / 2)
        along = (half_x + 2 * _WALL, _WALL, WALL_HEIGHT / 2)
        add_box(body, (end * (half_x + _WALL), 0.0, WALL_HEIGHT / 2), across, name)
        add_box(body, (0.0, end * (half_y + _WALL), WALL_HEIGHT / 2), along, name)


def _add_item(spec: mujoco.MjSpec, item: Item) -> None:
    body = spec.worldbody.add_body(name=item.name, pos=[BIN_X, BIN_Y, item.half_size[2]])
    body.add_freejoint(name=item.name)
    geom = add_box(body, (0.0, 0.0, 0.0), item.half_size, item.name)
    if item.is_round:
        geom.type = mujoco.mjtGeom.mjGEOM_CYLINDER
        geom.size = [item.half_size[0], item.half_size[2], 0.0]
    geom.conaffinity |= TABLE_BIT
    geom.friction = [_FRICTION, 0.005, 0.0001]
    geom.mass = MASS
