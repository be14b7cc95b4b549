"""What the rivals do on the wire, reproduced from their documented behaviour; each runs as its own process.

agentlace (SERL, HIL-SERL): ZeroMQ REQ/REP, pickle compressed by lz4, two round trips an update (ask for the last
identifier, then send everything newer), and an f-string of the whole message for a debug line that is built whether
or not it is shown. SERL's robot server: Flask's development server, one POST route that answers the state as JSON
lists.
"""

import argparse
import logging
import pickle
import sys
from collections.abc import Iterator

import lz4.frame
import numpy as np
import zmq

log = logging.getLogger(__name__)

TRANSITIONS_PER_UPDATE = 30


def _pack(value: object) -> bytes:
    return lz4.frame.compress(pickle.dumps(value))


def _unpack(data: bytes) -> dict:
    return pickle.loads(lz4.frame.decompress(data))


def transition(rng: np.random.Generator, images: int = 0) -> dict:
    """One transition as SERL's actor builds it: both observations in full, each image twice."""

    def observation() -> dict:
        views = {f"image_{i}": rng.integers(0, 255, (1, 128, 128, 3), dtype=np.uint8) for i in range(images)}
        return {"state": rng.standard_normal((1, 10)).astype(np.float32), **views}

    return {
        "observations": observation(),
        "actions": rng.standard_normal(4).astype(np.float32),
        "next_observations": observation(),
        "rewards": np.float32(0.0),
        "masks": np.float32(1.0),
        "dones": False,
    }


class AgentlaceServer:
    """Takes transitions into a preallocated ring, as agentlace's TrainerServer over SERL's replay buffer."""

    def __init__(self, capacity: int = 20_000) -> None:
        self._socket = zmq.Context().socket(zmq.REP)
        self.port = self._socket.bind_to_random_port("tcp://127.0.0.1")
        self._capacity = capacity
        self._columns: dict[str, np.ndarray] = {}
        self._last_id = -1

    def run(self) -> None:
        while True:
            message = _unpack(self._socket.recv())
            log.debug(f"Received new request: {message}")  # noqa: G004 - eager on purpose: the rival's behaviour.
            if message["type"] == "stop":
                self._socket.send(_pack({"success": True}))
                return
            if message["type"] == "datastore":
                self._insert(message["payload"])
            self._socket.send(_pack({"success": True, "payload": self._last_id}))

    def _insert(self, payload: dict) -> None:
        for item in payload["data"]:
            self._last_id += 1
            for name, value in _leaves(item):
                if name not in self._columns:
                    array = np.asarray(value)
                    self._columns[name] = np.zeros((self._capacity, *array.shape), array.dtype)
                self._columns[name][self._last_id % self._capacity] = value


def _leaves(tree: dict, prefix: str = "") -> Iterator[tuple[str, np.ndarray]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}/")
        else:
            yield prefix + key, value


class AgentlaceClient:
    """The actor's side: two round trips an update."""

    def __init__(self, port: int) -> None:
        self._socket = zmq.Context().socket(zmq.REQ)
        self._socket.connect(f"tcp://127.0.0.1:{port}")

    def update(self, transitions: list[dict], last_id: int) -> None:
        self._request({"type": "get_last_update_id", "payload": {"store_name": "actor"}})
        payload = {"data": transitions, "last_id": last_id}
        self._request({"type": "datastore", "store_name": "actor", "payload": payload})

    def stop(self) -> None:
        self._request({"type": "stop"})

    def _request(self, message: dict) -> dict:
        self._socket.send(_pack(message))
        return _unpack(self._socket.recv())


def run_flask(port: int) -> None:
    """SERL's `/getstate` with the values it sends."""
    from flask import Flask, jsonify

    app = Flask(__name__)
    logging.getLogger("werkzeug").disabled = True
    rng = np.random.default_rng(0)
    sizes = {"pose": 7, "vel": 6, "force": 3, "torque": 3, "q": 7, "dq": 7}
    state = {name: rng.standard_normal(size) for name, size in sizes.items()}
    jacobian = rng.standard_normal((6, 7))

    @app.route("/getstate", methods=["POST"])
    def get_state():
        values = {name: np.array(value).tolist() for name, value in state.items()}
        return jsonify({**values, "jacobian": np.array(jacobian).tolist(), "gripper_pos": 0.5})

    app.run(host="127.0.0.1", port=port)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rival", choices=("agentlace", "flask"))
    parser.add_argument("--port", type=int, default=0)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    if arguments.rival == "flask":
        run_flask(arguments.port)
    else:
        server = AgentlaceServer()
        print(server.port, flush=True)
        server.run()
