"""Reads ALOHA's HDF5 files, the original's and those of its forks, whole or picture by picture."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serl_client.episodes.files import Episode, EpisodeHeader
from serl_rl.datasets.aloha import layout
from serl_rl.datasets.aloha.writing import JpegColours
from serl_rl.datasets.libraries import library
from serl_rl.datasets.pictures import from_packed
from serl_rl.datasets.source import NOMINAL_STAMPS, nominal_stamps_ns, specification_of
from serl_rl.errors import DatasetError


class AlohaSource:
    """Reads a folder of ALOHA's files, or one file; an `EpisodeSource`.

    Observations are `qpos` and the cameras; `qvel`, `effort` and further columns of observations are `sensors`, further
    columns with a row an action, such as `base_action`, are `extra_actions`. A file has no observation after its last
    action, and none is made up: of a stranger's the last row gives only its observation.

    Args:
        path: The folder, or a file.
        rate_hz: Steps a second, which files do not say.
        jpeg_colours: Order of the colours within a JPEG; see `AlohaOptions`.

    Raises:
        DatasetError: There is no such file, one is damaged, or not as ALOHA's are.
    """

    def __init__(self, path: Path, *, rate_hz: float = layout.RATE_HZ, jpeg_colours: JpegColours = "bgr") -> None:
        self._files = sorted(path.glob(layout.PATTERN), key=_natural) if path.is_dir() else [path]
        if not self._files:
            raise DatasetError(f"{path} holds no file {layout.PATTERN}; is it a folder of ALOHA's episodes?")
        self._rate_hz, self._jpeg_colours = rate_hz, jpeg_colours
        self.lengths: Sequence[int] = [self._length(path) for path in self._files]
        """Steps of each episode."""

    @cached_property
    def _header(self) -> EpisodeHeader:
        with _opened(self._files[0]) as file:
            own = _about(file)
        if own is not None:
            return EpisodeHeader(**own["header"])
        return EpisodeHeader(task="", specification=specification_of(self.episode(0)))

    @property
    def header(self) -> EpisodeHeader:
        """Returns what all episodes share."""
        return self._header

    def episode(self, number: int, *, images: bool = True) -> Episode:
        """Reads an episode.

        Raises:
            DatasetError: It is damaged, or columns have unequal lengths.
        """
        with _opened(self._files[number]) as file:
            pictures = {name: self._pictures(file, name) for name in _cameras(file)} if images else {}
            own = _about(file)
            return self._foreign(file, pictures) if own is None else _own_episode(file, own, pictures)

    def images(self, number: int, index: int, cameras: Sequence[str]) -> dict[str, NDArray[np.uint8]]:
        """Reads the pictures of one observation.

        Raises:
            DatasetError: They are damaged, or there is no such camera.
        """
        with _opened(self._files[number]) as file:
            held = _cameras(file)
            found = {}
            for camera in cameras:
                if camera not in held:
                    raise DatasetError(
                        f"{file.filename} has no camera {camera!r}; it has {', '.join(held) or 'no pictures'}"
                    )
                if index == len(held[camera]) and _about(file) is not None:
                    found[camera] = file[layout.OWN][layout.OWN_FINAL_IMAGES][camera][()]
                else:
                    found[camera] = self._unpacked(file, camera, held[camera][index : index + 1])[0]
            return found

    def _length(self, path: Path) -> int:
        with _opened(path) as file:
            rows = len(_numbers(file, layout.ACTION))
            return rows if _about(file) is not None else max(rows - 1, 0)

    def _pictures(self, file: Any, camera: str) -> NDArray[np.uint8]:  # noqa: ANN401 - h5py's.
        images = self._unpacked(file, camera, file[layout.IMAGES_PATH][camera][()])
        if _about(file) is None:
            return images
        return np.concatenate([images, file[layout.OWN][layout.OWN_FINAL_IMAGES][camera][()][None]])

    def _unpacked(self, file: Any, camera: str, rows: NDArray[Any]) -> NDArray[np.uint8]:  # noqa: ANN401 - h5py's.
        where = f"{file.filename}, camera {camera}"
        if rows.dtype == np.uint8 and rows.ndim == 4 and rows.shape[-1] == 3:
            return rows
        if rows.dtype == np.uint8 and rows.ndim == 2:
            images = np.stack([from_packed(row.tobytes(), where) for row in rows])
            return images if self._jpeg_colours == "rgb" else np.ascontiguousarray(images[..., ::-1])
        raise DatasetError(
            f"{where} has pictures of type {rows.dtype} and shape {rows.shape}; they must be uint8 of (T, height, "
            "width, 3), or rows of JPEG"
        )

    def _foreign(self, file: Any, pictures: dict[str, NDArray[np.uint8]]) -> Episode:  # noqa: ANN401 - h5py's.
        actions = _numbers(file, layout.ACTION)
        rows = len(actions)
        observed = file[layout.OBSERVATIONS]
        sensors = {name: _numbers(file, f"{layout.OBSERVATIONS}/{name}") for name in observed if name != layout.IMAGES}
        extra = {
            name: _numbers(file, name)
            for name in file
            if name not in (layout.ACTION, layout.OBSERVATIONS, layout.COMPRESSED_LENGTHS)
        }
        if layout.QPOS not in sensors:
            raise DatasetError(f"{file.filename} has no {layout.OBSERVATIONS}/{layout.QPOS}; is it one of ALOHA's?")
        for name, array in {**sensors, **extra, **pictures}.items():
            if len(array) != rows:
                raise DatasetError(
                    f"{file.filename} has {len(array)} rows of {name} for {rows} actions; leave the file out"
                )
        steps = rows - 1
        return Episode(
            observations={layout.QPOS: sensors.pop(layout.QPOS), **pictures},
            actions=actions[:steps],
            rewards=np.zeros(steps),
            terminated=False,
            truncated=False,
            interventions=np.ones(steps, np.bool_),
            stamps_ns=nominal_stamps_ns(rows, self._rate_hz),
            success=True,
            metadata={NOMINAL_STAMPS: True, "sim": bool(file.attrs.get("sim", False))},
            sensors=sensors,
            extra_actions={name: array[:steps] for name, array in extra.items()},
            control_rate_hz=self._rate_hz,
        )


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Opens a file, and says in one sentence what is wrong with it whenever something in it turns out so."""
    h5py = library("h5py")
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise DatasetError(f"{path} is no whole HDF5 file ({reason}); copy or record it anew") from None
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        reason = " ".join(str(error).split())
        raise DatasetError(f"{path} is not as ALOHA's files are ({type(error).__name__}: {reason})") from None


def _numbers(file: Any, name: str) -> NDArray[Any]:  # noqa: ANN401 - h5py's.
    found = file.get(name)
    if found is None:
        raise DatasetError(f"{file.filename} has no {name}; is it one of ALOHA's?")
    if not hasattr(found, "dtype") or found.dtype.kind not in "biuf" or not found.shape:
        raise DatasetError(f"{file.filename} has no columns of numbers at {name}; leave the file out")
    return found[()]


def _cameras(file: Any) -> dict[str, Any]:  # noqa: ANN401 - h5py's.
    """Returns the pictures of each camera, unread."""
    return dict(file[layout.IMAGES_PATH]) if layout.IMAGES_PATH in file else {}


def _about(file: Any) -> dict[str, Any] | None:  # noqa: ANN401 - h5py's.
    """Returns what we wrote into a file beside the layout; None of a stranger's."""
    if layout.OWN not in file:
        return None
    return json.loads(file[layout.OWN][layout.OWN_ABOUT][()])


def _own_episode(file: Any, about: dict[str, Any], pictures: dict[str, NDArray[np.uint8]]) -> Episode:  # noqa: ANN401
    fields: dict[str, Any] = {"observations": {}}
    for number, (field, key) in enumerate(about["arrays"]):
        array = file[layout.OWN][f"array_{number}"][()]
        if key:
            fields.setdefault(field, {})[key] = array
        else:
            fields[field] = array
    observed = fields["observations"] | pictures
    fields["observations"] = {name: observed[name] for name in about["observations"] if name in observed}
    return Episode(**fields, **about["episode"])


def _natural(path: Path) -> list[Any]:
    """Sorts episode_10 behind episode_9."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path.name)]
