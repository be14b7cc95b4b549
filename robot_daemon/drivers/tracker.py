"""Reads poses of objects from a program that tracks them, such as fiducial markers or motion capture.

The program listens on a Unix socket and answers one JSON object a line. `{"op": "state"}` is answered by
`{"ok": {"objects": {NAME: {"position": [x, y, z], "quaternion": [x, y, z, w]}}}}`, in metres in the arm's base frame.
Where the program can rearrange the objects, as a simulated scene can, `{"op": "reset_scene", "seed": N}` does so.
"""

import json
import logging
import random
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from robot_daemon.hardware.devices import DeviceConnectError, Scene, Timebase
from serl_api.settings import ConfigError, require_between, shown
from serl_api.values import JointTarget, Pose, TrackedObject

logger = logging.getLogger(__name__)

_MAX_LINE_BYTES = 1024 * 1024
_MAX_OBJECTS = 256


@dataclass(frozen=True, kw_only=True)
class TrackerOptions:
    """Holds the options of a program that tracks objects."""

    path: Path
    """Unix socket on which it listens."""
    rate_hz: float = 50.0
    """Questions a second."""
    timeout_s: float = 0.2
    """How long to wait for an answer, s."""
    max_age_s: float = 0.5
    """Age at which poses are no longer given out, s."""
    rearranges: bool = False
    """Whether the program rearranges the objects when an episode begins."""
    ground_truth: bool = False
    """Whether the poses are exact, as a simulated scene's are."""

    def __post_init__(self) -> None:
        if not self.path.is_absolute():
            raise ConfigError(f"path is {self.path}; give an absolute path, the daemon's folder may change")
        require_between("rate_hz", self.rate_hz, 0.0, 1000.0, above=True)
        require_between("timeout_s", self.timeout_s, 0.0, 10.0, above=True)
        require_between("max_age_s", self.max_age_s, 0.0, 60.0, above=True)


class Tracker:
    """Asks the program in a thread of its own, so that a slow one delays nobody. Implements `devices.Scene`.

    Raises:
        DeviceConnectError: Nobody listens, or the answer is not what is described above.
    """

    def __init__(self, options: TrackerOptions, timebase: Timebase) -> None:
        self._options = options
        self._timebase = timebase
        self._lock = threading.Lock()
        self._connection: tuple[socket.socket, BinaryIO] | None = None
        self._poses: tuple[TrackedObject, ...] = ()
        self._is_lost = False
        self._ended = threading.Event()
        try:
            self._poses = self._ask_poses()
        except OSError as error:
            raise DeviceConnectError(
                f"no tracker answers on {options.path} ({error.strerror or error}); start it, or leave [tracker] out"
            ) from None
        except ValueError as error:
            self._disconnect()
            raise DeviceConnectError(f"the tracker on {options.path} {error}") from None
        self._thread = threading.Thread(target=self._poll, name="tracker", daemon=True)
        self._thread.start()

    def tracked_objects(self) -> tuple[TrackedObject, ...]:
        """Returns the newest poses; none once they are too old to stand for the present."""
        poses = self._poses
        if poses and self._timebase.now_ns() - poses[0].monotonic_time_ns > self._options.max_age_s * 1e9:
            return ()
        return poses

    def reset(self, *, seed: int | None, start: Pose | JointTarget | None, gripper_width: float | None) -> bool:
        """Lets the program rearrange the objects, if it does. The arm is the daemon's to move: returns False."""
        del start, gripper_width
        if self._options.rearranges:
            try:
                self._ask("reset_scene", seed=random.getrandbits(63) if seed is None else seed)
                self._poses = self._ask_poses()
            except (OSError, ValueError) as error:
                logger.warning("the tracker did not rearrange the objects: %s", error)
        return False

    def close(self) -> None:
        """Ends the thread and the connection."""
        self._ended.set()
        self._thread.join()
        with self._lock:
            self._disconnect()

    def _poll(self) -> None:
        while not self._ended.wait(1.0 / self._options.rate_hz):
            try:
                self._poses = self._ask_poses()
                self._note(is_lost=False)
            except (OSError, ValueError) as error:
                self._note(is_lost=True, text=str(error))

    def _note(self, *, is_lost: bool, text: str = "") -> None:
        if is_lost and not self._is_lost:
            logger.warning("the tracker on %s does not answer (%s); it is asked again", self._options.path, text)
        elif self._is_lost and not is_lost:
            logger.info("the tracker on %s answers again", self._options.path)
        self._is_lost = is_lost

    def _ask_poses(self) -> tuple[TrackedObject, ...]:
        answer = self._ask("state")
        objects = answer.get("objects") if isinstance(answer, Mapping) else None
        if not isinstance(objects, Mapping):
            raise ValueError('answered without "objects"')
        if len(objects) > _MAX_OBJECTS:
            raise ValueError(f"gave {len(objects)} objects; at most {_MAX_OBJECTS} are allowed")
        time_ns = self._timebase.now_ns()
        return tuple(self._pose(str(name), values, time_ns) for name, values in objects.items())

    def _pose(self, name: str, values: Any, time_ns: int) -> TrackedObject:  # noqa: ANN401 - anything may come.
        try:
            position, quaternion = np.array(values["position"], float), np.array(values["quaternion"], float)
        except (KeyError, TypeError, ValueError, OverflowError):
            raise ValueError(f'gave {name} no "position" and "quaternion" of numbers') from None
        norm = float(np.linalg.norm(quaternion))
        is_place = position.shape == (3,) and bool(np.isfinite(position).all())
        if not is_place or quaternion.shape != (4,) or not abs(norm - 1.0) < 1e-3:
            raise ValueError(f"gave {name} a pose that is not 3 finite numbers and a unit quaternion xyzw")
        return TrackedObject(
            name=name,
            monotonic_time_ns=time_ns,
            pose=Pose(position, quaternion / norm),
            twist=None,
            ground_truth=self._options.ground_truth,
        )

    def _ask(self, op: str, **values: Any) -> Any:  # noqa: ANN401
        with self._lock:
            try:
                connection, answers = self._connect()
                connection.sendall(json.dumps({"op": op, **values}).encode() + b"\n")
                line = answers.readline(_MAX_LINE_BYTES)
                if len(line) == _MAX_LINE_BYTES:
                    raise ValueError(f"answered with a line of more than {_MAX_LINE_BYTES} bytes")
                if not line.endswith(b"\n"):
                    raise ConnectionError("it closed the connection")
                answer = json.loads(line)
            except (OSError, ValueError):
                self._disconnect()
                raise
            except RecursionError:
                self._disconnect()
                raise ValueError("answered with endless nesting") from None
        if not isinstance(answer, Mapping) or "ok" not in answer:
            raise ValueError(f"refused {op}: {shown(answer)}")
        return answer["ok"]

    def _connect(self) -> tuple[socket.socket, BinaryIO]:
        if self._connection is None:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.settimeout(self._options.timeout_s)
            try:
                connection.connect(str(self._options.path))
            except OSError:
                connection.close()
                raise
            self._connection = connection, connection.makefile("rb")
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            for part in self._connection:
                part.close()
            self._connection = None


def build_tracker(_name: str, timebase: Timebase, options: TrackerOptions) -> Scene:
    """Builds the tracker of a cell's file."""
    return Tracker(options, timebase)
