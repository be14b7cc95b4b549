"""The critics of a checkpoint, which an actor never gets: what they expect of an action."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from serl_rl.artifacts import checkpoint as checkpoints
from serl_rl.errors import CheckpointError
from serl_rl.policies.saved import SavedExperiment, read_experiment
from serl_rl.visualization.step_record import ActionValues

if TYPE_CHECKING:
    from torch import Tensor, nn

_CRITIC, _GRASP = "/critic.", "/grasp."


class SavedCritic:
    """Q of actions, in float32. One thread at a time may call it.

    Args:
        saved: What the checkpoint says of itself.
        arrays: The critics' arrays, by name.
        grasp_arrays: Those of the critic that chooses gripper actions; empty where there is none.

    Raises:
        CheckpointError: An array is missing, or has another shape.
        WeightsError: The backbone's weight file cannot be used.
    """

    def __init__(
        self, saved: SavedExperiment, arrays: Mapping[str, Tensor], grasp_arrays: Mapping[str, Tensor]
    ) -> None:
        import torch

        from serl_rl.algorithms.sac.networks import make_networks
        from serl_rl.models.grasp_critic import GraspCritic
        from serl_rl.models.gripper_layout import GripperLayout
        from serl_rl.models.mlp import Arithmetic
        from serl_rl.models.perception import VisualCritic
        from serl_rl.models.vision.image_preprocessor import ImagePreprocessor
        from serl_rl.policies.frame_stacker import FrameStacker

        spec, config, device = saved.spec, saved.config, torch.device("cpu")
        sees = any(not array.is_vector for array in spec.observation)
        maker = ImagePreprocessor(spec, config.vision, device) if sees else None
        self._layout = GripperLayout(spec.action_size, config.sac.grippers)
        rest = maker, Arithmetic(), torch.Generator(), device
        self._critic = make_networks(spec.vector_size, self._layout.arm_size, config.sac, *rest).critic
        _load(self._critic, arrays, saved.path)
        self._vectors = tuple(array.name for array in spec.vectors)
        self._see = None if maker is None else FrameStacker(spec, maker)
        self._grasp = None
        if self._layout.grippers:
            inputs = spec.vector_size
            if isinstance(self._critic, VisualCritic):
                inputs = self._critic.perception.output_size
            sizes = config.sac.hidden_sizes, Arithmetic(), torch.Generator()
            self._grasp = GraspCritic(inputs, self._layout.choice_count, *sizes).eval()
            _load(self._grasp, grasp_arrays, saved.path)

    @classmethod
    def load(cls, path: Path) -> SavedCritic | None:
        """Reads the critics of a checkpoint.

        Args:
            path: A checkpoint, or the folder of a run.

        Returns:
            The critics; None where the checkpoint's algorithm has none.

        Raises:
            CheckpointError: There is no checkpoint, or it is corrupt or foreign.
            WeightsError: The backbone's weight file cannot be used.
        """
        saved = read_experiment(path)
        arrays = _arrays(saved.path, _CRITIC)
        return cls(saved, arrays, _arrays(saved.path, _GRASP)) if arrays else None

    def begin_episode(self) -> None:
        """Forgets the last episode."""
        if self._see is not None:
            self._see.begin_episode()

    def values(self, observation: Mapping[str, np.ndarray], action: np.ndarray) -> ActionValues:
        """What the critics expect of an action.

        Args:
            observation: The next one of the episode.
            action: In [-1, 1]. Shape (A,).
        """
        import torch

        from serl_rl.models.perception import VisualCritic

        actions = torch.from_numpy(np.array(action, np.float32))[None]
        with torch.inference_mode():
            if self._see is None:
                vectors = [np.asarray(observation[name], np.float32) for name in self._vectors]
                features = torch.from_numpy(np.concatenate(vectors))[None]
            else:
                assert isinstance(self._critic, VisualCritic)
                features = self._critic.perception(self._see(observation))
            ensemble = self._critic.ensemble if isinstance(self._critic, VisualCritic) else self._critic
            arm = ensemble(features, self._layout.arm(actions))[:, 0].numpy()
            if self._grasp is None:
                return ActionValues(arm=arm)
            choice = int(self._layout.choices(actions)[0])
            return ActionValues(arm=arm, grasp=float(self._grasp(features)[0, choice]))


class NewestCritic:
    """The critics of the newest checkpoint of a run that is under way; looks for a newer one before each episode.

    Args:
        run: Folder of the run.
    """

    def __init__(self, run: Path) -> None:
        self._run = run
        self._path: Path | None = None
        self._critic: SavedCritic | None = None

    def begin_episode(self) -> None:
        """Takes the newest checkpoint, and forgets the last episode."""
        newest = checkpoints.newest(self._run / "checkpoints")
        if newest is not None and newest != self._path:
            try:
                self._critic, self._path = SavedCritic.load(newest), newest
            except CheckpointError:
                if newest.exists():  # Else it was the oldest, and has made way for a newer one meanwhile.
                    raise
        if self._critic is not None:
            self._critic.begin_episode()

    def values(self, observation: Mapping[str, np.ndarray], action: np.ndarray) -> ActionValues | None:
        """What the critics expect of an action; None before the first checkpoint. Arguments as in `SavedCritic`."""
        return None if self._critic is None else self._critic.values(observation, action)


def _arrays(path: Path, prefix: str) -> dict[str, Tensor]:
    tensors = checkpoints.load_tensors(path, checkpoints.AGENT, prefix)
    return {name.removeprefix(prefix): value for name, value in tensors.items()}


def _load(network: nn.Module, arrays: Mapping[str, Tensor], path: Path) -> None:
    import torch

    own = dict(network.named_parameters())
    for name in sorted({*own, *arrays}):
        if name not in own or name not in arrays or own[name].shape != arrays[name].shape:
            raise CheckpointError(f"the critics of the checkpoint {path} do not fit its settings: see array {name!r}")
    with torch.no_grad():
        for name, parameter in own.items():
            parameter.copy_(arrays[name])
