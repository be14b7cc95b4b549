"""Reads labelled frames for a classifier from episode files, and splits them by episode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from serl_client.episodes.files import Episode, read_episodes
from serl_client.episodes.recording import SUCCESS_LABELS
from serl_rl.rewards.classifier.errors import ClassifierError
from serl_rl.rewards.classifier.network import BINARY_CLASSES, FAILURE, SUCCESS, image_cameras

_UNLABELLED = -1
_SPLIT_ATTEMPTS = 200


@dataclass(frozen=True, kw_only=True, eq=False)
class Examples:
    """Holds labelled frames."""

    images: Mapping[str, np.ndarray]
    """By camera, uint8 of shape (N, H, W, 3)."""
    labels: np.ndarray
    """Index of each frame's class. Shape (N,)."""
    episodes: np.ndarray
    """Number of the episode that each frame is from. Shape (N,)."""
    classes: tuple[str, ...]
    """Names of the classes."""

    def __len__(self) -> int:
        """Returns the number of frames."""
        return len(self.labels)

    def counts(self) -> dict[str, int]:
        """Counts the frames of each class."""
        return {name: int((self.labels == index).sum()) for index, name in enumerate(self.classes)}

    def subset(self, chosen: np.ndarray) -> Examples:
        """Picks some of the frames, by mask or index."""
        images = {camera: images[chosen] for camera, images in self.images.items()}
        return replace(self, images=images, labels=self.labels[chosen], episodes=self.episodes[chosen])


def load_examples(
    labelled: Sequence[Path],
    by_class: Mapping[str, Sequence[Path]],
    *,
    cameras: Sequence[str] = (),
    ambiguous_frames: int = 2,
    max_frames: int = 4000,
    seed: int = 0,
) -> Examples:
    """Reads the frames of episode files.

    Args:
        labelled: Files whose episodes say where the task is done; see `success_labels`.
        by_class: Files whose frames are all of one class, by its name.
        cameras: Which, in this order; all when empty.
        ambiguous_frames: Frames before the success of an episode without labels that are left out.
        max_frames: Most frames of each class; more are thinned at random.
        seed: Seed of the thinning.

    Returns:
        The frames. With labelled files, or without any other class, the classes are failure and success first.

    Raises:
        ClassifierError: There are no frames, or frames of one class only, a label is missing, or the cameras of two
            episodes differ.
        EpisodeFileError: A file cannot be read.
    """
    others = tuple(name for name in by_class if name not in BINARY_CLASSES)
    classes = (*BINARY_CLASSES, *others) if labelled or not others else tuple(by_class)
    collected: list[tuple[Episode, np.ndarray]] = []
    for path in labelled:
        for number, episode in enumerate(read_episodes(path)):
            where = f"episode {number} of {path}"
            collected.append((episode, success_labels(episode, where, ambiguous_frames)))
    for name, paths in by_class.items():
        for path in paths:
            collected += [(episode, np.full(len(episode) + 1, classes.index(name))) for episode in read_episodes(path)]
    examples = _joined(collected, classes, cameras)
    examples = _thinned(examples, max_frames, np.random.default_rng(seed))
    _require_classes(examples)
    return examples


def success_labels(episode: Episode, where: str, ambiguous_frames: int = 2) -> np.ndarray:
    """Reads the labels of an episode's observations: 1 for success, 0 for failure, -1 for neither.

    They are those under "success_labels" in its metadata: true, false or null for each observation. Without them, a
    failed episode is failure throughout; one that ended by success has its last observation as success, the few before
    it as neither, and the others as failure.

    Args:
        episode: The episode.
        where: What to call it in an error.
        ambiguous_frames: How many observations before a success count as neither.

    Returns:
        int64 of shape (T + 1,).

    Raises:
        ClassifierError: The labels do not fit, or an episode without them had success on the way.
    """
    count = len(episode) + 1
    given = episode.metadata.get(SUCCESS_LABELS)
    if given is not None:
        if not isinstance(given, (list, tuple)) or len(given) != count or any(v not in (0, 1, None) for v in given):
            raise ClassifierError(
                f"{where} has wrong {SUCCESS_LABELS}: there must be true, false or null for each of its {count} "
                "observations"
            )
        return np.array([_UNLABELLED if value is None else int(value) for value in given])
    labels = np.zeros(count, np.int64)
    if episode.success and not episode.terminated:
        raise ClassifierError(
            f"{where} had success before its end but does not say when; give it {SUCCESS_LABELS} with label-success"
        )
    if episode.success:
        labels[max(count - 1 - ambiguous_frames, 0) :] = _UNLABELLED
        labels[-1] = 1
    return labels


def has_failed_episode(examples: Examples) -> bool:
    """Returns whether some episode has no frame of success."""
    if SUCCESS not in examples.classes:
        return True
    is_success = examples.labels == examples.classes.index(SUCCESS)
    return bool(set(examples.episodes.tolist()) - set(examples.episodes[is_success].tolist()))


def split_by_episode(examples: Examples, validation_share: float, seed: int) -> tuple[Examples, Examples]:
    """Splits into training and validation; both see every class, and no episode is on both sides.

    Args:
        examples: All frames.
        validation_share: Share of the episodes that validate.
        seed: Seed of the draw.

    Returns:
        Training and validation frames.

    Raises:
        ClassifierError: A class is in fewer than two episodes.
    """
    for index, name in enumerate(examples.classes):
        found = len(np.unique(examples.episodes[examples.labels == index]))
        if found < 2:
            raise ClassifierError(
                f"class {name!r} is in {found} episode{'s' * (found != 1)}; it needs 2, one to learn from and one to "
                "validate with"
            )
    numbers, rng = np.unique(examples.episodes), np.random.default_rng(seed)
    count = min(max(round(len(numbers) * validation_share), 1), len(numbers) - 1)
    for attempt in range(_SPLIT_ATTEMPTS):
        # A class in few episodes may need more of them than the share.
        chosen = rng.permutation(numbers)[: min(count + attempt // 20, len(numbers) - 1)]
        is_validation = np.isin(examples.episodes, chosen)
        parts = examples.subset(~is_validation), examples.subset(is_validation)
        if all(min(part.counts().values()) > 0 for part in parts):
            return parts
    raise ClassifierError("no split of the episodes has every class on both sides; record more episodes of each class")


def _joined(
    collected: Sequence[tuple[Episode, np.ndarray]], classes: tuple[str, ...], cameras: Sequence[str]
) -> Examples:
    if not collected:
        raise ClassifierError("there are no episodes to learn from; record some with record-demos")
    try:
        names = image_cameras(collected[0][0].observations, cameras)
    except ValueError as error:
        raise ClassifierError(str(error)) from None
    if not names:
        raise ClassifierError("the episodes have no images; record them in an environment with cameras")
    images: dict[str, list[np.ndarray]] = {camera: [] for camera in names}
    labels, episodes = [], []
    for number, (episode, own) in enumerate(collected):
        known = own != _UNLABELLED
        for camera in names:
            images[camera].append(_frames(episode, camera, images[camera])[known])
        labels.append(own[known])
        episodes.append(np.full(int(known.sum()), number))
    return Examples(
        images={camera: np.concatenate(parts) for camera, parts in images.items()},
        labels=np.concatenate(labels).astype(np.int64),
        episodes=np.concatenate(episodes),
        classes=classes,
    )


def _frames(episode: Episode, camera: str, before: Sequence[np.ndarray]) -> np.ndarray:
    frames = episode.observations.get(camera)
    if frames is None:
        found = ", ".join(episode.observations)
        raise ClassifierError(f"an episode has no camera {camera!r}, which the first one has; it has {found}")
    frames = frames[:, -1] if frames.ndim == 5 else frames  # The newest of a stack.
    if before and before[0].shape[1:] != frames.shape[1:]:
        raise ClassifierError(
            f"camera {camera!r} has images of shape {before[0].shape[1:]} in one episode and {frames.shape[1:]} in "
            "another; use files of one set-up"
        )
    return frames


def _thinned(examples: Examples, limit: int, rng: np.random.Generator) -> Examples:
    kept = []
    for index in range(len(examples.classes)):
        own = np.flatnonzero(examples.labels == index)
        kept.append(own if len(own) <= limit else rng.choice(own, limit, replace=False))
    return examples.subset(np.sort(np.concatenate(kept)))


def _require_classes(examples: Examples) -> None:
    counts = examples.counts()
    empty = [name for name, count in counts.items() if count == 0]
    if not empty:
        return
    found = ", ".join(f"{count} frames of {name!r}" for name, count in counts.items() if count) or "no frames"
    advice = {
        SUCCESS: "record episodes that succeed, or label where they do",
        FAILURE: "record episodes that fail, or that have frames before their success",
    }.get(empty[0], "give a file of it")
    raise ClassifierError(f"the examples have {found} but none of {empty[0]!r}; {advice}")
