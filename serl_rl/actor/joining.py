"""Joins an actor to its learner: client, spool, policy and loop, for the duration of a block."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from serl_api.lifetime.stop_signal import StopSignal
from serl_api.progress import Progress
from serl_api.security import ChannelSecurity
from serl_rl.actor.intervention import InterventionEnvironment
from serl_rl.actor.learner_client import LearnerClient
from serl_rl.actor.loop import Actor
from serl_rl.actor.rows import row_type
from serl_rl.actor.spool import Spool
from serl_rl.algorithms.algorithm import RunnablePolicy
from serl_rl.config.train import TrainConfig
from serl_rl.envs.factory import share_maps
from serl_rl.protocol.spec import EnvironmentSpec

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class JoinedActor:
    """Holds an actor that has joined, and what it is made of."""

    actor: Actor
    """Collects episodes."""
    client: LearnerClient
    """Client of its learner, started."""
    spool: Spool
    """Where its rows wait."""
    policy: RunnablePolicy
    """Inference, which the actor fills."""


@dataclass(frozen=True, kw_only=True)
class ActorIdentity:
    """Holds how an actor presents itself to learners."""

    actor_id: str
    """Its name, unique among the learner's actors; kept across restarts."""
    spool_directory: Path
    """Folder of the spools."""
    credentials: ChannelSecurity = field(default_factory=ChannelSecurity)
    """TLS root and token."""
    join_timeout_s: float = 60.0
    """How long to try to reach a learner, in s."""

    @contextlib.contextmanager
    def join(
        self,
        learner: str,
        wrapped: InterventionEnvironment,
        spec: EnvironmentSpec,
        config: TrainConfig,
        stop: StopSignal,
        progress: Progress,
        *,
        direction: str = "",
    ) -> Iterator[JoinedActor]:
        """Joins a learner for the duration of a block; rows that it has not then stay in the spool.

        Args:
            learner: Address of the learner.
            wrapped: The environment, and where somebody may take over in it.
            spec: What the environment observes and takes.
            config: The experiment.
            stop: Ends the tries to join, and the actor's loop.
            progress: Shows what the actor does.
            direction: Which task of a pair, whose scenes are kept from episode to episode; empty for a single task.

        Raises:
            RunError: The learner refused, or the spool cannot be used.
        """
        settings, version = config.shared_settings(), metadata.version("serl-robot")
        with contextlib.closing(
            LearnerClient(learner, self.actor_id, spec, settings, version, self.credentials)
        ) as client:
            with progress.phase(f"joining the {f'learner {direction}'.rstrip()} at {learner}"):
                joined = client.join(self.join_timeout_s, stop.is_set)
            spool = Spool(
                self.spool_directory / direction / self.actor_id,
                row_type(spec),
                f"{joined.run_id}/{self.actor_id}",
                int(config.actor.spool_limit_mb * 1e6),
                joined.acknowledged_sequence_number + 1,
            )
            with contextlib.closing(spool):
                client.start(spool)
                log.info("joined run %s at row %d", joined.run_id, spool.next_sequence)
                policy = config.make_policy(spec)
                share_maps(wrapped.env, policy)
                actor = Actor(
                    wrapped.env,
                    spec,
                    client,
                    spool,
                    policy,
                    config,
                    stop,
                    wrapped.intervention,
                    keeps_scene=bool(direction),
                    progress=progress,
                )
                yield JoinedActor(actor=actor, client=client, spool=spool, policy=policy)
