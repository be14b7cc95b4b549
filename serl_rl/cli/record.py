"""`serl-train record-demos`: records demonstrations of a person or of the scripted expert."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from serl_api.progress import Progress
from serl_client.teleop.leader.arm import LeaderConfig
from serl_client.teleop.opening import TeleopConfig
from serl_rl.artifacts.run_directory import make_folder_of
from serl_rl.cli.options import Experiment, say
from serl_rl.envs.factory import RobotConfig
from serl_rl.errors import UsageError

if TYPE_CHECKING:
    import gymnasium

    from serl_client.episodes.recording import RecordingProgress


@dataclass(frozen=True, kw_only=True)
class RecordCommand(Experiment):
    """Record demonstrations of a person or of the scripted expert into one episode file.

    A person's episode begins when they move; it is kept when it succeeds: by the task's reward, or by the key y.
    Nothing waits for an answer. Each episode is on the disk before the next one begins.

    Try:
    serl-train record-demos --output cube.episodes --demonstration-count 20

    serl-train record-demos --config-file cube.json --output demos.episodes --teleop spacemouse --robot robot-pc:50051

    serl-train record-demos --output cube.episodes --teleop keyboard --environment.max-episode-steps 300 --append

    serl-train record-demos --output led.episodes --environment.control joint --teleop leader --leader.address led:50051

    serl-train record-demos --output failures.episodes --teleop random --keep-failures --environment.reward dense
    """

    output: Path
    """Episode file to write."""
    teleop: str = "scripted"
    """Who drives: scripted, random, leader for another arm, or a device in a person's hand."""
    append: bool = False
    """Whether to go on with a file that exists; else it must not."""
    keep_failures: bool = False
    """Whether to keep episodes that failed too, as examples for a classifier."""
    leader: LeaderConfig = field(default_factory=LeaderConfig)
    """Which arm leads, with --teleop leader."""
    teleop_config: Annotated[TeleopConfig, tyro.conf.arg(name="")] = field(default_factory=TeleopConfig)
    """How a person drives."""
    robot: Annotated[RobotConfig, tyro.conf.arg(name="")] = field(default_factory=RobotConfig)
    """Which daemon drives the arm."""

    def run(self) -> int:
        """Records, with a line for each episode."""
        from serl_rl.demonstrations.recording import recording_environment
        from serl_rl.demonstrations.scripted import record

        if self.output.exists() and not self.append:
            raise UsageError(f"{self.output} exists already; give another --output, --append to it, or remove it")
        make_folder_of(self.output, "--output")
        count = self.config.demonstration_count
        if count < 1:
            raise UsageError(f"demonstration_count is {count}; it must be at least 1")
        if self.teleop == "random" and not self.keep_failures:
            raise UsageError("random driving hardly ever succeeds; add --keep-failures, or choose another --teleop")
        self._check_driver()
        with recording_environment(self.config.environment, self.robot, self.output, say) as env:
            if self.teleop != "scripted" or self.keep_failures:
                self._record_by_hand(env)
                return 0
            with Progress().phase("recording demonstrations", count) as phase:

                def show(progress: RecordingProgress) -> None:
                    phase.report(progress.recorded)
                    self._say(progress)

                record(env, self.config, self.output, show)
        return 0

    def _check_driver(self) -> None:
        """Refuses what cannot work before anything is opened."""
        control, leads = self.config.environment.control, self.teleop == "leader"
        if leads and not self.leader.address:
            raise UsageError("teleop is leader, and nobody leads; give --leader.address HOST:PORT of its daemon")
        if leads is not (control == "joint"):
            raise UsageError(
                f"teleop is {self.teleop} and environment.control is {control}; only a leader gives joint positions, "
                "so give --teleop leader with --environment.control joint, or neither"
            )

    def _record_by_hand(self, env: gymnasium.Env[Any, Any]) -> None:
        from serl_client.episodes.recording import record_episodes
        from serl_rl.demonstrations.recording import recording_session

        count = self.config.demonstration_count
        with recording_session(
            env,
            self.config,
            self.output,
            self.teleop,
            self.teleop_config,
            labels=False,
            say=say,
            leader=self.leader,
        ) as session:
            record_episodes(
                session.env,
                session.expert,
                session.recorder,
                is_done=lambda attempts: len(session.recorder.episodes) >= count,
                keeps=lambda episode: episode.success or self.keep_failures,
                on_progress=self._say,
            )

    def _say(self, progress: RecordingProgress) -> None:
        what = "success" if progress.success else "no success"
        kept = "" if progress.kept else ", not kept"
        say(
            f"demonstration {progress.recorded} of {self.config.demonstration_count} "
            f"(episode {progress.attempts}: {progress.steps} steps, {what}{kept})"
        )
