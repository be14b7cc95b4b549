"""Names what an ALOHA file holds."""

from __future__ import annotations

from collections.abc import Mapping

ACTION = "action"
OBSERVATIONS = "observations"
QPOS = "qpos"
IMAGES = "images"
IMAGES_PATH = f"{OBSERVATIONS}/{IMAGES}"
COMPRESSED_LENGTHS = "compress_len"
PATTERN = "*.hdf5"
RATE_HZ = 50.0
"""Steps a second of ALOHA; its files do not say it."""

MEASURED: Mapping[str, tuple[str, ...]] = {
    "qvel": ("qvel", "joint_velocities"),
    "effort": ("effort", "joint_torques"),
}
"""What a file tells of the joints beside their positions, and under which names of `Episode.sensors` it is here."""

OWN = "serl"
"""Ours: a group with all numbers of an episode as they are, and the observation after the last action, for which the
layout has no row. Other readers do not look at it."""
OWN_ABOUT = "about"
OWN_FINAL_IMAGES = "final_images"


def file_name(number: int) -> str:
    """Names the file of an episode."""
    return f"episode_{number}.hdf5"
