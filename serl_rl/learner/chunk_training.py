"""Trains a policy of chunks: batches, validation by whole episodes, the best weights, and where to go on from."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from serl_rl.algorithms.act.agent import ActAgent
from serl_rl.learner.chunks import Chunks
from serl_rl.models.divergence import require_finite

_AT_ONCE = 256
_REMEDY = "give a smaller --training.learning-rate"


@dataclass(frozen=True, kw_only=True)
class ChunkProgress:
    """Reports the progress of training."""

    steps: int
    """Gradient steps done."""
    l1: float
    """Mean distance of normalised actions in the training batches since the last check."""
    kl: float
    """Mean divergence of their styles, in nat."""
    validation_error: float | None
    """Mean distance of the chosen chunks from the demonstrated ones of the validation episodes; None without any."""
    is_best: bool
    """Whether that is below every check before."""


@dataclass(kw_only=True, eq=False)
class ChunkTraining:
    """Trains one agent, and holds all that a checkpoint needs.

    Batches, crops, dropout and styles of a step are drawn from the seed and the step's number alone, so that training
    that goes on from a checkpoint takes the same steps as training that was never interrupted.
    """

    agent: ActAgent
    """Whose weights are trained."""
    training: Chunks
    """What to learn from."""
    validation: Chunks | None
    """What chooses the best weights; None keeps the last ones."""
    seed: int
    """Seed of all draws."""
    history: list[ChunkProgress] = field(default_factory=list)
    """Every check."""
    steps: int = 0
    """Gradient steps done."""
    best: Mapping[str, Tensor] = field(default_factory=dict)
    """The best policy, empty before the first check."""
    best_steps: int = 0
    """Gradient steps that made it."""
    _least_error: float = np.inf

    def run(self, on_progress: Callable[[ChunkProgress], bool], clock: Callable[[], float] = time.monotonic) -> None:
        """Trains until the steps or the minutes are over, or `on_progress`, called at each check, returns false.

        Raises:
            DivergedError: A loss is NaN or infinite.
        """
        settings, start = self.agent.training, clock()
        losses: list[dict[str, Tensor]] = []
        with torch.random.fork_rng():
            while self.steps < settings.steps:
                losses.append(self._step())
                is_late = settings.minutes > 0 and clock() - start > 60 * settings.minutes
                if self.steps % settings.check_steps and self.steps < settings.steps and not is_late:
                    continue
                goes_on = on_progress(self._check(losses))
                losses.clear()
                if is_late or not goes_on:
                    return

    def state_dict(self) -> dict[str, Any]:
        """Returns copies of what training goes on from, beside the best policy."""
        return {
            "agent": self.agent.state_dict(),
            "steps": self.steps,
            "best_steps": self.best_steps,
            "least_error": float(self._least_error),
            "history": [asdict(progress) for progress in self.history],
        }

    def load_state_dict(self, state: Mapping[str, Any], best: Mapping[str, Tensor]) -> None:
        """Goes on from what `state_dict` returned, and the best policy of then.

        Raises:
            ValueError: It is of an agent with other settings.
        """
        self.agent.load_state_dict(state["agent"])
        self.steps, self.best_steps = state["steps"], state["best_steps"]
        self._least_error, self.best = state["least_error"], dict(best)
        self.history = [ChunkProgress(**values) for values in state["history"]]

    def _step(self) -> dict[str, Tensor]:
        rng = np.random.default_rng((self.seed, self.steps))
        torch.manual_seed(int(rng.integers(2**31)))  # Dropout has no generator of its own.
        crops = torch.Generator().manual_seed(int(rng.integers(2**31)))
        indices = rng.integers(len(self.training), size=self.agent.training.batch_size)
        share = self.agent.training.rate_share(self.steps)
        self.steps += 1
        return self.agent.update(self.training.batch(indices, crops), share)

    def _check(self, losses: list[dict[str, Tensor]]) -> ChunkProgress:
        means = {name: torch.stack([loss[name] for loss in losses]).mean().item() for name in ("l1", "kl")}
        for name, value in means.items():
            require_finite(f"the loss {name}", value, self.steps, _REMEDY)
        error = None if self.validation is None else self._validate(self.validation)
        if error is not None:
            require_finite("the validation error", error, self.steps, _REMEDY)
        is_best = error is None or error < self._least_error
        if is_best:
            self._least_error = np.inf if error is None else error
            self.best, self.best_steps = self.agent.policy_state(), self.steps
        progress = ChunkProgress(steps=self.steps, **means, validation_error=error, is_best=is_best)
        self.history.append(progress)
        return progress

    def _validate(self, chunks: Chunks) -> float:
        """Computes the error over all chunks, each weighing the same."""
        crops, total = torch.Generator().manual_seed(0), 0.0
        for start in range(0, len(chunks), _AT_ONCE):
            indices = np.arange(start, min(start + _AT_ONCE, len(chunks)))
            total += len(indices) * self.agent.judge(chunks.batch(indices, crops))
        return total / len(chunks)
