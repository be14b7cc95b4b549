"""Renders the cameras of a virtual arm's scene at their rate and sends the pictures to whoever asked for them."""

import json
import logging
import socket
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from serl_api.errors.robot import NotFoundError
from simulator.physics.rendering import RenderError
from simulator.virtual.realsense.live_scene import LiveScene
from simulator.virtual.realsense.picture_stream import CameraFacts, Picture, pack_answer, pack_picture
from simulator.virtual.serving import Device

logger = logging.getLogger(__name__)

_ASKING_S = 2.0
"""How long a client may take to say what it wants."""
_SENDING_S = 0.5
"""How long a client may take to receive a frame before it is left."""
_LONGEST_LINE = 4096


@dataclass(eq=False)
class _Viewer:
    """Holds one client and the camera that it asked for."""

    connection: socket.socket
    camera: str
    number: int = field(default=0)


class PictureServer(Device):
    """Serves pictures between `start` and `close`, or inside a `with` block.

    Only cameras that somebody asked for are rendered, one after the other at the same instant. A machine that is too
    slow gives fewer frames, not later ones.

    Args:
        control: Socket of the virtual arm's control channel.
        path: Socket to serve.
        width: Of every picture, px.
        height: Of every picture, px.
        rate_hz: Frames a second, at best.
    """

    def __init__(self, control: Path, path: Path, *, width: int, height: int, rate_hz: int) -> None:
        self.path = path
        """Socket that clients connect to."""
        self._control = control
        self._size = (width, height)
        self._rate_hz = rate_hz
        self._viewers: list[_Viewer] = []
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._scene: LiveScene | None = None
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begins to serve. Raises OSError when there is no arm, or the socket cannot be had."""
        try:
            self._scene = LiveScene(self._control)
        except NotFoundError as error:
            raise OSError(f"the virtual arm stands in no scene; start it with --task ({error})") from None
        self.path.unlink(missing_ok=True)
        self._listener.bind(str(self.path))
        self._listener.listen(8)
        self._listener.settimeout(0.2)
        for name, work in (("viewers", self._accept_forever), ("pictures", self._render_forever)):
            self._threads.append(threading.Thread(target=work, name=name, daemon=True))
            self._threads[-1].start()

    def close(self) -> None:
        """Ends everything. Safe to repeat."""
        self._ending.set()
        for thread in self._threads:
            thread.join(timeout=5.0)
        self._listener.close()
        self.path.unlink(missing_ok=True)
        for viewer in self._viewers:
            viewer.connection.close()
        self._viewers.clear()
        if self._scene is not None:
            self._scene.close()
            self._scene = None

    def _accept_forever(self) -> None:
        while not self._ending.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            self._greet(connection)

    def _greet(self, connection: socket.socket) -> None:
        assert self._scene is not None
        connection.settimeout(_ASKING_S)
        try:
            camera = str(json.loads(connection.makefile("rb").readline(_LONGEST_LINE))["camera"])
            width, height = self._size
            facts = CameraFacts(
                width=width, height=height, rate_hz=self._rate_hz, focal=self._scene.focal(camera, width, height)
            )
            connection.sendall(pack_answer(facts))
        except NotFoundError as error:
            connection.sendall(pack_answer(None, str(error)))
            connection.close()
            return
        except (OSError, ValueError, TypeError, KeyError):
            connection.close()
            return
        connection.settimeout(_SENDING_S)
        with self._lock:
            self._viewers.append(_Viewer(connection, camera))

    def _render_forever(self) -> None:
        due = time.monotonic()
        while not self._ending.wait(max(0.0, due - time.monotonic())):
            due = max(due + 1.0 / self._rate_hz, time.monotonic())
            with self._lock:
                viewers = list(self._viewers)
            try:
                self._show(viewers)
            except (OSError, RenderError):
                logger.exception("no pictures any more")
                self._ending.set()

    def _show(self, viewers: list[_Viewer]) -> None:
        """Renders the present instant once for each camera and sends it to all who want it."""
        if not viewers:
            return
        assert self._scene is not None
        time_ns = self._scene.update()
        width, height = self._size
        for camera in dict.fromkeys(viewer.camera for viewer in viewers):
            rgb = self._scene.picture(camera, width, height)
            for viewer in viewers:
                if viewer.camera == camera:
                    viewer.number += 1
                    self._send(viewer, pack_picture(Picture(viewer.number, time_ns, rgb)))

    def _send(self, viewer: _Viewer, message: bytes) -> None:
        try:
            viewer.connection.sendall(message)
        except OSError:  # It has gone, or does not read.
            viewer.connection.close()
            with self._lock:
                self._viewers.remove(viewer)
