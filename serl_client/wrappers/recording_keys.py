"""Handles the keys of a person who records: label by holding, discard, take back."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, SupportsFloat

import gymnasium

from serl_client.episodes.recording import DISCARDED, LABEL
from serl_client.teleop.devices.keys import PressedKeys
from serl_client.wrappers.human_reward import FAILURE_KEY, SUCCESS_KEY

LABEL_KEY, DISCARD_KEY = "space", "backspace"
_LOOK_S = 0.05


class RecordingKeys(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Begins an episode when the person moves, and ends it unkept by the discard key.

    Between two episodes the discard key takes the last one back. Nothing waits for an answer: whoever just drives on
    keeps what succeeded.

    Args:
        env: Any environment.
        keys: Where keys come from; closed by its owner.
        is_asking: Whether the person moves a device; None begins at once.
        take_back: Removes the last episode; says whether there was one.
        labels: Whether each step gets `info["success_label"]`: that the label key is held, or was pressed in the step.
            A step that `HumanReward` inside ends is labelled as it was judged.
        should_stop: Ends the wait for the person.
        say: Told what happens, in one line.
        sleep: Lets time pass between two looks, s.
    """

    def __init__(
        self,
        env: gymnasium.Env[Any, Any],
        keys: PressedKeys,
        *,
        is_asking: Callable[[], bool] | None = None,
        take_back: Callable[[], bool] = lambda: False,
        labels: bool = False,
        should_stop: Callable[[], bool] = lambda: False,
        say: Callable[[str], None] = lambda text: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(env)
        self._keys = keys
        self._is_asking = is_asking
        self._take_back = take_back
        self._labels = labels
        self._should_stop = should_stop
        self._say = say
        self._sleep = sleep

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begins an episode, and waits for the person to move."""
        result = self.env.reset(seed=seed, options=options)
        if self._is_asking is not None:
            self._say("ready; move to begin")
            while not self._is_asking() and not self._should_stop():
                self._look()
                self._sleep(_LOOK_S)
        self._look()
        for key in (LABEL_KEY, SUCCESS_KEY, FAILURE_KEY):  # Pressed before the episode began.
            self._keys.take(key)
        return result

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:  # noqa: ANN401
        """Takes a step; adds its label, and ends the episode if it is to be discarded."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        if self._labels:
            was_pressed = self._keys.take(LABEL_KEY)
            is_done = was_pressed or LABEL_KEY in self._keys.held
            info = info | {LABEL: info["judged"] == "success" if "judged" in info else is_done}
        if self._keys.take(DISCARD_KEY):
            return observation, reward, False, True, info | {DISCARDED: True}
        return observation, reward, terminated, truncated, info

    def _look(self) -> None:
        if self._keys.take(DISCARD_KEY):
            self._say("took back the last episode" if self._take_back() else "there is no episode to take back")
