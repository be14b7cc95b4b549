"""Sends fuzzed messages to a server over its socket, and watches what becomes of it."""

import collections
import contextlib
import logging
import sys
import threading
import time

import grpc

from serl_api.errors.robot import ROBOT_ERRORS
from serl_api.security import open_channel
from serl_rl.protocol.transport import LEARNER_ERRORS
from tests.fuzz.mutator import Mutator
from tests.fuzz.targets import ENDLESS, SLOW, STREAMS, kind_of
from tests.support.memory import resident_bytes
from tests.support.real_time import is_inconclusive

PIPELINED = 16
"""Calls under way at once."""
LISTENERS = 8
"""Calls that would go on for ever and are listened to at once."""
LISTENED_S = 0.2
"""How long: nothing may be new for whoever listens on."""
LARGEST_GROWTH_BYTES = 20_000_000
"""Most memory that a server may keep after its first messages."""
PATIENCE_S = 30.0
"""Longer than any answer may take."""
PING_TIMEOUT = "ping timeout"
"""What gRPC says of a peer that has not answered within a second, as nobody does while the machine stands still."""
STALL_NS = 5_000_000_000
"""How far back a stall explains that."""
_NO_REASON = {grpc.StatusCode.CANCELLED, grpc.StatusCode.OK}
"""Statuses of our own making."""


class FindingError(AssertionError):
    """The server did what it must not; the text says after which message."""


class Campaign:
    """Fuzzes one server from one seed.

    Args:
        target: The server.
        seed: Of every message.
        token: Sent with every call; None sends none.
        canary: Knows how the machine served everybody; a connection that is lost without one is always a finding.
    """

    def __init__(self, target, seed, token=None, canary=None):
        self.statuses = collections.Counter()
        self.sent = 0
        self._target = target
        self._mutator = Mutator(seed)
        self._token = token
        self._canary = canary
        self._kinds = {method: kind_of(method) for method in target.methods}
        self._pending, self._listening = collections.deque(), collections.deque()

    def run(self, count, until=None):
        """Sends a number of messages, or until an instant of the monotonic clock.

        Raises:
            FindingError: An answer that the API does not have, or none.
        """
        target, end = self._target, self.sent + count
        with open_channel(target.address, token=self._token) as channel:
            while self.sent < end and (until is None or time.monotonic() < until):
                method = self._mutator.random.choice(target.methods)
                if self._is_spared(method):
                    continue
                if method.endswith(STREAMS):
                    self._stream(channel, method)
                elif method.endswith(ENDLESS):
                    self._listen(channel, method)
                else:
                    self._ask(channel, method)
            self._settle(0)
            self._hear(0)

    def _is_spared(self, method):
        share = next((share for end, share in SLOW.items() if method.endswith(end)), None)
        return share is not None and self._mutator.random.random() > share

    def _ask(self, channel, method):
        data = self._data(method)
        self._pending.append((channel.unary_unary(method).future(data, timeout=PATIENCE_S), method, data))
        self.sent += 1
        self._settle(PIPELINED)

    def _settle(self, most):
        while len(self._pending) > most:
            call, method, data = self._pending.popleft()
            error = call.exception()
            self._judge(method, [data], error)

    def _stream(self, channel, method):
        """Sends a few messages in one call; those that an earlier one kept from being read do not count."""
        self._settle(0)
        self._target.lead_back()
        requests = self._requests(method)
        call = channel.stream_stream(method)(iter(requests), timeout=PATIENCE_S)
        answers, error = 0, None
        try:
            for _ in call:
                answers += 1
                if answers > 3 + len(requests):
                    break
        except grpc.RpcError as raised:
            error = raised
        call.cancel()
        self.sent += min(len(requests), answers + 1)
        self._judge(method, requests, error)

    def _listen(self, channel, method):
        """Asks for what goes on for ever, and goes on meanwhile: it is judged once its time is over."""
        data = self._data(method)
        call = channel.unary_stream(method)(data, timeout=LISTENED_S)
        self._listening.append((call, method, data))
        self.sent += 1
        self._hear(LISTENERS)

    def _hear(self, most):
        while len(self._listening) > most:
            call, method, data = self._listening.popleft()
            error = None
            try:
                collections.deque(call, maxlen=0)
            except grpc.RpcError as raised:
                error = raised if raised.code() is not grpc.StatusCode.DEADLINE_EXCEEDED else None
            self._judge(method, [data], error)

    def _stood_still(self):
        """Whether others had the cores in the last seconds, so that a lost connection says nothing of the server."""
        now_ns = time.monotonic_ns()
        return self._canary is not None and is_inconclusive(self._canary.stall(now_ns - STALL_NS, now_ns))

    def _requests(self, method):
        random = self._mutator.random
        requests = [self._data(method) for _ in range(random.randint(1, 8))]
        opening = self._target.opening.get(method)
        if opening is not None and random.random() < 0.9:
            requests.insert(0, opening.SerializeToString())
        if method.endswith("/Control"):  # Numbers that do not rise hide everything else: mostly they do.
            requests = [_numbered(number, data) for number, data in enumerate(requests, 1)]
        return requests

    def _data(self, method):
        return self._mutator.message_bytes(self._kinds[method], self._target.samples.get(method, ()))

    def _judge(self, method, requests, error):
        code = grpc.StatusCode.OK if error is None else error.code()
        self.statuses[code.name] += 1
        if code is grpc.StatusCode.UNAVAILABLE and PING_TIMEOUT in error.details() and self._stood_still():
            self.sent -= 1  # Nobody knows whether it was read.
            return
        if code in _NO_REASON or (code is grpc.StatusCode.NOT_FOUND and "/grpc.health" in method):
            return
        infos = [found for table in (ROBOT_ERRORS, LEARNER_ERRORS) if (found := table.info_of(error)) is not None]
        if not infos or infos[0].reason == "INTERNAL":
            said = f"{code.name}: {error.details()}"
            raise FindingError(
                f"{self._target.name} answered {method} with {said} to {[data.hex() for data in requests]}"
            )


def _numbered(number, data):
    """Appends a sequence number, of which the last one wins."""
    return data + b"\x08" + bytes([number])


@contextlib.contextmanager
def watched():
    """Raises when anything in this process was logged as an error, or died, meanwhile."""
    said = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: said.append(handler.format(record))
    before = threading.excepthook, sys.unraisablehook
    threading.excepthook = lambda args: said.append(f"a thread died of {args.exc_value!r}")
    sys.unraisablehook = lambda args: said.append(f"nobody could raise {args.exc_value!r}")
    logging.getLogger().addHandler(handler)
    try:
        yield said
    finally:
        logging.getLogger().removeHandler(handler)
        threading.excepthook, sys.unraisablehook = before
    if said:
        raise FindingError(f"{len(said)} errors were logged, the first: {said[0]}")


def fuzz(target, campaign, count, until=None):
    """Runs a campaign, and asks afterwards whether the server is what it was.

    Raises:
        FindingError: It is not, or something was logged, or memory was kept.
    """
    with watched():
        now = time.monotonic()
        warm_until = None if until is None else now + (until - now) / 4
        campaign.run(count // 4, warm_until)  # Fills what is kept once.
        before = resident_bytes()
        campaign.run(count - count // 4, until)
        growth = resident_bytes() - before
        target.require_alive()
    if growth > LARGEST_GROWTH_BYTES:
        raise FindingError(f"{target.name} kept {growth / 1e6:.1f} MB of {campaign.sent} messages")
    return growth
