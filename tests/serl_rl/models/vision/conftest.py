"""An independent implementation in NumPy and float64: channels last, loops over the windows, flax's names."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

MEAN = np.array([0.485, 0.456, 0.406])
DEVIATION = np.array([0.229, 0.224, 0.225])


def convolve(x, kernel, stride=1, padding=None):
    """x (B, H, W, I), kernel (h, w, I, O); SAME without a padding."""
    height, width = kernel.shape[:2]
    if padding is None:
        padding = [same(x.shape[1], height, stride), same(x.shape[2], width, stride)]
    x = np.pad(x, [(0, 0), *padding, (0, 0)])
    rows, columns = (x.shape[1] - height) // stride + 1, (x.shape[2] - width) // stride + 1
    y = np.zeros((len(x), rows, columns, kernel.shape[3]))
    for i in range(height):
        for j in range(width):
            y += (
                x[:, i : i + stride * rows : stride, j : j + stride * columns : stride][:, :rows, :columns]
                @ kernel[i, j]
            )
    return y


def same(size, kernel, stride):
    outputs = int(np.ceil(size / stride))
    total = max(0, (outputs - 1) * stride + kernel - size)
    return (total // 2, total - total // 2)


def max_pool(x, size=3, stride=2):
    pads = [same(x.shape[1], size, stride), same(x.shape[2], size, stride)]
    x = np.pad(x, [(0, 0), *pads, (0, 0)], constant_values=-np.inf)
    rows, columns = (x.shape[1] - size) // stride + 1, (x.shape[2] - size) // stride + 1
    y = np.empty((len(x), rows, columns, x.shape[3]))
    for i in range(rows):
        for j in range(columns):
            y[:, i, j] = x[:, i * stride : i * stride + size, j * stride : j * stride + size].max((1, 2))
    return y


def group_norm(x, scale, bias, groups=4, epsilon=1e-5):
    shape = x.shape
    x = x.reshape(*shape[:3], groups, -1)
    mean, variance = x.mean((1, 2, 4), keepdims=True), x.var((1, 2, 4), keepdims=True)
    return ((x - mean) / np.sqrt(variance + epsilon)).reshape(shape) * scale + bias


def relu(x):
    return np.maximum(x, 0)


def layer_norm(x, scale, bias, epsilon=1e-6):
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + epsilon) * scale + bias


def resnet10(images, params):
    """images (B, H, W, 3) in [0, 255], params nested as in SERL's pickle."""
    x = (images / 255 - MEAN) / DEVIATION
    x = convolve(x, params["conv_init"]["kernel"], 2, [(3, 3), (3, 3)])
    x = max_pool(relu(group_norm(x, **params["norm_init"])))
    for index in range(4):
        block, stride = params[f"ResNetBlock_{index}"], 1 if index == 0 else 2
        y = relu(group_norm(convolve(x, block["Conv_0"]["kernel"], stride), **block["MyGroupNorm_0"]))
        y = group_norm(convolve(y, block["Conv_1"]["kernel"]), **block["MyGroupNorm_1"])
        if "conv_proj" in block:
            x = group_norm(convolve(x, block["conv_proj"]["kernel"], stride), **block["norm_proj"])
        x = relu(x + y)
    return x


def resnet10_params(seed=0):
    """Random weights in SERL's layout, with a classification head."""
    rng = np.random.default_rng(seed)

    def conv(size, inputs, outputs):
        return {"kernel": (rng.standard_normal((size, size, inputs, outputs)) / size / inputs**0.5).astype(np.float32)}

    def norm(size):
        return {
            "scale": rng.uniform(0.5, 1.5, size).astype(np.float32),
            "bias": rng.normal(0, 0.3, size).astype(np.float32),
        }

    params = {"conv_init": conv(7, 3, 64), "norm_init": norm(64)}
    inputs = 64
    for index, outputs in enumerate((64, 128, 256, 512)):
        block = {"Conv_0": conv(3, inputs, outputs), "MyGroupNorm_0": norm(outputs)}
        block |= {"Conv_1": conv(3, outputs, outputs), "MyGroupNorm_1": norm(outputs)}
        if index:
            block |= {"conv_proj": conv(1, inputs, outputs), "norm_proj": norm(outputs)}
        params[f"ResNetBlock_{index}"] = block
        inputs = outputs
    params["output_head"] = {"kernel": rng.normal(0, 1, (512, 10)).astype(np.float32), "bias": np.zeros(10, np.float32)}
    return params


@pytest.fixture(scope="session")
def reference():
    return SimpleNamespace(
        convolve=convolve,
        max_pool=max_pool,
        group_norm=group_norm,
        layer_norm=layer_norm,
        resnet10=resnet10,
        resnet10_params=resnet10_params,
        MEAN=MEAN,
        DEVIATION=DEVIATION,
    )


def random_images(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8))


@pytest.fixture(scope="session")
def make_images():
    return random_images


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)
