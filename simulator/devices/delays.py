"""Delays what a simulated cell shows and does in lockstep, as sensors, cameras and networks of a real cell do."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from robot_daemon.hardware.devices import ArmSample, GripperSample
from serl_api.values import FloatArray, TrackedObject
from simulator.devices.injection import Condition, Injections, Latency
from simulator.physics.physics import TIMESTEP_NS, Physics

MAX_DELAY_NS = 500_000_000
"""Longest delay, mean and jitter together."""
SAMPLE_NS = 10_000_000
"""Time between two instants that are remembered while observations are delayed."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Instant:
    """Holds what a cell showed at one instant."""

    time_ns: int
    arm: ArmSample
    gripper: GripperSample
    objects: tuple[TrackedObject, ...]
    positions: FloatArray
    """Of every joint of the scene, to render the instant from. Shape (nq,)."""


@dataclass(frozen=True, slots=True)
class _Action:
    due_ns: int
    device: str
    act: Callable[[], None]


class Delays:
    """Remembers instants, and keeps targets until they are due. Used with the physics' lock held.

    Args:
        physics: The scene.
        injections: Says which delays are in force.
        measure: Measures the present instant.
    """

    def __init__(self, physics: Physics, injections: Injections, measure: Callable[[], Instant]) -> None:
        self.in_lockstep = True
        """Whether time passes by requests; in real time nothing is delayed here."""
        self._physics = physics
        self._injections = injections
        self._measure = measure
        self._instants: deque[Instant] = deque(maxlen=MAX_DELAY_NS // SAMPLE_NS + 2)
        self._actions: deque[_Action] = deque()
        self._observed: tuple[int, Instant] | None = None
        self._rng = np.random.default_rng(0)

    def forget(self) -> None:
        """Forgets all instants and targets, as the scene is about to change."""
        self._instants.clear()
        self._actions.clear()
        self._observed = None

    def restart(self, seed: int) -> None:
        """Begins with the present instant of a new scene; the seed decides every delay from now on."""
        self.forget()
        self._rng = np.random.default_rng([seed % 2**64, 2])
        self.begin()

    def begin(self) -> None:
        """Remembers the present instant, the first that may be shown, where observations are delayed from now on."""
        if not self._instants:
            self._remember()

    def carry_out(self, device: str, act: Callable[[], None]) -> None:
        """Lets a device act on a target when it is due: at once, unless targets are delayed; in order."""
        latency = self._latency(Condition.ACTION_DELAY)
        if latency is None and not self._actions:
            act()
            return
        due_ns = self._physics.time_ns + (0 if latency is None else self._draw_ns(latency))
        if self._actions:
            due_ns = max(due_ns, self._actions[-1].due_ns)
        self._actions.append(_Action(due_ns, device, act))

    def drop_actions(self, device: str) -> None:
        """Drops the targets of a device that are not yet due."""
        if self._actions:
            self._actions = deque(action for action in self._actions if action.device != device)

    def steps_until_next(self, steps: int) -> int:
        """Returns how many of the next physics steps pass before something is due here; at least 1."""
        due_ns = [self._actions[0].due_ns] if self._actions else []
        if self._latency(Condition.OBSERVATION_DELAY) is not None:
            due_ns.append(self._instants[-1].time_ns + SAMPLE_NS if self._instants else 0)
        if not due_ns:
            return steps
        return max(1, min(steps, -((self._physics.time_ns - min(due_ns)) // TIMESTEP_NS)))

    def time_passed(self) -> None:
        """Carries out what is due, and remembers the present instant where it is time to."""
        while self._actions and self._actions[0].due_ns <= self._physics.time_ns:
            self._actions.popleft().act()
        if not self._instants or self._physics.time_ns >= self._instants[-1].time_ns + SAMPLE_NS:
            self._remember()

    def observed(self) -> Instant | None:
        """Returns the instant that observations show now, drawn once for each present; None where it is the present."""
        latency = self._latency(Condition.OBSERVATION_DELAY)
        if latency is None or not self._instants:
            return None
        now_ns = self._physics.time_ns
        kept = self._observed
        if kept is None or kept[0] != now_ns:
            shown_ns = now_ns - self._draw_ns(latency)
            if kept is not None:
                shown_ns = max(shown_ns, kept[1].time_ns)  # Observations never go back in time.
            instant = next((one for one in reversed(self._instants) if one.time_ns <= shown_ns), self._instants[0])
            self._observed = kept = (now_ns, instant)
        return kept[1]

    def _remember(self) -> None:
        if self._latency(Condition.OBSERVATION_DELAY) is not None:
            self._instants.append(self._measure())

    def _latency(self, condition: Condition) -> Latency | None:
        return self._injections.latency_of(condition) if self.in_lockstep else None

    def _draw_ns(self, latency: Latency) -> int:
        if not latency.jitter_ns:
            return latency.delay_ns
        return latency.delay_ns + int(self._rng.integers(-latency.jitter_ns, latency.jitter_ns, endpoint=True))
