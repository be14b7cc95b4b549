"""Encodes a demonstrated chunk into the distribution of its style; used in training only."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from serl_rl.algorithms.act.config import ActConfig
from serl_rl.algorithms.act.layers import encoder
from serl_rl.algorithms.act.positions import sinusoids


class StyleEncoder(nn.Module):
    """Reads [CLS, state, actions] with sinusoids; what CLS becomes is mean and logarithm of the variance.

    The recognition network of the conditional variational autoencoder of Zhao et al. 2023 (arXiv:2304.13705).

    Args:
        config: Sizes.
        state_size: Components of the state; 0 leaves its token away.
        action_size: Components of an action.
    """

    places: Tensor

    def __init__(self, config: ActConfig, state_size: int, action_size: int) -> None:
        super().__init__()
        size = config.hidden_size
        self.cls = nn.Parameter(0.02 * torch.randn(size))
        self.state = nn.Linear(state_size, size) if state_size else None
        self.actions = nn.Linear(action_size, size)
        self.encoder = encoder(config, config.latent_encoder_layers)
        self.distribution = nn.Linear(size, 2 * config.latent_size)
        length = 1 + (state_size > 0) + config.chunk_size
        self.register_buffer("places", sinusoids(torch.arange(length), size), persistent=False)

    def forward(self, state: Tensor, actions: Tensor, is_pad: Tensor) -> tuple[Tensor, Tensor]:
        """Encodes chunks.

        Args:
            state: Normalised. Shape (B, S).
            actions: Normalised. Shape (B, K, A).
            is_pad: Which actions are padding, that nothing attends to. Bool of shape (B, K).

        Returns:
            Mean and logarithm of the variance. Shapes (B, L) and (B, L).
        """
        count = len(actions)
        tokens = [self.cls.expand(count, 1, -1)]
        if self.state is not None:
            tokens.append(self.state(state)[:, None])
        tokens.append(self.actions(actions))
        sequence = torch.cat(tokens, 1) + self.places
        ignored = torch.cat([is_pad.new_zeros(count, sequence.shape[1] - is_pad.shape[1]), is_pad], 1)
        read = self.encoder(sequence, src_key_padding_mask=ignored)[:, 0]
        mean, log_variance = self.distribution(read).chunk(2, -1)
        return mean, log_variance
