"""A transformer and the losses of action chunking once more, in NumPy and float64, from the names of torch's arrays."""

import numpy as np


class TransformerAccount:
    """Computes what a network of given arrays computes, without dropout."""

    def __init__(self, arrays, heads):
        self.arrays = {name: np.asarray(value, np.float64) for name, value in arrays.items()}
        self.heads = heads

    def linear(self, name, x):
        return x @ self.arrays[f"{name}.weight"].T + self.arrays[f"{name}.bias"]

    def norm(self, name, x):
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
        return scaled * self.arrays[f"{name}.weight"] + self.arrays[f"{name}.bias"]

    def attention(self, name, queries, keys, ignored=None):
        weights = np.split(self.arrays[f"{name}.in_proj_weight"], 3)
        biases = np.split(self.arrays[f"{name}.in_proj_bias"], 3)
        q, k, v = (
            self._by_head(x @ weight.T + bias)
            for x, weight, bias in zip((queries, keys, keys), weights, biases, strict=True)
        )
        scores = q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1])
        if ignored is not None:
            scores = np.where(ignored[:, None, None, :], -np.inf, scores)
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (scores / scores.sum(-1, keepdims=True)) @ v
        return self.linear(f"{name}.out_proj", mixed.swapaxes(1, 2).reshape(queries.shape))

    def _by_head(self, x):
        return x.reshape(*x.shape[:2], self.heads, -1).swapaxes(1, 2)

    def encoder(self, name, x, layers, ignored=None):
        for layer in (f"{name}.layers.{index}" for index in range(layers)):
            x = self.norm(f"{layer}.norm1", x + self.attention(f"{layer}.self_attn", x, x, ignored))
            x = self.norm(f"{layer}.norm2", x + self._feed_forward(layer, x))
        return x

    def decoder(self, name, x, memory, layers):
        for layer in (f"{name}.layers.{index}" for index in range(layers)):
            x = self.norm(f"{layer}.norm1", x + self.attention(f"{layer}.self_attn", x, x))
            x = self.norm(f"{layer}.norm2", x + self.attention(f"{layer}.multihead_attn", x, memory))
            x = self.norm(f"{layer}.norm3", x + self._feed_forward(layer, x))
        return self.norm(f"{name}.norm", x)

    def _feed_forward(self, layer, x):
        return self.linear(f"{layer}.linear2", np.maximum(self.linear(f"{layer}.linear1", x), 0))


def sinusoid_table(length, size):
    """PE(p, 2i) = sin(p / 10000^(2i/size)), PE(p, 2i+1) = cos of the same."""
    table = np.zeros((length, size))
    for place in range(length):
        for index in range(0, size, 2):
            angle = place / 10000 ** (index / size)
            table[place, index : index + 2] = np.sin(angle), np.cos(angle)
    return table


def act_losses(account, config, state, maps, actions, is_pad, noise):
    """Style, chunk, masked L1 and divergence of a batch; inputs normalised; maps (B, C, h, w) in order of cameras."""
    count = len(state)
    cls = np.broadcast_to(account.arrays["style_encoder.cls"], (count, 1, config.hidden_size))
    own = account.linear("style_encoder.state", state)[:, None]
    sequence = np.concatenate([cls, own, account.linear("style_encoder.actions", actions)], 1)
    sequence = sequence + sinusoid_table(sequence.shape[1], config.hidden_size)
    ignored = np.concatenate([np.zeros((count, 2), bool), is_pad], 1)
    read = account.encoder("style_encoder.encoder", sequence, config.latent_encoder_layers, ignored)[:, 0]
    mean, log_variance = np.split(account.linear("style_encoder.distribution", read), 2, -1)
    style = mean + noise * np.exp(log_variance / 2)
    predicted = act_chunk(account, config, state, maps, style)
    distances = [np.abs(predicted[b, k] - actions[b, k]).mean() for b, k in np.argwhere(~is_pad)]
    kl = sum(0.5 * (m**2 + np.exp(v) - 1 - v) for m, v in zip(mean.ravel(), log_variance.ravel(), strict=True)) / count
    return predicted, np.mean(distances), kl


def act_chunk(account, config, state, maps, style):
    """What the encoder and decoder write."""
    single = np.stack([account.linear("style", style), account.linear("state", state)], 1)
    tokens = [single + account.arrays["token_places"]]
    if maps:
        height = maps[0].shape[2]
        joined = np.concatenate(maps, 3)
        flat = joined.reshape(*joined.shape[:2], -1).swapaxes(1, 2)
        weight = account.arrays[f"cameras.projections.{joined.shape[1]}.weight"][:, :, 0, 0]
        bias = account.arrays[f"cameras.projections.{joined.shape[1]}.bias"]
        tokens.append(flat @ weight.T + bias + _map_places(height, joined.shape[3], config.hidden_size))
    memory = account.encoder("encoder", np.concatenate(tokens, 1), config.encoder_layers)
    queries = np.broadcast_to(account.arrays["queries"], (len(state), *account.arrays["queries"].shape))
    return account.linear("head", account.decoder("decoder", queries, memory, config.decoder_layers))


def _map_places(height, width, size):
    half = size // 2
    places = np.zeros((height, width, size))
    for row in range(height):
        for column in range(width):
            for offset, share in ((0, (row + 1) / height), (half, (column + 1) / width)):
                for index in range(0, half, 2):
                    angle = 2 * np.pi * share / 10000 ** (index / half)
                    places[row, column, offset + index : offset + index + 2] = np.sin(angle), np.cos(angle)
    return places.reshape(-1, size)
