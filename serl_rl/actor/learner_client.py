"""Connects an actor to its learner: joins, streams rows, receives policies and reconnects, beside the acting loop."""

from __future__ import annotations

import contextlib
import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import grpc
from serl.learner.v1 import learner_service_pb2 as pb
from serl.learner.v1 import learner_service_pb2_grpc, spec_pb2

from serl_api.security import LEARNER_TOKEN_FILE, ChannelSecurity, open_channel, parse_address
from serl_rl import errors
from serl_rl.actor.policy_receiver import PolicyReceiver
from serl_rl.actor.rows import pack_rows
from serl_rl.actor.spool import Spool
from serl_rl.protocol import transport
from serl_rl.protocol.names import flaw_of_name
from serl_rl.protocol.spec import EnvironmentSpec

log = logging.getLogger(__name__)

DEFAULT_PORT = 50052

_FIRST_BACKOFF_S = 0.05
_LONGEST_BACKOFF_S = 0.5
_CALL_TIMEOUT_S = 5.0
_JOIN_TIMEOUT_S = 65.0
_POLL_S = 0.2
_MESSAGE_BYTES = 1_000_000
_MESSAGE_ROWS = 1024
# A learner notices within two seconds that this actor's last stream is dead; who sends for longer is another one.
_NAME_TAKEN_S = 3.0
# Refusals that another try cannot change.
_FATAL = (
    errors.SpecMismatchError,
    errors.ConfigMismatchError,
    errors.VersionMismatchError,
    errors.InvalidBatchError,
    errors.BadTokenError,
    errors.NotPermittedError,
    errors.SpoolError,
)


@dataclass(frozen=True, slots=True)
class LearnerStatus:
    """Holds what the learner said last."""

    acknowledged: int
    """Highest sequence number in the replay."""
    granted: int
    """Highest sequence number that may be sent for now."""
    phase: pb.Phase
    """How training stands."""
    env_steps: int
    """Environment steps of all actors in the replay."""
    is_connected: bool
    """Whether the step stream is up."""


class LearnerClient:
    """Connects one actor to its learner. Safe from any thread.

    Args:
        address: "host:port" or "unix:/path".
        actor_id: Name of the actor; kept across restarts.
        spec: The actor's environment.
        settings: Settings that must equal the learner's, as (path, value).
        package_version: Version of this package.
        credentials: TLS files and token; what is left out comes from the environment (docs/security.md) where the
            learner is another machine's.

    Raises:
        ConfigError: The address, the token or the certificate cannot be used.
        UsageError: The actor's name cannot name a file.
    """

    def __init__(
        self,
        address: str,
        actor_id: str,
        spec: EnvironmentSpec,
        settings: tuple[tuple[str, str], ...],
        package_version: str,
        credentials: ChannelSecurity | None = None,
    ) -> None:
        if (flaw := flaw_of_name("actor id", actor_id)) is not None:
            raise errors.UsageError(f"{flaw}; choose another --actor-id")
        self.address = parse_address(address, DEFAULT_PORT)
        self.actor_id = actor_id
        self._request = pb.JoinRequest(
            actor_id=actor_id,
            spec=spec.to_proto(),
            config=[spec_pb2.ConfigEntry(path=path, value=value) for path, value in settings],
            package_version=package_version,
        )
        self._spec = spec
        credentials = (credentials or ChannelSecurity()).or_environment(self.address, LEARNER_TOKEN_FILE)
        self._channel = open_channel(
            self.address,
            token=credentials.token(),
            tls_root=credentials.tls_root,
            tls_identity=credentials.tls_identity,
        )
        self._stub = learner_service_pb2_grpc.LearnerServiceStub(self._channel)
        self._changed = threading.Condition()
        self.status = LearnerStatus(0, 0, pb.PHASE_UNSPECIFIED, 0, is_connected=False)
        """What the learner said last."""
        self._closed = threading.Event()
        self._finishing = threading.Event()
        self._error: Exception | None = None
        self._is_lost = False  # Of the thread that streams.
        self._spool: Spool | None = None
        self._calls: set[grpc.Call] = set()
        self._threads: list[threading.Thread] = []
        self.receiver = PolicyReceiver()

    def join(self, timeout_s: float, should_stop: Callable[[], bool] = lambda: False) -> pb.JoinResponse:
        """Joins, trying again while the learner does not answer.

        Args:
            timeout_s: Longest time to try, in s.
            should_stop: Ends the tries.

        Returns:
            The learner's answer.

        Raises:
            LearnerError: It refused, or no answer came in time.
        """
        deadline, backoff_s = time.monotonic() + timeout_s, _FIRST_BACKOFF_S
        while True:
            try:
                return self._join()
            except (errors.LearnerUnreachableError, errors.NotJoinedError, errors.TooManyStreamsError) as error:
                if time.monotonic() > deadline or should_stop():
                    raise errors.LearnerUnreachableError(f"{error}; tried for {timeout_s:.0f} s") from error
                self._pause(backoff_s, error)
                backoff_s = min(2 * backoff_s, _LONGEST_BACKOFF_S)

    def _join(self) -> pb.JoinResponse:
        try:
            response = self._stub.Join(self._request, timeout=_JOIN_TIMEOUT_S)
        except grpc.RpcError as error:
            raise transport.learner_error(error, self.address) from error
        self.receiver.set_layout(response.policy_layout)
        self._set_status(
            acknowledged=response.acknowledged_sequence_number,
            granted=response.granted_sequence_number,
            phase=response.phase,
        )
        return response

    def start(self, spool: Spool) -> None:
        """Streams the spool's rows and watches the policy from now on.

        Args:
            spool: Rows to send; trimmed as they are acknowledged.
        """
        self._spool = spool
        for target, name in ((self._stream_forever, "steps"), (self._watch_forever, "policy")):
            thread = threading.Thread(target=target, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def wait_for_grant(self, sequence: int, timeout_s: float) -> bool:
        """Waits until a row may be sent, or training has finished.

        Args:
            sequence: Number of the row.
            timeout_s: Longest wait in s.

        Returns:
            Whether it may be.

        Raises:
            Exception: What ended the connection for good.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._may_send(sequence) or self._closed.is_set() or self._error is not None, timeout_s
            )
        self.check()
        return self._may_send(sequence)

    def _may_send(self, sequence: int) -> bool:
        return sequence <= self.status.granted or self.status.phase == pb.PHASE_FINISHED

    def check(self) -> None:
        """Raises what ended the connection for good, if anything did."""
        if self._error is not None:
            raise self._error

    def report_episode(self, episode: pb.EpisodeSummary) -> None:
        """Reports a training episode without waiting; a report that is lost costs a point of the curve."""
        request = pb.ReportEpisodeRequest(actor_id=self.actor_id, episode=episode)
        future = self._stub.ReportEpisode.future(request, timeout=_CALL_TIMEOUT_S)
        future.add_done_callback(lambda done: done.exception())  # Fetched, so that it is not logged as forgotten.

    def report_evaluation(
        self, evaluation: pb.EvaluationSummary, should_stop: Callable[[], bool] = lambda: False
    ) -> None:
        """Reports an evaluation; tried again until the learner has it or the connection closes.

        Args:
            evaluation: What it came to.
            should_stop: Ends the tries.

        Raises:
            LearnerError: The learner refused it.
        """
        request, backoff_s = pb.ReportEvaluationRequest(actor_id=self.actor_id, evaluation=evaluation), _FIRST_BACKOFF_S
        while not self._closed.is_set() and not should_stop():
            try:
                self._stub.ReportEvaluation(request, timeout=_CALL_TIMEOUT_S)
                return
            except grpc.RpcError as error:
                failure = transport.learner_error(error, self.address)
                if not isinstance(failure, (errors.LearnerUnreachableError, errors.NotJoinedError)):
                    raise failure from error  # A learner that came back is joined again by the streams.
                self.check()
                self._closed.wait(backoff_s)
                backoff_s = min(2 * backoff_s, _LONGEST_BACKOFF_S)

    def drain(self, timeout_s: float) -> bool:
        """Waits until the learner has acknowledged every row.

        Args:
            timeout_s: Longest wait in s.

        Returns:
            Whether it has; what it has not stays in the spool.
        """
        spool = self._spool
        if spool is None:
            return True
        with self._changed:
            return self._changed.wait_for(
                lambda: spool.waiting_count == 0 or self._error is not None or self._closed.is_set(), timeout_s
            )

    def close(self) -> None:
        """Ends the streams and closes the channel."""
        self._closed.set()
        with self._changed:
            self._changed.notify_all()
            calls = list(self._calls)
        for call in calls:
            call.cancel()
        for thread in self._threads:
            thread.join(2.0)
        self._channel.close()

    def _set_status(self, **changes: object) -> None:
        with self._changed:
            self.status = replace(self.status, **changes)  # pyright: ignore[reportArgumentType]
            self._changed.notify_all()

    def _stream_forever(self) -> None:
        self._keep_up(self._stream_once, self._note_loss)

    def _watch_forever(self) -> None:
        self._keep_up(self._watch_once, lambda error: log.debug("watching the policy again: %s", error))

    def _note_loss(self, error: errors.LearnerError) -> None:
        """Says once that the learner is gone, however long it is."""
        if not self._is_lost:
            self._is_lost = True
            log.warning("%s; steps wait on the disk until it is back", error)

    def _note_return(self) -> None:
        if self._is_lost:
            self._is_lost = False
            log.info("the learner at %s is back", self.address)

    def _keep_up(self, once: Callable[[], None], on_loss: Callable[[errors.LearnerError], None]) -> None:
        """Runs one side of the conversation until the connection closes; reconnects within half a second."""
        backoff_s, needs_join, taken_since = _FIRST_BACKOFF_S, False, math.inf
        while not self._closed.is_set() and self._error is None:
            began, failure = time.monotonic(), None
            try:
                if needs_join:
                    self._join()
                once()
            except _FATAL as error:
                self._fail(error)
            except errors.ActorNameTakenError as error:
                taken_since = min(taken_since, began)
                if began - taken_since > _NAME_TAKEN_S:
                    self._fail(error)
            except errors.LearnerError as error:
                taken_since, failure = math.inf, error
                on_loss(error)
            except Exception as error:  # noqa: BLE001 - top of a thread; raised again by `check`.
                self._fail(error)
            needs_join = True
            backoff_s = _FIRST_BACKOFF_S if time.monotonic() - began > 1.0 else min(2 * backoff_s, _LONGEST_BACKOFF_S)
            self._pause(backoff_s, failure)

    def _pause(self, duration_s: float, error: Exception | None) -> None:
        """Waits before the next try, shorter if a learner that did not answer is back.

        gRPC works on a connection only while somebody waits for a call, and any call that does not ask to wait fails
        at once after a try that failed: without this, connecting anew took up to 7 s.
        """
        until_s = time.monotonic() + duration_s
        if isinstance(error, errors.LearnerUnreachableError):
            with contextlib.suppress(grpc.RpcError, ValueError):  # ValueError is gRPC's word for a closed channel.
                self._stub.GetProgress(pb.GetProgressRequest(), timeout=duration_s, wait_for_ready=True)
                return
        self._closed.wait(max(0.0, until_s - time.monotonic()))

    def _fail(self, error: Exception) -> None:
        with self._changed:
            self._error = self._error or error
            self._changed.notify_all()

    def _stream_once(self) -> None:
        spool = self._spool
        assert spool is not None
        ended = threading.Event()
        call = self._stub.StreamSteps(self._requests(spool, self.status.acknowledged + 1, ended))
        try:
            for answer in self._answers(call):
                self._note_return()
                spool.acknowledge(answer.acknowledged_sequence_number)
                self._set_status(
                    acknowledged=answer.acknowledged_sequence_number,
                    granted=answer.granted_sequence_number,
                    phase=answer.phase,
                    env_steps=answer.environment_step_count,
                    is_connected=True,
                )
        finally:
            ended.set()
            self._set_status(is_connected=False)

    def _requests(self, spool: Spool, first: int, ended: threading.Event) -> Iterator[pb.StreamStepsRequest]:
        """Yields an empty request, which opens the stream, and then every row as it is written."""
        yield pb.StreamStepsRequest(actor_id=self.actor_id, first_sequence_number=first)
        max_rows = max(1, min(_MESSAGE_ROWS, _MESSAGE_BYTES // spool.row_type.itemsize))
        while not ended.is_set() and not self._closed.is_set():
            if not spool.wait(first, _POLL_S):
                continue
            try:
                rows = spool.read(first, max_rows)
            except errors.SpoolError as error:
                self._fail(error)
                return
            yield pb.StreamStepsRequest(
                actor_id=self.actor_id, first_sequence_number=first, batch=pack_rows(rows, self._spec)
            )
            first += len(rows)

    def _watch_once(self) -> None:
        # A learner that resumed from a checkpoint may be behind what it published before, so ask for whatever it has.
        request = pb.WatchPolicyRequest(actor_id=self.actor_id, known_version=0)
        for piece in self._answers(self._stub.WatchPolicy(request)):
            self.receiver.add_piece(piece)

    def _answers(self, call: Any) -> Iterator[Any]:  # noqa: ANN401 - gRPC's stubs do not say.
        """Yields the answers of a stream, which `close` cancels."""
        self._calls.add(call)
        try:
            yield from call
        except grpc.RpcError as error:
            if not self._closed.is_set():
                raise transport.learner_error(error, self.address) from error
        finally:
            self._calls.discard(call)
