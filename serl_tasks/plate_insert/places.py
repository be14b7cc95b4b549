"""Sizes of plates and slots and where the slots stand, for simulator and client."""

from dataclasses import dataclass

SLOT_PLACE = (0.5, 0.0)
"""Axis of every slot, x and y in m, in `base`."""
MOUTH_HEIGHT = 0.03
"""Height of every slot's mouth above the table, m."""


@dataclass(frozen=True, kw_only=True)
class Fit:
    """Describes a plate and the slot it goes into; lengths in m."""

    plate: str
    """Name of the plate; its frame is in the middle of the edge that goes in, z out of the slot."""
    slot: str
    """Name of the slot; its frame is in the middle of the mouth, z up."""
    half_width: float
    """Half of what goes into the slot, along x of the TCP."""
    half_thickness: float
    """Half of what goes into the slot, along y of the TCP: the fingers' way."""
    height: float
    """Of the part that goes in, up to where the plate may become wider."""
    below_tcp: float
    """From the TCP to the edge that goes in."""
    depth: float
    """Of the slot."""
    clearance: float
    """Between plate and slot on each side."""
    chamfer: float
    """How far the mouth is wider than the slot on each side; it narrows at 45 degrees."""


PCB = Fit(
    plate="pcb",
    slot="header",
    half_width=0.0125,
    half_thickness=0.0025,
    height=0.012,
    below_tcp=0.030,
    depth=0.008,
    clearance=0.0003,
    chamfer=0.0005,
)
"""A board's two-row pin header, 25 mm by 5 mm, 8 mm deep."""

RAM = Fit(
    plate="ram",
    slot="socket",
    half_width=0.0667,
    half_thickness=0.0007,
    height=0.030,
    below_tcp=0.025,
    depth=0.006,
    clearance=0.0003,
    chamfer=0.001,
)
"""A memory module, 133 mm long and 1.4 mm thick, 6 mm deep."""
