"""Predicts chunks of actions from an observation and a style: a transformer's encoder and decoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from serl_rl.algorithms.act.camera_tokens import CameraTokens
from serl_rl.algorithms.act.config import ActConfig
from serl_rl.algorithms.act.layers import decoder, encoder
from serl_rl.algorithms.act.style_encoder import StyleEncoder


class Prediction(NamedTuple):
    """Holds what the network made of a batch."""

    actions: Tensor
    """Normalised. Shape (B, K, A)."""
    mean: Tensor | None
    """Mean of the style; None where there is none, and outside training. Shape (B, L)."""
    log_variance: Tensor | None
    """Logarithm of its variance. Shape (B, L)."""


class ActNetwork(nn.Module):
    """Reads [style, state, places of all cameras], and writes the actions of a chunk at once.

    Zhao et al. 2023 (arXiv:2304.13705). Codes of places are added once, before torch's own layers, where the original
    adds them to queries and keys of each attention. Its output that says which actions are padding is left away: no
    loss reads it.

    Args:
        config: Sizes.
        state_size: Components of the state; 0 where cameras alone are seen.
        action_size: Components of an action.
        cameras: Makes tokens of what cameras see; None for a network that reads states alone.
    """

    def __init__(self, config: ActConfig, state_size: int, action_size: int, cameras: CameraTokens | None) -> None:
        super().__init__()
        size = config.hidden_size
        self.latent_size = config.latent_size
        self.style_encoder = StyleEncoder(config, state_size, action_size) if config.latent_size else None
        self.style = nn.Linear(config.latent_size, size) if config.latent_size else None
        self.state = nn.Linear(state_size, size) if state_size else None
        self.cameras = cameras
        self.token_places = nn.Parameter(0.02 * torch.randn((config.latent_size > 0) + (state_size > 0), size))
        self.encoder = encoder(config, config.encoder_layers)
        self.queries = nn.Parameter(torch.randn(config.chunk_size, size))
        self.decoder = decoder(config)
        self.head = nn.Linear(size, action_size)

    def forward(
        self,
        state: Tensor,
        seen: Mapping[str, Tensor] | None = None,
        actions: Tensor | None = None,
        is_pad: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> Prediction:
        """Predicts chunks.

        Args:
            state: Normalised. Shape (B, S).
            seen: What `CameraTokens` reads; None without cameras.
            actions: Demonstrated chunks, normalised, whose style is taken. Shape (B, K, A). None for the mean style.
            is_pad: Which of them are padding. Bool of shape (B, K).
            noise: Standard normal numbers that make a sample of the style. Shape (B, L).
        """
        mean = log_variance = None
        style = state.new_zeros(len(state), self.latent_size)
        if actions is not None and self.style_encoder is not None:
            assert is_pad is not None
            assert noise is not None
            mean, log_variance = self.style_encoder(state, actions, is_pad)
            style = mean + noise * torch.exp(0.5 * log_variance)
        memory = self.encoder(self._tokens(style, state, seen))
        written = self.decoder(self.queries.expand(len(state), -1, -1), memory)
        return Prediction(self.head(written), mean, log_variance)

    def _tokens(self, style: Tensor, state: Tensor, seen: Mapping[str, Tensor] | None) -> Tensor:
        single = [] if self.style is None else [self.style(style)]
        if self.state is not None:
            single.append(self.state(state))
        tokens = [torch.stack(single, 1) + self.token_places] if single else []
        if self.cameras is not None:
            assert seen is not None
            of_cameras, places = self.cameras(seen)
            tokens.append(of_cameras + places)
        return torch.cat(tokens, 1)
