"""Experiments with the cube: from state, from images, with fewer hints, with a learned reward."""

from __future__ import annotations

from dataclasses import replace

from serl_rl.algorithms.sac.config import SacConfig
from serl_rl.config.presets import with_vice
from serl_rl.config.train import LearnerConfig, TrainConfig
from serl_rl.envs.config import EnvironmentConfig
from serl_rl.envs.evaluation import EvaluationConfig
from serl_rl.models.pretraining.config import PretrainingConfig
from serl_rl.models.vision.config import VisionConfig
from serl_rl.models.vision.encoder_config import BackboneConfig, EncoderConfig, HeadConfig
from serl_rl.rewards.vice_config import ViceConfig

# The reward is 1 at success, which ends the episode, and 0 before: no return is outside [0, 1].
# The simulated arm follows through the low-pass that the driver of a Franka arm has by default, so that a policy drives
# either. Imitation, and more demonstrations than others need, make up for the longer episodes of the slower arm.
PICK_CUBE = TrainConfig(
    environment=EnvironmentConfig(wrappers=("reality-gap,target_time_constant_s=0.05",)),
    sac=SacConfig(adam_clock="joint", return_range=(0.0, 1.0), imitation_weight=0.1),
    demonstration_count=50,
)

# For two cores without ImageNet's weights: a small backbone that knows the simulator's pictures, and then is frozen.
# 32 features a camera, as 4 components of an action are lost among SERL's 256. Dropout would cost a fifth of the
# updates. Each update reads two cameras, so the learner needs the actor's core too.
# Without imitation one seed in three drove to a corner of the box and never met a success to learn from.
PICK_CUBE_VISION = TrainConfig(
    environment=EnvironmentConfig(id="serl/PickCubeVision-v0"),
    sac=replace(PICK_CUBE.sac, batch_size=128, initial_temperature=0.002, imitation_weight=0.1),
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

PICK_CUBE_10 = replace(PICK_CUBE, sac=replace(PICK_CUBE.sac, critic_count=10, target_critic_count=2))

PICK_CUBE_DENSE = replace(
    PICK_CUBE,
    environment=replace(PICK_CUBE.environment, reward="dense"),
    sac=replace(PICK_CUBE.sac, return_range=None, imitation_weight=0.0),
    demonstration_count=0,
)

PICK_CUBE_HYBRID = replace(
    PICK_CUBE,
    environment=replace(PICK_CUBE.environment, gripper_action="binary", gripper_penalty=0.02),
    sac=replace(PICK_CUBE.sac, grippers=1),
)

# The same with SERL's ResNet-10, heads and critics. Its weights are random unless a file is given.
PICK_CUBE_VISION_RESNET10 = replace(
    PICK_CUBE_VISION,
    sac=replace(PICK_CUBE_VISION.sac, critic_count=10, target_critic_count=2, shares_value_layer=True),
    vision=VisionConfig(),
    pretrain_encoder=False,
)

# No reward but what a classifier learns from the demonstrations' successes and the policy's own frames.
PICK_CUBE_VICE = with_vice(
    replace(PICK_CUBE, sac=replace(PICK_CUBE.sac, imitation_weight=0.0), demonstration_count=20),
    ViceConfig(gradient_penalty=0.1),
)
PICK_CUBE_VICE_VISION = with_vice(PICK_CUBE_VISION, ViceConfig(every_updates=4))
