"""Runs a policy over images in an actor: its own frozen backbone, published heads, one thread."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from serl_rl.algorithms.sac.numpy_policy import check_arrays, read_arrays
from serl_rl.models.gaussian_policy import GaussianTanhPolicy
from serl_rl.models.grasp_choice import PREFIX, choose, grasp_shapes
from serl_rl.models.gripper_layout import GripperLayout
from serl_rl.models.mlp import Arithmetic
from serl_rl.models.perception import VisualPolicy
from serl_rl.models.vision.config import VisionConfig
from serl_rl.models.vision.frame_stacker import FrameStacker
from serl_rl.models.vision.image_preprocessor import ImagePreprocessor
from serl_rl.protocol.spec import EnvironmentSpec


class VisionPolicy:
    """Samples actions of a tanh-squashed Gaussian from images, from arrays that `SacAgent.policy_state` names.

    One thread at a time may call it. `act` before the first `load` draws uniformly from [-1, 1]. A frozen backbone is
    no part of the arrays: it is built from the settings, which actor and learner compare when they meet.

    Args:
        spec: What the environment observes and takes; at least one camera.
        config: How to see.
        hidden_sizes: Features of the hidden layers behind perception.
        grippers: Grippers that a grasp critic opens and closes.

    Raises:
        SpecError: An array is neither a flat vector nor an RGB image.
        WeightsError: The backbone's weight file cannot be used.
    """

    def __init__(
        self,
        spec: EnvironmentSpec,
        config: VisionConfig,
        hidden_sizes: tuple[int, ...],
        grippers: int = 0,
    ) -> None:
        self.spec = spec
        self._grippers = GripperLayout(spec.action_size, grippers)
        self._grasp: dict[str, np.ndarray] = {}
        preprocessor = ImagePreprocessor(spec, config, torch.device("cpu"))
        self._see = FrameStacker(spec, preprocessor)
        self.memo = None if preprocessor.frozen is None else preprocessor.frozen.memo
        """Feature maps for classifiers with the same frozen backbone; None without one."""
        generator, arithmetic = torch.Generator().manual_seed(0), Arithmetic()
        perception = preprocessor.make_perception(arithmetic, generator)
        self._perceived_size = perception.output_size
        sizes = (perception.output_size, self._grippers.arm_size, hidden_sizes)
        policy = GaussianTanhPolicy(*sizes, arithmetic, generator)
        self._policy = VisualPolicy(perception, policy).eval()
        self.is_loaded = False
        """Whether `load` has been called."""

    def load(self, state: Mapping[str, np.ndarray | Tensor]) -> None:
        """Takes over the arrays of a policy; the old ones stay when it raises.

        Raises:
            PolicyError: An array is missing or unknown, has another shape than the settings ask for, or holds a NaN.
        """
        arrays, own = read_arrays(state), dict(self._policy.named_parameters())
        grasp = {name: array for name, array in arrays.items() if name.startswith(PREFIX)}
        shapes = {name: tuple(parameter.shape) for name, parameter in own.items()}
        if self._grippers.grippers:
            shapes |= grasp_shapes(grasp, self._perceived_size, self._grippers.choice_count)
        check_arrays(arrays, shapes, "the settings need")
        self._grasp = grasp
        with torch.no_grad():
            for name, parameter in own.items():
                parameter.copy_(torch.from_numpy(arrays[name]))
        self.is_loaded = True

    def begin_episode(self) -> None:
        """Clears the frames of the last episode."""
        self._see.begin_episode()

    def act(
        self, observation: Mapping[str, np.ndarray], rng: np.random.Generator, *, deterministic: bool = False
    ) -> np.ndarray:
        """Chooses an action.

        Args:
            observation: One observation, by name; of each camera the newest image.
            rng: Source of the noise; unused when deterministic and loaded.
            deterministic: Whether to take tanh(mean) instead of a sample.

        Returns:
            Action in [-1, 1]. Shape (A,), float32.
        """
        if not self.is_loaded:
            return rng.uniform(-1, 1, self.spec.action_size).astype(np.float32)
        with torch.inference_mode():
            perceived = self._policy.perception(self._see(observation))
            mean, log_std = self._policy.policy(perceived)
            choice = choose(self._grasp, perceived[0].numpy()) if self._grasp else 0
            raw = mean[0].numpy()
            if not deterministic:
                raw = raw + log_std[0].exp().numpy() * rng.standard_normal(len(raw), np.float32)
        return self._grippers.compose(np.tanh(raw), choice)
