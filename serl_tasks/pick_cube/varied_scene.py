"""Pick-cube, half of the time in other colours and lights, the cube in the air at times: to pretrain vision on."""

import math
from dataclasses import dataclass

import mujoco
import numpy as np

from serl_tasks.pick_cube.places import CUBE, HALF_EDGE, LOWER, UPPER
from serl_tasks.pick_cube.scene import PickCube

IN_AIR_RATIO = 0.4
"""Share of the scenes in which the cube is in the air, where it then falls."""
MAX_HEIGHT = 0.35
"""Largest height of the cube's centre, m."""
PLAIN_RATIO = 0.5
"""Share of the scenes in pick-cube's own colours and lights, which are learned fastest."""

_CUBE_BRIGHTNESS = (0.25, 1.0)
_THING_BRIGHTNESS = (0.3, 1.2)
_GREYNESS = 0.6
_LIGHT_TILT_RAD = 0.5


class PickCubeVaried:
    """A cube of a random colour in a cell of random colours and lights, or pick-cube's own."""

    text = "Pictures of pick-cube in random colours and lights, with the cube on the table or in the air."
    tracked_objects = (CUBE,)

    def __init__(self) -> None:
        self._plain = PickCube()
        self._own_look: _Look | None = None

    def add_props(self, spec: mujoco.MjSpec) -> None:
        """Adds the cube."""
        self._plain.add_props(spec)

    def place_props(self, model: mujoco.MjModel, data: mujoco.MjData, rng: np.random.Generator) -> None:
        """Draws the cube's place, and the colours and lights of everything."""
        self._plain.place_props(model, data, rng)
        if rng.random() < IN_AIR_RATIO:
            start = int(model.jnt_qposadr[model.joint(CUBE).id])
            data.qpos[start : start + 3] = rng.uniform((*LOWER, HALF_EDGE), (*UPPER, MAX_HEIGHT))
            data.qpos[start + 3 : start + 7] = _any_turn(rng)
        if self._own_look is None:
            self._own_look = _Look.of(model)
        self._own_look.put_on(model)
        if rng.random() >= PLAIN_RATIO:
            _paint(model, rng)
            _light(model, rng)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Look:
    """Colours and lights of a model. Arrays of MuJoCo's shapes."""

    materials: np.ndarray
    ambient: np.ndarray
    headlight: np.ndarray
    lights: np.ndarray
    directions: np.ndarray

    @classmethod
    def of(cls, model: mujoco.MjModel) -> "_Look":
        """A copy of a model's look."""
        return cls(
            materials=model.mat_rgba.copy(),
            ambient=model.vis.headlight.ambient.copy(),
            headlight=model.vis.headlight.diffuse.copy(),
            lights=model.light_diffuse.copy(),
            directions=model.light_dir.copy(),
        )

    def put_on(self, model: mujoco.MjModel) -> None:
        """Gives a model this look."""
        model.mat_rgba[:] = self.materials
        model.vis.headlight.ambient[:] = self.ambient
        model.vis.headlight.diffuse[:] = self.headlight
        model.light_diffuse[:] = self.lights
        model.light_dir[:] = self.directions


def _any_turn(rng: np.random.Generator) -> np.ndarray:
    """A uniformly random rotation as wxyz."""
    quaternion = rng.standard_normal(4)
    return quaternion / np.linalg.norm(quaternion)


def _paint(model: mujoco.MjModel, rng: np.random.Generator) -> None:
    """Colours of materials; those of textures are multiplied."""
    for index in range(model.nmat):
        is_cube = model.mat(index).name == CUBE
        low, high = _CUBE_BRIGHTNESS if is_cube else _THING_BRIGHTNESS
        colour = rng.uniform(0.0, 1.0, 3) ** 1.5
        if not is_cube:  # Tables and arms are seldom gaudy.
            colour += _GREYNESS * (rng.random() - colour)
        brightness = rng.uniform(low, high)
        model.mat_rgba[index, :3] = np.clip(brightness * colour / max(float(colour.max()), 0.2), 0.0, 1.0)


def _light(model: mujoco.MjModel, rng: np.random.Generator) -> None:
    tint = rng.uniform(0.8, 1.0, 3)
    model.vis.headlight.ambient[:] = rng.uniform(0.25, 0.55) * tint
    model.vis.headlight.diffuse[:] = rng.uniform(0.05, 0.3)
    for index in range(model.nlight):
        model.light_diffuse[index] = rng.uniform(0.05, 0.7) * tint
        turn, tilt = rng.uniform(-math.pi, math.pi), rng.uniform(0.0, _LIGHT_TILT_RAD)
        model.light_dir[index] = (
            math.sin(tilt) * math.cos(turn),
            math.sin(tilt) * math.sin(turn),
            -math.cos(tilt),
        )
