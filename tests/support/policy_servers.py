"""A stranger's policy server of openpi's protocol, with an account of its own of what goes over the wire."""

import contextlib
import threading

import msgpack
import numpy as np
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve


def encoded(value):
    """An array as openpi's clients and servers write it."""
    return {b"__ndarray__": True, b"data": value.tobytes(), b"dtype": value.dtype.str, b"shape": list(value.shape)}


def decoded(values):
    """Maps that are arrays, as arrays."""
    if b"__ndarray__" not in values:
        return values
    return np.frombuffer(values[b"data"], values[b"dtype"]).reshape(values[b"shape"])


class PolicyServer:
    """Answers each observation with what `answer(observation)` returns: arrays by name, text, or None for silence."""

    def __init__(self, answer, metadata=()):
        self.requests, self.headers = [], {}
        self._answer, self._metadata = answer, dict(metadata)
        self._server = serve(self._serve, "127.0.0.1", 0, compression=None, max_size=None)
        self.address = "{}:{}".format(*self._server.socket.getsockname())
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def _serve(self, client):
        self.headers = client.request.headers
        client.send(msgpack.packb(self._metadata))
        with contextlib.suppress(ConnectionClosed):
            for message in client:
                self.requests.append(msgpack.unpackb(message, object_hook=decoded))
                answer = self._answer(self.requests[-1])
                if isinstance(answer, dict):
                    client.send(msgpack.packb({name: encoded(value) for name, value in answer.items()}))
                elif answer is not None:
                    client.send(answer)

    def stop(self):
        self._server.shutdown()
        self._thread.join()


@contextlib.contextmanager
def serving(answer, metadata=()):
    server = PolicyServer(answer, metadata)
    try:
        yield server
    finally:
        server.stop()
