"""Lets a person pause and resume with a key."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, SupportsFloat

import gymnasium

from serl_client.teleop.devices.keys import PressedKeys

PAUSE_KEY = "p"
_LOOK_S = 0.05


class Pause(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Holds the next step or reset from one press of the pause key to the next.

    No target is sent meanwhile, so the daemon's watchdog lets the arm hold its pose; `step` then goes on from the pose
    that is measured. The episode is not cut: its next observation is the one after the pause.

    Args:
        env: Any environment.
        keys: Where keys come from; closed by its owner.
        should_stop: Ends a pause, so that the process can be stopped.
        say: Told what happens, in one line.
        sleep: Lets time pass between two looks at the keys, s.
    """

    def __init__(
        self,
        env: gymnasium.Env[Any, Any],
        keys: PressedKeys,
        *,
        should_stop: Callable[[], bool] = lambda: False,
        say: Callable[[str], None] = lambda text: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(env)
        self._keys = keys
        self._should_stop = should_stop
        self._say = say
        self._sleep = sleep

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begins an episode, after a pause if one was asked for: time to put the scene right."""
        self._hold()
        return self.env.reset(seed=seed, options=options)

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:  # noqa: ANN401
        """Takes a step, after a pause if one was asked for."""
        self._hold()
        return self.env.step(action)

    def _hold(self) -> None:
        if not self._keys.take(PAUSE_KEY):
            return
        self._say(f"paused; {PAUSE_KEY} goes on")
        while not self._keys.take(PAUSE_KEY) and not self._should_stop():
            self._sleep(_LOOK_S)
        self._say("going on")
