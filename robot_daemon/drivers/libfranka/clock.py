"""Maps the control box's clock to the cell's: a message's stamp plus the shortest delay seen lately."""

WINDOW_NS = 5_000_000_000
"""How long a shortest delay counts. Two windows overlap, so that drift of the clocks is followed."""


class ArmClock:
    """Least offset between arrival and stamp over the last one to two windows.

    A message cannot arrive before it was sent, so the least offset is the one with the least delay; waiting in a
    queue or for a core only adds to it.
    """

    def __init__(self) -> None:
        self._window_start_ns: int | None = None
        self._present_ns = 0
        self._former_ns: int | None = None

    def to_cell_ns(self, stamp_ns: int, arrival_ns: int) -> int:
        """Instant of the cell's clock at which a message was stamped.

        Args:
            stamp_ns: On the control box's clock.
            arrival_ns: On the cell's clock.
        """
        offset = arrival_ns - stamp_ns
        if self._window_start_ns is None:
            self._window_start_ns, self._present_ns = arrival_ns, offset
        elif arrival_ns - self._window_start_ns > WINDOW_NS:
            self._window_start_ns, self._former_ns, self._present_ns = arrival_ns, self._present_ns, offset
        else:
            self._present_ns = min(self._present_ns, offset)
        least = self._present_ns if self._former_ns is None else min(self._present_ns, self._former_ns)
        return stamp_ns + least
