"""Registers the faults of a cell: those of its devices, those that the daemon finds, and the last ones cleared."""

import threading
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import TypeAlias

from robot_daemon.hardware.devices import Arm, DeviceFault, Gripper
from serl_api.enums import FaultSeverity
from serl_api.errors.robot import NotFoundError

HISTORY_LENGTH = 100

Faults: TypeAlias = tuple[DeviceFault, ...]


class FaultRegistry:
    """Holds the active faults and a history. Safe to call from any thread.

    Args:
        arm: Reports faults of its own.
        gripper: Likewise, when there is one.
        critical_ids: Faults that are critical here whatever their device says, by identifier or its part before the
            dot.
        on_change: Called without locks held, by the thread that finds it, with the faults that became active and those
            that ended.
    """

    def __init__(
        self,
        arm: Arm,
        gripper: Gripper | None,
        on_change: Callable[[Faults, Faults], None],
        critical_ids: Collection[str] = (),
    ) -> None:
        self._critical_ids = critical_ids
        self._arm = arm
        self._gripper = gripper
        self._on_change = on_change
        self._lock = threading.Lock()
        self._own: dict[str, DeviceFault] = {}
        self._active: tuple[DeviceFault, ...] = ()
        self._cleared: deque[DeviceFault] = deque(maxlen=HISTORY_LENGTH)
        self._critical = False
        self._is_by_hand = False

    @property
    def active(self) -> tuple[DeviceFault, ...]:
        """Returns the active faults as of the last `refresh`, newest first."""
        return self._active

    @property
    def cleared(self) -> tuple[DeviceFault, ...]:
        """Returns the last faults that were cleared, newest first."""
        with self._lock:
            return tuple(self._cleared)

    @property
    def critical(self) -> tuple[DeviceFault, ...]:
        """Returns the active faults that only a recovery ends, and that forbid motion until then."""
        if not self._critical:
            return ()
        return tuple(fault for fault in self._active if fault.severity is FaultSeverity.CRITICAL)

    @property
    def is_by_hand(self) -> bool:
        """Returns whether a hand is on the arm: it is guided, or its user stop pressed."""
        return self._is_by_hand

    @property
    def forbidding(self) -> tuple[DeviceFault, ...]:
        """Returns the active faults that forbid motion: the critical ones, and a hand on the arm."""
        if not self._critical and not self._is_by_hand:
            return ()
        return tuple(fault for fault in self._active if fault.by_hand or fault.severity is FaultSeverity.CRITICAL)

    def refresh(self) -> bool:
        """Reads the devices' faults anew; returns whether a critical one is active."""
        fresh, ended = (), ()
        with self._lock:  # Held while asking, so that an older answer never replaces a newer one.
            reported = self._arm.faults()
            if self._gripper is not None:
                reported += self._gripper.faults()
            if reported or self._own or self._active:
                fresh, ended = self._update(reported)
        if fresh or ended:
            self._on_change(fresh, ended)
        return self._critical

    def raise_fault(self, fault: DeviceFault) -> None:
        """Adds a fault that the daemon found; a known one keeps its onset."""
        with self._lock:
            self._own.setdefault(fault.id, fault)
        self.refresh()

    def clear_fault(self, fault_id: str) -> None:
        """Removes a warning that the daemon gave, because its cause has gone; what is critical waits for `recover`."""
        with self._lock:
            if self._is_critical_here(fault_id):
                return
            self._own.pop(fault_id, None)
        self.refresh()

    def recover(
        self, fault_ids: tuple[str, ...], persists: Callable[[DeviceFault], bool]
    ) -> tuple[tuple[DeviceFault, ...], tuple[DeviceFault, ...]]:
        """Clears the faults that can be cleared.

        Args:
            fault_ids: Which; all when empty.
            persists: Whether the cause of a fault that the daemon found is still there.

        Returns:
            The faults that were cleared, and those that remain.

        Raises:
            NotFoundError: One of them is not active.
        """
        self.refresh()
        before = self._active
        known = [fault.id for fault in before]
        for name in fault_ids:
            if name not in known:
                raise NotFoundError.among("active fault", name=name, available=known)
        chosen = fault_ids or tuple(known)
        self._arm.recover(chosen)
        if self._gripper is not None:
            self._gripper.recover(chosen)
        with self._lock:
            for name in chosen:
                own = self._own.get(name)
                if own is not None and own.clearable and not persists(own):
                    del self._own[name]
        self.refresh()
        remaining = self._active
        return tuple(fault for fault in before if fault not in remaining), remaining

    def _as_here(self, fault: DeviceFault) -> DeviceFault:
        """Returns the fault with the severity that it has in this cell."""
        return replace(fault, severity=FaultSeverity.CRITICAL) if self._is_critical_here(fault.id) else fault

    def _is_critical_here(self, fault_id: str) -> bool:
        return fault_id in self._critical_ids or fault_id.partition(".")[0] in self._critical_ids

    def _update(self, reported: Faults) -> tuple[Faults, Faults]:
        """Merges; returns the faults that became active and those that ended."""
        merged = {fault.id: self._as_here(fault) for fault in (*reported, *self._own.values())}
        known = {fault.id for fault in self._active}
        ended = tuple(fault for fault in self._active if fault.id not in merged)
        self._cleared.extendleft(reversed(ended))
        self._active = tuple(sorted(merged.values(), key=lambda fault: -fault.onset_time_ns))
        self._critical = any(fault.severity is FaultSeverity.CRITICAL for fault in self._active)
        self._is_by_hand = any(fault.by_hand for fault in self._active)
        return tuple(fault for fault in self._active if fault.id not in known), ended
