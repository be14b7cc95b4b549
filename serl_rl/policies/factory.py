"""Makes the policy of an experiment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from serl_rl.policies.base import RunnablePolicy
from serl_rl.policies.numpy_policy import Policy
from serl_rl.protocol.spec import EnvironmentSpec

if TYPE_CHECKING:
    from serl_rl.config.train import TrainConfig


def make_policy(spec: EnvironmentSpec, config: TrainConfig) -> RunnablePolicy:
    """Makes the policy of an experiment, without arrays.

    Args:
        spec: What the environment observes and takes.
        config: The experiment.

    Raises:
        SpecError: An observation is neither a flat vector nor an image.
        WeightsError: The weight file of the backbone cannot be used.
    """
    if all(array.is_vector for array in spec.observation):
        return Policy(spec, config.sac.grippers)
    from serl_rl.policies.vision_policy import VisionPolicy

    return VisionPolicy(spec, config.vision, config.sac.hidden_sizes, config.sac.grippers)
