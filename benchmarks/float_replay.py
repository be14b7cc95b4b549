"""LeRobot's replay buffer: from a checkout whose path is in `LEROBOT_CHECKOUT`, else what it does, written anew.

What it does (v0.6): every image is stored as float32, channels first; with `optimize_memory`, as its learner asks for,
the next image is that of the next slot. A batch is an advanced index for each camera, now and next; then all images are
joined and shifted at random, by 4 px, with edges repeated.
"""

import importlib.machinery
import importlib.util
import os
import sys
import types
from collections.abc import Callable
from pathlib import Path

import torch
from torch.nn import functional

STATE, CAMERAS = "observation.state", ("observation.image.front", "observation.image.wrist")


def make(capacity: int, *, shifts: bool) -> Callable[[int], object]:
    """A full buffer of two 128 x 128 cameras; returns its sampling function."""
    checkout = os.environ.get("LEROBOT_CHECKOUT")
    buffer = _original(Path(checkout), capacity, shifts=shifts) if checkout else _Rewritten(capacity, shifts=shifts)
    return buffer.sample


class _Rewritten:
    def __init__(self, capacity: int, *, shifts: bool) -> None:
        self._capacity, self._shifts = capacity, shifts
        shapes = {STATE: (10,), **dict.fromkeys(CAMERAS, (3, 128, 128))}
        self._states = {key: torch.rand(capacity, *shape) for key, shape in shapes.items()}
        self._scalars = [torch.zeros(capacity, 4), *(torch.zeros(capacity) for _ in range(3))]

    def sample(self, count: int) -> object:
        index = torch.randint(0, self._capacity, (count,))
        following = (index + 1) % self._capacity
        now = {key: values[index] for key, values in self._states.items()}
        then = {key: values[following] for key, values in self._states.items()}
        scalars = [values[index] for values in self._scalars]
        if self._shifts:
            images = torch.cat([part[camera] for camera in CAMERAS for part in (now, then)])
            pieces = _shifted(images).split(count)
            for number, camera in enumerate(CAMERAS):
                now[camera], then[camera] = pieces[2 * number : 2 * number + 2]
        return now, then, scalars


def _shifted(images: torch.Tensor) -> torch.Tensor:
    count, _, height, width = images.shape
    padded = functional.pad(images, (4, 4, 4, 4), mode="replicate").permute(0, 2, 3, 1)
    rows = torch.arange(height)[None] + torch.randint(0, 9, (count, 1))
    columns = torch.arange(width)[None] + torch.randint(0, 9, (count, 1))
    samples = torch.arange(count)[:, None, None]
    return padded[samples, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _original(checkout: Path, capacity: int, *, shifts: bool):
    """The checkout's own class; the packages that only its dataset functions need are replaced by empty ones."""
    for name, content in {
        "lerobot": {},
        "lerobot.datasets": {"LeRobotDataset": object},
        "lerobot.utils": {},
        "lerobot.utils.constants": {
            "ACTION": "action",
            "DONE": "done",
            "OBS_IMAGE": "observation.image",
            "REWARD": "r",
        },
        "lerobot.utils.transition": {"Transition": dict},
        "tqdm": {"tqdm": iter},
    }.items():
        module = sys.modules.setdefault(name, types.ModuleType(name))
        module.__spec__ = module.__spec__ or importlib.machinery.ModuleSpec(name, None)  # torch.compile asks for it.
        module.__dict__.update({key: value for key, value in content.items() if key not in module.__dict__})
    spec = importlib.util.spec_from_file_location("lerobot_buffer", checkout / "src/lerobot/rl/buffer.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    buffer = module.ReplayBuffer(capacity, "cpu", [STATE, *CAMERAS], use_drq=shifts, optimize_memory=True)
    state = {STATE: torch.zeros(1, 10), **{camera: torch.rand(1, 3, 128, 128) for camera in CAMERAS}}
    for _ in range(capacity):
        buffer.add(state, torch.zeros(1, 4), 0.0, state, done=False, truncated=False)
    return buffer
