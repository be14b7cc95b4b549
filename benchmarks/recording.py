"""Recording at 50 Hz with three cameras of 640 x 480 px, and what writing, exporting and reading the data cost.

The daemon is a process of its own over fake devices in real time. Late steps, repeated and unseen frames are counted by
the code of `serl-train review --timing` from what was recorded. Exports are of pictures like a camera's: smooth, moving
and with noise, since a fake camera's compress too well to say anything.
"""

import resource
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
from gymnasium.wrappers import TimeLimit

from benchmarks.measure import Report, Row, figure
from benchmarks.processes import served
from serl_client.envs.robot_env import RobotEnv
from serl_client.envs.task import Outcome, Task
from serl_client.episodes.files import Episode, EpisodeHeader, EpisodeWriter
from serl_client.episodes.random_access import EpisodeFile
from serl_client.episodes.recording import episode_header, run_episode
from serl_client.teleop.experts import RandomWalkExpert
from serl_rl.datasets.lerobot.reading import LeRobotSource
from serl_rl.datasets.lerobot.writing import write_lerobot
from serl_rl.demonstrations.timing import EpisodeTiming, timing_of

CAMERAS = ("left", "right", "wrist")
RATE_HZ = 50.0
STEPS = 500
CELL = 'name = "recording"\n[arm]\ndriver = "fake"\n[gripper]\ndriver = "fake"\n' + "".join(
    f'[cameras.{name}]\ndriver = "fake"\nrate_hz = {RATE_HZ}\nwidth = 640\nheight = 480\n' for name in CAMERAS
)
EXPORT_STEPS, EXPORT_HZ, EXPORT_PX, EXPORT_CAMERAS = 500, 20, 128, ("front", "wrist")
FULL_STEPS = 100
TARGET_STEPS = 100_000


class NoReward:
    """Never ends an episode."""

    tracked_objects = ()

    def __call__(self, start, now):
        return Outcome(reward=0.0, terminated=False, success=False)


TASK = Task(
    name="recording",
    rewards={"sparse": NoReward()},
    cameras=CAMERAS,
    image_size=(480, 640),
    control_rate_hz=RATE_HZ,
    translation_scale=0.002,
)


def record(folder: Path) -> tuple[EpisodeTiming, float, float, tuple[float, float]]:
    """Records an episode.

    Gives its times, the seconds that its writing took, its size in bytes, and the CPU seconds of client and daemon, the
    daemon's with its start: what does not depend on what else the machine does.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    (folder / "cell.toml").write_text(CELL)
    with served("-m", "robot_daemon", "--config", str(folder / "cell.toml")) as address:
        env = TimeLimit(RobotEnv(TASK, address=address), STEPS)
        with EpisodeWriter(folder / "recorded.episodes", episode_header_of(env)) as writer:
            client_s = time.process_time()
            episode = run_episode(env, RandomWalkExpert(4, seed=0))
            client_s = time.process_time() - client_s
            begin_s = time.monotonic()
            writer.append(episode)
            wrote_s = time.monotonic() - begin_s
        env.close()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    daemon_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    size = float((folder / "recorded.episodes").stat().st_size)
    return timing_of(0, episode), wrote_s, size, (client_s, daemon_s)


def episode_header_of(env) -> EpisodeHeader:
    header = episode_header(env)
    return EpisodeHeader(task="recording", specification=header.specification)


def scene(steps: int, height: int, width: int, seed: int) -> np.ndarray:
    """A smooth background, a thing that moves, and the noise of a sensor of two levels."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / max(height, width)
    background = np.stack([96 + 64 * np.sin(9 * x + k) * np.cos(7 * y) for k in range(3)], axis=-1)
    images = np.empty((steps, height, width, 3), np.uint8)
    for step in range(steps):
        at = 0.5 + 0.3 * np.sin(step / 15)
        thing = ((x - at) ** 2 + (y - 0.4) ** 2 < 0.01)[..., None] * 80.0
        images[step] = np.clip(background + thing + rng.normal(0, 2, (height, width, 3)), 0, 255)
    return images


def camera_episode(steps: int, height: int, width: int, seed: int = 0) -> Episode:
    rng = np.random.default_rng(seed)
    return Episode(
        observations={
            "state": rng.standard_normal((steps + 1, 13)).astype(np.float32),
            **{name: scene(steps + 1, height, width, seed + k) for k, name in enumerate(EXPORT_CAMERAS)},
        },
        actions=rng.uniform(-1, 1, (steps, 7)).astype(np.float32),
        rewards=np.zeros(steps),
        terminated=True,
        truncated=False,
        interventions=np.ones(steps, bool),
        stamps_ns=np.arange(steps + 1) * 50_000_000,
        success=True,
        control_rate_hz=float(EXPORT_HZ),
    )


def export(folder: Path, steps: int, height: int, width: int) -> tuple[float, float, float]:
    """Exports one episode as video; gives times real time, bytes a step, and single samples read a second."""
    episode = camera_episode(steps, height, width)
    target = folder / f"set-{height}"
    begin_s = time.monotonic()
    write_lerobot(target, EpisodeHeader(task="x"), [episode])
    speed = steps / EXPORT_HZ / (time.monotonic() - begin_s)
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    source, order = LeRobotSource(target), np.random.default_rng(0).permutation(steps)[:50]
    begin_s = time.monotonic()
    for index in order:
        source.images(0, int(index), EXPORT_CAMERAS)
    return speed, size / steps, len(order) / (time.monotonic() - begin_s)


def write_own(path: Path, episodes: Iterator[Episode]) -> None:
    with EpisodeWriter(path, EpisodeHeader(task="x")) as writer:
        for episode in episodes:
            writer.append(episode)


def write_hdf5(path: Path, episodes: Iterator[Episode], compression: str | None = None) -> None:
    """One file of groups, pictures in chunks of a frame."""
    with h5py.File(path, "w") as file:
        for number, episode in enumerate(episodes):
            for name, array in episode.observations.items():
                chunks = (1, *array.shape[1:])
                options = {"compression_opts": 1} if compression else {}
                file.create_dataset(f"{number}/{name}", data=array, chunks=chunks, compression=compression, **options)
            file[f"{number}/actions"] = episode.actions


def formats(folder: Path) -> list[Row]:
    """Writes the same five episodes in each format: time, size, and the time to read them all again."""
    episodes = [camera_episode(100, EXPORT_PX, EXPORT_PX, seed) for seed in range(5)]
    writers: dict[str, Callable[[Path, Iterator[Episode]], None]] = {
        "own": write_own,
        "HDF5": write_hdf5,
        "HDF5, gzip 1": lambda path, given: write_hdf5(path, given, "gzip"),
    }
    rows = []
    for name, write in writers.items():
        path = folder / name.replace(" ", "")
        begin_s = time.monotonic()
        write(path, iter(episodes))
        rows.append(figure(f"{name}: write 500 steps", [time.monotonic() - begin_s], "s"))
        rows.append(figure(f"{name}: size", [path.stat().st_size / 1e6], "MB"))
        begin_s = time.monotonic()
        if name == "own":
            file = EpisodeFile(path)
            read = [file.episode(number) for number in range(len(file.lengths))]
        else:
            with h5py.File(path) as file:
                read = [{key: file[number][key][()] for key in file[number]} for number in file]
        assert len(read) == len(episodes)
        rows.append(figure(f"{name}: read them all", [time.monotonic() - begin_s], "s"))
    return rows


KILLED = textwrap.dedent(
    """
    import os, signal, sys
    from pathlib import Path
    import h5py
    from benchmarks.recording import camera_episode, write_own
    episodes = [camera_episode(20, 128, 128, seed) for seed in range(4)]
    path = Path(sys.argv[2])
    def stop_after_three():
        yield from episodes[:3]
        os.kill(os.getpid(), signal.SIGKILL)
    if sys.argv[1] == "own":
        write_own(path, stop_after_three())
    else:
        file = h5py.File(path, "w", libver="latest")
        for number, episode in enumerate(episodes[:3]):
            for name, array in episode.observations.items():
                file[f"{number}/{name}"] = array
            if sys.argv[1] == "HDF5, flushed":
                file.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    """
)


def survivors(folder: Path, kind: str) -> float:
    """Episodes of three that are readable after the writer was killed."""
    path = folder / f"killed-{kind.replace(' ', '')}"
    subprocess.run([sys.executable, "-c", KILLED, kind, str(path)], check=False)
    if kind == "own":
        return float(len(EpisodeFile(path).lengths))
    try:
        with h5py.File(path) as file:
            return float(sum(all(name in file[number] for name in EXPORT_CAMERAS) for number in file))
    except (OSError, RuntimeError, KeyError):
        return 0.0


def run(rounds: int) -> Report:
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        timing, wrote_s, size, (client_s, daemon_s) = record(folder)
        cameras = [sensor for sensor in timing.sensors if sensor.sensor.startswith("camera/")]
        rows += [
            figure("steps a second, three cameras 640 x 480", [timing.rate_hz], "Hz"),
            figure("late steps of 500", [float(timing.late_steps)], ""),
            figure("observations that repeat a frame", [float(sum(one.repeated for one in cameras))], "of 1500"),
            figure("frames that no observation holds", [float(sum(one.unseen for one in cameras))], ""),
            figure("mean skew of a camera", [float(np.mean([one.mean_skew_ms for one in cameras]))], "ms"),
            figure("largest skew of a camera", [max(one.largest_skew_ms for one in cameras)], "ms"),
            figure("CPU of the client a step", [1e3 * client_s / STEPS], "ms"),
            figure("CPU of the daemon a step, with its start", [1e3 * daemon_s / STEPS], "ms"),
            figure("writing the episode after its end", [wrote_s], "s"),
            figure("size of the episode", [size / 1e6], "MB"),
        ]
        for steps, height, width in ((EXPORT_STEPS, EXPORT_PX, EXPORT_PX), (FULL_STEPS, 480, 640)):
            found = [export(folder / str(turn), steps, height, width) for turn in range(rounds)]
            speeds, sizes, samples = (list(column) for column in zip(*found, strict=True))
            label = f"export, two cameras {height} x {width} at {EXPORT_HZ} Hz"
            speed, total = float(np.median(speeds)), float(np.median(sizes)) * TARGET_STEPS / 1e9
            is_small = height == EXPORT_PX
            rows += [
                Row(f"{label}: speed", speed, "x real time", speeds, ">= 10" if is_small else "", speed >= 10 or None),
                Row(
                    f"{label}: 100 k steps, extrapolated",
                    total,
                    "GB",
                    [],
                    "<= 1" if is_small else "",
                    total <= 1 or None,
                ),
                figure(f"{label}: samples read at random", samples, "1/s"),
            ]
        rows += formats(folder)
        rows += [
            figure(f"{kind}: episodes of 3 left after kill -9", [survivors(folder, kind)], "")
            for kind in ("own", "HDF5", "HDF5, flushed")
        ]
    return Report("Recording, exports and formats", rows)
