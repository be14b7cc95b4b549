"""Streams step records to the rerun viewer: cameras, path, actions, values, rewards, probabilities, outcomes."""

from __future__ import annotations

import contextlib
import importlib
import itertools
import logging
import socket
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from serl_rl.errors import UsageError
from serl_rl.visualization.canvas import BLUE, FAINT, GREEN, ORANGE, RED, VIOLET, Colour
from serl_rl.visualization.labels import Labels
from serl_rl.visualization.step_record import Image, StepRecord

log = logging.getLogger(__name__)

_APPLICATION = "serl"
_VIEWER = "rerun+http://127.0.0.1:9876/proxy"
_VIEWER_PORT = 9876
_ANSWER_S = 3.0
_CLOSE_S = 10.0
# What a kill can lose. Each batch of each entity costs about a kilobyte besides its rows.
_BATCH_S = 0.5
_JPEG_QUALITY = 90

_ACTION_COLOURS = (RED, GREEN, BLUE, (255, 160, 155), (160, 232, 178), (165, 205, 255), ORANGE)


class RerunStream:
    """Logs every step record to rerun, as a `StepSink`.

    Timelines: "step" counts the steps of all episodes, "episode" the episodes; "time" is the robot's time, one
    episode after the other. Pictures are JPEG.

    Args:
        rerun: The module `rerun`.
        recording: A `RecordingStream` that has somewhere to go.
        labels: Names and thresholds.
        needs_scene: Whether it wants a view of the scene where the policy has no cameras.
    """

    def __init__(self, rerun: Any, recording: Any, labels: Labels, *, needs_scene: bool = True) -> None:  # noqa: ANN401
        self.needs_scene = needs_scene
        self._rerun = rerun
        self._recording = recording
        self._labels = labels
        self._step = self._episode = 0
        self._start_s = 0.0
        self._path: list[np.ndarray] = []
        self._describe()

    @classmethod
    @contextlib.contextmanager
    def open(cls, target: str, labels: Labels, *, name: str, needs_scene: bool = True) -> Iterator[RerunStream]:
        """Opens a stream for the duration of a block.

        Args:
            target: A file; "connect" for a viewer on this machine; or a viewer's address, rerun+http://host:9876/proxy.
            labels: Names and thresholds.
            name: What the viewer calls the recording.
            needs_scene: Whether it wants a view of the scene where the policy has no cameras.

        Raises:
            UsageError: rerun is not installed, no viewer answers, or the file cannot be written.
        """
        rerun = _import()
        batches = rerun.ChunkBatcherConfig(flush_tick=_BATCH_S)
        recording = rerun.RecordingStream(_APPLICATION, batcher_config=batches)
        try:
            _direct(recording, target, labels.cameras)
            recording.send_recording_name(name)
            yield cls(rerun, recording, labels, needs_scene=needs_scene)
        finally:
            _close(recording)

    def wants(self, episode: int) -> bool:
        """Returns True: it wants every episode."""
        del episode
        return True

    def show(self, record: StepRecord) -> None:
        """Logs a step record. Does not wait for a viewer."""
        if record.step == 0:
            self._episode += 1
            self._path.clear()
        recording = self._recording
        recording.set_time("step", sequence=self._step)
        recording.set_time("episode", sequence=self._episode)
        recording.set_time("time", duration=self._start_s + record.time_s)
        self._show_pictures(record)
        self._show_world(record)
        self._show_numbers(record)
        self._step += 1
        if record.is_last:
            self._show_end(record)
            self._start_s += record.time_s + 1.0 / self._labels.rate_hz

    def _show_pictures(self, record: StepRecord) -> None:
        for name, image in record.cameras.items():
            self._log_picture(f"cameras/{name}", image)
        if record.scene is not None:
            self._log_picture("scene", record.scene)

    def _log_picture(self, path: str, image: Image) -> None:
        self._recording.log(path, self._rerun.Image(image).compress(jpeg_quality=_JPEG_QUALITY))

    def _show_world(self, record: StepRecord) -> None:
        rerun, pose = self._rerun, record.tcp_pose
        if pose is not None:
            place = rerun.Transform3D(translation=pose[:3], quaternion=rerun.Quaternion(xyzw=pose[3:]))
            self._recording.log("world/tcp", place)
            self._path.append(pose[:3])
            colour = ORANGE if record.is_intervention else BLUE
            self._recording.log("world/path", rerun.LineStrips3D([np.stack(self._path)], colors=[colour], radii=0.002))
        for name, position in record.objects.items():
            point = rerun.Points3D([position], colors=[RED], radii=0.01, labels=[name])
            self._recording.log(f"world/objects/{name}", point)

    def _show_numbers(self, record: StepRecord) -> None:
        self._log_numbers("reward", {"step": record.reward, "sum": record.total_reward})
        self._log_numbers("probability", record.probabilities)
        if record.gripper_width is not None:
            self._log_numbers("gripper", {"width": record.gripper_width})
        if record.action is not None:
            self._recording.log("action", self._rerun.Scalars(record.action))
            self._recording.log("intervention", self._rerun.Scalars(float(record.is_intervention)))
        if (values := record.values) is not None:
            self._recording.log("value/critics", self._rerun.Scalars(values.arm))
            numbers = {"mean": values.mean, "spread": values.spread}
            self._log_numbers("value", numbers if values.grasp is None else numbers | {"grasp": values.grasp})

    def _log_numbers(self, path: str, numbers: Mapping[str, float]) -> None:
        for name, value in numbers.items():
            self._recording.log(f"{path}/{name}", self._rerun.Scalars(value))

    def _show_end(self, record: StepRecord) -> None:
        colour = GREEN if record.success else RED
        self._recording.log("success", self._rerun.Scalars(float(bool(record.success))))
        words = "success" if record.success else "failure"
        end = "the task" if record.is_terminated else "the time limit"
        words = f"episode {self._episode}: {words} after {record.step} steps, ended by {end}"
        self._recording.log("events", self._rerun.TextLog(f"{words}, return {record.total_reward:g}", color=colour))
        if self._path:
            strip = self._rerun.LineStrips3D([np.stack(self._path)], colors=[colour], radii=0.002)
            self._recording.log("world/path", strip)

    def _describe(self) -> None:
        """Logs what never changes: axes, thresholds, colours."""
        rerun, recording = self._rerun, self._recording
        recording.log("world", rerun.ViewCoordinates.RIGHT_HAND_Z_UP, static=True)
        recording.log("world/tcp", rerun.TransformAxes3D(0.05), static=True)
        names = self._labels.action
        colours = list(itertools.islice(itertools.cycle(_ACTION_COLOURS), len(names)))
        recording.log("action", rerun.SeriesLines(colors=colours, names=list(names)), static=True)
        self._name_series("value/mean", "Q, mean over the critics", BLUE)
        self._name_series("value/spread", "Q, spread over the critics", FAINT)
        self._name_series("value/grasp", "Q of the gripper's choice", VIOLET)
        self._name_series("reward/step", "reward", ORANGE)
        self._name_series("reward/sum", "return so far", VIOLET)
        self._name_series("intervention", "intervention", ORANGE)
        for name, threshold in self._labels.thresholds.items():
            self._name_series(f"threshold/{name}", f"threshold of {name}", ORANGE)
            recording.log(f"threshold/{name}", rerun.Scalars(threshold), static=True)
        # A point, because an episode ends once.
        recording.log("success", rerun.SeriesPoints(colors=[GREEN], names=["success"], marker_sizes=[6]), static=True)

    def _name_series(self, path: str, name: str, colour: Colour) -> None:
        self._recording.log(path, self._rerun.SeriesLines(colors=[colour], names=[name]), static=True)


def free_path(path: Path) -> Path:
    """Finds a path that no file has: the path itself, or its stem with the first free number."""
    numbered = (path.with_name(f"{path.stem}-{index}{path.suffix}") for index in itertools.count(2))
    return next(candidate for candidate in itertools.chain([path], numbered) if not candidate.exists())


def _import() -> Any:  # noqa: ANN401 - a module that is not always there.
    try:
        return importlib.import_module("rerun")
    except ImportError as error:
        raise UsageError(
            "--rerun needs the package rerun-sdk, which is not installed; install it with: pip install "
            "'serl-robot[rerun]'"
        ) from error


def _direct(recording: Any, target: str, cameras: Sequence[str]) -> None:  # noqa: ANN401
    """Says where the recording goes."""
    blueprint = _blueprint(cameras)
    if target == "connect" or "://" in target:
        address = _VIEWER if target == "connect" else target
        _check_viewer(address)
        try:
            recording.connect_grpc(address, default_blueprint=blueprint)
        except RuntimeError as error:
            raise UsageError(f"--rerun {target} is no address of a viewer: {error}") from error
        return
    path = free_path(Path(target))
    if path.suffix != ".rrd":
        raise UsageError(f'--rerun is {target}; it must be a file that ends in .rrd, "connect", or rerun+http://...')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        recording.save(path, default_blueprint=blueprint)
    except (OSError, RuntimeError) as error:
        raise UsageError(f"cannot write the recording {path}: {error}") from error
    log.info("rerun recording: %s", path)


def _check_viewer(address: str) -> None:
    """Refuses an address where nobody listens, which rerun itself would find out at the end."""
    parts = urlsplit(address)
    try:
        with socket.create_connection((parts.hostname or "127.0.0.1", parts.port or _VIEWER_PORT), _ANSWER_S):
            return
    except (OSError, ValueError) as error:
        raise UsageError(
            f"no rerun viewer answers at {address} ({error}); start one with the command `rerun`, or give a file such "
            "as out.rrd"
        ) from error


def _blueprint(cameras: Sequence[str]) -> Any:  # noqa: ANN401 - a type of a module that is not always there.
    """Defines how the viewer arranges everything."""
    views = importlib.import_module("rerun.blueprint")
    shown = [f"/cameras/{name}" for name in cameras] or ["/scene"]
    pictures = views.Grid(
        views.Spatial3DView(origin="/world", name="path of the TCP"),
        *(views.Spatial2DView(origin=path, name=path.rpartition("/")[2]) for path in shown),
    )
    curves = views.Vertical(
        views.TimeSeriesView(name="Q of the action", contents=["/value/mean", "/value/critics", "/value/grasp"]),
        views.TimeSeriesView(name="action", origin="/action"),
        views.TimeSeriesView(name="reward", origin="/reward"),
        views.TimeSeriesView(name="classifiers", contents=["/probability/**", "/threshold/**"]),
        views.TimeSeriesView(name="intervention, succeeded", contents=["/intervention", "/success"]),
        views.TextLogView(name="episodes", origin="/events"),
    )
    return views.Blueprint(
        views.Horizontal(pictures, curves, column_shares=[3, 2]), views.TimePanel(timeline="step"), collapse_panels=True
    )


def _close(recording: Any) -> None:  # noqa: ANN401
    try:
        recording.flush(timeout_sec=_CLOSE_S)
    except RuntimeError as error:
        log.warning("the end of the rerun recording may be missing: %s", error)
    recording.disconnect()
