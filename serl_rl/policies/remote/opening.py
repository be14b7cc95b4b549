"""Opens a policy of another process by its name on the command line: `openpi:host:port` or `lerobot:folder`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from serl_api.lifetime.stop_signal import StopSignal
from serl_api.security import read_token
from serl_rl.errors import UsageError
from serl_rl.policies.remote.config import RemotePolicyConfig
from serl_rl.policies.remote.connection import PolicyConnection
from serl_rl.policies.remote.lerobot_server import LeRobotServer

OPENPI, LEROBOT = "openpi", "lerobot"


@contextlib.contextmanager
def open_policy(name: str, config: RemotePolicyConfig, stop: StopSignal) -> Iterator[PolicyConnection]:
    """Connects to a policy for the duration of a block; starts the server of a LeRobot checkpoint first.

    Args:
        name: `openpi:host:port`, `openpi:wss://host`, or `lerobot:folder`.
        config: How it is reached.
        stop: Ends the wait for a server that starts.

    Raises:
        UsageError: The name is of no such form, or there is no such checkpoint or Python.
        RemotePolicyError: The server does not start, or does not answer.
        ConfigError: The key file cannot be read or is empty.
    """
    kind, _, place = name.partition(":")
    if kind not in (OPENPI, LEROBOT) or not place:
        raise UsageError(f"--policy is {name!r}; it must be openpi:host:port or lerobot:folder")
    key = None if config.api_key_file is None else read_token(config.api_key_file)
    with contextlib.ExitStack() as stack:
        if kind == LEROBOT:
            server = stack.enter_context(LeRobotServer(Path(place), config.lerobot_python, stop))
            place = server.address
        yield stack.enter_context(PolicyConnection(place, api_key=key, timeout_s=config.answer_timeout_s))
