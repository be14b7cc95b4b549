"""Runs the learner's loop: starts, trains as the rate limiter allows, publishes, saves, finishes."""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from serl.learner.v1 import learner_service_pb2 as pb
from serl.learner.v1 import tensor_pb2

from serl_api.lifetime.stop_signal import StopSignal
from serl_api.progress import Progress
from serl_api.security import ServerSecurity
from serl_api.server import ApiServer
from serl_rl.artifacts import checkpoint as checkpoints
from serl_rl.artifacts import provenance
from serl_rl.artifacts.run_directory import RunDirectory, write_json
from serl_rl.config.train import TrainConfig, to_dict
from serl_rl.errors import UsageError
from serl_rl.learner.ingest import Ingest, Layout
from serl_rl.learner.publish import PolicyPublisher, PolicySnapshot
from serl_rl.learner.recorder import ProgressRecorder
from serl_rl.learner.run_state import RunState
from serl_rl.learner.server import learner_server
from serl_rl.learner.service import LearnerServicer
from serl_rl.learner.trainer import Trainer
from serl_rl.learner.update_rate_limiter import UpdateRateLimiter
from serl_rl.monitoring.metrics import MetricsRow
from serl_rl.policies.saved import backbone_of, check_backbone, find_checkpoint
from serl_rl.protocol.spec import EnvironmentSpec
from serl_rl.replay.buffer import ReplayBuffer

log = logging.getLogger(__name__)

_WAIT_S = 0.05
_LEAVE_S = 10.0
_REJOIN_S = 1.0

OnMetrics = Callable[[MetricsRow, pb.Phase], None]


class Learner:
    """Runs one learner: serves at once, trains as soon as it knows the environment.

    Args:
        config: The experiment.
        directory: Folder of the run.
        demonstrations: Demonstration files; read when training begins, so they may be recorded meanwhile.
        resume: Whether to go on with the run that is in the folder.
        package_version: Version of this package.
        stop: Ends the run early; a checkpoint is saved.
        on_metrics: Called with each row of metrics.
        initial_policy: Checkpoint whose policy a new run begins with, such as a cloned one; None for a random one.
        progress: Shows everything but training, which metrics describe; None logs it.

    Raises:
        UsageError: The folder holds a run and `resume` was not asked for.
        CheckpointError: There is no such checkpoint.
    """

    def __init__(
        self,
        config: TrainConfig,
        directory: RunDirectory,
        *,
        demonstrations: tuple[Path, ...],
        resume: bool,
        package_version: str,
        stop: StopSignal,
        on_metrics: OnMetrics,
        initial_policy: Path | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._config = config
        self._progress = progress or Progress(say=log.info)
        self._directory = directory
        self._demonstrations = demonstrations
        self._stop = stop
        self._initial_policy = None if initial_policy is None else find_checkpoint(initial_policy)
        self._identity = _identity(directory, resume=resume)
        settings = config.learner
        rate_limiter = UpdateRateLimiter(
            ratio=settings.update_to_data_ratio,
            warm_up_steps=settings.warm_up_steps,
            lead_steps=settings.lead_steps,
            tolerance_steps=settings.tolerance_steps,
            max_env_steps=settings.max_env_steps,
            updates_per_call=config.load_algorithm().batch_shape(config.algorithm_settings)[0],
        )
        self._state = RunState(self._identity["run_id"], rate_limiter)
        self._ingest = Ingest(self._state, config.shared_settings(), package_version)
        self._publisher = PolicyPublisher()
        self._writer = checkpoints.CheckpointWriter(directory.checkpoints, settings.kept_checkpoints)
        self._on_metrics = on_metrics
        self._replay: ReplayBuffer | None = None
        self._trainer: Trainer | None = None
        self._resumed = checkpoints.newest(directory.checkpoints) if resume else None
        self._manifest = checkpoints.read_manifest(self._resumed) if self._resumed is not None else {}
        self._backbone: str | None = None
        self._evaluated_version: int | None = None
        self._next_publish_s = self._next_checkpoint_s = 0.0
        self._next_publish_updates = 0
        stop.on_stop(lambda: self._state.set_phase(self._state.phase))

    def serve(self, address: str, security: ServerSecurity) -> ApiServer:
        """Builds the server, with a resumed run open already; the caller starts and stops it.

        Args:
            address: "host:port" or "unix:/path".
            security: TLS files and token.

        Returns:
            The server, which `start` binds.
        """
        self._reopen()
        max_actors = self._config.learner.max_actors
        servicer = LearnerServicer(self._state, self._ingest, self._publisher, max_actors, self._fill_progress)
        return learner_server(servicer, address, security, max_actors)

    def offer_spec(self, spec: EnvironmentSpec) -> None:
        """Sets the spec before the first actor joins, so that compiling starts earlier."""
        self._ingest.offer_spec(spec)

    def run(self) -> pb.Phase:
        """Trains until the target is reached, the steps are used up, or a signal comes.

        Returns:
            How training stands at the end.

        Raises:
            DivergedError: Training has diverged; what diverged is neither published nor saved.
            RunError: A checkpoint or file cannot be read or written.
        """
        try:
            trainer = self._start_training()
            if trainer is not None:
                self._train(trainer)
                with self._progress.phase("saving the checkpoint"):
                    self._finish(trainer)
        finally:
            self._state.close()
            self._publisher.close()
            if self._trainer is not None:
                self._trainer.close()
            if self._replay is not None:
                self._replay.close()
        return self._state.phase

    def _reopen(self) -> None:
        """Lets the actors of a resumed run back in before the slow parts start."""
        if "spec" not in self._identity:
            return
        spec = self._ingest.offer_spec(EnvironmentSpec.from_dict(self._identity["spec"]))
        layout = tuple(json_format.ParseDict(item, tensor_pb2.Tensor()) for item in self._identity["layout"])
        self._ingest.open(self._make_replay(spec), layout)

    def _make_replay(self, spec: EnvironmentSpec) -> ReplayBuffer:
        if self._replay is None:
            vision = self._config.vision_for(spec)
            stack = 1 if vision is None else vision.frame_stack
            capacity = self._config.learner.replay_capacity
            self._replay = ReplayBuffer(spec, capacity, self._directory.replay, frame_stack=stack)
            self._state.set_env_steps(self._replay.environment_step_count)
            self._state.set_updates(int(self._manifest.get("critic_updates", 0)))
        return self._replay

    def _start_training(self) -> Trainer | None:
        """Builds and compiles the agent; None if asked to stop before the environment was known."""
        phase = self._progress.phase
        if "spec" in self._identity:
            self._await_rows()
        with phase("loading torch"):
            Trainer.preload(self._config)
        with phase("waiting for the first actor, which knows the environment"):
            spec = None
            while spec is None and not self._stop.is_set():
                spec = self._ingest.wait_for_spec(_WAIT_S)
        if spec is None:
            return None
        self._backbone = backbone_of(self._config, spec)
        self._check_backbone(spec)
        with phase("building the networks"):
            trainer = Trainer(self._config, spec)
            if self._resumed is not None:
                trainer.restore(self._resumed, self._manifest)
            elif self._initial_policy is not None:
                trainer.start_from(self._initial_policy)
        layout = trainer.policy_layout()
        replay = self._make_replay(spec)
        self._remember(spec, layout)  # Not before networks and replay have proven that the spec can be used.
        self._ingest.open(replay, layout)
        self._trainer = trainer
        self._state.set_updates(trainer.critic_updates)
        self._publish(trainer)
        with phase("compiling the update"):
            trainer.compile()
        with phase("reading the demonstrations"):
            trainer.set_data(replay, self._demonstrations)
        return trainer

    def _await_rows(self) -> None:
        """Gives actors of a resumed run a moment to send what waits, as torch keeps the interpreter while it loads."""
        state, held = self._state, self._state.env_steps
        with state.changed:
            state.changed.wait_for(lambda: self._stop.is_set() or state.env_steps > held, _REJOIN_S)

    def _check_backbone(self, spec: EnvironmentSpec) -> None:
        if self._resumed is not None:
            check_backbone(self._resumed, self._manifest, self._config, spec)
        elif self._initial_policy is not None:
            check_backbone(self._initial_policy, checkpoints.read_manifest(self._initial_policy), self._config, spec)

    def _remember(self, spec: EnvironmentSpec, layout: Layout) -> None:
        self._identity |= {
            "spec": spec.to_dict(),
            "layout": [json_format.MessageToDict(item, preserving_proto_field_name=True) for item in layout],
            "demonstrations": [str(path.resolve()) for path in self._demonstrations],
        }
        write_json(self._directory.run, self._identity)

    def _train(self, trainer: Trainer) -> None:
        state, rate_limiter, period_s = self._state, self._state.rate_limiter, self._config.learner.metrics_period_s
        earlier_s = float(self._manifest.get("elapsed_s", 0.0))
        recorder = ProgressRecorder(self._directory.path, state, self._publisher, earlier_s, trainer.metrics)
        self._next_checkpoint_s = time.monotonic() + self._config.learner.checkpoint_period_s
        next_row_s = 0.0
        while not self._stop.is_set() and not self._is_finished():
            if rate_limiter.allows_update(state.env_steps, trainer.critic_updates) and trainer.update():
                state.set_updates(trainer.critic_updates)
                state.set_phase(pb.PHASE_TRAINING)
            else:
                with state.changed:
                    state.changed.wait(_WAIT_S)
            self._publish_if_due(trainer)
            self._save_if_due(trainer)
            if time.monotonic() >= next_row_s:
                next_row_s = time.monotonic() + period_s
                trainer.require_finite()
                self._on_metrics(recorder.record(trainer), state.phase)
        trainer.require_finite()
        self._on_metrics(recorder.record(trainer), state.phase)
        recorder.close()

    def _is_finished(self) -> bool:
        state, evaluation = self._state, self._config.evaluation
        for summary in state.take_evaluations():
            successes, episodes = summary.success_count, summary.episode_count
            log.info("evaluation of version %d: %d of %d", summary.policy_version, successes, episodes)
            if evaluation.is_reached(successes, episodes):
                self._evaluated_version = summary.policy_version
                state.set_phase(pb.PHASE_FINISHED)
        used_up = state.env_steps >= self._config.learner.max_env_steps
        if used_up and not state.rate_limiter.allows_update(state.env_steps, state.critic_updates):
            state.set_phase(pb.PHASE_FINISHED)
        return state.phase == pb.PHASE_FINISHED

    def _finish(self, trainer: Trainer) -> None:
        """Waits until the actors have left, and saves."""
        deadline = time.monotonic() + _LEAVE_S
        while self._state.phase == pb.PHASE_FINISHED and self._state.live_actors() and time.monotonic() < deadline:
            with self._state.changed:
                self._state.changed.wait(_WAIT_S)
        self._writer.start(self._checkpoint(trainer), trainer.critic_updates)
        self._writer.wait()
        if self._state.phase == pb.PHASE_FINISHED:
            checkpoints.save(self._checkpoint(trainer), self._directory.final_checkpoint)

    def _publish_if_due(self, trainer: Trainer) -> None:
        is_due = trainer.policy_updates >= self._next_publish_updates and time.monotonic() >= self._next_publish_s
        newest = self._publisher.newest
        if is_due and (newest is None or newest.version <= trainer.critic_updates):
            self._publish(trainer)

    def _publish(self, trainer: Trainer) -> None:
        trainer.require_finite()
        self._publisher.publish(
            PolicySnapshot(trainer.critic_updates + 1, trainer.policy_bytes(), self._state.env_steps)
        )
        self._next_publish_updates = trainer.policy_updates + self._config.learner.publish_updates
        self._next_publish_s = time.monotonic() + self._config.learner.publish_period_s

    def _save_if_due(self, trainer: Trainer) -> None:
        if time.monotonic() >= self._next_checkpoint_s and not self._writer.is_busy:
            self._next_checkpoint_s = time.monotonic() + self._config.learner.checkpoint_period_s
            self._writer.start(self._checkpoint(trainer), trainer.critic_updates)

    def _checkpoint(self, trainer: Trainer) -> checkpoints.Checkpoint:
        """Copies everything; the policy is the evaluated one once the run has finished."""
        trainer.require_finite()
        agent, skeleton = checkpoints.flatten(trainer.state())
        checkpoints.require_numbers(agent, trainer.critic_updates)
        evaluated = self._publisher.find(self._evaluated_version) if self._evaluated_version else None
        version = evaluated.version if evaluated else trainer.critic_updates + 1
        manifest: Mapping[str, Any] = {
            **self._identity,
            "config": to_dict(self._config),
            "backbone": self._backbone,
            "versions": provenance.versions(),
            "saved_at": provenance.timestamp(),
            "critic_updates": trainer.critic_updates,
            "policy_updates": trainer.policy_updates,
            "policy_version": version,
            "env_steps": self._state.env_steps,
            "elapsed_s": self._state.elapsed_s + float(self._manifest.get("elapsed_s", 0.0)),
            "phase": pb.Phase.Name(self._state.phase),
            "replay": str(self._directory.replay.resolve()),
            "demonstrations": [str(path) for path in self._demonstrations],
            "agent": skeleton,
        }
        policy = trainer.policy_tensors(evaluated.data if evaluated else None)
        return checkpoints.Checkpoint(manifest, agent, policy)

    def _fill_progress(self, response: pb.GetProgressResponse) -> None:
        response.replay_transition_count = self._replay.transition_count if self._replay else 0
        response.demonstration_transition_count = self._trainer.demonstration_count if self._trainer else 0


def demonstrations_of_run(directory: RunDirectory) -> tuple[Path, ...]:
    """Lists the demonstration files that the run in a folder learned from; none where there is no run.

    Raises:
        UsageError: What the folder says of its run cannot be read.
    """
    if not directory.has_run():
        return ()
    return tuple(Path(path) for path in _identity(directory, resume=True).get("demonstrations", []))


def _identity(directory: RunDirectory, *, resume: bool) -> dict[str, Any]:
    if not directory.has_run():
        if resume:
            raise UsageError(f"there is no run to resume in {directory.path}; leave --resume away to start one")
        directory.path.mkdir(parents=True, exist_ok=True)
        return {"run_id": uuid.uuid4().hex}
    if not resume:
        raise UsageError(
            f"{directory.path} already holds a run; pass --resume to go on with it, or another --run-directory"
        )
    try:
        identity = json.loads(directory.run.read_text())
        _check_identity(identity)
    except (AttributeError, KeyError, TypeError, ValueError, OSError, json_format.ParseError) as error:
        raise UsageError(f"{directory.run} cannot be read ({error}); the run cannot be resumed") from error
    return identity


def _check_identity(identity: Any) -> None:  # noqa: ANN401 - whatever the file holds.
    """Refuses what no learner has written."""
    paths = identity.get("demonstrations", [])
    if not isinstance(identity["run_id"], str) or not isinstance(paths, list):
        raise TypeError("run_id must be a text and demonstrations a list")
    if not all(isinstance(path, str) and "\0" not in path for path in paths):
        raise TypeError("demonstrations must be names of files")
    if "spec" in identity:
        EnvironmentSpec.from_dict(identity["spec"])
        for item in identity["layout"]:
            json_format.ParseDict(item, tensor_pb2.Tensor())
