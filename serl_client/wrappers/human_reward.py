"""Lets a person end an episode with a key, as success or failure."""

from __future__ import annotations

from typing import Any, SupportsFloat

import gymnasium

from serl_client.teleop.devices.keys import PressedKeys

SUCCESS_KEY, FAILURE_KEY = "y", "n"


class HumanReward(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Ends the episode by a key: the success key with reward 1, the failure key with reward 0.

    Both set `terminated`: the task's word, after which no value follows. A step without a key stays as it was. A key
    that was pressed while no episode ran counts for nothing.

    Args:
        env: Any environment.
        keys: Where keys come from; closed by its owner.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], keys: PressedKeys) -> None:
        super().__init__(env)
        self._keys = keys

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begins an episode, and drops keys of the last one."""
        observation, info = self.env.reset(seed=seed, options=options)
        for key in (SUCCESS_KEY, FAILURE_KEY):
            self._keys.take(key)
        return observation, info

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:  # noqa: ANN401
        """Takes a step, and ends the episode if a key was pressed."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        has_failed = self._keys.take(FAILURE_KEY)
        has_succeeded = self._keys.take(SUCCESS_KEY)
        if has_failed:
            return observation, 0.0, True, False, info | {"success": False, "judged": "failure"}
        if has_succeeded:
            return observation, 1.0, True, False, info | {"success": True, "judged": "success"}
        return observation, reward, terminated, truncated, info
