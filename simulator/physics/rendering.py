"""Renders the scene offscreen, in one thread that owns the OpenGL contexts and makes them for the first frame."""

import importlib
import os
import queue
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeAlias

import mujoco
import numpy as np
from numpy.typing import NDArray

from serl_api.values import FloatArray
from simulator.model.shapes import COLLISION_GROUP
from simulator.physics.physics import Physics

MAX_PICTURE_SIZE = 2048
"""Largest width and height of a picture, px."""


class RenderError(Exception):
    """Raised when nothing can be rendered; the message is one sentence for people."""


@dataclass(frozen=True, kw_only=True)
class Orbit:
    """Describes a viewpoint on a sphere about a point."""

    target: tuple[float, float, float]
    """Point looked at, m, in base."""
    distance: float
    """m."""
    azimuth: float
    """About the vertical, rad; 0 looks along +x."""
    elevation: float
    """Above the horizontal, rad; positive looks down."""


@dataclass(frozen=True, kw_only=True)
class View:
    """Says what to render: a camera or a viewpoint, and the size."""

    width: int
    """px."""
    height: int
    """px."""
    camera: str | None = None
    """Name of a camera of the scene."""
    orbit: Orbit | None = None
    """Or a free viewpoint."""
    fine: bool = False
    """Whether to draw shadows and smooth edges: for people; several times slower."""


@dataclass(frozen=True, eq=False)
class Past:
    """Names an earlier instant to render."""

    positions: FloatArray
    """Of every joint then. Shape (nq,)."""
    time_ns: int
    """When it was."""


@dataclass(frozen=True, kw_only=True)
class _Quality:
    samples: int
    shadow_size: int
    slices: int
    stacks: int


_Job: TypeAlias = tuple[View, Past | None, Future[tuple[NDArray[np.uint8], int]]]

_FAST = _Quality(samples=0, shadow_size=0, slices=20, stacks=10)
_FINE = _Quality(samples=8, shadow_size=4096, slices=48, stacks=32)


class Renderer:
    """Renders views of a scene. Any thread may call `render`."""

    def __init__(self, physics: Physics) -> None:
        self._physics = physics
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._start_lock = threading.Lock()

    @property
    def is_running(self) -> bool:
        """Returns whether a thread with its OpenGL contexts exists."""
        return self._thread is not None

    def render(self, view: View, past: Past | None = None, *, timeout_s: float = 30.0) -> tuple[NDArray[np.uint8], int]:
        """Renders the present instant, or an earlier one.

        Returns:
            The image, shape (height, width, 3), RGB, and the instant it shows, ns.

        Raises:
            RenderError: There is no OpenGL, or it took too long.
        """
        self._start()
        future: Future[tuple[NDArray[np.uint8], int]] = Future()
        self._jobs.put((view, past, future))
        try:
            return future.result(timeout_s)
        except TimeoutError:
            raise RenderError(f"drawing took longer than {timeout_s:g} s") from None

    def close(self) -> None:
        """Ends the thread and frees its contexts; a later `render` starts anew."""
        with self._start_lock:
            if self._thread is not None:
                self._jobs.put(None)
                self._thread.join(timeout=5.0)
                self._thread = None

    def _start(self) -> None:
        with self._start_lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="render", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        canvases: dict[_Quality, _Canvas] = {}
        while (job := self._jobs.get()) is not None:
            view, past, future = job
            try:
                quality = _FINE if view.fine else _FAST
                canvas = canvases.get(quality)
                if canvas is None or not canvas.fits(view):
                    if canvas is not None:
                        canvas.close()
                    canvas = canvases[quality] = _Canvas(self._physics, quality, view)
                future.set_result(canvas.draw(view, past))
            except Exception as error:  # noqa: BLE001 - the top of a thread; the caller raises it again.
                future.set_exception(error)
        for canvas in canvases.values():
            canvas.close()


class _Canvas:
    """Holds one OpenGL context with its frame buffer. Belongs to the thread that made it."""

    def __init__(self, physics: Physics, quality: _Quality, view: View) -> None:
        self._physics = physics
        self._size = (max(view.width, 256), max(view.height, 256))
        self._gl = _make_context(*self._size)
        self._gl.make_current()
        model = physics.model
        with physics.lock:
            model.vis.global_.offwidth, model.vis.global_.offheight = self._size
            model.vis.quality.offsamples = quality.samples
            model.vis.quality.shadowsize = quality.shadow_size
            model.vis.quality.numslices = quality.slices
            model.vis.quality.numstacks = quality.stacks
            self._context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._context)
        self._scene = mujoco.MjvScene(model, maxgeom=500)
        self._scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = quality.shadow_size > 0
        self._scene.flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = quality.shadow_size > 0
        self._scene.flags[mujoco.mjtRndFlag.mjRND_HAZE] = False
        self._option = mujoco.MjvOption()
        self._option.geomgroup[COLLISION_GROUP] = 0
        self._option.sitegroup[:] = 0
        self._camera = mujoco.MjvCamera()
        self._past_data: mujoco.MjData | None = None

    def fits(self, view: View) -> bool:
        """Returns whether the frame buffer is large enough."""
        return view.width <= self._size[0] and view.height <= self._size[1]

    def draw(self, view: View, past: Past | None) -> tuple[NDArray[np.uint8], int]:
        """Renders the present instant or an earlier one; see `Renderer.render`."""
        self._gl.make_current()
        physics = self._physics
        self._aim(view)
        with physics.lock:
            if past is None:
                physics.refresh()
            data = physics.data if past is None else self._data_of(past)
            mujoco.mj_camlight(physics.model, data)
            mujoco.mjv_updateScene(
                physics.model,
                data,
                self._option,
                None,
                self._camera,
                mujoco.mjtCatBit.mjCAT_ALL,
                self._scene,
            )
            time_ns = physics.time_ns if past is None else past.time_ns
        rectangle = mujoco.MjrRect(0, 0, view.width, view.height)
        mujoco.mjr_render(rectangle, self._scene, self._context)
        pixels = np.empty((view.height, view.width, 3), np.uint8)
        mujoco.mjr_readPixels(pixels, None, rectangle, self._context)
        return np.ascontiguousarray(pixels[::-1]), time_ns

    def close(self) -> None:
        """Frees the context."""
        self._gl.make_current()
        self._context.free()
        self._gl.free()

    def _data_of(self, past: Past) -> mujoco.MjData:
        model = self._physics.model
        data = mujoco.MjData(model) if self._past_data is None else self._past_data
        self._past_data = data
        data.qpos[:] = past.positions
        data.mocap_pos[:], data.mocap_quat[:] = self._physics.data.mocap_pos, self._physics.data.mocap_quat
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        mujoco.mj_flex(model, data)
        mujoco.mj_tendon(model, data)
        return data

    def _aim(self, view: View) -> None:
        camera = self._camera
        if view.orbit is None:
            camera.type = mujoco.mjtCamera.mjCAMERA_FIXED
            camera.fixedcamid = self._physics.model.camera(view.camera).id
            return
        camera.type = mujoco.mjtCamera.mjCAMERA_FREE
        camera.lookat = view.orbit.target
        camera.distance = view.orbit.distance
        camera.azimuth = np.rad2deg(view.orbit.azimuth)
        camera.elevation = -np.rad2deg(view.orbit.elevation)


def _make_context(width: int, height: int) -> Any:  # noqa: ANN401 - the contexts share no base class.
    """Makes an OpenGL context by EGL, else by OSMesa; `MUJOCO_GL` picks one of them."""
    wanted = os.environ.get("MUJOCO_GL", "").lower()
    names = (wanted,) if wanted in ("egl", "osmesa", "glfw") else ("egl", "osmesa")
    reasons = []
    for name in names:
        try:
            return importlib.import_module(f"mujoco.{name}").GLContext(width, height)
        except (ImportError, AttributeError, OSError, RuntimeError) as error:
            reasons.append(f"{name}: {error}")
            os.environ.pop("PYOPENGL_PLATFORM", None)
    raise RenderError(
        "no OpenGL to draw with; install the system package libegl1 with libgl1-mesa-dri (or libosmesa6 and set "
        f"MUJOCO_GL=osmesa) ({'; '.join(reasons)})"
    )
