"""Builds the scene of the stick: it stands in its holder, beside the port it goes into."""

import mujoco
import numpy as np

from serl_tasks.plate_insert.slot import Slot, add_box, add_slot
from serl_tasks.usb_insert.places import (
    DEPTH,
    HANDLE_HALF,
    HANDLE_LENGTH,
    HOLDER,
    HOLDER_CLEARANCE,
    HOLDER_PLACE,
    MOUTH_HEIGHT,
    PLUG_HALF,
    PLUG_LENGTH,
    PORT,
    PORT_CHAMFER,
    PORT_CLEARANCE,
    PORT_PLACE,
    USB,
)
from simulator.model.contact_bits import TABLE_BIT
from simulator.scene.scene import lay_prop

MASS = 0.02
_BLOCK_HALF = (0.025, 0.015)
_HANDLE_FRICTION = 0.6
_PLAY = 0.8
"""Share of the holder's clearance that a new scene uses."""
_MAX_YAW = 0.05
"""Of the stick in its holder, rad."""


class UsbInsert:
    """A USB stick that stands in a holder, and a port 8 cm beside it."""

    text = "Pick a USB stick out of its holder, insert it into a port with 0.4 mm of clearance, and let go of it."
    tracked_objects = (USB, PORT)

    def add_props(self, spec: mujoco.MjSpec) -> None:
        """Adds stick, holder and port."""
        for name, rgb in ((USB, (0.16, 0.42, 0.75)), (PORT, (0.12, 0.12, 0.14)), (HOLDER, (0.55, 0.56, 0.58))):
            spec.add_material(name=name, rgba=[*rgb, 1.0], specular=0.4, shininess=0.5)
        spec.add_material(name="plug", rgba=[0.80, 0.81, 0.83, 1.0], specular=0.8, shininess=0.8)
        _add_stick(spec)
        add_slot(spec, _slot(PORT, PORT_PLACE, PORT_CLEARANCE, PORT_CHAMFER))
        add_slot(spec, _slot(HOLDER, HOLDER_PLACE, HOLDER_CLEARANCE, PORT_CHAMFER))

    def place_props(self, model: mujoco.MjModel, data: mujoco.MjData, rng: np.random.Generator) -> None:
        """Stands the stick in its holder, within its play."""
        x, y = np.array(HOLDER_PLACE) + rng.uniform(-1.0, 1.0, 2) * _PLAY * HOLDER_CLEARANCE
        lay_prop(model, data, USB, (float(x), float(y), MOUTH_HEIGHT - PLUG_LENGTH), rng.uniform(-_MAX_YAW, _MAX_YAW))


def _add_stick(spec: mujoco.MjSpec) -> None:
    stick = spec.worldbody.add_body(name=USB, pos=[*HOLDER_PLACE, MOUTH_HEIGHT])
    stick.add_freejoint(name=USB)
    plug = add_box(stick, (0.0, 0.0, PLUG_LENGTH / 2), (*PLUG_HALF, PLUG_LENGTH / 2), "plug")
    handle = add_box(stick, (0.0, 0.0, PLUG_LENGTH + HANDLE_LENGTH / 2), (*HANDLE_HALF, HANDLE_LENGTH / 2), USB)
    handle.friction = [_HANDLE_FRICTION, 0.005, 0.0001]
    for geom in (plug, handle):
        geom.conaffinity |= TABLE_BIT
        geom.mass = MASS / 2


def _slot(name: str, place: tuple[float, float], clearance: float, chamfer: float) -> Slot:
    return Slot(
        name=name,
        position=(*place, MOUTH_HEIGHT),
        half=(PLUG_HALF[0] + clearance, PLUG_HALF[1] + clearance),
        depth=DEPTH,
        chamfer=chamfer,
        block_half=_BLOCK_HALF,
        block_material=name,
    )
