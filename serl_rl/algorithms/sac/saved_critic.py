"""Evaluates actions with the critics of a checkpoint of soft actor-critic."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from serl_rl.algorithms.algorithm import ActionValues
from serl_rl.algorithms.sac.config import SacConfig
from serl_rl.algorithms.sac.networks import make_networks
from serl_rl.models.grasp_critic import make_grasp_critic
from serl_rl.models.gripper_layout import GripperLayout
from serl_rl.models.mlp import Arithmetic
from serl_rl.models.perception import VisualCritic
from serl_rl.models.vision.config import VisionConfig
from serl_rl.models.vision.frame_stacker import FrameStacker
from serl_rl.models.vision.image_preprocessor import ImagePreprocessor
from serl_rl.protocol.spec import EnvironmentSpec


class SacCritic:
    """Computes Q of actions, in float32. One thread at a time may call it.

    Args:
        spec: What the environment observes and takes.
        config: Settings of the agent.
        vision: How it sees; None where it reads flat vectors alone.
        arrays: The critics' arrays, by name.
        grasp_arrays: Those of the critic that chooses gripper actions; empty where there is none.

    Raises:
        ValueError: An array is missing, or has another shape.
        WeightsError: The backbone's weight file cannot be used.
    """

    def __init__(
        self,
        spec: EnvironmentSpec,
        config: SacConfig,
        vision: VisionConfig | None,
        arrays: Mapping[str, Tensor],
        grasp_arrays: Mapping[str, Tensor],
    ) -> None:
        device = torch.device("cpu")
        preprocessor = None if vision is None else ImagePreprocessor(spec, vision, device)
        self._layout = GripperLayout(spec.action_size, config.grippers)
        rest = preprocessor, Arithmetic(), torch.Generator(), device
        self._critic = make_networks(spec.vector_size, self._layout.arm_size, config, *rest).critic
        _load(self._critic, arrays)
        self._vectors = tuple(array.name for array in spec.vectors)
        self._see = None if preprocessor is None else FrameStacker(spec, preprocessor)
        self._grasp = None
        if self._layout.grippers:
            rest = self._layout.choice_count, config.hidden_sizes, Arithmetic(), torch.Generator()
            self._grasp = make_grasp_critic(self._critic, spec.vector_size, *rest).eval()
            _load(self._grasp, grasp_arrays)

    def begin_episode(self) -> None:
        """Clears the state of the last episode."""
        if self._see is not None:
            self._see.begin_episode()

    def values(self, observation: Mapping[str, np.ndarray], action: np.ndarray) -> ActionValues:
        """Predicts the values of an action.

        Args:
            observation: The next one of the episode.
            action: In [-1, 1]. Shape (A,).
        """
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


def _load(network: nn.Module, arrays: Mapping[str, Tensor]) -> None:
    own = dict(network.named_parameters())
    for name in sorted({*own, *arrays}):
        if name not in own or name not in arrays or own[name].shape != arrays[name].shape:
            raise ValueError(f"see array {name!r}")
    with torch.no_grad():
        for name, parameter in own.items():
            parameter.copy_(arrays[name])
