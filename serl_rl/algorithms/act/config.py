"""Defines the settings of action chunking with transformers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Annotated, Literal, TypeAlias

from serl_api.settings import AT_LEAST_0, AT_LEAST_1, LESS_THAN_ALL, POSITIVE, RATIO, check_fields, require

ExecutionMode: TypeAlias = Literal["open-loop", "ensemble", "real-time"]


@dataclass(frozen=True, kw_only=True)
class ExecutionConfig:
    """Defines how chunks are executed. The weights of a policy fit any of these; `evaluate` may choose another."""

    mode: ExecutionMode = "open-loop"
    """open-loop: a chunk, then the next one. ensemble: a chunk is predicted in every step, and all predictions for a
    step are averaged. real-time: the next chunk is computed in the background while the last one is executed."""
    executed_steps: Annotated[int, AT_LEAST_0] = 0
    """Steps of a chunk after which the next one takes over; 0 for all that there are. In real time those count that
    were over when it took over itself, and as many as are committed are left for a network that is late."""
    ensemble_decay: Annotated[float, AT_LEAST_0] = 0.01
    """Predictions weigh exp(-decay * i), the oldest one having i = 0."""
    committed_steps: Annotated[int, AT_LEAST_1] = 3
    """Steps before a border at which the next chunk is begun in the background; what is executed meanwhile is
    committed. As long as the network needs, at least."""
    blended_steps: Annotated[int, AT_LEAST_0] = 2
    """Steps after a border over which the new chunk fades in where the old one reaches that far; real-time only."""

    def __post_init__(self) -> None:
        check_fields(self)

    def steps_of(self, chunk_size: int) -> int:
        """Returns the steps of a chunk that are executed; in real time some are left for a network that is late."""
        reach = chunk_size - self.committed_steps if self.mode == "real-time" else chunk_size
        return min(self.executed_steps, reach) or reach

    def check_chunk(self, chunk_size: int) -> None:
        """Refuses an execution that chunks are too short for.

        Raises:
            ConfigError: Naming the setting and its bound.
        """
        fits = self.executed_steps <= chunk_size
        require("execution.executed_steps", self.executed_steps, fits, f"at most chunk_size, which is {chunk_size}")
        if self.mode != "real-time":
            return
        bound = f"below half of chunk_size, which is {chunk_size}, in real time"
        require("execution.committed_steps", self.committed_steps, 2 * self.committed_steps < chunk_size, bound)
        fits = not self.executed_steps or self.executed_steps > self.committed_steps
        bound = f"0, or above execution.committed_steps, which is {self.committed_steps}, in real time"
        require("execution.executed_steps", self.executed_steps, fits, bound)


@dataclass(frozen=True, kw_only=True)
class ActConfig:
    """Defines the network and how its chunks are executed.

    The defaults are small enough for a processor; the numbers of the paper (Zhao et al. 2023, arXiv:2304.13705) stand
    beside them.
    """

    chunk_size: Annotated[int, AT_LEAST_1] = 20
    """Actions that are predicted at once; 100 there, at 50 Hz."""
    hidden_size: Annotated[int, AT_LEAST_1] = 128
    """Components of a token, a multiple of 4 and of `heads`; 512 there."""
    feedforward_size: Annotated[int, AT_LEAST_1] = 512
    """Hidden units of each layer's feed-forward part; 3200 there."""
    heads: Annotated[int, AT_LEAST_1] = 8
    """Heads of each attention; 8 there."""
    encoder_layers: Annotated[int, AT_LEAST_1] = 4
    """Layers that read the observation; 4 there."""
    decoder_layers: Annotated[int, AT_LEAST_1] = 1
    """Layers that write the chunk. The original builds seven and takes the output of the first: its decoder returns
    every layer's output and the policy reads index 0 (its issue 25). So one is what its results were had with."""
    latent_encoder_layers: Annotated[int, AT_LEAST_1] = 4
    """Layers that read the demonstrated chunk in training; 4 there."""
    latent_size: Annotated[int, AT_LEAST_0] = 32
    """Components of the style of a demonstration; 32 there. 0 leaves style and its encoder away."""
    dropout: Annotated[float, LESS_THAN_ALL] = 0.1
    """Share of activations that training leaves out, in [0, 1); 0.1 there."""
    kl_weight: Annotated[float, AT_LEAST_0] = 10.0
    """Weight of the divergence of the style from a standard normal distribution; 10 there."""
    positions: Literal["sine", "learned"] = "sine"
    """Codes of the places in feature maps; sine there."""
    is_dilated: bool = False
    """Whether the last stage of a backbone that is trained dilates instead of halving its maps; of resnet50 only."""
    execution: ExecutionConfig = field(default_factory=ExecutionConfig)
    """How chunks are executed."""

    def __post_init__(self) -> None:
        check_fields(self)
        bound = f"a multiple of 4 and of heads, which is {self.heads}"
        require("hidden_size", self.hidden_size, self.hidden_size % 4 == 0 == self.hidden_size % self.heads, bound)
        self.execution.check_chunk(self.chunk_size)


@dataclass(frozen=True, kw_only=True)
class ActTrainingConfig:
    """Defines how the network is trained. Cameras, seed, device and threads are those of the experiment."""

    steps: Annotated[int, AT_LEAST_1] = 5000
    """Gradient steps."""
    minutes: Annotated[float, AT_LEAST_0] = 0.0
    """Minutes after which training ends, whatever steps are left; 0 for no limit."""
    batch_size: Annotated[int, AT_LEAST_1] = 64
    """Chunks in a batch."""
    learning_rate: Annotated[float, POSITIVE] = 3e-4
    """AdamW's step size. The original's 1e-5 belongs to batches of 8 and a pretrained ResNet."""
    backbone_learning_rate: Annotated[float, POSITIVE] = 1e-5
    """That of a backbone that is trained."""
    final_rate_share: Annotated[float, RATIO] = 1.0
    """Share of both step sizes that is left at the last step, to which they fall along a cosine; 1 keeps them."""
    weight_decay: Annotated[float, AT_LEAST_0] = 1e-4
    """AdamW's decay."""
    validation_share: Annotated[float, LESS_THAN_ALL] = 0.1
    """Share of the episodes that only validate, in [0, 1); 0 for none, and then the last weights are kept."""
    check_steps: Annotated[int, AT_LEAST_1] = 250
    """Steps between two validations; the weights with the smallest error of the chunks are kept."""
    keeps_failures: bool = False
    """Whether episodes without success are imitated too."""

    def __post_init__(self) -> None:
        check_fields(self)

    def rate_share(self, step: int) -> float:
        """Returns the share of the step sizes that a gradient step takes, counted from 0."""
        fall = 0.5 * (1.0 - math.cos(math.pi * min(step / self.steps, 1.0)))
        return 1.0 - (1.0 - self.final_rate_share) * fall
