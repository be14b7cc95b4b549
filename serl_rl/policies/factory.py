"""Makes the policy of an experiment."""

from __future__ import annotations

from serl_rl.algorithms.algorithm import RunnablePolicy
from serl_rl.config.train import TrainConfig
from serl_rl.protocol.spec import EnvironmentSpec


def make_policy(spec: EnvironmentSpec, config: TrainConfig) -> RunnablePolicy:
    """Makes the policy of an experiment, without arrays.

    Args:
        spec: What the environment observes and takes.
        config: The experiment.

    Raises:
        SpecError: An observation is neither a flat vector nor an image.
        WeightsError: The weight file of the backbone cannot be used.
    """
    return config.load_algorithm().make_policy(spec, config.algorithm_settings, vision=config.vision_for(spec))
