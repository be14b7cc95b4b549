import io
import pickle
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from serl_rl.models.vision.backbones.resnet import ResNet
from serl_rl.models.vision.encoder_config import BackboneConfig
from serl_rl.models.vision.factory import make_backbone
from serl_rl.models.vision.weights.array_pickle import read_array_pickle
from serl_rl.models.vision.weights.errors import WeightsError
from serl_rl.models.vision.weights.files import load_weights, save_weights

_NAMES = {"stem": "conv_init", "stem_norm": "norm_init", "conv1": "Conv_0", "conv2": "Conv_1"}
_NAMES |= {
    "norm1": "MyGroupNorm_0",
    "norm2": "MyGroupNorm_1",
    "projection": "conv_proj",
    "projection_norm": "norm_proj",
}


def upstream_tree(network):
    """A network's weights nested, named and laid out as SERL's pickle has them."""
    tree = {"output_head": {"kernel": np.zeros((512, 1000), np.float32), "bias": np.zeros(1000, np.float32)}}
    for name, value in network.state_dict().items():
        *parents, leaf = name.split(".")
        if parents[0] == "blocks":
            parents = [f"ResNetBlock_{parents[1]}", *parents[2:]]
        array = value.numpy()
        branch = tree
        for parent in parents:
            branch = branch.setdefault(_NAMES.get(parent, parent), {})
        is_conv = array.ndim == 4
        branch["kernel" if is_conv else {"weight": "scale"}.get(leaf, leaf)] = (
            array.transpose(2, 3, 1, 0).copy() if is_conv else array
        )
    return tree


@pytest.fixture(scope="module")
def network():
    network = ResNet(torch.Generator().manual_seed(7))
    generator = torch.Generator().manual_seed(8)
    for parameter in network.parameters():  # Norms included, so that none can be forgotten.
        parameter.data += 0.1 * torch.randn(parameter.shape, generator=generator)
    return network


@pytest.fixture(scope="module")
def other():
    """Another network of the same kind, which no file may change, and its weights."""
    other = ResNet(torch.Generator().manual_seed(1))
    return other, {name: value.clone() for name, value in other.state_dict().items()}


def equal(a, b):
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


@pytest.mark.trap
@pytest.mark.parametrize("protocol", [4, 5])
def test_upstream_pickle_is_loaded(network, tmp_path, protocol):
    path = tmp_path / "resnet10_params.pkl"
    path.write_bytes(pickle.dumps(upstream_tree(network), protocol))
    loaded = ResNet(torch.Generator())
    load_weights(loaded, path)
    assert equal(loaded, network)


def test_a_pickle_of_jax_arrays_is_loaded_without_jax(network, tmp_path, monkeypatch):
    """The published file holds jax arrays: a function of jax, around what NumPy pickles."""
    module = types.ModuleType("jax._src.array")

    def _reconstruct_array(*args):
        raise AssertionError("jax must not be called")

    _reconstruct_array.__module__, _reconstruct_array.__qualname__ = "jax._src.array", "_reconstruct_array"
    module._reconstruct_array = _reconstruct_array
    for name in ("jax", "jax._src", "jax._src.array"):
        monkeypatch.setitem(sys.modules, name, module)

    class JaxArray:
        def __init__(self, array):
            self.array = array

        def __reduce__(self):
            build, args, state = self.array.__reduce__()
            return _reconstruct_array, (build, args, state, {"weak_type": False})

    def wrap(tree):
        return JaxArray(tree) if isinstance(tree, np.ndarray) else {key: wrap(item) for key, item in tree.items()}

    path = tmp_path / "resnet10_params.pkl"
    path.write_bytes(pickle.dumps(wrap(upstream_tree(network)), 4))
    loaded = ResNet(torch.Generator())
    load_weights(loaded, path)
    assert equal(loaded, network)


def test_safetensors_round_trip(network, tmp_path):
    path = tmp_path / "weights.safetensors"
    save_weights(network, path, {"what": "test"})
    loaded = make_backbone(BackboneConfig(weights=path))
    assert equal(loaded, network)
    assert loaded.is_frozen
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_port_to_transformers_is_loaded(network, tmp_path):
    ported = {}
    for name, value in network.state_dict().items():
        name = name.replace("stem_norm.", "embedder.1.").replace("stem.", "embedder.0.")
        name = name.replace("blocks.", "encoder.stages.")
        ported[name.replace("projection_norm", "shortcut.1").replace("projection", "shortcut.0")] = value.contiguous()
    path = tmp_path / "model.safetensors"
    save_file(ported, path)
    loaded = ResNet(torch.Generator())
    load_weights(loaded, path)
    assert equal(loaded, network)


@pytest.mark.parametrize("name", ["resnet18", "mobilenet"])
def test_torchvision_file_brings_its_batch_statistics(tmp_path, name):
    from torchvision import models

    torch.manual_seed(0)
    original = (models.resnet18 if name == "resnet18" else models.mobilenet_v3_small)(weights=None)
    for module in original.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    path = tmp_path / "weights.pth"
    torch.save(original.state_dict(), path)
    loaded = make_backbone(BackboneConfig(name=name, weights=path))
    images = torch.randint(0, 256, (2, 64, 64, 3), dtype=torch.uint8)
    features = torch.nn.Sequential(*list(original.children())[:-2]) if name == "resnet18" else original.features
    with torch.no_grad():
        expected = features.eval()(loaded.scaling(images))
    torch.testing.assert_close(loaded(images), expected, atol=1e-4, rtol=1e-3)


def test_weights_of_a_plain_network_fit_a_conditioned_one(network, tmp_path):
    path = tmp_path / "weights.safetensors"
    save_weights(network, path)
    images = torch.randint(0, 256, (1, 32, 32, 3), dtype=torch.uint8)
    told = make_backbone(BackboneConfig(weights=path, condition_size=4))
    torch.testing.assert_close(told(images, torch.ones(1, 4)), network(images))


class Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.trap
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (lambda p: {"conv_init": Evil(p / "touched")}, "asks for pathlib"),
        (lambda p: {"conv_init": {"kernel": np.array([object()])}}, "asks for builtins.object"),
        (lambda p: {"conv_init": torch.zeros(3)}, "asks for torch"),
        (lambda p: {"conv_init": {1: np.zeros(3)}}, "the key 1 at conv_init"),
        (lambda p: [np.zeros(3)], "a list at its top"),
        (lambda p: {"conv_init": np.zeros(3, np.int64)}, "an array of int64 at conv_init"),
        (lambda p: {"conv_init": np.array(["text"], object)}, "an array of object"),
    ],
)
def test_a_pickle_of_anything_else_is_refused_unread(tmp_path, content, words):
    path = tmp_path / "evil.pkl"
    path.write_bytes(pickle.dumps(content(tmp_path), 4))
    with pytest.raises(WeightsError, match=words):
        read_array_pickle(path)
    assert [file.name for file in tmp_path.iterdir()] == ["evil.pkl"]


def test_a_pickle_that_holds_itself_is_refused(tmp_path):
    tree = {}
    tree["conv_init"] = tree
    path = tmp_path / "endless.pkl"
    path.write_bytes(pickle.dumps(tree, 4))
    with pytest.raises(WeightsError, match="a dict that holds itself"):
        read_array_pickle(path)


def test_a_pickle_that_calls_numpy_with_other_types_is_refused(tmp_path):
    from numpy._core.multiarray import _reconstruct

    class Matrix:
        def __reduce__(self):
            return _reconstruct, (np.matrix, (10**12,), b"b")

    path = tmp_path / "matrix.pkl"
    path.write_bytes(pickle.dumps({"a": Matrix()}, 4))
    with pytest.raises(WeightsError, match="not loaded"):
        read_array_pickle(path)


@pytest.mark.parametrize("cut", [0, 10, 1000])
def test_a_torn_pickle_is_refused(network, tmp_path, cut):
    path = tmp_path / "torn.pkl"
    path.write_bytes(pickle.dumps(upstream_tree(network), 4)[:cut])
    with pytest.raises(WeightsError, match="no pickle of arrays, or is damaged"):
        read_array_pickle(path)


def _write(path, kind, network):
    if kind == "missing":
        return
    if kind == "other network":
        save_weights(make_backbone(BackboneConfig(name="small")), path)
    elif kind == "no safetensors":
        path.write_bytes(b"hello")
    else:
        state = {name: value.clone().contiguous() for name, value in network.state_dict().items()}
        if kind == "one missing":
            del state["blocks.3.norm2.bias"]
        elif kind == "one more":
            state["blocks.4.conv1.weight"] = torch.zeros(1)
        elif kind == "other shape":
            state["stem.weight"] = torch.zeros(64, 6, 7, 7)
        elif kind == "nan":
            state["stem.weight"][0] = float("nan")
        save_file(state, path)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("missing", "there is no weight file"),
        ("other network", "holds another network: the array 'stem.weight' is missing"),
        ("no safetensors", "is no safetensors file"),
        ("one missing", "'blocks.3.norm2.bias' is missing"),
        ("one more", "'blocks.4.conv1.weight', which this one lacks"),
        ("other shape", r"'stem.weight' has shape \(64, 6, 7, 7\), not \(64, 3, 7, 7\)"),
        ("nan", "NaN"),
    ],
)
def test_a_foreign_file_is_refused_in_one_sentence_and_changes_nothing(network, other, tmp_path, kind, words):
    path = tmp_path / "weights.safetensors"
    _write(path, kind, network)
    own, weights = other
    with pytest.raises(WeightsError, match=words) as caught:
        load_weights(own, path)
    assert "\n" not in str(caught.value)
    assert all(torch.equal(value, weights[name]) for name, value in own.state_dict().items())


def test_other_endings_and_unsafe_torch_files_are_refused(network, tmp_path):
    path = tmp_path / "weights.onnx"
    path.touch()
    with pytest.raises(WeightsError, match=r"ends in \.onnx"):
        load_weights(network, path)
    with pytest.raises(WeightsError, match=r"written as \.safetensors"):
        save_weights(network, path)
    unsafe = tmp_path / "weights.pth"
    torch.save({"model": Evil(tmp_path / "touched")}, unsafe)
    with pytest.raises(WeightsError, match="no torch file of plain tensors"):
        load_weights(network, unsafe)
    assert not (tmp_path / "touched").exists()
    buffer = io.BytesIO()
    torch.save({"state_dict": {"stem.weight": torch.zeros(1)}}, buffer)
    unsafe.write_bytes(buffer.getvalue())
    with pytest.raises(WeightsError, match="no dict of tensors"):
        load_weights(network, unsafe)
