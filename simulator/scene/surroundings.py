"""Adds what stands around the arm: table, floor, sky, lights, and the materials of everything."""

import mujoco
import numpy as np

from simulator.model.contact_bits import TABLE_BIT
from simulator.model.shapes import COLLISION_GROUP, Block, Rod, Triple, add_visual

TABLE_HEIGHT = 0.78
"""Of the table's top above the floor, m."""

_MATERIALS: dict[str, tuple[Triple, float, float]] = {
    "shell": ((0.92, 0.93, 0.95), 0.45, 0.65),
    "joint": ((0.30, 0.32, 0.36), 0.30, 0.40),
    "dark": ((0.13, 0.14, 0.16), 0.45, 0.55),
    "metal": ((0.62, 0.65, 0.69), 0.65, 0.70),
    "pad": ((0.08, 0.08, 0.09), 0.05, 0.10),
    "leg": ((0.27, 0.29, 0.33), 0.25, 0.35),
    "edge": ((0.52, 0.38, 0.25), 0.15, 0.25),
    "mat": ((0.23, 0.30, 0.37), 0.05, 0.10),
}
"""Colour (RGB), specular and shininess of the plain materials."""

_WOOD_LIGHT = (0.80, 0.65, 0.47)
_WOOD_DARK = (0.70, 0.53, 0.36)
_SKY_HIGH = (0.55, 0.67, 0.80)
_SKY_LOW = (0.94, 0.95, 0.97)
_FLOOR_LIGHT = (0.80, 0.82, 0.84)
_FLOOR_DARK = (0.74, 0.76, 0.79)

_TABLE_HALF_X, _TABLE_HALF_Y, _TABLE_CENTER_X = 0.55, 0.60, 0.30
_ROOM = 0.60
"""How far along x the table of one arm has room for the base of another, m."""


def add_materials(spec: mujoco.MjSpec) -> None:
    """Adds the plain materials."""
    for name, (rgb, specular, shininess) in _MATERIALS.items():
        spec.add_material(name=name, rgba=[*rgb, 1.0], specular=specular, shininess=shininess)


def add_surroundings(spec: mujoco.MjSpec, longer: float = 0.0) -> None:
    """Adds materials, sky, floor, table and lights. The table's top is the plane z = 0, and it may be longer, m."""
    add_materials(spec)
    _add_sky(spec)
    _add_floor(spec)
    _add_table(spec, max(0.0, longer - _ROOM))
    _add_lights(spec)


def _add_sky(spec: mujoco.MjSpec) -> None:
    spec.add_texture(
        name="sky",
        type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
        rgb1=_SKY_HIGH,
        rgb2=_SKY_LOW,
        width=64,
        height=384,
    )


def _add_floor(spec: mujoco.MjSpec) -> None:
    spec.add_texture(
        name="floor",
        type=mujoco.mjtTexture.mjTEXTURE_2D,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_CHECKER,
        rgb1=_FLOOR_LIGHT,
        rgb2=_FLOOR_DARK,
        width=128,
        height=128,
    )
    material = spec.add_material(name="floor", texrepeat=[1.0, 1.0], texuniform=True, reflectance=0.0, specular=0.1)
    material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = "floor"
    floor = spec.worldbody.add_geom(
        name="floor", type=mujoco.mjtGeom.mjGEOM_PLANE, pos=[0.0, 0.0, -TABLE_HEIGHT], size=[6.0, 6.0, 0.1]
    )
    floor.contype = floor.conaffinity = 0
    floor.material = "floor"


def _add_table(spec: mujoco.MjSpec, longer: float) -> None:
    """Adds the table: an endless plane that collides, so that nothing falls off, and a finite one that is seen."""
    plane = spec.worldbody.add_geom(name="table", type=mujoco.mjtGeom.mjGEOM_PLANE, size=[1.0, 1.0, 0.1])
    plane.contype, plane.conaffinity, plane.group = TABLE_BIT, 0, COLLISION_GROUP
    plane.friction = [0.6, 0.005, 0.0001]
    _add_wood(spec)
    x, y, world = _TABLE_HALF_X + longer / 2, _TABLE_HALF_Y, spec.worldbody
    center_x = _TABLE_CENTER_X + longer / 2
    add_visual(world, Block((center_x, 0.0, -0.015), (x, y, 0.015), "wood"))
    add_visual(world, Block((center_x, 0.0, -0.036), (x - 0.01, y - 0.01, 0.006), "edge"))
    for sign_x in (-1.0, 1.0):
        for sign_y in (-1.0, 1.0):
            corner = (center_x + sign_x * (x - 0.06), sign_y * (y - 0.06))
            add_visual(world, Rod((*corner, -TABLE_HEIGHT), (*corner, -0.04), 0.025, "leg", flat=True))


def _add_wood(spec: mujoco.MjSpec) -> None:
    texture = spec.add_texture(name="wood", type=mujoco.mjtTexture.mjTEXTURE_2D, width=256, height=256, nchannel=3)
    texture.data = _wood_grain(256).tobytes()
    material = spec.add_material(name="wood", texrepeat=[1.0, 1.0], specular=0.12, shininess=0.25)
    material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = "wood"


def _wood_grain(size: int) -> np.ndarray:
    """Draws boards of a pale wood with grain along x. Shape (size, size, 3), RGB."""
    rng = np.random.default_rng(7)
    across, along = np.mgrid[0:size, 0:size] / size
    board = np.floor(across * 6.0)
    shift, tone = rng.uniform(0.0, 6.0, 6)[board.astype(int)], rng.uniform(-0.12, 0.12, 6)[board.astype(int)]
    wave = 0.015 * np.sin(2.0 * np.pi * (along * 1.5 + shift)) + across
    rings = 0.5 + 0.28 * np.sin(2.0 * np.pi * 38.0 * (wave + shift)) + 0.16 * np.sin(2.0 * np.pi * 91.0 * wave + shift)
    seam = np.where(np.abs(across * 6.0 - np.round(across * 6.0)) < 0.015, 0.55, 0.0)
    ratio = np.clip(0.55 * rings + tone + seam + rng.normal(0.0, 0.02, (size, size)), 0.0, 1.0)[..., None]
    colour = (1.0 - ratio) * np.array(_WOOD_LIGHT) + ratio * np.array(_WOOD_DARK)
    return (255.0 * colour).astype(np.uint8)


def _add_lights(spec: mujoco.MjSpec) -> None:
    spec.stat.center = [0.3, 0.0, 0.2]  # Middle and size of what casts shadows.
    spec.stat.extent = 1.0
    spec.visual.map.shadowclip = 1.3
    spec.visual.map.znear = 0.01
    head = spec.visual.headlight
    head.ambient, head.diffuse, head.specular = [0.40, 0.40, 0.42], [0.15, 0.15, 0.15], [0.0, 0.0, 0.0]
    key = _add_sun(spec, "key", (0.9, -1.1, 2.2), (-0.28, 0.46, -0.84))
    key.diffuse, key.specular, key.castshadow = [0.56, 0.55, 0.52], [0.30, 0.30, 0.30], True
    fill = _add_sun(spec, "fill", (1.0, 1.6, 1.8), (-0.35, -0.65, -0.67))
    fill.diffuse, fill.specular, fill.castshadow = [0.16, 0.17, 0.20], [0.08, 0.08, 0.08], False


def _add_sun(spec: mujoco.MjSpec, name: str, position: Triple, direction: Triple) -> mujoco.MjsLight:
    light = spec.worldbody.add_light(name=name, pos=position, dir=direction)
    light.type = mujoco.mjtLightType.mjLIGHT_DIRECTIONAL
    return light
