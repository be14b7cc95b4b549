"""Lets a person or a script intervene in the actor's environment."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import gymnasium

from serl_client.teleop.correction import ScriptedIntervention
from serl_client.teleop.opening import TeleopConfig, Teleoperation
from serl_client.wrappers import HumanReward, Intervention, Pace, Pause
from serl_client.wrappers.chunking import around_steps
from serl_rl.config.train import TrainConfig
from serl_rl.envs.factory import control_rate_hz

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class InterventionEnvironment:
    """Holds an environment and, where there is one, its intervention wrapper."""

    env: gymnasium.Env[Any, Any]
    """The environment."""
    intervention: Intervention | None
    """Where it happens; None where nobody can."""


AddIntervention: TypeAlias = Callable[[gymnasium.Env[Any, Any], TrainConfig], InterventionEnvironment]
"""Lets somebody take over in an environment; the experiment says who may take over, and when a script does."""


@contextlib.contextmanager
def open_interventions(
    config: TrainConfig, teleop: TeleopConfig, *, human_reward: bool, should_stop: Callable[[], bool]
) -> Iterator[AddIntervention]:
    """Opens a person's devices for the duration of a block, for interventions in one environment or several.

    A person can also pause with a key, and with `human_reward` end an episode as success or failure with another.

    Args:
        config: Who may take over.
        teleop: How a person drives.
        human_reward: Whether keys end episodes.
        should_stop: Ends a pause.

    Raises:
        DeviceUnavailableError: A device is missing, or keys are needed and there is no terminal.
    """
    if config.intervene in ("none", "scripted") and not human_reward:
        yield _within_chunks(_with_script)
        return
    kind = None if config.intervene in ("none", "scripted") else config.intervene
    with Teleoperation(kind, teleop) as person:
        if human_reward:
            person.require_keys("--human-reward")
            log.info("keys: y success, n failure, p pause")
        if kind is not None:
            log.info("move to take over. %s", person.help)

        def add_intervention(env: gymnasium.Env[Any, Any], config: TrainConfig) -> InterventionEnvironment:
            wrapped = _with_script(env, config)
            if kind is not None:
                paced = Pace(env, control_rate_hz(env))
                intervention = Intervention(paced, person.intervention_source(paced))
                wrapped = InterventionEnvironment(intervention, intervention)
            inner = HumanReward(wrapped.env, person.keys) if human_reward else wrapped.env
            paused = Pause(inner, person.keys, should_stop=should_stop, say=log.info)
            return InterventionEnvironment(paused, wrapped.intervention)

        yield _within_chunks(add_intervention)


def _within_chunks(add_intervention: AddIntervention) -> AddIntervention:
    """Lets an intervention replace single actions, also where a policy chooses several actions at once."""

    def add_to_steps(env: gymnasium.Env[Any, Any], config: TrainConfig) -> InterventionEnvironment:
        found: list[Intervention | None] = []

        def wrap(inner: gymnasium.Env[Any, Any]) -> gymnasium.Env[Any, Any]:
            wrapped = add_intervention(inner, config)
            found.append(wrapped.intervention)
            return wrapped.env

        return InterventionEnvironment(around_steps(env, wrap), found[0])

    return add_to_steps


def _with_script(env: gymnasium.Env[Any, Any], config: TrainConfig) -> InterventionEnvironment:
    """Puts the script around an environment that may take over, if there is one."""
    if config.intervene != "scripted":
        return InterventionEnvironment(env, None)
    from serl_rl.demonstrations.scripted import scripted_expert

    intervention = Intervention(env, ScriptedIntervention(scripted_expert(config), config.correction, config.seed))
    return InterventionEnvironment(intervention, intervention)
