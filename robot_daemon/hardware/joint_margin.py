"""Says how far from the limits of their positions joints are kept while the tool is moved, by any arm's driver."""

import numpy as np

from serl_api.values import FloatArray

JOINT_MARGIN_RAD = 0.1
"""Distance from a limit that a pose or a wrench takes no joint beyond."""


def inner_limits(lower: FloatArray, upper: FloatArray, positions: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Returns the limits less the margin; those of a joint that stands beyond lie where it stands. Shapes (7,), rad."""
    return np.minimum(lower + JOINT_MARGIN_RAD, positions), np.maximum(upper - JOINT_MARGIN_RAD, positions)
