"""Parses the stages of a task from text: name, class and condition."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from serl_rl.rewards.classifier.condition import StateCondition

_NAME = re.compile(r"[A-Za-z_]\w*")
_KEYS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "path": ("path", Path),
    "class": ("class_name", str),
    "threshold": ("threshold", float),
    "consecutive_steps": ("consecutive_steps", int),
    "condition": ("condition", StateCondition.parse),
}


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Defines one stage of a task, such as "lifted"; what is None is left to the settings that all stages share."""

    name: str
    """Its name, in infos and in errors: letters, digits and underscores."""
    path: Path | None = None
    """Folder of its classifier."""
    class_name: str | None = None
    """Class that shows it. None takes the success class of a classifier of two classes; of one with more, the class
    that is named like the stage."""
    threshold: float | None = None
    """Probability of that class from which a frame passes, in (0, 1]."""
    consecutive_steps: int | None = None
    """Steps in a row that must pass."""
    condition: StateCondition | None = None
    """What a step must meet besides."""

    def __post_init__(self) -> None:
        where = f"stage {self.name!r}"
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{where} has no usable name; take letters, digits and underscores, such as 'lifted'")
        if self.threshold is not None and not 0 < self.threshold <= 1:
            raise ValueError(f"threshold of {where} is {self.threshold:g}; it must be in (0, 1]")
        if self.consecutive_steps is not None and self.consecutive_steps < 1:
            raise ValueError(f"consecutive_steps of {where} is {self.consecutive_steps}; it must be at least 1")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads a stage such as "lifted path=classifiers/cube class=up threshold=0.9 condition='tcp_pose[2] > 0.1'".

        The name comes first, then any of path, class, threshold, consecutive_steps and condition; a value with spaces
        is quoted.

        Raises:
            ValueError: It cannot be read, or a value is out of its bounds.
        """
        try:
            words = shlex.split(text)
        except ValueError as error:
            raise ValueError(f"stage {text!r} cannot be read: {error}") from None
        if not words or "=" in words[0]:
            raise ValueError(f"stage {text!r} has no name; begin with one, such as 'lifted path=classifiers/lifted'")
        values: dict[str, Any] = {}
        for word in words[1:]:
            key, separator, value = word.partition("=")
            if not separator or key not in _KEYS:
                raise ValueError(f"stage {words[0]!r} has {word!r}; write KEY=VALUE, with {', '.join(_KEYS)} as KEY")
            name, read = _KEYS[key]
            if name in values:
                raise ValueError(f"stage {words[0]!r} has {key} twice")
            values[name] = _value(words[0], key, read, value)
        return cls(name=words[0], **values)


def parse_stages(texts: Sequence[str]) -> tuple[Stage, ...]:
    """Reads the stages of a task, in order.

    Raises:
        ValueError: One cannot be read, or two have one name.
    """
    stages = tuple(Stage.parse(text) for text in texts)
    names = [stage.name for stage in stages]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{names.count(name)} stages are named {name!r}; give each a name of its own")
    return stages


def with_absolute_path(text: str) -> str:
    """Returns a stage's text whose path means the same in any folder; a text without a relative path as it is."""
    words = shlex.split(text)
    relative = [word for word in words[1:] if word.startswith("path=") and not Path(word[5:]).is_absolute()]
    return (
        shlex.join(f"path={Path(word[5:]).absolute()}" if word in relative else word for word in words)
        if relative
        else text
    )


def _value(stage: str, key: str, read: Callable[[str], Any], text: str) -> Any:  # noqa: ANN401
    try:
        if not text:
            raise ValueError("nothing is no value")
        return read(text)
    except ValueError as error:
        told = str(error) if key == "condition" else f"{text!r} is no {'number' if key != 'class' else 'name'}"
        raise ValueError(f"{key} of stage {stage!r}: {told}") from None
