"""Runs a policy that lives in another process: sends what it reads, executes the chunks that come back."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from serl_rl.errors import RemotePolicyError, UsageError
from serl_rl.policies.remote.config import RemoteExecution
from serl_rl.policies.remote.connection import PolicyConnection
from serl_rl.policies.remote.wire import BEGINS, DESCRIPTION
from serl_rl.protocol.spec import ArraySpec, EnvironmentSpec


class RemotePolicy:
    """Chooses actions from the chunks of a policy server. For one thread at a time.

    Args:
        connection: To the server.
        spec: What the environment observes and takes.
        execution: Names, and how much of a chunk is executed.

    Raises:
        RemotePolicyError: The policy is of another robot, as far as its server says.
        UsageError: A name is given to an array that the environment lacks.
    """

    def __init__(self, connection: PolicyConnection, spec: EnvironmentSpec, execution: RemoteExecution) -> None:
        self._connection = connection
        self._spec = spec
        self._execution = execution
        self._actions: deque[npt.NDArray[np.float32]] = deque()
        self._begins = True
        here = {array.name: array for array in spec.observation}
        unknown = sorted(execution.named_keys().keys() - here.keys())
        if unknown:
            raise UsageError(
                f"--observation-keys names {', '.join(unknown)}, but {spec.environment} observes: {', '.join(here)}"
            )
        about = connection.metadata.get(DESCRIPTION)
        if isinstance(about, Mapping):
            check_description(about, spec)
            here = {name: here[name] for name in about["inputs"]}
        self._tells_beginnings = isinstance(about, Mapping) and bool(about.get("resets"))
        self._keys = {name: execution.key_of(name) for name in here}

    def begin_episode(self) -> None:
        """Forgets the chunk of the last episode."""
        self._actions.clear()
        self._begins = True

    def act(
        self, observation: Mapping[str, npt.NDArray[Any]], rng: np.random.Generator, *, deterministic: bool = False
    ) -> npt.NDArray[np.float32]:
        """Returns the next action of the chunk, or the first one of the next, in [-1, 1]. Shape (A,).

        Raises:
            RemotePolicyError: The server refused, gave other actions, was too slow, or is gone.
        """
        del rng, deterministic
        if not self._actions:
            self._actions.extend(self._next_chunk(observation))
        return self._actions.popleft()

    def _next_chunk(self, observation: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.float32]:
        request: dict[str, Any] = {key: np.ascontiguousarray(observation[name]) for name, key in self._keys.items()}
        request["prompt"] = self._execution.instruction
        if self._tells_beginnings:
            request[BEGINS] = self._begins
        self._begins = False
        chunk = self._checked(self._connection.infer(request).get("actions"))
        return chunk[: self._execution.executed_steps or None]

    def _checked(self, actions: object) -> npt.NDArray[np.float32]:
        """Returns actions of shape (T, A), clipped to [-1, 1]."""
        where, size = f"the policy server at {self._connection.address}", self._spec.action_size
        if not isinstance(actions, np.ndarray):
            raise RemotePolicyError(f'{where} answered without an array "actions"; is it one of openpi\'s protocol?')
        chunk = actions[None] if actions.ndim == 1 else actions
        if chunk.ndim != 2 or not len(chunk) or chunk.shape[1] != size:
            raise RemotePolicyError(
                f"{where} gave actions of shape {actions.shape}, but {self._spec.environment} takes (steps, {size}): "
                "its policy is of another robot"
            )
        if not np.isfinite(chunk).all():
            raise RemotePolicyError(f"{where} gave an action that is not finite; the arm holds")
        return np.clip(chunk, -1.0, 1.0).astype(np.float32)


def check_description(about: Mapping[str, Any], spec: EnvironmentSpec) -> None:
    """Compares what a policy reads and gives with an environment.

    Args:
        about: The server's `DESCRIPTION`.
        spec: What the environment observes and takes.

    Raises:
        RemotePolicyError: They differ.
    """
    here = {array.name: array for array in spec.observation}
    if not (isinstance(about.get("inputs"), Mapping) and isinstance(about.get("action_size"), int)):
        raise RemotePolicyError(
            f"the server describes its policy as {dict(about)}, without inputs or action_size; take "
            "lerobot_robot_serl of this version"
        )
    for name, shape in about["inputs"].items():
        if name not in here:
            observed = ", ".join(map(_described, here.values()))
            raise RemotePolicyError(
                f"the policy reads {name}, but {spec.environment} observes {observed}: it is of another robot or task; "
                "choose with --environment.id"
            )
        if here[name].shape != tuple(shape):
            raise RemotePolicyError(
                f"the policy reads {name} of shape {tuple(shape)}, but in {spec.environment} it is "
                f"{here[name].shape}: it is of another robot or task; choose with --environment.id"
            )
    if about["action_size"] != spec.action_size:
        raise RemotePolicyError(
            f"the policy gives actions of {about['action_size']} numbers, but {spec.environment} takes "
            f"{spec.action_size}; choose with --environment.id, and --environment.rotation for turning"
        )


def _described(array: ArraySpec) -> str:
    return f"{array.name} {array.shape}"
