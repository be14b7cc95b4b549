"""Checks a condition on the raw state that a success must meet as well, such as a height of the TCP."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np

_PATTERN = re.compile(r"\s*(?P<key>[A-Za-z_]\w*)\s*(?:\[(?P<index>\d+)\])?\s*(?P<sign>[<>])\s*(?P<bound>[-+.\deE]+)\s*")


@dataclass(frozen=True, kw_only=True)
class StateCondition:
    """Asks that a number of a step's info is above or below a bound, in the unit that the info has (SI)."""

    key: str
    """Key of the info, such as "tcp_pose" (m, xyzw) or "gripper_width" (m)."""
    index: int = 0
    """Which number of it."""
    sign: Literal["<", ">"]
    """Whether it must be below or above."""
    bound: float
    """The bound."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads a condition such as "tcp_pose[2] > 0.04".

        Raises:
            ValueError: The text is no condition.
        """
        match = _PATTERN.fullmatch(text)
        try:
            if match is None:
                raise ValueError
            sign: Literal["<", ">"] = "<" if match["sign"] == "<" else ">"
            return cls(key=match["key"], index=int(match["index"] or 0), sign=sign, bound=float(match["bound"]))
        except ValueError:
            raise ValueError(f"{text!r} is no condition; write one such as 'tcp_pose[2] > 0.04'") from None

    def __call__(self, observation: Mapping[str, np.ndarray], info: Mapping[str, Any]) -> bool:
        """Returns whether a step meets the condition.

        Raises:
            ValueError: The info has no such number.
        """
        del observation
        values = np.atleast_1d(info[self.key]) if self.key in info else np.empty(0)
        if self.index >= len(values):
            found = ", ".join(sorted(key for key, value in info.items() if np.ndim(value) <= 1))
            raise ValueError(f"a step has no {self.key}[{self.index}]; its info has {found or 'nothing'}")
        value = float(values[self.index])
        return value < self.bound if self.sign == "<" else value > self.bound
