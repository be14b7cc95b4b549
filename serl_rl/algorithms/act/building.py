"""Builds the network for an environment, and what prepares the images that it reads."""

from __future__ import annotations

import torch
from torch import nn

from serl_rl.algorithms.act.camera_tokens import CameraTokens
from serl_rl.algorithms.act.config import ActConfig
from serl_rl.algorithms.act.network import ActNetwork
from serl_rl.algorithms.act.normalization import ChunkStatistics, Normalization
from serl_rl.models.vision.config import VisionConfig
from serl_rl.models.vision.factory import make_backbones
from serl_rl.models.vision.image_preprocessor import ImagePreprocessor, cameras_of
from serl_rl.protocol.spec import EnvironmentSpec, SpecError

STYLE_ENCODER = "network.style_encoder."
"""How the names of arrays begin that only training needs."""


class ChunkModel(nn.Module):
    """Joins the network and the statistics, which are saved as one.

    Args:
        network: Predicts normalised chunks.
        normalization: Of the demonstrations.
    """

    def __init__(self, network: ActNetwork, normalization: Normalization) -> None:
        super().__init__()
        self.network = network
        self.normalization = normalization


def make_preprocessor(
    spec: EnvironmentSpec, vision: VisionConfig | None, device: torch.device
) -> ImagePreprocessor | None:
    """Makes what prepares images; None where there are none.

    Raises:
        SpecError: An array is neither a flat vector nor an RGB image, or images are stacked.
        WeightsError: The backbone's weight file cannot be used.
    """
    if vision is None:
        return None
    if vision.frame_stack > 1:
        raise SpecError(f"vision.frame_stack is {vision.frame_stack}; act sees one image at a time, so it must be 1")
    return ImagePreprocessor(spec, vision, device)


def make_model(
    spec: EnvironmentSpec,
    config: ActConfig,
    vision: VisionConfig | None,
    preprocessor: ImagePreprocessor | None,
    statistics: ChunkStatistics,
    seed: int,
) -> ChunkModel:
    """Makes the network on the CPU, with fresh weights.

    Args:
        spec: What the environment observes and takes.
        config: Sizes.
        vision: How it sees; None where the observation has no images.
        preprocessor: Whose maps or images it reads, where it sees.
        statistics: Of the demonstrations.
        seed: Seed of the weights.

    Raises:
        SpecError: The maps of the cameras do not stand side by side.
        UsageError: The backbone cannot be made.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # Torch's own layers take no generator.
        cameras = None
        if preprocessor is not None and vision is not None:
            cameras = _make_cameras(spec, config, vision, preprocessor)
        network = ActNetwork(config, spec.vector_size, spec.action_size, cameras)
    return ChunkModel(network, Normalization(statistics))


def _make_cameras(
    spec: EnvironmentSpec, config: ActConfig, vision: VisionConfig, preprocessor: ImagePreprocessor
) -> CameraTokens:
    if preprocessor.frozen is not None:
        return CameraTokens(config, preprocessor.frozen.feature_shapes, None)
    sizes = {array.name: array.shape[:2] for array in cameras_of(spec)}
    backbones = make_backbones(vision.encoder.backbone, sizes, is_dilated=config.is_dilated)
    shapes = {camera: backbones[camera].feature_shape(*size) for camera, size in sizes.items()}
    return CameraTokens(config, shapes, backbones)
