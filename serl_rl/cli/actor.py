"""`serl-train actor`: drives a robot or simulator with the newest policy and streams every step to the learner."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from serl_api.lifetime.ready_file import write_ready_file
from serl_api.lifetime.stop_signal import StopSignal
from serl_api.progress import Progress
from serl_api.security import ChannelSecurity
from serl_api.settings import AT_LEAST_0
from serl_client.teleop.opening import TeleopConfig
from serl_rl.cli.options import Experiment, RerunTarget, config_of_file
from serl_rl.config.train import TrainConfig
from serl_rl.envs.factory import RobotConfig
from serl_rl.errors import UsageError

if TYPE_CHECKING:
    import gymnasium

    from serl_rl.actor.intervention import AddIntervention, InterventionEnvironment
    from serl_rl.actor.joining import ActorIdentity

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ActorCommand(Experiment):
    """Drive a robot or simulator with the newest policy and stream every step to the learner.

    Steps that the learner has not acknowledged wait on disk: a killed actor or learner loses nothing. Start it again
    with the same --actor-id and --spool-directory.

    Try:
    serl-train actor --learner-address 127.0.0.1:50052

    serl-train actor --learner-address gpu:50052 --tls-root c.pem --token-file t

    serl-train actor --robot robot-pc:50051 --robot-tls-root r.pem --robot-token-file r --actor.ignores-grants

    serl-train actor --config-file cube.json --intervene spacemouse --robot pc:50051 --actor.ignores-grants

    serl-train actor --intervene scripted --correction.stall-steps 10

    serl-train actor --robot robot-pc:50051 --rerun connect

    serl-train actor --preset relocate-cube --learner-address gpu:50052 --backward-learner-address gpu:50053
    """

    learner: Annotated[str, tyro.conf.arg(name="learner-address")] = "127.0.0.1:50052"
    """Address of the learner."""
    backward_learner: Annotated[str | None, tyro.conf.arg(name="backward-learner-address")] = None
    """Address of a second learner, of the task that undoes this one: the two alternate at the arm, and each success
    makes the other task active. Either address may be the folder of a finished run, whose policy then only plays."""
    backward_config_file: Path | None = None
    """A config.json of the second learner's experiment, where more differs than the task, such as its classifier."""
    robot: Annotated[RobotConfig, tyro.conf.arg(name="")] = field(default_factory=RobotConfig)
    """Which daemon drives the arm."""
    teleop: Annotated[TeleopConfig, tyro.conf.arg(name="")] = field(default_factory=TeleopConfig)
    """How a person drives, with --intervene spacemouse, keyboard or gamepad."""
    human_reward: bool = False
    """Whether a person ends episodes by key: y for success, n for failure."""
    actor_id: str = field(default_factory=lambda: f"{socket.gethostname()}-0")
    """Name of this actor, unique among the learner's; kept across restarts."""
    spool_directory: Path = Path("spool")
    """Folder for steps that are not acknowledged yet."""
    credentials: Annotated[ChannelSecurity, tyro.conf.arg(name="")] = field(default_factory=ChannelSecurity)
    """How it presents itself to the learner."""
    join_timeout_s: Annotated[float, AT_LEAST_0] = 60.0
    """How long to try to reach the learner, in s."""
    rerun: RerunTarget = None
    rerun_run: Path | None = None
    """Folder of the learner's run, where it is on this machine: the stream then tells what the newest checkpoint's
    critics expect of each action, which costs the actor time."""
    ready_file: Path | None = None
    """File that is written once it has joined."""

    def run(self) -> int:
        """Acts until training has finished or it is stopped."""
        # One picture at a time needs no more, and a learner on the same machine does. Read when torch is loaded.
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        from serl_rl.actor.intervention import open_interventions
        from serl_rl.actor.joining import ActorIdentity
        from serl_rl.visualization.evaluation import watching

        if self.backward_learner is not None and self.rerun_run is not None:
            raise UsageError("--rerun-run is the folder of one run, and --backward-learner-address brings a second one")
        stop, human_reward = StopSignal().install(), self.human_reward
        identity = ActorIdentity(
            actor_id=self.actor_id,
            spool_directory=self.spool_directory,
            credentials=self.credentials,
            join_timeout_s=self.join_timeout_s,
        )
        # Before anything else, so that a missing device is told at once.
        with (
            watching(self.rerun, self.actor_id, self.rerun_run) as watch,
            open_interventions(
                self.config, self.teleop, human_reward=human_reward, should_stop=stop.is_set
            ) as add_intervention,
        ):

            def add_and_watch(env: gymnasium.Env[Any, Any], config: TrainConfig) -> InterventionEnvironment:
                wrapped = add_intervention(env, config)
                return replace(wrapped, env=watch(wrapped.env))

            if self.backward_learner is None:
                self._act(identity, add_and_watch, stop)
            else:
                self._act_both_ways(self.backward_learner, identity, add_and_watch, stop)
        return 0

    def _act(self, identity: ActorIdentity, add_intervention: AddIntervention, stop: StopSignal) -> None:
        from serl_rl.envs.factory import make_environment, spec_of

        config, progress = self.config, Progress(say=log.info)
        with progress.phase("opening the environment"):
            env = make_environment(config.environment, self.robot)
        with contextlib.closing(env):
            spec, wrapped = spec_of(env, config.environment), add_intervention(env, config)
            with identity.join(self.learner, wrapped, spec, config, stop, progress) as joined:
                self._announce()
                joined.actor.run()

    def _act_both_ways(
        self, backward_learner: str, identity: ActorIdentity, add_intervention: AddIntervention, stop: StopSignal
    ) -> None:
        from serl_rl.runs.forward_backward.actor import PairActor
        from serl_rl.runs.forward_backward.task_pair import TaskPair, task_pair_of

        config, path = self.config, self.backward_config_file
        actor = PairActor(
            task_pair=task_pair_of(config) if path is None else TaskPair(config, config_of_file(path)),
            learners={"forward": self.learner, "backward": backward_learner},
            robot=self.robot,
            identity=identity,
            add_intervention=add_intervention,
        )
        actor.run(stop, self._announce)

    def _announce(self) -> None:
        if self.ready_file is not None:
            write_ready_file(self.ready_file, self.actor_id)
