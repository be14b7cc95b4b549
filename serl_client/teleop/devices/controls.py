"""Holds the axes and buttons of a device as immutable values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

_NOTHING: Mapping[int, int] = MappingProxyType({})


@dataclass(frozen=True)
class Controls:
    """Holds the state of all controls. Each change makes a new one."""

    axes: tuple[int, ...]
    """Raw values, in the device's own unit."""
    held: frozenset[int] = frozenset()
    """Numbers of the buttons that are down, from 0."""
    presses: Mapping[int, int] = field(default_factory=lambda: _NOTHING)
    """How often each button went down so far; a click between two looks is not lost."""

    def with_axes(self, first: int, values: Sequence[int]) -> Controls:
        """Returns a state in which consecutive axes have new values."""
        axes = list(self.axes)
        axes[first : first + len(values)] = values
        return replace(self, axes=tuple(axes))

    def with_held(self, held: frozenset[int]) -> Controls:
        """Returns a state in which exactly these buttons are down."""
        new = held - self.held
        counted = {**self.presses, **{button: self.presses.get(button, 0) + 1 for button in new}}
        return replace(self, held=held, presses=MappingProxyType(counted))

    def clicked_since(self, earlier: Controls) -> frozenset[int]:
        """Returns the buttons that are down, or went down since an earlier state."""
        new = {button for button, count in self.presses.items() if count > earlier.presses.get(button, 0)}
        return self.held | new
