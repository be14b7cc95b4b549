"""Defines how a policy in another process is reached, asked and executed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from serl_api.settings import AT_LEAST_0, POSITIVE, check_fields
from serl_rl.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class RemotePolicyConfig:
    """Configures how a policy in another process is reached."""

    api_key_file: Path | None = None
    """File whose first line is the key of a policy server that wants one."""
    answer_timeout_s: Annotated[float, POSITIVE] = 10.0
    """How long a policy server may take for an answer, s; the arm holds meanwhile."""
    lerobot_python: Path = Path(".lerobot/bin/python")
    """Python of the environment in which LeRobot and lerobot_robot_serl are installed, for lerobot: policies."""

    def __post_init__(self) -> None:
        """Refuses values that cannot work."""
        check_fields(self)


@dataclass(frozen=True, kw_only=True)
class RemoteExecution:
    """Says how observations are sent and chunks are executed."""

    instruction: str = ""
    """What the policy is told to do, in words: the key prompt."""
    observation_keys: tuple[str, ...] = ()
    """Names that the server has for arrays of the observation, such as front=observation/image; all others are
    observation/<name>."""
    executed_steps: Annotated[int, AT_LEAST_0] = 0
    """Steps of a chunk that are executed before another is asked for; 0 for all."""

    def __post_init__(self) -> None:
        """Refuses values that cannot work."""
        check_fields(self)

    def key_of(self, array: str) -> str:
        """Returns the server's name of an array."""
        return self.named_keys().get(array, f"observation/{array}")

    def named_keys(self) -> dict[str, str]:
        """Returns the names that were given, by array.

        Raises:
            UsageError: One is not of the form name=key.
        """
        pairs = [text.partition("=") for text in self.observation_keys]
        for (name, sign, key), text in zip(pairs, self.observation_keys, strict=True):
            if not (name and sign and key):
                raise UsageError(f"--observation-keys has {text!r}; it must be like front=observation/image")
        return {name: key for name, _, key in pairs}
