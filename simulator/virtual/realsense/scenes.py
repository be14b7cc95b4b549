"""Renders frames of a simulated task whose arm waves, for a recording."""

import math
from collections.abc import Iterator

import numpy as np

from serl_api.enums import Pacing
from serl_api.errors.robot import NotFoundError
from serl_api.lifetime.closing import ClosedOnExit
from serl_api.values import Pose
from simulator.devices.cell import cell_of, load_world
from simulator.devices.world import World
from simulator.physics.rendering import View
from simulator.virtual.realsense.recorder import Shot

SWING_M = 0.05
SWING_HZ = 0.5


class TaskScene(ClosedOnExit):
    """Renders a task by one of its cameras. A context manager, which frees the renderer.

    Raises:
        NotFoundError: No such task or camera; with the list.
    """

    def __init__(self, task: str, view: str, seed: int = 0) -> None:
        self._world: World = load_world(task, "panda", seed)
        self._cell = cell_of(self._world, Pacing.LOCKSTEP)
        self._view = view
        if view not in self._cell.cameras:
            self.close()
            raise NotFoundError.among("camera", name=view, available=list(self._cell.cameras))

    def focal(self, width: int, height: int) -> float:
        """Returns the focal length of the camera, in widths of its image."""
        fovy_rad = math.radians(float(self._world.physics.model.camera(self._view).fovy[0]))
        return 0.5 * height / math.tan(fovy_rad / 2.0) / width

    def shots(self, count: int, *, width: int, height: int, rate_hz: float) -> Iterator[Shot]:
        """Renders `count` frames of simulated time. Raises RenderError where there is no OpenGL."""
        cell, home = self._cell, self._cell.arm.info.home_tcp_pose
        view = View(camera=self._view, width=width, height=height)
        begin_ns = cell.timebase.now_ns()
        for index in range(count):
            time_s = index / rate_hz
            cell.timebase.wait_until(begin_ns + round(time_s * 1e9))
            sway = np.array([0.0, SWING_M * math.sin(2.0 * math.pi * SWING_HZ * time_s), 0.0])
            cell.arm.set_target(Pose(home.position + sway, home.quaternion_xyzw))
            picture, _ = self._world.renderer.render(view)
            yield Shot(number=index + 1, middle_s=time_s, colour=picture)

    def close(self) -> None:
        """Frees the scene."""
        self._cell.close()
