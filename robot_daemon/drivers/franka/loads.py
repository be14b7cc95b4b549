"""Reads the load that an arm has been told, and adds what it picks up to it."""

import franky
import numpy as np

from serl_api.values import FloatArray, Load


def load_of(state: franky.RobotState) -> Load:
    """Returns the load that the arm has been told, beside its end effector."""
    x, y, z = state.F_x_Cload
    inertia = np.reshape(state.I_load, (3, 3)).T  # Column-major there.
    return Load(mass=state.m_load, center_of_mass=(x, y, z), inertia=tuple(inertia.ravel().tolist()))


def combined_load(tool: Load, object_load: Load) -> Load:
    """Adds two loads that are carried together: masses, their common centre, and inertia about that.

    Args:
        tool: What the flange carries always, in its frame.
        object_load: What is carried beside, in the same frame.
    """
    mass = tool.mass + object_load.mass
    if mass == 0.0:
        return tool
    loads = (tool, object_load)
    center = sum((load.mass * np.array(load.center_of_mass) for load in loads), np.zeros(3)) / mass
    inertia = sum((_inertia_about(center, load) for load in loads), np.zeros((3, 3)))
    x, y, z = center.tolist()
    return Load(mass=mass, center_of_mass=(x, y, z), inertia=tuple(inertia.ravel().tolist()))


def _inertia_about(point: FloatArray, load: Load) -> FloatArray:
    """Moves the inertia of a load from its own centre of mass to another point (Steiner)."""
    own = np.reshape(load.inertia, (3, 3)) if load.inertia else np.zeros((3, 3))
    away = np.array(load.center_of_mass) - point
    return own + load.mass * (away @ away * np.eye(3) - np.outer(away, away))
