"""Serves a LeRobot checkpoint to `serl-train evaluate`, by openpi's protocol, to this machine alone.

`python -m lerobot_robot_serl.policy_server CHECKPOINT --ready-file FILE`.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve

from lerobot_robot_serl.served_policy import ServedPolicy, ServedPolicyError
from serl_rl.policies.remote.wire import BEGINS, DESCRIPTION, WireError, pack, unpack

log = logging.getLogger(__name__)

_LARGEST_MESSAGE_BYTES = 64 * 1024 * 1024
_PREFIX = "observation/"


class PolicyServer:
    """Answers one observation after the other, from any number of clients.

    Args:
        policy: What is served.
        port: On 127.0.0.1; 0 picks one.
    """

    def __init__(self, policy: ServedPolicy, port: int = 0) -> None:
        self._policy = policy
        self._lock = threading.Lock()
        self._server: Server = serve(
            self._serve,
            "127.0.0.1",
            port,
            compression=None,
            max_size=_LARGEST_MESSAGE_BYTES,
            process_request=_answer_health,
        )
        host, bound = self._server.socket.getsockname()[:2]
        self.address = f"{host}:{bound}"
        """host:port."""

    def run(self) -> None:
        """Serves until `stop`."""
        self._server.serve_forever()

    def stop(self) -> None:
        """Ends `run`. From any thread."""
        self._server.shutdown()

    def _serve(self, client: ServerConnection) -> None:
        inputs = {name: list(shape) for name, shape in self._policy.inputs.items()}
        about = {"inputs": inputs, "action_size": self._policy.action_size, "resets": True}
        try:
            client.send(pack({DESCRIPTION: about}))
            for message in client:
                client.send(self._answer(message))
        except ConnectionClosed:
            pass

    def _answer(self, message: str | bytes) -> str | bytes:
        """Returns actions, or a sentence as text, which is how openpi's clients know an error."""
        try:
            request = unpack(message if isinstance(message, bytes) else message.encode())
            observation = {name: _array(request, name, shape) for name, shape in self._policy.inputs.items()}
            with self._lock:
                if request.get(BEGINS):
                    self._policy.begin_episode()
                return pack({"actions": self._policy.actions(observation, str(request.get("prompt", "")))})
        except (WireError, ServedPolicyError) as error:
            return str(error)


def _array(request: Mapping[str, Any], name: str, shape: tuple[int, ...]) -> NDArray[Any]:
    found = request.get(_PREFIX + name)
    if not isinstance(found, np.ndarray) or found.shape != shape:
        there = f"is of shape {found.shape}" if isinstance(found, np.ndarray) else "is missing"
        raise WireError(f"{_PREFIX}{name} {there}; the policy reads {shape}")
    return found


def _answer_health(client: ServerConnection, request: Request) -> Response | None:
    return client.respond(HTTPStatus.OK, "OK\n") if request.path == "/healthz" else None


def main(arguments: list[str] | None = None) -> int:
    """Serves until SIGTERM."""
    from lerobot_robot_serl.checkpoint import load_checkpoint  # Here only: it loads LeRobot.

    parser = argparse.ArgumentParser(prog="lerobot_robot_serl.policy_server", description=__doc__)
    parser.add_argument("checkpoint", type=Path, help="folder that LeRobot saved")
    parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; 0 picks one")
    parser.add_argument("--device", default="cpu", help="where the policy runs, such as cuda")
    parser.add_argument("--ready-file", type=Path, help="gets the address once clients are answered")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO)
    try:
        policy = load_checkpoint(options.checkpoint, options.device)
    except ServedPolicyError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    server = PolicyServer(policy, options.port)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.stop).start())
    log.info("serving %s at %s", options.checkpoint, server.address)
    if options.ready_file is not None:
        waiting = options.ready_file.with_suffix(".part")
        waiting.write_text(server.address)
        os.replace(waiting, options.ready_file)
    server.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
