"""Offers action chunking with transformers as a plug-in: makes its policies; its agents learn by `serl-train act`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from serl_rl.algorithms.act.config import ActConfig
from serl_rl.algorithms.algorithm import Algorithm, RunnablePolicy
from serl_rl.errors import UsageError
from serl_rl.protocol.spec import EnvironmentSpec

if TYPE_CHECKING:
    from serl_rl.models.vision.config import VisionConfig


class Act(Algorithm):
    """Makes policies of chunks; see `ActAgent` and `ChunkPolicy`."""

    config_type = ActConfig

    def batch_shape(self, config: ActConfig) -> NoReturn:
        """Refuses to learn from transitions.

        Raises:
            UsageError: Always: chunks are imitated, and no reward is read.
        """
        raise _refusal()

    def make_agent(
        self, spec: EnvironmentSpec, config: ActConfig, *, vision: VisionConfig | None, seed: int, device: str
    ) -> NoReturn:
        """Refuses to learn from transitions; see `batch_shape`."""
        raise _refusal()

    def make_policy(self, spec: EnvironmentSpec, config: ActConfig, *, vision: VisionConfig | None) -> RunnablePolicy:
        """Makes what an actor or an evaluation runs."""
        from serl_rl.algorithms.act.policy import ChunkPolicy

        return ChunkPolicy(spec, config, vision)

    def preload(self) -> None:
        """Imports the agent."""
        import serl_rl.algorithms.act.agent  # noqa: F401


def _refusal() -> UsageError:
    return UsageError("act imitates demonstrations and reads no reward; train it by `serl-train act --demonstrations`")


ACT = Act()
