"""Maps the counter of a camera to the host's clock, from when its frames arrived.

A frame can arrive late but never early, so true time runs along the lower edge of the arrivals. The line below all of
them that lies closest is the edge of their lower convex hull that spans their mean (the linear programme of Moon,
Skelly and Towsley, "Estimation and removal of clock skew from network delay measurements", INFOCOM 1999).
"""

from bisect import bisect_left
from collections import deque

BIN_NS = 500_000_000
BINS = 64
"""Half a minute: long enough for a slope, short enough to follow a crystal that warms up."""
SLOPE_SPAN_NS = 10_000_000_000
"""Below this a slope would be noise, and a crystal's few ten parts in a million do not matter yet."""
MAX_SLOPE = 3e-4
"""Three times what a crystal may drift; a steeper line is noise."""
_WRAP_US = 1 << 32


def counts_between(earlier_us: int, later_us: int) -> int:
    """Returns the way from one count to another, across a wrap of the counter, the shorter way round, us."""
    return (later_us - earlier_us + _WRAP_US // 2) % _WRAP_US - _WRAP_US // 2


class Counter:
    """Continues a 32-bit counter of microseconds, which wraps every 71.6 minutes, as nanoseconds."""

    def __init__(self) -> None:
        self._last_us = 0
        self._started = False

    def unwrap_ns(self, counter_us: int) -> int:
        """Returns the count since the counter was 0 for the first time, ns. Small steps back are kept as such."""
        if not self._started:
            self._last_us, self._started = counter_us, True
        else:
            self._last_us += counts_between(self._last_us, counter_us)
        return self._last_us * 1000


class DeviceClock:
    """Relates a device's clock to the host's, over the last half minute.

    All times are whole nanoseconds; the device's may start anywhere.
    """

    def __init__(self) -> None:
        self._bins: deque[tuple[int, int]] = deque(maxlen=BINS)
        self._bin: int | None = None
        self.slope = 0.0
        """Seconds that the host gains on the device in a second of the device; 0 until it is known."""
        self._anchor = (0, 0)

    def add(self, device_ns: int, arrival_ns: int) -> None:
        """Takes in the arrival of a frame."""
        point = (device_ns, arrival_ns - device_ns)
        number = device_ns // BIN_NS
        if number != self._bin:
            self._bin = number
            self._fit()
            self._bins.append(point)
        elif self._lag(point) < self._lag(self._bins[-1]):
            self._bins[-1] = point
        if len(self._bins) == 1 or self._lag(point) < self._lag(self._anchor):
            self._anchor = point

    def earliest_ns(self, device_ns: int) -> int:
        """Returns when a frame of an instant would have arrived with the least delay seen, on the host's clock."""
        at_ns, lag_ns = self._anchor
        return device_ns + lag_ns + round(self.slope * (device_ns - at_ns))

    def _lag(self, point: tuple[int, int]) -> float:
        """Returns the lag of a point, with the drift since the anchor taken off."""
        return point[1] - self.slope * (point[0] - self._anchor[0])

    def _fit(self) -> None:
        points = list(self._bins)
        if len(points) >= 2 and points[-1][0] - points[0][0] >= SLOPE_SPAN_NS:
            self.slope = _edge_slope(points)
        if points:
            # An anchor that has left the window must not hold the line down for ever.
            self._anchor = min(points, key=self._lag)


def _edge_slope(points: list[tuple[int, int]]) -> float:
    hull: list[tuple[int, int]] = []
    for point in points:
        while len(hull) >= 2 and _turns_down(hull[-2], hull[-1], point):
            hull.pop()
        hull.append(point)
    mean = sum(x for x, _ in points) / len(points)
    right = min(max(bisect_left(hull, mean, key=lambda point: point[0]), 1), len(hull) - 1)
    (x0, y0), (x1, y1) = hull[right - 1], hull[right]
    return min(max((y1 - y0) / (x1 - x0), -MAX_SLOPE), MAX_SLOPE)


def _turns_down(a: tuple[int, int], b: tuple[int, int], c: tuple[int, int]) -> bool:
    return (b[0] - a[0]) * (c[1] - a[1]) <= (b[1] - a[1]) * (c[0] - a[0])
