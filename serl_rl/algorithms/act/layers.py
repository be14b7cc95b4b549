"""Makes stacks of torch's transformer layers with the settings of the paper: ReLU, normalisation after each part."""

from __future__ import annotations

from typing import TypeVar

from torch import nn

from serl_rl.algorithms.act.config import ActConfig

Stack = TypeVar("Stack", bound=nn.Module)


def encoder(config: ActConfig, layers: int) -> nn.TransformerEncoder:
    """Makes an encoder over sequences of shape (B, N, hidden_size)."""
    layer = nn.TransformerEncoderLayer(
        config.hidden_size, config.heads, config.feedforward_size, config.dropout, batch_first=True
    )
    return _drawn(nn.TransformerEncoder(layer, layers, enable_nested_tensor=False))


def decoder(config: ActConfig) -> nn.TransformerDecoder:
    """Makes a decoder, whose output is normalised once more."""
    layer = nn.TransformerDecoderLayer(
        config.hidden_size, config.heads, config.feedforward_size, config.dropout, batch_first=True
    )
    return _drawn(nn.TransformerDecoder(layer, config.decoder_layers, nn.LayerNorm(config.hidden_size)))


def _drawn(stack: Stack) -> Stack:
    """Draws all weights anew: torch's stacks hold copies of one layer, all of which begin alike."""
    for parameter in stack.parameters():
        if parameter.dim() > 1:
            nn.init.xavier_uniform_(parameter)
    return stack
