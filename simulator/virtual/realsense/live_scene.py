"""Renders the scene of a virtual arm as it is now: positions come from the arm's process, pictures are made here."""

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from serl_api.errors.robot import NotFoundError
from serl_api.lifetime.closing import ClosedOnExit
from simulator.devices.cell import load_world
from simulator.devices.world import World
from simulator.physics.rendering import Past, View
from simulator.virtual.fci.control_channel import ControlClient


class LiveScene(ClosedOnExit):
    """Follows one virtual arm. For one thread. A context manager, which frees renderer and channel.

    Args:
        control: Socket of the arm's control channel, as in `serl-virtual fci --control SOCKET`.

    Raises:
        OSError: Nobody listens there.
        NotFoundError: The arm stands in no scene.
    """

    def __init__(self, control: Path) -> None:
        self._client = ControlClient(control, timeout_s=2.0)
        try:
            scene = self._client.ask("scene")
            self._world: World = load_world(scene["task"], scene["arm"], int(scene["seed"]))
        except BaseException:
            self._client.close()
            raise
        self._seed = int(scene["seed"])
        self._now = Past(np.array(scene["qpos"]), int(scene["time_ns"]))

    @property
    def cameras(self) -> list[str]:
        """Lists the names of the scene's cameras."""
        model = self._world.physics.model
        return [model.camera(index).name for index in range(model.ncam)]

    def focal(self, camera: str, width: int, height: int) -> float:
        """Returns the focal length of a camera, in widths of its picture. Raises NotFoundError with the list."""
        if camera not in self.cameras:
            raise NotFoundError.among("camera", name=camera, available=self.cameras)
        fovy_rad = math.radians(float(self._world.physics.model.camera(camera).fovy[0]))
        return 0.5 * height / math.tan(fovy_rad / 2.0) / width

    def update(self) -> int:
        """Takes over where everything is; returns the instant, ns on the monotonic clock.

        Raises:
            OSError: The arm has gone.
        """
        scene = self._client.ask("scene")
        if int(scene["seed"]) != self._seed:
            self._draw_anew(int(scene["seed"]))
        self._now = Past(np.array(scene["qpos"]), int(scene["time_ns"]))
        return self._now.time_ns

    def picture(self, camera: str, width: int, height: int) -> NDArray[np.uint8]:
        """Renders what a camera sees of the last update. Shape (height, width, 3), RGB.

        Raises:
            RenderError: There is no OpenGL.
        """
        return self._world.renderer.render(View(camera=camera, width=width, height=height), self._now)[0]

    def close(self) -> None:
        """Frees everything."""
        self._client.close()
        self._world.close()

    def _draw_anew(self, seed: int) -> None:
        """Draws the scene of another seed as the arm did: colours and lamps are part of some scenes."""
        physics = self._world.physics
        with physics.lock:
            self._world.scene.place_props(physics.model, physics.data, np.random.default_rng(seed % 2**64))
        self._seed = seed
