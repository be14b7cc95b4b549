"""Writes episodes as ALOHA's HDF5 files, all of them or none."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from serl_client.episodes.files import Episode, EpisodeHeader
from serl_rl.artifacts.whole_folder import whole_folder
from serl_rl.datasets.aloha import layout
from serl_rl.datasets.libraries import library
from serl_rl.datasets.pictures import to_jpeg
from serl_rl.datasets.source import OnEpisode, is_image
from serl_rl.errors import DatasetError

JpegColours = Literal["bgr", "rgb"]


@dataclass(frozen=True, kw_only=True)
class AlohaOptions:
    """Says how files are written."""

    images: Literal["raw", "jpeg"] = "raw"
    """Pictures as they are, as in the original, or as rows of JPEG that are padded to one length, as in its forks."""
    jpeg_colours: JpegColours = "bgr"
    """Order of the colours within a JPEG. ALOHA gives RGB to OpenCV, which takes it for BGR, so that a viewer shows red
    as blue and OpenCV gives back RGB; "rgb" is what a viewer shows right."""


def write_aloha(
    path: Path,
    header: EpisodeHeader,
    episodes: Iterable[Episode],
    options: AlohaOptions | None = None,
    on_episode: OnEpisode | None = None,
) -> int:
    """Writes episodes, one file each, into a folder.

    A file has T rows for T actions; what the layout has no place for is in a group of its own, so that an import gives
    back what was exported, to the bit but for pictures as JPEG. `qpos` is the observation of that name; else what was
    measured of the joints and the gripper; else the policy's state.

    Args:
        path: Folder to make; it is there whole or not at all.
        header: What the episodes share.
        episodes: One at a time is in memory.
        options: How.
        on_episode: Told how far it is.

    Returns:
        Episodes written.

    Raises:
        DatasetError: There is no episode, one tells nothing of the joints, or h5py is missing.
        OSError: The disk is full.
    """
    h5py = library("h5py")
    written = 0
    with whole_folder(path) as folder:
        for number, episode in enumerate(episodes):
            if len(episode):
                with h5py.File(folder / layout.file_name(written), "w") as file:
                    try:
                        _write(file, header, episode, options or AlohaOptions())
                    except DatasetError as error:
                        raise DatasetError(f"episode {number} cannot be exported: {error}") from None
                written += 1
            if on_episode is not None:
                on_episode(number + 1)
        if not written:
            raise DatasetError("there is no episode with a step to export; record some first")
    return written


def _write(file: Any, header: EpisodeHeader, episode: Episode, options: AlohaOptions) -> None:  # noqa: ANN401 - h5py's.
    steps = len(episode)
    file.attrs["sim"] = bool(episode.metadata.get("sim", False))
    file[layout.ACTION] = episode.actions.astype(np.float64)
    for name, array in episode.extra_actions.items():
        if name in (layout.ACTION, layout.OBSERVATIONS, layout.OWN, layout.COMPRESSED_LENGTHS):
            raise DatasetError(f"extra_actions[{name}] has a name that the layout uses; rename it")
        file[name] = array
    observations = file.create_group(layout.OBSERVATIONS)
    observations[layout.QPOS] = _qpos(episode)[:steps].astype(np.float64)
    for name, candidates in layout.MEASURED.items():
        found = _first(episode.sensors, candidates)
        if found is not None:
            observations[name] = found[:steps].astype(np.float64)
    cameras = {name: array for name, array in episode.observations.items() if is_image(array)}
    images = observations.create_group(layout.IMAGES)
    if options.images == "jpeg":
        _write_compressed(file, images, {name: array[:steps] for name, array in cameras.items()}, options)
    else:
        for name, array in cameras.items():
            images.create_dataset(name, data=array[:steps], chunks=(1, *array.shape[1:]))
    _write_own(file.create_group(layout.OWN), header, episode, cameras)


def _qpos(episode: Episode) -> NDArray[Any]:
    if layout.QPOS in episode.observations:
        return episode.observations[layout.QPOS]
    joints = episode.sensors.get("joint_positions")
    if joints is not None:
        width = episode.sensors.get("gripper_width")
        return joints if width is None else np.concatenate([joints, width], axis=1)
    if "state" in episode.observations:
        return episode.observations["state"]
    raise DatasetError("has neither qpos, joint positions nor a state, of which a file needs one")


def _first(arrays: Mapping[str, NDArray[Any]], names: Iterable[str]) -> NDArray[Any] | None:
    return next((arrays[name] for name in names if name in arrays), None)


def _write_compressed(
    file: Any,  # noqa: ANN401 - h5py's.
    images: Any,  # noqa: ANN401 - h5py's.
    cameras: Mapping[str, NDArray[np.uint8]],
    options: AlohaOptions,
) -> None:
    """Writes rows of JPEG, padded with zeros, and how long each was."""
    file.attrs["compress"] = True
    lengths = []
    for name, array in cameras.items():
        swapped = array if options.jpeg_colours == "rgb" else array[..., ::-1]
        packed = [to_jpeg(image) for image in swapped]
        lengths.append([len(data) for data in packed])
        longest = max(lengths[-1])
        rows = np.stack([np.frombuffer(data.ljust(longest, b"\0"), np.uint8) for data in packed])
        images.create_dataset(name, data=rows, chunks=(1, longest))
    file[layout.COMPRESSED_LENGTHS] = np.array(lengths, np.float64)


def _write_own(
    group: Any,  # noqa: ANN401 - h5py's.
    header: EpisodeHeader,
    episode: Episode,
    cameras: Mapping[str, NDArray[np.uint8]],
) -> None:
    arrays: dict[str, NDArray[Any]] = {name: getattr(episode, name) for name in _PLAIN}
    if episode.grasp_penalties is not None:
        arrays["grasp_penalties"] = episode.grasp_penalties
    tables = {name: getattr(episode, name) for name in _TABLES}
    tables["observations"] = {key: array for key, array in episode.observations.items() if key not in cameras}
    # Names may hold slashes, of which HDF5 would make groups; so the list says what is what.
    places = []
    for field, table in (*((name, {"": array}) for name, array in arrays.items()), *tables.items()):
        for key, array in table.items():
            group[f"array_{len(places)}"] = array
            places.append([field, key])
    final = group.create_group(layout.OWN_FINAL_IMAGES)
    for name, array in cameras.items():
        final.create_dataset(name, data=array[-1], compression="gzip", compression_opts=1)
    about = {
        "header": {
            "task": header.task,
            "specification": dict(header.specification),
            "metadata": dict(header.metadata),
        },
        "arrays": places,
        "observations": list(episode.observations),
        "episode": {name: getattr(episode, name) for name in _FACTS} | {"metadata": dict(episode.metadata)},
    }
    group.create_dataset(layout.OWN_ABOUT, data=json.dumps(about))


_PLAIN = ("actions", "rewards", "interventions", "stamps_ns")
_TABLES = ("sensors", "sensor_stamps_ns", "frame_numbers", "extra_actions")
_FACTS = ("terminated", "truncated", "success", "control_rate_hz")
