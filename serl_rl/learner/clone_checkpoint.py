"""Writes a cloned policy as a checkpoint, which evaluation reads like a learner's."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serl_rl.artifacts import checkpoint as checkpoints
from serl_rl.artifacts import provenance
from serl_rl.config.train import TrainConfig, to_dict
from serl_rl.errors import CheckpointError
from serl_rl.policies.saved import backbone_of
from serl_rl.protocol.spec import EnvironmentSpec

if TYPE_CHECKING:
    from torch import Tensor


class CloneWriter:
    """Writes the checkpoint of a cloned policy, each time over the one before.

    Args:
        path: The checkpoint's directory.
        config: The experiment.
        spec: What the environment observes and takes.
        facts: What else the manifest says.
    """

    def __init__(self, path: Path, config: TrainConfig, spec: EnvironmentSpec, facts: Mapping[str, Any]) -> None:
        self._path = path
        self._manifest = {
            "run_id": uuid.uuid4().hex,
            "algorithm": "behaviour cloning",
            "spec": spec.to_dict(),
            "config": to_dict(config),
            "backbone": backbone_of(config, spec),
            "versions": provenance.versions(),
            **facts,
        }

    def save(self, policy: Mapping[str, Tensor], steps: int, agent: Mapping[str, Any] | None = None) -> None:
        """Writes the checkpoint; it is there whole or the old one is.

        Args:
            policy: The policy's arrays.
            steps: Gradient steps that made it.
            agent: What training goes on from, nested; None for nothing.

        Raises:
            CheckpointError: The disk is full or read-only.
        """
        # There are no critics, and no environment steps: the demonstrations were not collected by this policy.
        tensors, skeleton = checkpoints.flatten(agent or {})
        counts = {"critic_updates": 0, "policy_updates": steps, "policy_version": steps, "env_steps": 0}
        manifest = {**self._manifest, **counts, "saved_at": provenance.timestamp(), "agent": skeleton}
        try:
            checkpoints.save(checkpoints.Checkpoint(manifest, tensors, policy), self._path)
        except OSError as error:
            raise CheckpointError(f"cannot write the checkpoint {self._path}: {error.strerror or error}") from error
