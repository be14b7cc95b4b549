"""Reads pickled lists of transitions, executing nothing of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serl_client.episodes.files import Episode, EpisodeHeader
from serl_rl.artifacts.array_pickle import DamagedPickleError, ForbiddenNameError, load_array_pickle
from serl_rl.datasets.source import NOMINAL_STAMPS, is_image, nominal_stamps_ns, specification_of
from serl_rl.errors import DatasetError

RATE_HZ = 10.0
"""Steps a second of SERL's environments; a pickle does not say it."""
PATTERN = "*.pkl"
_KEYS = ("observations", "actions", "next_observations", "rewards", "masks", "dones")
_INTERVENED = "intervene_action"

Transition = Mapping[str, Any]


class HilSerlSource:
    """Reads a pickle of transitions, or a folder of them; an `EpisodeSource`.

    An episode ends where `dones` says so, by the task where the mask is 0 too; and where the next transition does not
    begin with the observation that this one led to, as in a buffer that was cut. A history of one observation, as
    SERL's chunking wrapper keeps it, is that observation.

    Args:
        path: The file, or the folder.
        rate_hz: Steps a second.

    Raises:
        DatasetError: There is no pickle, one holds something else than transitions, or asks for code.
    """

    def __init__(self, path: Path, *, rate_hz: float = RATE_HZ) -> None:
        files = sorted(path.glob(PATTERN)) if path.is_dir() else [path]
        if not files:
            raise DatasetError(f"{path} holds no file {PATTERN}; is it a folder of HIL-SERL's pickles?")
        self._rate_hz = rate_hz
        self._runs = [run for file in files for run in _runs(_read(file))]
        if not self._runs:
            raise DatasetError(f"{path} holds no transition; record some first")
        self.lengths: Sequence[int] = [len(run) for run in self._runs]
        """Steps of each episode."""

    @property
    def header(self) -> EpisodeHeader:
        """Returns what all episodes share."""
        return EpisodeHeader(task="", specification=specification_of(self.episode(0)))

    def episode(self, number: int, *, images: bool = True) -> Episode:
        """Builds an episode."""
        run = self._runs[number]
        last = run[-1]
        is_done, is_terminal = bool(last["dones"]), float(last["masks"]) == 0.0
        observed = [*(one["observations"] for one in run), last["next_observations"]]
        observations = {key: _stacked(observed, key) for key in run[0]["observations"]}
        infos = [one.get("infos") or {} for one in run]
        has_word = any(_INTERVENED in info for info in infos)
        has_penalties = all(
            "grasp_penalty" in one or "grasp_penalty" in info for one, info in zip(run, infos, strict=True)
        )
        rewards = np.array([float(one["rewards"]) for one in run])
        return Episode(
            observations={key: array for key, array in observations.items() if images or not is_image(array)},
            actions=np.stack([np.asarray(one["actions"], np.float32) for one in run]),
            rewards=rewards,
            terminated=is_done and is_terminal,
            truncated=is_done and not is_terminal,
            # Demonstrations say nothing, and are a person's throughout.
            interventions=np.array([not has_word or _INTERVENED in info for info in infos]),
            stamps_ns=nominal_stamps_ns(len(run) + 1, self._rate_hz),
            success=any(bool(info.get("succeed")) for info in infos) or bool(rewards.max() > 0),
            metadata={NOMINAL_STAMPS: True},
            grasp_penalties=_penalties(run, infos) if has_penalties else None,
            control_rate_hz=self._rate_hz,
        )

    def images(self, number: int, index: int, cameras: Sequence[str]) -> dict[str, NDArray[np.uint8]]:
        """Returns the pictures of one observation.

        Raises:
            DatasetError: There is no such camera.
        """
        run = self._runs[number]
        observation = run[-1]["next_observations"] if index == len(run) else run[index]["observations"]
        for camera in cameras:
            if camera not in observation:
                raise DatasetError(f"there is no camera {camera!r}; the transitions have {', '.join(observation)}")
        return {camera: _alone(observation[camera]) for camera in cameras}


def _read(path: Path) -> list[Transition]:
    try:
        with path.open("rb") as file:
            found = load_array_pickle(file)
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error.strerror}") from None
    except ForbiddenNameError as error:
        raise DatasetError(
            f"{path} asks for {error}, but a pickle of transitions needs only dicts, lists and NumPy arrays; nothing "
            "of it was run"
        ) from None
    except DamagedPickleError as error:
        raise DatasetError(f"{path} is no whole pickle ({error}); copy it anew") from None
    if not isinstance(found, list):
        raise DatasetError(f"{path} holds a {type(found).__name__}, not a list of transitions")
    for number, transition in enumerate(found):
        _check(transition, f"transition {number} of {path}", found[0])
    return found


def _check(transition: Any, where: str, first: Any) -> None:  # noqa: ANN401 - what a pickle can be.
    if not isinstance(transition, dict) or not all(key in transition for key in _KEYS):
        held = ", ".join(map(str, transition)) if isinstance(transition, dict) else type(transition).__name__
        raise DatasetError(f"{where} needs {', '.join(_KEYS)}, but has {held}")
    for key in ("observations", "next_observations"):
        observation, wanted = transition[key], first["observations"]
        if not all(
            isinstance(one, dict) and all(isinstance(name, str) for name in one) for one in (observation, wanted)
        ):
            raise DatasetError(f"{where} has {key} that are no dict of arrays by name, as SERL's wrappers make them")
        if _shapes(observation) != _shapes(wanted):
            raise DatasetError(f"{where} has {key} {_shapes(observation)}, but the first one {_shapes(wanted)}")
    shape = np.shape(first["actions"])
    if np.shape(transition["actions"]) != shape or len(shape) != 1:
        raise DatasetError(f"{where} has actions of shape {np.shape(transition['actions'])}, not {shape} of one axis")
    if not isinstance(transition.get("infos") or {}, dict):
        raise DatasetError(f"{where} has infos that are no dict")
    if any(np.size(transition[key]) != 1 for key in ("rewards", "masks", "dones")):
        raise DatasetError(f"{where} has rewards, masks or dones that are no single numbers")


def _shapes(observation: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    return {key: np.shape(value) for key, value in sorted(observation.items())}


def _runs(transitions: Sequence[Transition]) -> Iterator[list[Transition]]:
    """Cuts transitions into episodes."""
    run: list[Transition] = []
    for transition in transitions:
        if run and not _follows(run[-1], transition):
            yield run
            run = []
        run.append(transition)
        if bool(transition["dones"]):
            yield run
            run = []
    if run:
        yield run


def _follows(before: Transition, transition: Transition) -> bool:
    led_to, begins = before["next_observations"], transition["observations"]
    return all(np.array_equal(led_to[key], begins[key]) for key in led_to)


def _stacked(observations: Sequence[Mapping[str, Any]], key: str) -> NDArray[Any]:
    return np.stack([_alone(one[key]) for one in observations])


def _alone(value: Any) -> NDArray[Any]:  # noqa: ANN401 - what a pickle can be.
    """Takes an array out of a history of one."""
    array = np.asarray(value)
    return array[0] if array.ndim in (2, 4) and array.shape[0] == 1 else array


def _penalties(run: Sequence[Transition], infos: Sequence[Mapping[str, Any]]) -> NDArray[np.float32]:
    pairs = zip(run, infos, strict=True)
    return np.array([one.get("grasp_penalty", info.get("grasp_penalty")) for one, info in pairs], np.float32)
