"""Trains an agent on its data: builds, compiles, updates, and returns the policy and the state to save."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serl.learner.v1 import tensor_pb2

from serl_rl.artifacts import checkpoint as checkpoints
from serl_rl.config.train import TrainConfig
from serl_rl.demonstrations.files import load_demonstrations
from serl_rl.errors import CheckpointError
from serl_rl.learner.ingest import Layout
from serl_rl.models.device import find_device
from serl_rl.models.divergence import require_finite
from serl_rl.models.openmp import choose_waiting
from serl_rl.protocol.policy_arrays import split_policy
from serl_rl.protocol.spec import EnvironmentSpec
from serl_rl.protocol.tensors import from_torch
from serl_rl.replay.buffer import ReplayBuffer

if TYPE_CHECKING:
    import torch

    from serl_rl.models.vision.config import VisionConfig
    from serl_rl.replay.batch_sampler import BatchSampler, TransitionSource
    from serl_rl.replay.prefetch import Prefetcher
    from serl_rl.replay.update_batch import UpdateBatch
    from serl_rl.rewards.vice import Vice

log = logging.getLogger(__name__)

_VICE_METRICS = ("vice_loss", "vice_reward")
_TYPES = {"float32": tensor_pb2.DATA_TYPE_FLOAT32, "bfloat16": tensor_pb2.DATA_TYPE_BFLOAT16}
_VICE = "vice."
_DIVERGED = "lower the learning rate, and go on from the newest checkpoint with --resume"


class Trainer:
    """Trains one agent. Used from one thread.

    Args:
        config: The experiment.
        spec: What the environment observes and takes.

    Raises:
        UsageError: The device does not exist.
        SpecError: The agent cannot read such observations.
        WeightsError: The backbone's weight file cannot be used.
    """

    def __init__(self, config: TrainConfig, spec: EnvironmentSpec) -> None:
        import torch

        self._config = config
        self._spec = spec
        self._device = torch.device(find_device(config.learner.device))
        algorithm, settings = config.load_algorithm(), config.algorithm_settings
        self._agent = algorithm.make_agent(
            spec, settings, vision=config.vision_for(spec), seed=config.seed, device=str(self._device)
        )
        self.critic_updates_per_call, self._batch_size = algorithm.batch_shape(settings)
        self.metrics = algorithm.metrics + (_VICE_METRICS if config.vice.enabled else ())
        self._keeps_maps = self._agent.preprocessor is not None and _keeps_maps(config.vision, self._device)
        self._vice = self._make_vice() if config.vice.enabled else None
        self._sampler: BatchSampler | None = None
        self._prefetcher: Prefetcher | None = None
        mode = config.learner.prefetch
        self._prefetches = mode == "on" or (mode == "auto" and self._device.type == "cuda")
        self._replay: ReplayBuffer | None = None
        self._latest: Mapping[str, torch.Tensor] = {}
        self.demonstration_count = 0
        self.policy_updates = 0

    @staticmethod
    def preload(config: TrainConfig) -> None:
        """Loads the libraries, which takes seconds, and sets the number of threads."""
        choose_waiting()
        import torch

        config.load_algorithm().preload()
        if config.learner.threads:
            torch.set_num_threads(config.learner.threads)

    @property
    def critic_updates(self) -> int:
        """Counts the critic updates so far."""
        return self.policy_updates * self.critic_updates_per_call

    def compile(self) -> None:
        """Runs one update on made-up data, so that compiling is over before the first real one; changes nothing."""
        start = time.monotonic()
        self._agent.prepare(kept_maps=self._keeps_maps)
        log.info("compiled the update in %.1f s", time.monotonic() - start)

    def set_data(self, replay: ReplayBuffer, demonstrations: tuple[Path, ...]) -> None:
        """Sets where batches come from.

        Args:
            replay: Transitions of actors.
            demonstrations: Episode files.

        Raises:
            UsageError: A file is missing, or holds another task.
        """
        from serl_rl.replay.batch_sampler import BatchSampler

        self._replay = replay
        loaded = load_demonstrations(demonstrations, self._spec, replay.frame_stack) if demonstrations else None
        self.demonstration_count = loaded.transition_count if loaded is not None else 0
        if self._vice is not None:
            self._set_goals(self._vice, demonstrations, replay.frame_stack)
        self._sampler = BatchSampler(
            self._source(replay),
            None if loaded is None else self._source(loaded),
            batch_size=self._batch_size,
            minibatches=self.critic_updates_per_call,
            seed=self._config.seed,
        )

    def _make_vice(self) -> Vice:
        from serl_rl.rewards.vice import Vice

        agent, config = self._agent, self._config
        return Vice(self._spec, config.vice, agent.preprocessor, seed=config.seed, device=self._device)

    def _set_goals(self, vice: Vice, demonstrations: tuple[Path, ...], frame_stack: int) -> None:
        from serl_rl.demonstrations.frames import FrameBank
        from serl_rl.demonstrations.goals import goal_frames

        agent, vision = self._agent, self._config.vision
        frames = goal_frames(demonstrations, self._spec, frame_stack, self._config.vice.max_goals)
        crops = vision.cache.crops if vision.largest_shift else 0
        vice.set_goals(
            FrameBank(frames, self._spec, agent.preprocessor, crops=crops, seed=self._config.seed, device=self._device)
        )

    def _source(self, replay: ReplayBuffer) -> TransitionSource:
        """Returns where transitions are drawn from: the replay itself, or with kept feature maps in place of images."""
        preprocessor = self._agent.preprocessor
        if not self._keeps_maps or preprocessor is None or preprocessor.frozen is None:
            return replay
        from serl_rl.replay.feature_cache import EncodedReplay, FeatureLayout

        start, vision = time.monotonic(), self._config.vision
        layout = FeatureLayout(
            shapes=preprocessor.kept_shapes(),
            crops=vision.cache.crops,
            largest_shift=vision.largest_shift,
            seed=self._config.seed,
            fingerprint=preprocessor.frozen.fingerprint,
        )
        directory = None if replay.directory is None else replay.directory / "features"
        refreshed = vision.cache.refreshed_rows
        source = EncodedReplay(replay, preprocessor.frozen.crop_maps, layout, directory, refreshed_rows=refreshed)
        log.info("encoded %d rows in %.1f s", source.catch_up(), time.monotonic() - start)
        return source

    def update(self) -> bool:
        """Updates the critics, then policy and temperature.

        Returns:
            Whether there was anything to learn from.
        """
        assert self._sampler is not None
        assert self._replay is not None
        if not self._replay.transition_count:
            return False
        batch, learned = self._next_batch(self._sampler), {}
        if self._vice is not None:
            batch, learned = self._vice.reward(batch)
        self._latest = {**self._agent.update(batch), **learned}
        self.policy_updates += 1
        return True

    def _next_batch(self, sampler: BatchSampler) -> UpdateBatch:
        if not self._prefetches:
            return sampler.sample(self.policy_updates).to(self._device)
        if self._prefetcher is None:  # Only now: a buffer without transitions would end it.
            from serl_rl.replay.prefetch import Prefetcher

            self._prefetcher = Prefetcher(sampler, first_update_index=self.policy_updates, device=self._device)
        return self._prefetcher.next()

    def close(self) -> None:
        """Ends the thread that samples ahead."""
        if self._prefetcher is not None:
            self._prefetcher.close()

    def take_metrics(self) -> dict[str, Any]:
        """Returns losses and figures of the newest update; waits for the device."""
        return {name: float(self._latest[name]) for name in self.metrics if name in self._latest}

    def require_finite(self) -> None:
        """Refuses to go on, publish or save once training has diverged; waits for the device.

        Raises:
            DivergedError: A figure of the newest update, or a number of the policy, is NaN or infinite.
        """
        import torch

        for name, value in self.take_metrics().items():
            if name != "vice_loss" or not math.isnan(value):  # Which has no value before its first update.
                require_finite(name, value, self.critic_updates, _DIVERGED)
        for name, array in self._agent.policy_arrays().items():
            if not bool(torch.isfinite(array).all()):
                require_finite(f"the policy's {name}", math.nan, self.critic_updates, _DIVERGED)

    def policy_layout(self) -> Layout:
        """Returns the policy's arrays with their shapes, without data."""
        data_type = _TYPES[self._config.learner.publish_type]
        return tuple(
            tensor_pb2.Tensor(name=name, data_type=data_type, shape=value.shape)
            for name, value in self._agent.policy_arrays().items()
        )

    def policy_bytes(self) -> bytes:
        """Returns the bytes of the policy's arrays, one after the other."""
        import torch

        dtype = getattr(torch, self._config.learner.publish_type)
        arrays = self._agent.policy_arrays()
        return b"".join(from_torch(name, value.to(dtype)).data for name, value in arrays.items())

    def policy_tensors(self, data: bytes | None) -> dict[str, torch.Tensor]:
        """Returns the policy's arrays by name.

        Args:
            data: Bytes of a published version; None for the newest policy.
        """
        import torch

        if data is None:
            return {name: value.contiguous() for name, value in self._agent.policy_state().items()}
        arrays = split_policy(data, self.policy_layout())
        return {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}

    def state(self) -> dict[str, Any]:
        """Returns copies of everything that a checkpoint saves."""
        learned = {} if self._vice is None else self._vice.state_dict()
        return dict(self._agent.state_dict()) | {f"{_VICE}{name}": value for name, value in learned.items()}

    def start_from(self, path: Path) -> None:
        """Begins with the policy of a checkpoint, such as a cloned one; critics begin from nothing.

        Args:
            path: The checkpoint.

        Raises:
            CheckpointError: It is of another task, or of networks of other sizes.
        """
        policy = checkpoints.load_tensors(path, checkpoints.POLICY)
        try:
            self._agent.start_from(policy)
        except ValueError as error:
            raise CheckpointError(f"the policy of {path} does not fit this experiment: {error}") from error

    def restore(self, path: Path, manifest: Mapping[str, Any]) -> None:
        """Goes on from a checkpoint.

        Args:
            path: The checkpoint.
            manifest: Its manifest.

        Raises:
            CheckpointError: It belongs to another experiment.
        """
        tensors = checkpoints.load_tensors(path, checkpoints.AGENT)
        try:
            state = checkpoints.unflatten(tensors, manifest["agent"])
            if self._vice is not None:
                self._vice.load_state_dict(
                    {name.removeprefix(_VICE): value for name, value in state.items() if name.startswith(_VICE)}
                )
                state = {name: value for name, value in state.items() if not name.startswith(_VICE)}
            self._agent.load_state_dict(state)
            self.policy_updates = int(manifest["policy_updates"])
        except (KeyError, ValueError, RuntimeError) as error:
            raise CheckpointError(f"the checkpoint {path} does not fit this experiment: {error}") from error


def _keeps_maps(vision: VisionConfig, device: torch.device) -> bool:
    mode = vision.cache.mode
    return mode == "on" or (mode == "auto" and vision.encoder.backbone.frozen and device.type == "cpu")
