"""Episodes with everything that one can hold."""

import numpy as np

from serl_client.episodes.files import Episode, EpisodeHeader, EpisodeWriter

HEADER = EpisodeHeader(
    task="serl/PickCubeVision-v0",
    specification={
        "observations": {"front": [[48, 64, 3], "uint8"], "side": [[48, 64, 3], "uint8"], "state": [[5], "float32"]},
        "action": [[4], "float32"],
        "state_components": ["x", "y", "z", "yaw", "grip"],
    },
    metadata={"who": "ada"},
)


def picture(rng, height=48, width=64):
    """A smooth picture, as a camera's are: what a video is small for."""
    corners = rng.integers(0, 256, (4, 3))
    down, right = np.linspace(0, 1, height)[:, None, None], np.linspace(0, 1, width)[None, :, None]
    top, bottom = (corners[0] * (1 - right) + corners[1] * right), (corners[2] * (1 - right) + corners[3] * right)
    return np.round(top * (1 - down) + bottom * down).astype(np.uint8)


def full_episode(steps=6, seed=0, **changes):
    """An episode of a cell with two cameras, an arm and a base, at 20 Hz."""
    rng = np.random.default_rng(seed)
    stamps_ns = np.arange(steps + 1, dtype=np.int64) * 50_000_000
    values = {
        "observations": {
            "front": np.stack([picture(rng) for _ in range(steps + 1)]),
            "side": np.stack([picture(rng) for _ in range(steps + 1)]),
            "state": rng.standard_normal((steps + 1, 5)).astype(np.float32),
        },
        "actions": rng.uniform(-1, 1, (steps, 4)).astype(np.float32),
        "rewards": rng.standard_normal(steps),
        "terminated": True,
        "truncated": False,
        "interventions": rng.integers(0, 2, steps).astype(bool),
        "stamps_ns": stamps_ns,
        "success": True,
        "metadata": {"scene_seed": seed, "success_labels": [False] * steps + [True]},
        "sensors": {
            "joint_positions": rng.standard_normal((steps + 1, 7)),
            "gripper_width": rng.uniform(0, 0.08, (steps + 1, 1)),
        },
        "sensor_stamps_ns": {
            "arm": stamps_ns,
            "camera/front": stamps_ns + rng.integers(-9_000_000, 9_000_000, steps + 1),
        },
        "frame_numbers": {"front": np.arange(steps + 1) * 2},
        "extra_actions": {"base_action": rng.uniform(-1, 1, (steps, 2)).astype(np.float32)},
        "control_rate_hz": 20.0,
    }
    return Episode(**values | changes)


def write_episodes(path, episodes, header=HEADER):
    """Writes an episode file; returns its path."""
    with EpisodeWriter(path, header) as writer:
        for episode in episodes:
            writer.append(episode)
    return path


def assert_same_episode(one, other, *, images=True):
    """Whether two episodes are equal to the bit; pictures only if they are to be."""
    for name in ("actions", "rewards", "interventions", "stamps_ns"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), strict=True)
    for group in ("observations", "sensors", "sensor_stamps_ns", "frame_numbers", "extra_actions"):
        first, second = getattr(one, group), getattr(other, group)
        assert sorted(first) == sorted(second)
        for key in first:
            assert first[key].dtype == second[key].dtype
            assert first[key].shape == second[key].shape
            if images or first[key].dtype != np.uint8:
                np.testing.assert_array_equal(first[key], second[key])
    for name in ("terminated", "truncated", "success", "metadata", "control_rate_hz"):
        assert getattr(one, name) == getattr(other, name)
