"""Opens recording sessions: the expert or person, the keys, and the file."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium

from serl_api.progress import Progress
from serl_client.cli.interrupt import certain_interrupt
from serl_client.episodes.expert import Expert
from serl_client.episodes.recording import EpisodeRecorder, episode_header
from serl_client.teleop.experts import NoOpExpert, RandomWalkExpert
from serl_client.teleop.leader.arm import LeaderArm, LeaderConfig
from serl_client.teleop.leader.following import LeaderFollowing
from serl_client.teleop.opening import TeleopConfig, Teleoperation
from serl_client.wrappers import HumanReward, Intervention, LeaderStart, Pace, Pause, RecordingKeys
from serl_client.wrappers.chunking import around_steps
from serl_rl.config.train import TrainConfig
from serl_rl.demonstrations.scripted import driven_by, scripted_expert
from serl_rl.envs.config import EnvironmentConfig
from serl_rl.envs.factory import RobotConfig, attribute_of, control_rate_hz, make_environment
from serl_rl.errors import UsageError

LEADER = "leader"
"""Name of the driver that is another arm."""
KEYS_HELP = "y success, n failure, backspace discards (after an episode: takes it back), p pause, Ctrl-C ends"
"""Keys of a person who records."""


@contextlib.contextmanager
def recording_environment(
    config: EnvironmentConfig, robot: RobotConfig, output: Path, say: Callable[[str], None]
) -> Iterator[gymnasium.Env[Any, Any]]:
    """Opens the environment to record in, for the duration of a block that Ctrl-C and SIGTERM end without an error.

    Args:
        config: Which one.
        robot: Which daemon.
        output: Where the episodes go.
        say: Told that a signal came.
    """
    with Progress().phase("opening the environment"):
        env = make_environment(config, robot)
    with contextlib.closing(env):
        try:
            with certain_interrupt(signals=(signal.SIGINT, signal.SIGTERM)):
                yield env
        except KeyboardInterrupt:  # By which a terminal gets its settings back.
            say(f"stopped; the episodes so far are in {output}")


@dataclass(frozen=True)
class RecordingSession:
    """Holds everything that `record_episodes` needs."""

    env: gymnasium.Env[Any, Any]
    """The environment, with everything around it."""
    expert: Expert
    """Does nothing: whoever drives is within the environment."""
    recorder: EpisodeRecorder
    """Takes the episodes."""


@contextlib.contextmanager
def recording_session(
    env: gymnasium.Env[Any, Any],
    config: TrainConfig,
    output: Path,
    driver: str,
    teleop: TeleopConfig,
    *,
    labels: bool,
    say: Callable[[str], None],
    leader: LeaderConfig | None = None,
) -> Iterator[RecordingSession]:
    """Opens devices, keys and the file for the duration of a block.

    Args:
        env: The environment.
        config: The experiment, for the scripted expert.
        output: Episode file; appended to where it exists.
        driver: Who drives.
        teleop: How a person drives.
        labels: Whether the label key says of each step that the task is done.
        say: Told what happens, in one line.
        leader: Which arm leads, where a leader drives.

    Raises:
        DeviceUnavailableError: A device is missing, or there is no terminal.
        EpisodeFileError: The file is foreign, holds another task, or is being written by another process.
        UsageError: The task has no expert, or a leader is not asked for here.
        TaskMismatchError: The leader has another number of joints.
    """
    no_op = NoOpExpert((env.action_space.shape or (0,))[0])
    kind = None if driver in ("scripted", "random") else driver
    if kind is None and not labels:
        driven = around_steps(env, lambda inner: _by_machine(inner, config, driver))
        with EpisodeRecorder(output, episode_header(env)) as recorder:
            yield RecordingSession(driven, no_op, recorder)
        return
    with Teleoperation(None if kind == LEADER else kind, teleop) as person, contextlib.ExitStack() as stack:
        arm = None
        if kind == LEADER:
            if leader is None:
                raise UsageError("a leader drives only in record-demos; label its recording with --file instead")
            arm = stack.enter_context(leader_of(env, leader))
        if labels:
            person.require_keys("labelling by key")
        with EpisodeRecorder(output, episode_header(env)) as recorder:

            def attended(inner: gymnasium.Env[Any, Any]) -> gymnasium.Env[Any, Any]:
                around: gymnasium.Env[Any, Any] = Pace(inner, control_rate_hz(inner))
                is_asking = None
                if kind is None:
                    around = _by_machine(around, config, driver)
                elif arm is not None and leader is not None:
                    around, is_asking = led_by(arm, leader, around, say)
                else:
                    source = person.intervention_source(around, is_alone=True)
                    is_asking = source.is_asking
                    around = Intervention(around, source)
                    say(person.help)
                around = Pause(HumanReward(around, person.keys), person.keys, say=say)
                return RecordingKeys(
                    around, person.keys, is_asking=is_asking, take_back=recorder.take_back, labels=labels, say=say
                )

            driven = around_steps(env, attended)
            say(KEYS_HELP + ("; hold space while the task is done" if labels else ""))
            yield RecordingSession(driven, no_op, recorder)


def _by_machine(env: gymnasium.Env[Any, Any], config: TrainConfig, driver: str) -> gymnasium.Env[Any, Any]:
    """Lets a script take each single step."""
    if driver == "scripted":
        return driven_by(scripted_expert(config), env)
    return driven_by(RandomWalkExpert((env.action_space.shape or (0,))[0], seed=config.seed), env)


def leader_of(env: gymnasium.Env[Any, Any], config: LeaderConfig) -> LeaderArm:
    """Opens the arm that leads an environment's; see `LeaderArm`."""
    with Progress().phase("opening the leader"):
        joints, boot_id = attribute_of(env, "arm").joint_count, attribute_of(env, "boot_id")
        return LeaderArm(config, joints, follower_boot_id=boot_id)


def led_by(
    leader: LeaderArm, config: LeaderConfig, env: gymnasium.Env[Any, Any], say: Callable[[str], None]
) -> tuple[gymnasium.Env[Any, Any], Callable[[], bool]]:
    """Lets a leader take each single step; returns what says whether somebody moves it, too."""
    actions, has_gripper = attribute_of(env, "joint_actions"), attribute_of(env, "task").has_gripper
    source = LeaderFollowing(leader, config, actions.components, has_gripper=has_gripper)
    return Intervention(LeaderStart(env, leader, config, say=say), source), source.is_asking
