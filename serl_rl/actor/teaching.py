"""Puts a teacher around the actor's environment: a script, or a person with a device and keys."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import gymnasium

from serl_client.teleop.correction import ScriptedTeacher
from serl_client.teleop.opening import TeleopConfig, Teleoperation
from serl_client.wrappers import HumanReward, Intervention, Pace, Pause
from serl_rl.config import TrainConfig
from serl_rl.environment import control_rate_hz

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TaughtEnvironment:
    """An environment that somebody may take out of the policy's hands."""

    env: gymnasium.Env[Any, Any]
    """The environment."""
    intervention: Intervention | None
    """Where it happens; None where nobody can."""


@contextlib.contextmanager
def taught(
    env: gymnasium.Env[Any, Any],
    config: TrainConfig,
    teleop: TeleopConfig,
    *,
    human_reward: bool,
    should_stop: Callable[[], bool],
) -> Iterator[TaughtEnvironment]:
    """Wraps an environment for the duration of a block.

    A person can also pause with a key, and with `human_reward` end an episode as success or failure with another.

    Args:
        env: The environment.
        config: Who may take over, and when a script does.
        teleop: How a person drives.
        human_reward: Whether keys end episodes.
        should_stop: Ends a pause.

    Raises:
        DeviceUnavailableError: A device is missing, or keys are needed and there is no terminal.
        UsageError: The task has no expert that could correct.
    """
    if config.intervene == "none" and not human_reward:
        yield TaughtEnvironment(env, None)
        return
    if config.intervene == "scripted" and not human_reward:
        intervention = Intervention(env, _script(config))
        yield TaughtEnvironment(intervention, intervention)
        return
    kind = None if config.intervene in ("none", "scripted") else config.intervene
    with Teleoperation(kind, teleop) as person:
        if human_reward:
            person.require_keys("--human-reward")
        intervention = None
        inner: gymnasium.Env[Any, Any] = env
        if kind is not None:
            inner = Pace(env, control_rate_hz(env))
            inner = intervention = Intervention(inner, person.teacher(inner))
            log.info("move to take over. %s", person.help)
        elif config.intervene == "scripted":
            inner = intervention = Intervention(inner, _script(config))
        if human_reward:
            inner = HumanReward(inner, person.keys)
            log.info("keys: y success, n failure, p pause")
        yield TaughtEnvironment(Pause(inner, person.keys, should_stop=should_stop, say=log.info), intervention)


def _script(config: TrainConfig) -> ScriptedTeacher:
    from serl_rl.demonstrations import scripted_expert

    return ScriptedTeacher(scripted_expert(config), config.correction, config.seed)
