"""Named experiments; a name that does not exist is answered with the nearest one."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from serl_rl.algorithms.sac.config import SacConfig
from serl_rl.config.train import ActorConfig, LearnerConfig, TrainConfig
from serl_rl.envs.config import EnvironmentConfig
from serl_rl.envs.evaluation import EvaluationConfig
from serl_rl.envs.factory import POINT_MASS
from serl_rl.errors import UsageError
from serl_rl.models.pretraining.config import PretrainingConfig
from serl_rl.models.vision.config import VisionConfig
from serl_rl.models.vision.encoder_config import BackboneConfig, EncoderConfig, HeadConfig
from serl_rl.rewards.vice_config import ViceConfig

# The reward is 1 at success, which ends the episode, and 0 before: no return is outside [0, 1].
_PICK_CUBE = TrainConfig(sac=SacConfig(adam_clock="joint", return_range=(0.0, 1.0)))

# For two cores without ImageNet's weights: a small backbone that knows the simulator's pictures, and then is frozen.
# 32 features a camera, as 4 components of an action are lost among SERL's 256. Dropout would cost a fifth of the
# updates. Each update reads two cameras, so the learner needs the actor's core too.
# Without imitation one seed in three drove to a corner of the box and never met a success to learn from.
_PICK_CUBE_VISION = TrainConfig(
    environment=EnvironmentConfig(id="serl/PickCubeVision-v0"),
    sac=replace(_PICK_CUBE.sac, batch_size=128, initial_temperature=0.002, imitation_weight=0.1),
    vision=VisionConfig(
        encoder=EncoderConfig(backbone=BackboneConfig(name="small"), head=HeadConfig(dropout=0.0, bottleneck=32)),
    ),
    pretrain_encoder=True,
    pretraining=PretrainingConfig(features=32, minutes=4.0),
    learner=LearnerConfig(
        threads=2,
        max_env_steps=20_000,
        replay_capacity=25_000,
        publish_updates=10,
        publish_period_s=0.5,
        checkpoint_period_s=180.0,
    ),
    evaluation=EvaluationConfig(target_success_ratio=0.97, longest_gap_steps=2000, shortest_gap_steps=500),
)


def _with_vice(config: TrainConfig, vice: ViceConfig) -> TrainConfig:
    """The same task with a learned reward. The dense one ends no episode, and is only asked whether the task is done.

    Staying at the goal is paid at every step, so that returns reach 1 / (1 - gamma).
    """
    return replace(
        config,
        environment=replace(config.environment, reward="dense"),
        sac=replace(config.sac, return_range=(0.0, 1 / (1 - config.sac.discount)), imitation_weight=0.0),
        vice=replace(vice, enabled=True),
    )


_DEBUG = TrainConfig(
    environment=EnvironmentConfig(id=POINT_MASS),
    sac=SacConfig(hidden_sizes=(16, 16), batch_size=16, critic_updates_per_actor_update=2, compile="off"),
    learner=LearnerConfig(
        warm_up_steps=20,
        update_to_data_ratio=1.0,
        replay_capacity=10_000,
        publish_updates=2,
        publish_period_s=0.05,
        checkpoint_period_s=0.5,
        metrics_period_s=0.1,
        max_env_steps=400,
        threads=1,
        device="cpu",
    ),
    actor=ActorConfig(random_steps=10),
    evaluation=EvaluationConfig(episode_count=4, check_episode_count=2, shortest_gap_steps=50, longest_gap_steps=200),
    demonstration_count=2,
)

# Large enough to reach the centre and stay there, from what the classifier says alone.
_DEBUG_VICE = _with_vice(
    replace(
        _DEBUG,
        sac=replace(
            _DEBUG.sac,
            hidden_sizes=(64, 64),
            batch_size=64,
            discount=0.9,
            target_update_rate=0.02,
            learning_rate=1e-3,
            initial_temperature=0.05,
        ),
        learner=replace(_DEBUG.learner, warm_up_steps=100, update_to_data_ratio=2.0, max_env_steps=3000),
        evaluation=EvaluationConfig(
            episode_count=20, check_episode_count=5, shortest_gap_steps=200, longest_gap_steps=400
        ),
        demonstration_count=10,
    ),
    ViceConfig(batch_size=64, hidden_size=64, learning_rate=1e-3, gradient_penalty=0.1),
)

PRESETS: Mapping[str, TrainConfig] = MappingProxyType(
    {
        "pick-cube": _PICK_CUBE,
        "pick-cube-10": replace(_PICK_CUBE, sac=replace(_PICK_CUBE.sac, critic_count=10, target_critic_count=2)),
        "pick-cube-dense": replace(
            _PICK_CUBE,
            environment=replace(_PICK_CUBE.environment, reward="dense"),
            sac=replace(_PICK_CUBE.sac, return_range=None),
            demonstration_count=0,
        ),
        "pick-cube-hybrid": replace(
            _PICK_CUBE,
            environment=replace(_PICK_CUBE.environment, gripper_action="binary", gripper_penalty=0.02),
            sac=replace(_PICK_CUBE.sac, grippers=1),
        ),
        "pick-cube-vision": _PICK_CUBE_VISION,
        # The same with SERL's ResNet-10, heads and critics. Its weights are random unless a file is given.
        "pick-cube-vision-resnet10": replace(
            _PICK_CUBE_VISION,
            sac=replace(_PICK_CUBE_VISION.sac, critic_count=10, target_critic_count=2, shares_value_layer=True),
            vision=VisionConfig(),
            pretrain_encoder=False,
        ),
        # No reward but what a classifier learns from the demonstrations' successes and the policy's own frames.
        "pick-cube-vice": _with_vice(_PICK_CUBE, ViceConfig(gradient_penalty=0.1)),
        "pick-cube-vice-vision": _with_vice(_PICK_CUBE_VISION, ViceConfig(every_updates=4)),
        "peg-insert": replace(_PICK_CUBE, environment=EnvironmentConfig(id="serl/PegInsert-v0", rotation=True)),
        # Two tasks that undo each other; `forward-backward` trains both on one arm.
        "relocate-cube": replace(_PICK_CUBE, environment=EnvironmentConfig(id="serl/RelocateForward-v0")),
        "relocate-cube-backward": replace(_PICK_CUBE, environment=EnvironmentConfig(id="serl/RelocateBackward-v0")),
        "debug": _DEBUG,
        "debug-vice": _DEBUG_VICE,
    }
)
"""Experiments by name. `debug` trains a few updates on a tiny environment without a simulator, `debug-vice` more."""


def preset(name: str) -> TrainConfig:
    """Finds an experiment.

    Args:
        name: Its name.

    Returns:
        The experiment.

    Raises:
        UsageError: There is none of that name; the nearest one and all names are given.
    """
    if name in PRESETS:
        return PRESETS[name]
    near = difflib.get_close_matches(name, PRESETS, n=1, cutoff=0.0)
    raise UsageError(f"unknown preset {name!r}: did you mean {near[0]!r}? Presets are {', '.join(PRESETS)}")
