"""Labels observations of recorded episodes as success or not, from numbers on a command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from serl_client.episodes.files import Episode
from serl_client.episodes.recording import SUCCESS_LABELS
from serl_rl.errors import UsageError

Label = bool | None


Span: TypeAlias = tuple[int | None, int | None]
"""First and last of some observations, both included; None is the episode's first or last one."""


def parse_numbers(text: str) -> frozenset[int]:
    """Parses numbers such as "1,4-6".

    Raises:
        UsageError: It cannot be read.
    """
    numbers: set[int] = set()
    for part in text.split(","):
        first, separator, last = part.strip().partition("-")
        try:
            bounds = int(first), int(last) if separator else int(first)
        except ValueError:
            raise UsageError(f"{text!r} is no list of episodes; write numbers and ranges such as 0,3-5") from None
        if bounds[1] < bounds[0]:
            raise UsageError(f"{part.strip()!r} counts backwards; write the smaller number first")
        numbers.update(range(bounds[0], bounds[1] + 1))
    return frozenset(numbers)


def parse_marks(texts: Sequence[str]) -> dict[int, list[Span]]:
    """Parses marks such as "3:40-52", "3:40-", "4:all" and "5:none", by episode.

    Raises:
        UsageError: One cannot be read.
    """
    marks: dict[int, list[Span]] = {}
    for text in texts:
        episode, _, span = text.partition(":")
        try:
            spans = marks.setdefault(int(episode), [])
            if span != "none":
                spans.append(_span(span))
        except ValueError:
            raise UsageError(
                f"{text!r} is no mark; write EPISODE:FIRST-LAST, such as 3:40-52 or 3:40-, or 3:all, or 3:none"
            ) from None
    return marks


def with_labels(episode: Episode, labels: Sequence[Label]) -> Episode:
    """Returns the episode with other labels; it counts as a success if any of them says so.

    Args:
        episode: T steps.
        labels: One for each of its T + 1 observations.
    """
    if len(labels) != len(episode) + 1:
        raise ValueError(f"{len(labels)} labels for {len(episode) + 1} observations")
    metadata = {**episode.metadata, SUCCESS_LABELS: list(labels)}
    return replace(episode, metadata=metadata, success=any(label is True for label in labels))


def labels_of(episode: Episode) -> list[Label]:
    """Returns the labels that an episode has; null throughout for one that says nothing."""
    given = episode.metadata.get(SUCCESS_LABELS)
    return list(given) if given is not None else [None] * (len(episode) + 1)


def marked_labels(episode: Episode, spans: Sequence[Span], where: str) -> list[Label]:
    """Returns true for the marked observations, false for all others.

    Raises:
        UsageError: The episode has no such observations.
    """
    count = len(episode) + 1
    labels: list[Label] = [False] * count
    for begin, end in spans:
        first, last = 0 if begin is None else begin, count - 1 if end is None else end
        if not 0 <= first <= last < count:
            raise UsageError(f"{where} has observations 0 to {count - 1}; {first}-{last} cannot be marked")
        labels[first : last + 1] = [True] * (last + 1 - first)
    return labels


def last_labels(episode: Episode, last: int, unsure: int) -> list[Label]:
    """Returns, for a success, true for the last observations, null for those just before, false for the others.

    Args:
        episode: The episode; of one that failed every observation is false.
        last: Observations at the end that show the task done, at least 1.
        unsure: Observations before them that show neither clearly.
    """
    count = len(episode) + 1
    if not episode.success:
        return [False] * count
    certain = max(count - last - unsure, 0)
    return [False] * certain + [None] * max(count - last - certain, 0) + [True] * min(last, count)


def check_numbers(numbers: Mapping[int, object] | frozenset[int], count: int, path: object) -> None:
    """Refuses numbers of episodes that a file does not hold.

    Raises:
        UsageError: There is one.
    """
    missing = sorted(number for number in numbers if number >= count or number < 0)
    if missing:
        held = f"0 to {count - 1}" if count else "none"
        raise UsageError(f"{path} has no episode {missing[0]}; it holds {held}")


def _span(text: str) -> Span:
    if text == "all":
        return None, None
    first, separator, last = text.partition("-")
    return int(first), (int(last) if last else None) if separator else int(first)
