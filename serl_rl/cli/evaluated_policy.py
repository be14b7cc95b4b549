"""Finds what `serl-train evaluate` evaluates: the policy of a checkpoint, or one that lives in another process."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serl_rl.config.train import TrainConfig
from serl_rl.envs.config import EnvironmentConfig
from serl_rl.errors import UsageError

if TYPE_CHECKING:
    import gymnasium

    from serl_api.lifetime.stop_signal import StopSignal
    from serl_rl.envs.evaluation import Acting
    from serl_rl.policies.remote.config import RemoteExecution, RemotePolicyConfig


@dataclass(frozen=True, kw_only=True)
class EvaluatedPolicy:
    """Describes a policy before its environment is open."""

    name: str
    """Of the policy, for reports and recordings."""
    environment: EnvironmentConfig
    """What it is evaluated in, as it was trained or as the command line says."""
    facts: Mapping[str, Any]
    """What a report says of it beside the result."""
    critics: Path | None
    """Checkpoint whose critics are asked what they expect; None where there are none."""
    make: Callable[[gymnasium.Env[Any, Any], EnvironmentConfig], Acting]
    """Makes what acts in the open environment; raises where the two do not fit."""


def saved_policy(path: Path, changed: Callable[[TrainConfig], TrainConfig]) -> EvaluatedPolicy:
    """Loads the policy of a checkpoint.

    Args:
        path: A checkpoint, or the folder of a run.
        changed: Changes settings of how it is run.

    Raises:
        CheckpointError: There is none, or it is corrupt or foreign.
    """
    from serl_rl.envs.factory import share_maps, spec_of
    from serl_rl.policies.saved import check_environment, load_policy

    policy, config, manifest = load_policy(path, changed)

    def make(env: gymnasium.Env[Any, Any], environment: EnvironmentConfig) -> Acting:
        share_maps(env, policy)
        check_environment(path, manifest, spec_of(env, environment))
        return policy

    facts = {name: manifest[name] for name in ("policy_version", "env_steps")}
    return EvaluatedPolicy(name=path.name, environment=config.environment, facts=facts, critics=path, make=make)


@contextlib.contextmanager
def remote_policy(
    name: str,
    environment: EnvironmentConfig,
    reach: RemotePolicyConfig,
    execution: RemoteExecution,
    stop: StopSignal,
) -> Iterator[EvaluatedPolicy]:
    """Connects to a policy in another process for the duration of a block; see `open_policy`."""
    for module in ("msgpack", "websockets"):
        if importlib.util.find_spec(module) is None:
            raise UsageError(f"{module} is not installed, which --policy needs; run pip install 'serl-robot[remote]'")
    from serl_rl.envs.factory import spec_of
    from serl_rl.policies.remote.opening import open_policy
    from serl_rl.policies.remote.policy import RemotePolicy

    with open_policy(name, reach, stop) as connection:
        yield EvaluatedPolicy(
            name=name,
            environment=environment,
            facts={"policy": name},
            critics=None,
            make=lambda env, config: RemotePolicy(connection, spec_of(env, config), execution),
        )
