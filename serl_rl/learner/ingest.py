"""Appends actors' rows to the replay: no gaps, no duplicates, acknowledged once durable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from serl.learner.v1 import learner_service_pb2 as pb
from serl.learner.v1 import spec_pb2, tensor_pb2

from serl_rl import errors
from serl_rl.learner.run_state import Answer, RunState
from serl_rl.protocol.names import flaw_of_name
from serl_rl.protocol.spec import EnvironmentSpec, SpecError, difference
from serl_rl.protocol.tensors import TensorError
from serl_rl.replay.buffer import ReplayBuffer
from serl_rl.replay.errors import InvalidRowsError, ReplayStorageError, RowGapError
from serl_rl.replay.rows import rows_from_proto
from serl_rl.replay.storage import MAX_ACTORS

Settings = tuple[tuple[str, str], ...]
Layout = tuple[tensor_pb2.Tensor, ...]


class Ingest:
    """Admits actors and their rows. Safe from any thread.

    The spec comes from a checkpoint, a spec file or the first actor, whichever is there first; the replay and the
    policy's layout follow as soon as the learner has built them, and joining waits for that.

    Args:
        state: Shared counters.
        settings: Settings that an actor must share, as (path, value).
        package_version: Version of this package; actors of another major version are refused.
    """

    def __init__(self, state: RunState, settings: Settings, package_version: str) -> None:
        self._state = state
        self._settings = settings
        self._package_version = package_version
        self._ready = state.changed
        self.spec: EnvironmentSpec | None = None
        """The agreed spec; None before it is known."""
        self._replay: ReplayBuffer | None = None
        self._layout: Layout | None = None
        self._joined: set[str] = set()
        self._streaming: set[str] = set()

    def offer_spec(self, spec: EnvironmentSpec) -> EnvironmentSpec:
        """Sets the spec unless there is one.

        Returns:
            The agreed spec.
        """
        with self._ready:
            if self.spec is None:
                self.spec = spec
                self._ready.notify_all()
            return self.spec

    def wait_for_spec(self, timeout_s: float) -> EnvironmentSpec | None:
        """Waits for the spec; None after the timeout."""
        with self._ready:
            self._ready.wait_for(lambda: self.spec is not None, timeout_s)
            return self.spec

    def open(self, replay: ReplayBuffer, layout: Layout) -> None:
        """Admits actors from now on.

        Args:
            replay: Where rows go.
            layout: The policy's arrays without data.
        """
        with self._ready:
            self._replay, self._layout = replay, layout
            self._ready.notify_all()

    def join(self, request: pb.JoinRequest, timeout_s: float = 60.0) -> pb.JoinResponse:
        """Compares specs and settings, and tells an actor where to go on.

        Args:
            request: What the actor is.
            timeout_s: Longest wait for the replay, in s.

        Returns:
            The answer.

        Raises:
            LearnerError: Something differs; the field and both values are named.
        """
        _check_version(request.package_version, self._package_version)
        _check_actor_id(request.actor_id)
        # The first actor decides the spec for good, so that everything else about it must be right already.
        _check_settings(request.config, self._settings)
        actor_spec = _spec_of(request)
        _check_spec(actor_spec, self.offer_spec(actor_spec))
        with self._ready:
            self._ready.wait_for(lambda: self._replay is not None or self._state.is_closed, timeout_s)
            if self._state.is_closed:
                raise errors.NotJoinedError("the learner is ending; join again once it is back")
            if self._replay is None or self._layout is None:
                raise errors.NotJoinedError("the learner is still starting; join again")
            if len(self._joined) >= MAX_ACTORS and request.actor_id not in self._joined:
                raise errors.TooManyStreamsError(
                    f"{MAX_ACTORS} actors have joined this learner; start this one under the name of one that has left",
                    {"limit": str(MAX_ACTORS)},
                )
            self._joined.add(request.actor_id)
            layout = self._layout
        self._state.heard_of(request.actor_id)
        answer = self.answer(request.actor_id)
        return pb.JoinResponse(
            run_id=self._state.run_id,
            acknowledged_sequence_number=answer.acknowledged,
            policy_layout=layout,
            phase=answer.phase,
            granted_sequence_number=answer.granted,
        )

    def require_joined(self, actor_id: str) -> None:
        """Refuses whoever has not shown that it fits this run.

        Raises:
            NotJoinedError: The actor has not joined since the learner started.
        """
        with self._ready:
            if actor_id not in self._joined:
                raise errors.NotJoinedError(f"actor {actor_id!r} has not joined since the learner started; join first")

    @contextmanager
    def stream_of(self, actor_id: str) -> Iterator[None]:
        """Claims the one step stream of an actor for the duration of a block.

        Raises:
            NotJoinedError: The actor has not joined since the learner started.
            ActorNameTakenError: Another live stream sends under this name.
        """
        self.require_joined(actor_id)
        with self._ready:
            if actor_id in self._streaming:
                raise errors.ActorNameTakenError(
                    f"another live actor sends steps as {actor_id!r}; start this one with another --actor-id",
                    {"actor_id": actor_id},
                )
            self._streaming.add(actor_id)
        try:
            yield
        finally:
            with self._ready:
                self._streaming.discard(actor_id)
            self._state.forget(actor_id)

    def answer(self, actor_id: str) -> Answer:
        """Returns the present answer to an actor, of a replay in which reading has begun."""
        assert self._replay is not None
        acknowledged = self._replay.acknowledged(actor_id)
        return self._state.answer(acknowledged, self._replay.environment_step_count)

    def append(self, request: pb.StreamStepsRequest) -> None:
        """Puts a batch into the replay; rows that it already holds are dropped.

        Args:
            request: Consecutive rows of one actor.

        Raises:
            LearnerError: A gap before the batch, rows that do not fit the spec, or a full disk.
        """
        replay, spec = self._replay, self.spec
        assert replay is not None
        assert spec is not None
        self._state.heard_of(request.actor_id)
        try:
            number = request.first_sequence_number
            replay.append(rows_from_proto(request.batch, spec, actor_id=request.actor_id, first_sequence_number=number))
        except InvalidRowsError as error:
            raise errors.InvalidBatchError(str(error), {"field": error.field}) from error
        except RowGapError as error:
            numbers = {"expected": str(error.expected), "received": str(error.received)}
            raise errors.SequenceGapError(str(error), numbers) from error
        except ReplayStorageError as error:
            raise errors.StorageFullError(str(error)) from error
        self._state.set_env_steps(replay.environment_step_count)


def _check_version(actor: str, learner: str) -> None:
    if actor.partition(".")[0] != learner.partition(".")[0]:
        raise errors.VersionMismatchError(
            f"the actor has version {actor or 'unknown'} and the learner {learner}; install the same one on both sides",
            {"actor": actor, "learner": learner},
        )


def _check_actor_id(actor_id: str) -> None:
    if (flaw := flaw_of_name("actor id", actor_id)) is not None:
        raise errors.InvalidBatchError(flaw, {"field": "actor_id"})


def _spec_of(request: pb.JoinRequest) -> EnvironmentSpec:
    try:
        return EnvironmentSpec.from_proto(request.spec)
    except (SpecError, TensorError) as error:
        raise errors.InvalidBatchError(f"the environment cannot be used: {error}", {"field": "spec"}) from error


def _check_spec(actor: EnvironmentSpec, learner: EnvironmentSpec) -> None:
    found = difference(actor, learner)
    if found is not None:
        field, actor_value, learner_value = found
        raise errors.SpecMismatchError(
            f"{field} differs: the actor has {actor_value}, the learner {learner_value}; use one environment",
            {"field": field, "actor": str(actor_value), "learner": str(learner_value)},
        )


def _check_settings(entries: Iterable[spec_pb2.ConfigEntry], settings: Settings) -> None:
    actor, learner = {entry.path: entry.value for entry in entries}, dict(settings)
    for path in sorted(actor.keys() | learner.keys()):
        ours, theirs = learner.get(path, "nothing"), actor.get(path, "nothing")
        if ours != theirs:
            raise errors.ConfigMismatchError(
                f"{path} differs: the actor has {theirs}, the learner {ours}; start both with the same --preset",
                {"field": path, "actor": theirs, "learner": ours},
            )
