"""Computes the losses of action chunking: masked distance of chunks, and divergence of styles."""

from __future__ import annotations

from torch import Tensor


def masked_l1(predicted: Tensor, actions: Tensor, is_pad: Tensor) -> Tensor:
    r"""Computes the mean distance of the actions that are no padding.

    .. math:: \frac{\sum_{b,k} (1 - p_{bk}) \lVert \hat a_{bk} - a_{bk} \rVert_1}{A \sum_{b,k} (1 - p_{bk})}

    The original divides by the number of all actions, so that a chunk near an episode's end weighs less than its
    actions do.

    Args:
        predicted: Shape (B, K, A).
        actions: Shape (B, K, A).
        is_pad: Which are padding. Bool of shape (B, K).

    Returns:
        A scalar; 0 where all is padding.
    """
    counts = (~is_pad)[..., None]
    distance = ((predicted - actions).abs() * counts).sum()
    return distance / (counts.sum() * predicted.shape[-1]).clamp_min(1)


def style_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    r"""Computes the mean divergence of styles from a standard normal distribution, in nat.

    .. math:: -\frac{1}{2B} \sum_{b,l} (1 + \log \sigma_{bl}^2 - \mu_{bl}^2 - \sigma_{bl}^2)

    Kingma and Welling 2014 (arXiv:1312.6114), appendix B.

    Args:
        mean: Shape (B, L).
        log_variance: Shape (B, L).
    """
    return -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(-1).mean()
