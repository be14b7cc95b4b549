"""Implements behaviour cloning of the policy of soft actor-critic."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from serl_rl.algorithms.bc_config import BcConfig
from serl_rl.algorithms.sac.config import SacConfig
from serl_rl.algorithms.sac.networks import make_networks
from serl_rl.models.gaussian_policy import GaussianTanhPolicy
from serl_rl.models.grasp_choice import PREFIX
from serl_rl.models.grasp_critic import GraspCritic, make_grasp_critic
from serl_rl.models.gripper_layout import GripperLayout
from serl_rl.models.mlp import Arithmetic
from serl_rl.models.perception import VisualPolicy
from serl_rl.models.types import Observations
from serl_rl.models.vision.config import VisionConfig
from serl_rl.models.vision.image_preprocessor import ImagePreprocessor
from serl_rl.protocol.spec import EnvironmentSpec


def squashed_log_probability(mean: Tensor, log_std: Tensor, actions: Tensor) -> Tensor:
    r"""Computes the log-probability of given actions under a Gaussian squashed by tanh.

    .. math:: \log \pi(a) = \sum_i \log \mathcal{N}(\operatorname{artanh} a_i; \mu_i, \sigma_i) - \log(1 - a_i^2)

    Haarnoja et al. 2018 (arXiv:1812.05905), appendix C, solved for the sample.

    Args:
        mean: Mean before squashing. Shape (B, A).
        log_std: Logarithm of the standard deviation before squashing. Shape (B, A).
        actions: In (-1, 1). Shape (B, A).

    Returns:
        Shape (B,).
    """
    distance = (torch.atanh(actions) - mean) * torch.exp(-log_std)
    gaussian = -0.5 * distance.square() - log_std - 0.5 * math.log(2 * math.pi)
    return (gaussian - torch.log1p(-actions.square())).sum(-1)


def cloning_loss(
    mean: Tensor, log_std: Tensor, actions: Tensor, *, largest_action: float, smallest_std: float
) -> Tensor:
    r"""Computes the mean negative log-likelihood of demonstrated actions.

    .. math:: -\frac{1}{B} \sum_i \log \pi(a_i | s_i)

    Pomerleau 1991, "Efficient training of artificial neural networks for autonomous navigation", with the likelihood
    of SERL's and HIL-SERL's agents (Luo et al. 2024, arXiv:2401.16013, arXiv:2410.21845).

    Args:
        mean: Mean before squashing. Shape (B, A).
        log_std: Logarithm of the standard deviation before squashing. Shape (B, A).
        actions: In [-1, 1]. Shape (B, A).
        largest_action: Size that the components of actions are clipped to, below 1: artanh(1) is infinite.
        smallest_std: Least standard deviation before squashing that counts.
    """
    reachable = actions.clamp(-largest_action, largest_action)
    return -squashed_log_probability(mean, log_std.clamp_min(math.log(smallest_std)), reachable).mean()


def grasp_cloning_loss(scores: Tensor, choices: Tensor) -> Tensor:
    """Computes the mean cross entropy of the demonstrated choices of grippers.

    At act time a grasp critic's largest output is chosen; here it is learned as a classifier (softmax of its outputs).

    Args:
        scores: Shape (B, choices).
        choices: int64 of shape (B,).
    """
    return nn.functional.cross_entropy(scores, choices)


class Imitator(nn.Module):
    """Wraps a policy so that its loss trains perception too, which elsewhere the critic's does.

    Args:
        policy: From flat vectors, or from images, to a distribution.
        grasp: Chooses what grippers do; None where the policy moves them.
    """

    def __init__(self, policy: nn.Module, grasp: GraspCritic | None) -> None:
        super().__init__()
        self.policy = policy
        self.grasp = grasp

    def forward(self, observations: Observations) -> tuple[Tensor, Tensor, Tensor | None]:
        """Returns mean and logarithm of the standard deviation, (B, A) each, and the scores of gripper choices."""
        perceived, policy = observations, self.policy
        if isinstance(policy, VisualPolicy):
            assert isinstance(observations, tuple)
            # A VisualPolicy cuts the gradient of what reads the images, which its critics' loss trains otherwise.
            perceived, policy = policy.perception(observations), policy.policy
        assert isinstance(perceived, Tensor)
        assert isinstance(policy, GaussianTanhPolicy)
        mean, log_std = policy(perceived)
        return mean, log_std, None if self.grasp is None else self.grasp(perceived)


class BcAgent:
    """Trains a policy by behaviour cloning. One thread at a time may call it.

    Args:
        spec: What the environment observes and takes.
        networks: Sizes of the networks, and whether grippers choose.
        config: Settings.
        vision: How it sees; None for a policy that reads flat vectors alone.
        seed: Seed of the initial weights.
        device: Where to train.

    Raises:
        SpecError: The observation has arrays that a policy cannot read.
        WeightsError: The backbone's weight file cannot be used.
    """

    def __init__(
        self,
        spec: EnvironmentSpec,
        networks: SacConfig,
        config: BcConfig,
        *,
        vision: VisionConfig | None,
        seed: int = 0,
        device: torch.device | str = "cpu",
    ) -> None:
        self.spec = spec
        self.config = config
        self.device = torch.device(device)
        self.preprocessor = None if vision is None else ImagePreprocessor(spec, vision, self.device)
        self._grippers = GripperLayout(spec.action_size, networks.grippers)
        generator, arithmetic = torch.Generator().manual_seed(seed), Arithmetic()
        sizes = (spec.vector_size, self._grippers.arm_size)
        policy = make_networks(*sizes, networks, self.preprocessor, arithmetic, generator, self.device).policy
        grasp = None
        if networks.grippers:
            rest = self._grippers.choice_count, networks.hidden_sizes, arithmetic, generator
            grasp = make_grasp_critic(policy, spec.vector_size, *rest).to(self.device)
        self._imitator = Imitator(policy, grasp).eval()
        self._adam = torch.optim.Adam(self._imitator.parameters(), config.learning_rate)

    def update(self, observations: Observations, actions: Tensor) -> Tensor:
        """Takes one step of gradient descent.

        Args:
            observations: What was seen.
            actions: What was done there, in [-1, 1]. Shape (B, A).

        Returns:
            The loss, a scalar on the device, in nat.
        """
        self._imitator.train()
        loss, _ = self._judge(observations, actions)
        self._adam.zero_grad()
        loss.backward()
        self._adam.step()
        self._imitator.eval()
        return loss.detach()

    @torch.no_grad()
    def judge(self, observations: Observations, actions: Tensor) -> tuple[float, float]:
        """Measures the policy's error on demonstrations; changes nothing.

        Args:
            observations: What was seen.
            actions: What was done there, in [-1, 1]. Shape (B, A).

        Returns:
            The loss in nat, and the mean absolute difference of the deterministic actions, plus the share of wrong
            choices of grippers.
        """
        loss, error = self._judge(observations, actions)
        return loss.item(), error.item()

    def policy_state(self) -> dict[str, Tensor]:
        """Returns copies of the policy's arrays on the CPU, by the names that `SacAgent.policy_state` gives them."""
        return {name: value.detach().cpu().clone() for name, value in self._arrays().items()}

    def load_policy_state(self, state: Mapping[str, Tensor]) -> None:
        """Copies what `policy_state` returned, of an agent with equal settings."""
        for name, value in self._arrays().items():
            value.data.copy_(state[name])

    def _arrays(self) -> dict[str, nn.Parameter]:
        policy, grasp = self._imitator.policy, self._imitator.grasp
        chosen = () if grasp is None else grasp.named_parameters()
        return dict(policy.named_parameters()) | {f"{PREFIX}{name}": value for name, value in chosen}

    def _judge(self, observations: Observations, actions: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_std, scores = self._imitator(observations)
        arm, config = self._grippers.arm(actions), self.config
        bounds = {"largest_action": config.largest_action, "smallest_std": config.smallest_std}
        loss, error = cloning_loss(mean, log_std, arm, **bounds), (torch.tanh(mean) - arm).abs().mean()
        if scores is not None:
            choices = self._grippers.choices(actions)
            loss = loss + grasp_cloning_loss(scores, choices)
            error = error + (scores.argmax(-1) != choices).float().mean()
        return loss, error
