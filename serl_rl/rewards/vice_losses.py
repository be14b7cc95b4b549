"""Computes the losses and rewards of VICE from tensors."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from serl_rl.rewards.vice_config import EventReward

_NORM_EPSILON = 1e-6


def smoothed(labels: Tensor, smoothing: float) -> Tensor:
    r"""Draws labels towards one half: :math:`y (1 - s) + s / 2` (Szegedy et al. 2016, arXiv:1512.00567, section 7)."""
    return labels * (1 - smoothing) + 0.5 * smoothing


def mixed(array: Tensor, partners: Tensor, share: float) -> Tensor:
    r"""Mixes samples in pairs: :math:`\lambda x_i + (1 - \lambda) x_j` (Zhang et al. 2018, mixup, arXiv:1710.09412).

    Args:
        array: Shape (B, ...).
        partners: Index j of each sample's partner. Shape (B,).
        share: lambda, in [0, 1].
    """
    return share * array + (1 - share) * array[partners]


def event_loss(logits: Tensor, labels: Tensor, partners: Tensor, share: float) -> Tensor:
    r"""Computes the cross entropy of mixed samples against the labels of both.

    .. math:: \lambda\, \mathrm{BCE}(\hat y, y_i) + (1 - \lambda)\, \mathrm{BCE}(\hat y, y_j)

    Fu et al. 2018 (VICE, arXiv:1805.11686) train goals against the policy's states by cross entropy; mixup as in SERL
    (Luo et al. 2024, arXiv:2401.16013).

    Args:
        logits: Of mixed samples. Shape (B,).
        labels: Before mixing, in [0, 1]. Shape (B,).
        partners: As for `mixed`. Shape (B,).
        share: lambda.
    """
    cross_entropy = nn.functional.binary_cross_entropy_with_logits
    return share * cross_entropy(logits, labels) + (1 - share) * cross_entropy(logits, labels[partners])


def gradient_penalty(slopes: Sequence[Tensor]) -> Tensor:
    r"""Computes the mean of :math:`(\lVert \nabla_x f(x) \rVert - 1)^2` (Gulrajani et al. 2017, arXiv:1704.00028).

    As in SERL, each camera has a norm of its own, and 1e-6 under the root for each component keeps its slope finite.

    Args:
        slopes: Gradients of the logits by the inputs: one array of shape (B, ...) for each input.
    """
    norms = [(slope.flatten(1).square() + _NORM_EPSILON).sum(1).sqrt() for slope in slopes]
    return (torch.cat(norms) - 1).square().mean()


def event_reward(logits: Tensor, kind: EventReward) -> Tensor:
    r"""Computes the reward of a step by the logit of what is seen after it.

    "success" is :math:`1[p \ge 1/2]`, as in SERL; "probability" is p; "log-odds" is
    :math:`\log p - \log(1 - p)`, the logit itself, the reward of adversarial inverse reinforcement learning (Fu et al.
    2018, arXiv:1710.11248, section 4) that VICE builds on.

    Args:
        logits: Shape (...).
        kind: Which.

    Returns:
        Shape (...), float32.
    """
    if kind == "log-odds":
        return logits
    return torch.sigmoid(logits) if kind == "probability" else (logits >= 0).float()
