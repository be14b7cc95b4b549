"""Serves episodes to imitation: an observation, the chunk of actions that follows it, and which of them are padding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from serl_api.settings import AT_LEAST_0, AT_LEAST_1, check_fields
from serl_client.episodes.files import Episode
from serl_rl.datasets.augmentation import Augmentation, AugmentationConfig, Resizing
from serl_rl.datasets.normalization import Scaler, Scaling, Statistics
from serl_rl.datasets.source import EpisodeSource
from serl_rl.errors import DatasetError

ACTION = "action"
_USUAL_STATES = ("qpos", "state")


@dataclass(frozen=True, kw_only=True)
class ChunkConfig:
    """Says what a sample holds."""

    chunk: Annotated[int, AT_LEAST_1] = 100
    """Actions of a sample."""
    states: tuple[str, ...] = ()
    """Observations and sensors that are joined to the state, in this order; empty is `qpos`, else `state`, else all
    observations that are vectors."""
    actions: tuple[str, ...] = (ACTION,)
    """What is joined to an action: `action`, and further ones such as `base_action`."""
    cameras: tuple[str, ...] | None = None
    """Cameras, in this order; None is all of them, by name."""
    image_size: tuple[int, int] | None = None
    """Height and width that pictures are resized to, px; None leaves them, if they are of one size."""
    start: Literal["random", "every"] = "random"
    """Samples of an epoch: one at a random step of each episode, as in ACT, or one at every step of each."""
    lead: Annotated[int, AT_LEAST_0] = 0
    """Steps by which actions come before the observation: 1 makes up for a robot that acts late, as ACT does."""
    state_scaling: Scaling = "mean-std"
    """How states are scaled."""
    action_scaling: Scaling = "mean-std"
    """How actions are scaled."""

    def __post_init__(self) -> None:
        """Refuses values that cannot work."""
        check_fields(self)


class EpisodicDataset(Dataset[dict[str, Tensor]]):
    """Serves samples of some episodes of a source, as dicts of tensors.

    "state": (S,), scaled. "actions": (chunk, A), scaled, zero where padded. "is_pad": (chunk,), bool, true from the end
    of the episode on. "images", where there are cameras: (K, 3, height, width), float in [0, 1]. A loader puts the
    batch before these. Numbers of all episodes are in memory; pictures are read one by one.

    Args:
        source: Where episodes come from; see `serl_rl.datasets.finding.open_episodes`.
        episodes: Which, by number; None is all. See `serl_rl.datasets.splitting.split_episodes`.
        config: What a sample holds.
        statistics: Of "state" and "action", such as those of the episodes that are trained on; None computes them here.
        augmentation: How pictures are augmented; None leaves them.

    Raises:
        DatasetError: An episode lacks what is asked for, differs from the first, or holds values that are no numbers;
            no episode has a step; cameras have different sizes.
    """

    def __init__(
        self,
        source: EpisodeSource,
        episodes: Sequence[int] | None = None,
        config: ChunkConfig | None = None,
        *,
        statistics: dict[str, Statistics] | None = None,
        augmentation: AugmentationConfig | None = None,
    ) -> None:
        self.config = config or ChunkConfig()
        self._source = source
        numbers = range(len(source.lengths)) if episodes is None else episodes
        self._numbers = [number for number in numbers if source.lengths[number] > 0]
        if not self._numbers:
            raise DatasetError("there is no episode with a step to imitate; record some, or choose others")
        self._states, self._actions = self._read()
        self.statistics = statistics or {
            "state": Statistics.of(self._states, "the state"),
            ACTION: Statistics.of(self._actions, "the action"),
        }
        """Of "state" and "action", for the checkpoint."""
        self._check_widths()
        self._scale_state = Scaler(self.statistics["state"], self.config.state_scaling)
        self._scale_action = Scaler(self.statistics[ACTION], self.config.action_scaling)
        self._ends = np.cumsum([len(actions) for actions in self._actions])
        self.cameras = self._find_cameras()
        """The cameras of "images", in order."""
        self._resize = None if self.config.image_size is None else Resizing(self.config.image_size)
        self._augment = None
        if self.cameras:
            size = self._image_size()
            self._augment = None if augmentation is None else Augmentation(augmentation, size)

    @property
    def action_scaler(self) -> Scaler:
        """Returns what scales actions, and scales those of a policy back."""
        return self._scale_action

    @property
    def state_scaler(self) -> Scaler:
        """Returns what scales states."""
        return self._scale_state

    def __len__(self) -> int:
        """Returns the samples of an epoch."""
        return len(self._numbers) if self.config.start == "random" else int(self._ends[-1])

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """Returns a sample."""
        if not 0 <= index < len(self):
            raise IndexError(f"sample {index} of {len(self)}")
        if self.config.start == "random":
            place, start = index, int(torch.randint(len(self._actions[index]), ()))
        else:
            place = int(np.searchsorted(self._ends, index, side="right"))
            start = index - int(self._ends[place]) + len(self._actions[place])
        return self.sample(place, start)

    def sample(self, place: int, start: int) -> dict[str, Tensor]:
        """Returns the sample at a step of an episode.

        Args:
            place: Which of this data set's episodes, from 0.
            start: Which observation, from 0.
        """
        begin, chunk = max(start - self.config.lead, 0), self.config.chunk
        following = self._actions[place][begin : begin + chunk]
        actions = np.zeros((chunk, following.shape[1]), np.float32)
        actions[: len(following)] = self._scale_action.scale(following)
        sample = {
            "state": torch.from_numpy(self._scale_state.scale(self._states[place][start])),
            "actions": torch.from_numpy(actions),
            "is_pad": torch.arange(chunk) >= len(following),
        }
        return sample | ({"images": self._images(place, start)} if self.cameras else {})

    def _images(self, place: int, start: int) -> Tensor:
        found = self._source.images(self._numbers[place], start, self.cameras)
        resize = self._resize or (lambda images: images)
        pictures = [torch.tensor(found[camera]).permute(2, 0, 1)[None].float() / 255.0 for camera in self.cameras]
        images = torch.cat([resize(picture) for picture in pictures])
        return images if self._augment is None else self._augment(images)

    def _read(self) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]:
        states, actions = [], []
        for number in self._numbers:
            episode = self._source.episode(number, images=False)
            try:
                states.append(_joined([_state(episode, name) for name in self._state_names(episode)]))
                actions.append(_joined([_action(episode, name) for name in self.config.actions]))
                own, first = ((states[at].shape[1], actions[at].shape[1]) for at in (-1, 0))
                if own != first:
                    raise DatasetError(
                        f"has {own[0]} axes of states and {own[1]} of actions, but the first one has {first[0]} and "
                        f"{first[1]}"
                    )
            except DatasetError as error:
                raise DatasetError(f"episode {number} {error}; leave it out, or ask for something else") from None
        return states, actions

    def _state_names(self, episode: Episode) -> Sequence[str]:
        if self.config.states:
            return self.config.states
        usual = next((name for name in _USUAL_STATES if name in episode.observations), None)
        vectors = sorted(name for name, array in episode.observations.items() if array.ndim == 2)
        return (usual,) if usual is not None else vectors

    def _check_widths(self) -> None:
        for name, arrays in (("state", self._states), (ACTION, self._actions)):
            known = self.statistics[name].mean.shape[0]
            if known != arrays[0].shape[1]:
                raise DatasetError(
                    f"the statistics are of {known} axes of the {name}, but the episodes have {arrays[0].shape[1]}; "
                    "they are of another robot, or other names were asked for"
                )

    def _find_cameras(self) -> tuple[str, ...]:
        given: dict[str, Any] = self._source.header.specification.get("observations", {})
        held = sorted(name for name, (shape, dtype) in given.items() if dtype == "uint8" and len(shape) == 3)
        if self.config.cameras is None:
            return tuple(held)
        for camera in self.config.cameras:
            if camera not in held:
                raise DatasetError(f"there is no camera {camera!r}; the episodes have {', '.join(held) or 'none'}")
        return self.config.cameras

    def _image_size(self) -> tuple[int, int]:
        if self.config.image_size is not None:
            return self.config.image_size
        pictures = self._source.images(self._numbers[0], 0, self.cameras)
        sizes = {camera: (image.shape[0], image.shape[1]) for camera, image in pictures.items()}
        if len(set(sizes.values())) > 1:
            told = ", ".join(f"{camera} {height} x {width}" for camera, (height, width) in sizes.items())
            raise DatasetError(f"the cameras have different sizes ({told}); give an image_size")
        return next(iter(sizes.values()))


def _state(episode: Episode, name: str) -> NDArray[Any]:
    found = episode.observations.get(name, episode.sensors.get(name))
    if found is None:
        held = ", ".join(sorted({**episode.observations, **episode.sensors})) or "none"
        raise DatasetError(f"has no {name!r} among its observations and sensors, which are {held}")
    return found.reshape(len(found), -1)


def _action(episode: Episode, name: str) -> NDArray[Any]:
    found = episode.actions if name == ACTION else episode.extra_actions.get(name)
    if found is None:
        held = ", ".join([ACTION, *sorted(episode.extra_actions)])
        raise DatasetError(f"has no {name!r} among its actions, which are {held}")
    return found.reshape(len(found), -1)


def _joined(parts: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
    if not parts:
        raise DatasetError("has no observation that is a vector")
    return np.concatenate(parts, axis=1).astype(np.float32)
