"""Runs a policy of chunks: its own network on the processor, and a way to execute what it predicts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from serl_rl.algorithms.act.building import STYLE_ENCODER, make_model, make_preprocessor
from serl_rl.algorithms.act.config import ActConfig
from serl_rl.algorithms.act.execution.ensemble import TemporalEnsemble
from serl_rl.algorithms.act.execution.executor import Chunk, ChunkExecutor, Observation, Predict
from serl_rl.algorithms.act.execution.open_loop import OpenLoop
from serl_rl.algorithms.act.execution.real_time import RealTimeChunks
from serl_rl.algorithms.act.normalization import ChunkStatistics
from serl_rl.algorithms.algorithm import PolicyError
from serl_rl.algorithms.sac.numpy_policy import check_arrays, read_arrays
from serl_rl.models.vision.config import VisionConfig
from serl_rl.protocol.spec import EnvironmentSpec


class ChunkPolicy:
    """Chooses actions from chunks, from arrays that `ActAgent.policy_state` names.

    One thread at a time may call it. `act` before the first `load` draws uniformly from [-1, 1]. There is no noise:
    the style is the mean one.

    Args:
        spec: What the environment observes and takes.
        config: The network, and how chunks are executed.
        vision: How it sees; None where the observation has no images.

    Raises:
        SpecError: The observation has arrays that the network cannot read.
        WeightsError: The backbone's weight file cannot be used.
    """

    def __init__(self, spec: EnvironmentSpec, config: ActConfig, vision: VisionConfig | None) -> None:
        self.spec = spec
        self._config = config
        self._preprocessor = make_preprocessor(spec, vision, torch.device("cpu"))
        statistics = ChunkStatistics.unit(spec.vector_size, spec.action_size)
        self._model = make_model(spec, config, vision, self._preprocessor, statistics, 0).eval()
        self._executor: ChunkExecutor | None = None

    def load(self, state: Mapping[str, np.ndarray | Tensor]) -> None:
        """Takes over the arrays of a policy; the old ones stay when it raises.

        Raises:
            PolicyError: An array is missing or unknown, has another shape than the settings ask for, or holds a NaN.
        """
        arrays = read_arrays(state)
        own = {name: value for name, value in self._model.state_dict().items() if not name.startswith(STYLE_ENCODER)}
        check_arrays(arrays, {name: tuple(value.shape) for name, value in own.items()}, "the settings need")
        with torch.no_grad():
            for name, value in own.items():
                value.copy_(torch.from_numpy(arrays[name]))
        if self._executor is not None:
            self._executor.begin_episode()  # Chunks of the old weights are gone.
        else:
            self._executor = make_executor(self.predict, self._config, float(self._model.normalization.step_s))

    def begin_episode(self) -> None:
        """Forgets the chunks of the last episode."""
        if self._executor is not None:
            self._executor.begin_episode()

    def act(self, observation: Observation, rng: np.random.Generator, *, deterministic: bool = False) -> np.ndarray:
        """Chooses the next action in [-1, 1], float32 of shape (A,).

        Raises:
            PolicyError: The observation is not what the policy has learned to read.
        """
        del deterministic
        if self._executor is None:
            return rng.uniform(-1, 1, self.spec.action_size).astype(np.float32)
        return self._executor.action(observation)

    def predict(self, observation: Observation) -> Chunk:
        """Predicts a chunk, clipped to [-1, 1]. Shape (K, A).

        Raises:
            PolicyError: The observation is not what the policy has learned to read.
        """
        self._check(observation)
        vectors = [np.asarray(observation[array.name], np.float32) for array in self.spec.vectors]
        with torch.inference_mode():
            state = torch.from_numpy(np.concatenate([*vectors, np.zeros(0, np.float32)]))[None]
            seen = None
            if self._preprocessor is not None:
                images = {name: torch.from_numpy(observation[name].copy())[None] for name in self._preprocessor.cameras}
                seen = self._preprocessor(images)
            made = self._model.network(self._model.normalization.state(state), seen)
            return self._model.normalization.denormalized(made.actions[0]).clamp(-1, 1).numpy()

    def _check(self, observation: Observation) -> None:
        for array in self.spec.observation:
            found = None if array.name not in observation else observation[array.name].shape
            if found != array.shape:
                there = "is not there" if found is None else f"has shape {found}"
                raise PolicyError(
                    f"the policy reads {array.name!r} of shape {array.shape}, but here it {there}; run it in "
                    f"{self.spec.environment} as it was demonstrated"
                )


def make_executor(predict: Predict, config: ActConfig, step_s: float) -> ChunkExecutor:
    """Makes what executes chunks.

    Args:
        predict: Predicts them.
        config: How.
        step_s: Time of an environment step, s.
    """
    execution = config.execution
    if execution.mode == "ensemble":
        return TemporalEnsemble(predict, execution.ensemble_decay)
    steps = execution.steps_of(config.chunk_size)
    if execution.mode == "open-loop":
        return OpenLoop(predict, steps)
    return RealTimeChunks(
        predict,
        steps=steps,
        committed=execution.committed_steps,
        blended=execution.blended_steps,
        step_s=step_s,
    )
