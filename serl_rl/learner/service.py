"""Implements `serl.learner.v1.LearnerService` with bounded streams and a reason for every error."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import grpc
from serl.learner.v1 import learner_service_pb2 as pb
from serl.learner.v1 import learner_service_pb2_grpc

from serl_rl import errors
from serl_rl.learner.ingest import Ingest
from serl_rl.learner.publish import PolicyPublisher
from serl_rl.learner.run_state import Answer, RunState
from serl_rl.protocol import transport

log = logging.getLogger(__name__)

_POLL_S = 0.5
# A batch a millisecond needs no acknowledgement of its own.
_SHORTEST_GAP_S = 0.002


class LearnerServicer(learner_service_pb2_grpc.LearnerServiceServicer):
    """Serves actors and viewers.

    Args:
        state: Shared counters and reports.
        ingest: Admits actors and rows.
        publisher: The newest policy.
        max_streams: Streams of each kind served at once.
        progress: Fills in what only the loop knows: transition counts.
    """

    def __init__(
        self,
        state: RunState,
        ingest: Ingest,
        publisher: PolicyPublisher,
        max_streams: int,
        progress: Callable[[pb.GetProgressResponse], None],
    ) -> None:
        self._state = state
        self._ingest = ingest
        self._publisher = publisher
        self._max_streams = max_streams
        self._joins, self._steps, self._watches = (threading.Semaphore(max_streams) for _ in range(3))
        self._progress = progress

    def Join(self, request: pb.JoinRequest, context: grpc.ServicerContext) -> pb.JoinResponse:
        """Compares specs and settings, and tells an actor where to go on."""
        with _guard(context), _slot(self._joins, self._max_streams):
            return self._ingest.join(request)
        return pb.JoinResponse()  # To nobody: the actor has left.

    def StreamSteps(
        self, request_iterator: Iterator[pb.StreamStepsRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.StreamStepsResponse]:
        """Takes rows in, and tells acknowledgements and grants as they change."""
        with _guard(context), _slot(self._steps, self._max_streams):
            first = next(request_iterator, None)
            if first is None:
                return
            with self._ingest.stream_of(first.actor_id):
                reader = _Reader(self._ingest, self._state, first, request_iterator)
                context.add_callback(reader.wake)
                reader.start()
                yield from self._answers(first.actor_id, reader, context)
                reader.raise_error()

    def _answers(
        self, actor_id: str, reader: _Reader, context: grpc.ServicerContext
    ) -> Iterator[pb.StreamStepsResponse]:
        state, sent = self._state, None
        while context.is_active():
            with state.changed:
                is_done = reader.is_done or state.is_closed
                answer = self._ingest.answer(actor_id)
                if not state.is_news(sent, answer) and not is_done:
                    state.changed.wait(_POLL_S)
                    continue
            if sent != answer:
                sent = answer
                yield _pack(answer)
            if is_done:
                return
            reader.join(_SHORTEST_GAP_S)
            state.heard_of(actor_id)

    def WatchPolicy(
        self, request: pb.WatchPolicyRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.WatchPolicyResponse]:
        """Streams the policy, newest first, then each newer version."""
        with _guard(context), _slot(self._watches, self._max_streams):
            self._ingest.require_joined(request.actor_id)
            context.add_callback(self._publisher.wake)
            for piece in self._publisher.watch(request.known_version, context.is_active):
                yield pb.WatchPolicyResponse(
                    version=piece.snapshot.version,
                    offset=piece.offset,
                    total_bytes=len(piece.snapshot.data),
                    data=piece.data,
                    environment_step_count=piece.snapshot.env_steps,
                    phase=self._state.phase,
                )

    def ReportEpisode(
        self, request: pb.ReportEpisodeRequest, context: grpc.ServicerContext
    ) -> pb.ReportEpisodeResponse:
        """Records a training episode."""
        with _guard(context):
            self._ingest.require_joined(request.actor_id)
            self._state.record_episode(request.actor_id, request.episode)
        return pb.ReportEpisodeResponse()

    def ReportEvaluation(
        self, request: pb.ReportEvaluationRequest, context: grpc.ServicerContext
    ) -> pb.ReportEvaluationResponse:
        """Records an evaluation; it may end the run."""
        with _guard(context):
            self._ingest.require_joined(request.actor_id)
            _check_evaluation(request.evaluation)
            self._state.record_evaluation(request.actor_id, request.evaluation)
        return pb.ReportEvaluationResponse(phase=self._state.phase)

    def GetProgress(self, request: pb.GetProgressRequest, context: grpc.ServicerContext) -> pb.GetProgressResponse:
        """Returns how far training is."""
        del request, context
        state, newest, evaluation = self._state, self._publisher.newest, self._state.last_evaluation
        response = pb.GetProgressResponse(
            run_id=state.run_id,
            phase=state.phase,
            environment_step_count=state.env_steps,
            critic_update_count=state.critic_updates,
            policy_version=newest.version if newest else 0,
            live_actor_count=state.live_actors(),
            elapsed_s=state.elapsed_s,
        )
        if evaluation is not None and evaluation.episode_count:
            response.evaluation_success_ratio = evaluation.success_count / evaluation.episode_count
        self._progress(response)
        return response


class _Reader(threading.Thread):
    """Reads the requests of one step stream into the replay."""

    def __init__(
        self,
        ingest: Ingest,
        state: RunState,
        first: pb.StreamStepsRequest,
        requests: Iterator[pb.StreamStepsRequest],
    ) -> None:
        super().__init__(name=f"steps of {first.actor_id}", daemon=True)
        self._ingest = ingest
        self._state = state
        self._first = first
        self._requests = requests
        self._error: BaseException | None = None
        self.is_done = False

    def run(self) -> None:
        """Appends until the stream ends."""
        try:
            self._append(self._first)
            for request in self._requests:
                self._append(request)
        except grpc.RpcError:
            pass  # The peer is gone; what it did not see acknowledged it sends again.
        except Exception as error:  # noqa: BLE001 - top of a thread; raised again in the handler.
            self._error = error
        self.is_done = True
        self.wake()

    def _append(self, request: pb.StreamStepsRequest) -> None:
        if request.actor_id != self._first.actor_id:
            raise errors.InvalidBatchError(
                f"a stream of {self._first.actor_id!r} holds rows of {request.actor_id!r}", {"field": "actor_id"}
            )
        if len(request.batch.actions.shape):
            self._ingest.append(request)

    def wake(self) -> None:
        """Wakes the handler."""
        with self._state.changed:
            self._state.changed.notify_all()

    def raise_error(self) -> None:
        """Raises what ended the reading, if it was an error."""
        if self._error is not None:
            raise self._error


@contextmanager
def _slot(free: threading.Semaphore, limit: int) -> Iterator[None]:
    """Holds one of a bounded number of slots for a block, so that unary calls always find a worker."""
    if not free.acquire(blocking=False):
        raise errors.TooManyStreamsError(
            f"the learner serves {limit} calls of this kind at once; raise --learner.max-actors",
            {"limit": str(limit)},
        )
    try:
        yield
    finally:
        free.release()


@contextmanager
def _guard(context: grpc.ServicerContext) -> Iterator[None]:
    """Turns errors of a block into the status of a call."""
    try:
        yield
    except errors.LearnerError as error:
        transport.LEARNER_ERRORS.abort(context, error)
    except grpc.RpcError:
        raise
    except Exception as error:
        if not context.is_active():
            return
        if type(error) is Exception:  # `context.abort` inside the block.
            raise
        log.exception("bug in the learner")
        transport.LEARNER_ERRORS.abort(
            context, errors.LearnerInternalError(f"a bug in the learner: {error!r}; its log says more")
        )


def _check_evaluation(evaluation: pb.EvaluationSummary) -> None:
    if evaluation.success_count > evaluation.episode_count:
        raise errors.InvalidBatchError(
            f"an evaluation reports {evaluation.success_count} successes in {evaluation.episode_count} episodes; "
            "at most all can succeed",
            {"field": "evaluation"},
        )


def _pack(answer: Answer) -> pb.StreamStepsResponse:
    return pb.StreamStepsResponse(
        acknowledged_sequence_number=answer.acknowledged,
        granted_sequence_number=answer.granted,
        phase=answer.phase,
        environment_step_count=answer.env_steps,
    )
