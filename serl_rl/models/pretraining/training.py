"""Pretrains a backbone to regress the positions of objects and gripper from single images."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from serl_rl.models.compilation import fast_arithmetic
from serl_rl.models.device import find_device
from serl_rl.models.divergence import require_finite
from serl_rl.models.mlp import Affine, Arithmetic
from serl_rl.models.pretraining.config import PretrainingConfig
from serl_rl.models.pretraining.pictures import Pictures
from serl_rl.models.vision.augmentation import draw_shifts, shifted
from serl_rl.models.vision.backbones.backbone import Backbone
from serl_rl.models.vision.encoder_config import HeadConfig
from serl_rl.models.vision.head import CameraHeads

_CHECK_STEPS = 100
_CHUNK = 64
_LOG_VARIANCE = (-9.0, 2.0)
_RISE = 0.05
_SECONDS_A_MINUTE = 60.0


@dataclass(frozen=True, kw_only=True)
class PretrainingProgress:
    """Reports the progress of pretraining."""

    steps: int
    """Gradient steps done."""
    loss: float
    """Mean loss since the last report, in nat."""
    errors: dict[str, dict[str, float]]
    """Root mean square error of each keypoint on validation scenes, m, by camera."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Pretrained:
    """Holds the results of pretraining, beside the backbone."""

    reports: tuple[PretrainingProgress, ...]
    """Every report; the last one is of the final weights."""
    heads: CameraHeads
    """The head of each camera, on the CPU."""


class KeypointRegressor(nn.Module):
    """Regresses keypoints and their uncertainty in each image, with a head for each camera.

    Negative log likelihood of a Gaussian whose variance is an output too (Kendall and Gal 2017, arXiv:1703.04977): a
    picture that does not show an object counts little, one that shows it counts much. Each term is weighted with the
    square root of its variance, so that what is hard now is not given up for good (Seitzer et al. 2022,
    arXiv:2203.09168, beta = 0.5).

    Args:
        backbone: The network to train.
        shapes: Channels, height and width of the maps of each camera.
        mean: Mean of each keypoint, m. Shape (K,).
        deviation: Standard deviation of each keypoint, m. Shape (K,).
        head: How the heads read the maps.
        generator: Source of the heads' initial weights.
    """

    def __init__(
        self,
        backbone: Backbone,
        shapes: dict[str, tuple[int, int, int]],
        mean: Tensor,
        deviation: Tensor,
        head: HeadConfig,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.cameras = tuple(shapes)
        self.heads = CameraHeads(shapes, head, Arithmetic(), generator)
        self.outputs = nn.ModuleList(
            Affine(self.heads.head(camera).output_size, 2 * len(mean), None, generator) for camera in shapes
        )
        self.product_dtype = torch.float32
        """Type of the backbone's products; bfloat16 where the device is fast with it."""
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)

    def forward(self, images: Tensor, camera: int) -> tuple[Tensor, Tensor]:
        """Reads pictures of a camera.

        Returns:
            Keypoints in units of their standard deviation, and the logarithm of the variance of what is left. Shapes
                (B, K) and (B, K).
        """
        fast = self.product_dtype != torch.float32
        with torch.autocast(images.device.type, self.product_dtype if fast else torch.bfloat16, enabled=fast):
            maps = self.backbone(images)
        features = self.heads.head(self.cameras[camera])(maps.float())
        mean, log_variance = self.outputs[camera](features, torch.float32).chunk(2, dim=-1)
        return mean, log_variance.clamp(*_LOG_VARIANCE)

    def loss(self, images: Tensor, keypoints: Tensor, camera: int) -> Tensor:
        """Computes the mean weighted negative log likelihood, in nat.

        Args:
            images: uint8 of shape (B, H, W, 3).
            keypoints: In m. Shape (B, K).
            camera: Number of the camera.
        """
        target = (keypoints - self.get_buffer("mean")) / self.get_buffer("deviation")
        mean, log_variance = self(images, camera)
        likelihood = 0.5 * ((mean - target).square() * torch.exp(-log_variance) + log_variance)
        return (likelihood * torch.exp(0.5 * log_variance.detach())).mean()


def pretrain(
    backbone: Backbone,
    pictures: Pictures,
    config: PretrainingConfig,
    on_progress: Callable[[PretrainingProgress], bool] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Pretrained:
    """Trains a backbone in place.

    Args:
        backbone: The network; not frozen.
        pictures: What to learn from.
        config: How.
        on_progress: Called now and then; what it returns says whether to go on.
        clock: Time in s, for the limit of minutes.

    Returns:
        The heads that were trained with it, and how well they did.

    Raises:
        ValueError: The backbone is frozen.
    """
    if backbone.is_frozen:
        raise ValueError("the backbone is frozen; pretraining needs one that learns")
    if config.threads:
        torch.set_num_threads(config.threads)
    generator = torch.Generator().manual_seed(config.seed)
    device = torch.device(find_device(config.device, "--pretraining.device"))
    held_out = min(max(round(len(pictures) * config.validation_share), 1), len(pictures) - 1)
    keypoints = torch.from_numpy(pictures.keypoints)
    own = keypoints[held_out:]
    shapes = {name: backbone.feature_shape(*images.shape[1:3]) for name, images in pictures.images.items()}
    deviation = own.std(0, correction=0).clamp_min(1e-3)
    head = HeadConfig(pooling=config.pooling, dropout=0.0, bottleneck=config.features)
    regressor = KeypointRegressor(backbone, shapes, own.mean(0), deviation, head, generator).to(device)
    regressor.product_dtype = fast_arithmetic("auto", device, is_compiled=True).product_dtype
    optimizer = torch.optim.Adam(regressor.parameters(), config.learning_rate)
    history: list[PretrainingProgress] = []
    losses: list[Tensor] = []
    start = clock()
    for step in range(1, config.steps + 1):
        share = max(step / config.steps, _time_share(clock() - start, config.minutes))
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * _schedule(share, step)
        losses.append(_step(regressor, optimizer, pictures, held_out, config, generator))
        is_last = step == config.steps or share >= 1
        if step % _CHECK_STEPS and not is_last:
            continue
        errors = validation_errors(regressor, pictures, held_out)
        loss = float(torch.stack(losses).mean())
        require_finite("the loss", loss, step, "give a smaller --pretraining.learning-rate")
        history.append(PretrainingProgress(steps=step, loss=loss, errors=errors))
        losses.clear()
        if is_last or (on_progress is not None and not on_progress(history[-1])):
            break
    regressor.cpu()
    return Pretrained(reports=tuple(history), heads=regressor.heads)


@torch.no_grad()
def validation_errors(regressor: KeypointRegressor, pictures: Pictures, count: int) -> dict[str, dict[str, float]]:
    """Measures the root mean square error on the first scenes, m, by camera and keypoint."""
    regressor.eval()
    mean, deviation = regressor.get_buffer("mean"), regressor.get_buffer("deviation")
    expected = torch.from_numpy(pictures.keypoints[:count])
    errors: dict[str, dict[str, float]] = {}
    for number, camera in enumerate(regressor.cameras):
        parts = []
        for start in range(0, count, _CHUNK):
            images = torch.from_numpy(pictures.images[camera][start : min(start + _CHUNK, count)])
            parts.append((regressor(images.to(mean.device), number)[0] * deviation + mean).cpu())
        squared = (torch.cat(parts) - expected).square().mean(0)
        errors[camera] = dict(zip(pictures.names, squared.sqrt().tolist(), strict=True))
    regressor.train()
    return errors


def _step(
    regressor: KeypointRegressor,
    optimizer: torch.optim.Optimizer,
    pictures: Pictures,
    held_out: int,
    config: PretrainingConfig,
    generator: torch.Generator,
) -> Tensor:
    share = max(config.batch_size // len(regressor.cameras), 1)
    device = regressor.get_buffer("mean").device
    total = torch.zeros((), device=device)
    for number, camera in enumerate(regressor.cameras):
        chosen = torch.randint(held_out, len(pictures), (share,), generator=generator)
        images = torch.from_numpy(pictures.images[camera][chosen.numpy()])
        images = augmented(images, config, generator).to(device)
        keypoints = torch.from_numpy(pictures.keypoints[chosen.numpy()]).to(device)
        total = total + regressor.loss(images, keypoints, number)
    optimizer.zero_grad()
    total.backward()
    optimizer.step()
    return total.detach() / len(regressor.cameras)


def augmented(images: Tensor, config: PretrainingConfig, generator: torch.Generator) -> Tensor:
    """Shifts pictures and changes the gain of their colours, each by its own draw. uint8 of shape (B, H, W, 3)."""
    if config.shift_px:
        images = shifted(images, draw_shifts(len(images), generator, config.shift_px))
    if not config.brightness:
        return images
    gains = 1 + config.brightness * (2 * torch.rand(len(images), 1, 1, 3, generator=generator) - 1)
    return (images * gains).clamp_(0, 255).to(torch.uint8)


def _time_share(elapsed_s: float, minutes: float) -> float:
    return elapsed_s / (minutes * _SECONDS_A_MINUTE) if minutes else 0.0


def _schedule(share: float, step: int) -> float:
    """Returns the step size as a share of the largest: a short rise, then half a cosine; not zero at first."""
    if share < _RISE:
        return max(share / _RISE, min(step / _CHECK_STEPS, 1.0))
    return 0.5 * (1 + math.cos(math.pi * min((share - _RISE) / (1 - _RISE), 1.0)))


def summary(progress: PretrainingProgress) -> str:
    """Says in one line for people the errors of each position by camera, cm."""
    words = []
    for camera, errors in progress.errors.items():
        points = [name.removesuffix("_x") for name in errors if name.endswith("_x")]
        parts = (
            f"{point.replace('_', ' ')} {100 * math.hypot(*(errors[f'{point}_{axis}'] for axis in 'xyz')):.1f} cm"
            for point in points
        )
        words.append(f"{camera}: {', '.join(parts)}")
    return f"step {progress.steps}: loss {progress.loss:.3f}; " + "; ".join(words)
