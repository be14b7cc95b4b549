"""Offers soft actor-critic as a plug-in: makes its agents, policies and critics."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from serl_rl.algorithms.algorithm import ActionCritic, Agent, Algorithm, RunnablePolicy
from serl_rl.algorithms.sac.config import SacConfig
from serl_rl.algorithms.sac.numpy_policy import NumpyPolicy
from serl_rl.protocol.spec import EnvironmentSpec

if TYPE_CHECKING:
    from torch import Tensor

    from serl_rl.models.vision.config import VisionConfig


class Sac(Algorithm):
    """Makes soft actor-critic; see `SacAgent`."""

    config_type = SacConfig
    metrics = ("critic_loss", "q_mean", "entropy", "temperature")

    def batch_shape(self, config: SacConfig) -> tuple[int, int]:
        """Returns the critic updates of one update of the policy, and transitions of each."""
        return config.critic_updates_per_actor_update, config.batch_size

    def make_agent(
        self, spec: EnvironmentSpec, config: SacConfig, *, vision: VisionConfig | None, seed: int, device: str
    ) -> Agent:
        """Makes a fresh agent; see `Algorithm.make_agent`."""
        from serl_rl.algorithms.sac.agent import SacAgent

        return SacAgent(spec, config, vision=vision, seed=seed, device=device)

    def make_policy(self, spec: EnvironmentSpec, config: SacConfig, *, vision: VisionConfig | None) -> RunnablePolicy:
        """Makes what an actor runs, without torch unless it sees."""
        if vision is None:
            return NumpyPolicy(spec, config.grippers)
        from serl_rl.algorithms.sac.vision_policy import VisionPolicy

        return VisionPolicy(spec, vision, config.hidden_sizes, config.grippers)

    def make_critic(
        self,
        spec: EnvironmentSpec,
        config: SacConfig,
        *,
        vision: VisionConfig | None,
        arrays: Callable[[str], dict[str, Tensor]],
    ) -> ActionCritic | None:
        """Makes the critics of a checkpoint; None for one that holds a policy alone."""
        critics = arrays("critic.")
        if not critics:
            return None
        from serl_rl.algorithms.sac.saved_critic import SacCritic

        return SacCritic(spec, config, vision, critics, arrays("grasp."))

    def preload(self) -> None:
        """Imports the agent."""
        import serl_rl.algorithms.sac.agent  # noqa: F401


SAC = Sac()
