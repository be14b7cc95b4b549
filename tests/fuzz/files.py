"""Every reader of files, a sound file for each, and what damages it: bytes, values within its structure, its place."""

import contextlib
import io
import json
import pickle
import re
import resource
import shutil
import signal
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from robot_daemon.config.cell_config import load_config
from robot_daemon.operations.recording import (
    FORMAT,
    VERSION,
    Recording,
    RecordingError,
    pack_commands,
    pack_samples,
    read_recording,
    write_recording,
)
from robot_daemon.operations.traces.trace_file import BLOCK, Datagram, Direction, TraceError, TraceWriter, read_trace
from serl_api.errors.robot import RobotError
from serl_api.roles import read_role_tokens
from serl_api.security import read_token
from serl_api.settings import ConfigError
from serl_client.episodes.files import EpisodeFileWarning, read_episodes
from serl_client.episodes.records import HEAD_BYTES, MAGIC, RecordHead
from serl_rl.actor.rows import make_row, row_type
from serl_rl.actor.spool import Spool, read_segment
from serl_rl.algorithms.sac.agent import SacAgent
from serl_rl.artifacts.run_directory import RunDirectory, write_json
from serl_rl.cli.options import config_of_file
from serl_rl.config.train import to_dict
from serl_rl.datasets.conversion import episodes_of
from serl_rl.datasets.finding import open_episodes
from serl_rl.datasets.hil_serl.reading import HilSerlSource
from serl_rl.datasets.lerobot.writing import LeRobotOptions, write_lerobot
from serl_rl.errors import RunError
from serl_rl.learner.clone_checkpoint import CloneWriter
from serl_rl.learner.loop import demonstrations_of_run
from serl_rl.monitoring.metrics import COLUMNS, MetricsRow, MetricsWriter, read_metrics
from serl_rl.policies.saved import load_policy
from serl_rl.protocol.spec_file import read_spec, write_spec
from serl_rl.replay.buffer import ReplayBuffer
from serl_rl.replay.errors import ReplayError
from serl_rl.replay.rows import rows_from_proto
from tests.fuzz.mutator import NAMES, REALS, WHOLES, Mutator
from tests.support.aloha_files import write_aloha_files
from tests.support.episodes import HEADER, full_episode, write_episodes
from tests.support.learners import SPEC, batch
from tests.support.training_runs import CONFIG
from tests.support.training_runs import SPEC as TRAINED_SPEC

OWN_ERRORS = (RunError, ConfigError, RobotError, ReplayError, RecordingError, TraceError)
"""What a reader may raise: each is one sentence for people."""
NOT_WHOLE = (
    ValueError,
    LookupError,
    AssertionError,
    TypeError,
    NotImplementedError,  # Of zipfile, where the version that an archive needs is damaged.
    struct.error,
    zlib.error,
    zipfile.BadZipFile,
)
HUNG_S = 10.0
LARGEST_BYTES = 1 << 30
"""What a reader may allocate beyond what the process has; the sound files have a few kB."""
LONGEST_MESSAGE = 1500
ODD_VALUES = (*REALS, *WHOLES, *NAMES, None, True, [], {}, "../../x", "9" * 400, [1] * 9, {"a": {}}, [[[]]])


class FileFindingError(Exception):
    """A reader that met a damaged file with something else than one sentence of its own."""


class HungReaderError(BaseException):
    """A reader that does not come to an end; no reader takes it for an error of its own."""


@dataclass(frozen=True)
class Reader:
    """Names a reader of files."""

    make: Callable[[Path], Path]
    """Writes sound files into an empty folder; returns what is read."""
    read: Callable[[Path], object]
    """Reads them."""
    reseal: Callable[[bytes, Mutator], bytes] | None = None
    """Changes the content of a file so that its checksums still hold; None for files without any."""


def _episode_file(folder):
    return write_episodes(folder / "some.episodes", [full_episode(steps=3, seed=seed) for seed in range(2)])


def _reseal_record(data, mutator):
    """Changes manifest or blobs of one record, and makes its checksums anew."""
    starts = [at for at in range(len(MAGIC), len(data)) if data[at : at + 4] == b"RECD"]
    start = mutator.random.choice(starts)
    head = RecordHead.parse(data[start : start + HEAD_BYTES])
    assert head is not None
    body = data[start + HEAD_BYTES : start + HEAD_BYTES + head.length]
    (length,) = struct.unpack_from("<I", body)
    manifest, blobs = body[4 : 4 + length], body[4 + length :]
    if mutator.random.random() < 0.8:
        manifest = changed_json(manifest, mutator)
    else:
        blobs = mutator.mutated(blobs)
    body = struct.pack("<I", len(manifest)) + manifest + blobs
    head = RecordHead(len(body), zlib.crc32(body)).pack()
    return data[:start] + head + body


def _trace_file(folder):
    with TraceWriter(folder / "some.trace", {"arm": "127.0.0.1"}) as writer:
        for number in range(20):
            writer.add(Datagram(Direction(number % 2), number, bytes(range(50))))
    return folder / "some.trace"


def _reseal_trace(data, mutator):
    header, _, blocks = data.partition(b"\n")
    if mutator.random.random() < 0.5:
        return changed_json(header, mutator) + b"\n" + blocks
    packed = zlib.compress(mutator.mutated(zlib.decompress(blocks[BLOCK.size :])))
    if mutator.random.random() < 0.3:
        packed = mutator.mutated(packed)
    return header + b"\n" + BLOCK.pack(len(packed), zlib.crc32(packed)) + packed


def _recording_file(folder):
    header = {"format": FORMAT, "version": VERSION, "trigger_time_ns": 5, "events": [], "triggers": []}
    arrays = {**pack_samples([]), **pack_commands([], 7)}
    write_recording(folder / "black-box.zip", Recording(header=header, arrays=arrays))
    return folder / "black-box.zip"


def _reseal_zip(data, mutator):
    """Changes one member of an archive."""
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(changed, "w") as other:
        chosen = mutator.random.choice(archive.namelist())
        for name in archive.namelist():
            content = archive.read(name)
            if name == chosen and name.endswith(".json"):
                content = changed_json(content, mutator)
            elif name == chosen and mutator.random.random() < 0.5:
                content = content.replace(b"(0,", mutator.random.choice((b"(9" + b"9" * 12 + b",", b"(-1,", b"(,")))
            elif name == chosen:
                content = mutator.mutated(content)
            other.writestr(name, content)
    return changed.getvalue()


def _spool_folder(folder):
    spool = Spool(folder / "spool", row_type(SPEC), "run/a", 1_000_000)
    for step in range(5):
        spool.append(make_row(spool.row_type, {"state": np.zeros(3, np.float32)}, episode_id=1, step_index=step))
    spool.close()
    return folder / "spool"


def _read_segments(path):
    return [read_segment(segment) for segment in sorted(path.glob("rows-*.spool"))]


def _read_spool(path):
    spool = Spool(path, row_type(SPEC), "run/a", 1_000_000)
    try:
        if spool.waiting_count:
            spool.read(1, spool.waiting_count)
    finally:
        spool.close()


def _reseal_spool(data, mutator):
    start = data.index(b"{")
    length = int.from_bytes(data[start - 8 : start - 4], "little")
    text = changed_json(data[start : start + length], mutator)
    sizes = len(text).to_bytes(4, "little") + zlib.crc32(text).to_bytes(4, "little")
    return data[: start - 8] + sizes + text + data[start + length :]


def _replay_folder(folder):
    replay = ReplayBuffer(SPEC, 200, folder / "replay")
    rows = batch(1, 20)
    replay.append(rows_from_proto(rows.batch, SPEC, actor_id="a", first_sequence_number=1))
    replay.close()
    return folder / "replay"


def _read_replay(path):
    replay = ReplayBuffer(SPEC, 200, path)
    try:
        first = replay.acknowledged("a") + 1
        replay.append(rows_from_proto(batch(first, 3).batch, SPEC, actor_id="a", first_sequence_number=first))
        if replay.transition_count:
            replay.sample(4, np.random.default_rng(0))
    finally:
        replay.close()


def _checkpoint_folder(folder):
    agent = SacAgent(TRAINED_SPEC, CONFIG.sac)
    CloneWriter(folder / "checkpoint", CONFIG, TRAINED_SPEC, {}).save(agent.policy_state(), 1)
    return folder / "checkpoint"


def _cell_file(folder):
    shutil.copy(Path(__file__).resolve().parents[2] / "robot_daemon" / "example.toml", folder / "cell.toml")
    return folder / "cell.toml"


def _text(name, content):
    def make(folder):
        path = folder / name
        path.write_text(content)
        return path

    return make


def _config_file(folder):
    write_json(folder / "config.json", to_dict(CONFIG))
    return folder / "config.json"


def _run_folder(folder):
    write_json(RunDirectory(folder).run, {"run_id": "a", "spec": SPEC.to_dict(), "layout": [], "demonstrations": ["d"]})
    return folder


def _spec_file(folder):
    write_spec(folder / "spec.json", SPEC)
    return folder / "spec.json"


def _metrics_folder(folder):
    writer = MetricsWriter(folder, ())
    for step in range(3):
        writer.write(MetricsRow(**dict.fromkeys(COLUMNS, step), more={}))
    writer.close()
    return folder


def _read_source(path):
    source = open_episodes(path)
    list(episodes_of(source))


def _lerobot_set(folder):
    episodes = [full_episode(steps=4, seed=seed) for seed in range(2)]
    write_lerobot(folder / "set", HEADER, episodes, LeRobotOptions(images="png"))
    return folder / "set"


def _aloha_files(folder):
    return write_aloha_files(folder / "aloha", lengths=(3, 4), size=(4, 6))


def _hil_serl_file(folder):
    def observation(step):
        return {"state": np.full((1, 5), step, np.float32), "wrist_1": np.full((1, 4, 4, 3), step, np.uint8)}

    rows = [
        {
            "observations": observation(step),
            "actions": np.zeros(7, np.float32),
            "next_observations": observation(step + 1),
            "rewards": np.float64(0.0),
            "masks": 1.0,
            "dones": step == 3,
            "infos": {"succeed": False},
        }
        for step in range(4)
    ]
    (folder / "some.pkl").write_bytes(pickle.dumps(rows, 4))
    return folder / "some.pkl"


def _read_pickles(path):
    list(episodes_of(HilSerlSource(path)))


READERS = {
    "episodes": Reader(_episode_file, read_episodes, _reseal_record),
    "trace": Reader(_trace_file, read_trace, _reseal_trace),
    "black box": Reader(_recording_file, read_recording, _reseal_zip),
    "spool": Reader(_spool_folder, _read_spool, _reseal_spool),
    "file of a spool": Reader(_spool_folder, _read_segments, _reseal_spool),
    "replay": Reader(_replay_folder, _read_replay),
    "checkpoint": Reader(_checkpoint_folder, load_policy),
    "cell": Reader(_cell_file, load_config),
    "token": Reader(_text("token", "open sesame\n"), read_token),
    "tokens of roles": Reader(_text("tokens.toml", 'observe = "a"\ncontrol = "b"\n'), read_role_tokens),
    "config": Reader(_config_file, config_of_file),
    "run": Reader(_run_folder, lambda path: demonstrations_of_run(RunDirectory(path))),
    "spec": Reader(_spec_file, read_spec),
    "metrics": Reader(_metrics_folder, read_metrics),
    "LeRobot": Reader(_lerobot_set, _read_source),
    "ALOHA": Reader(_aloha_files, _read_source),
    "HIL-SERL": Reader(_hil_serl_file, _read_pickles),
}
"""By name."""


def changed_json(text, mutator):
    """Changes one value somewhere in JSON, removes it, or puts another in its place."""
    document = json.loads(text)
    place = document
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return text
        key = mutator.random.choice(keys)
        if not isinstance(place[key], (dict, list)) or not place[key] or mutator.random.random() < 0.2:
            break
        place = place[key]
    if mutator.random.random() < 0.2:
        del place[key]
    else:
        place[key] = mutator.random.choice(ODD_VALUES)
    return json.dumps(document).encode()


def changed_toml(text, mutator):
    """Puts another value behind one `=`, or damages a line."""
    lines = text.decode().splitlines()
    places = [number for number, line in enumerate(lines) if re.match(r"\s*#?\s*\w+\s*=", line)]
    number = mutator.random.choice(places)
    value = mutator.random.choice(ODD_VALUES)
    literal = json.dumps(value) if not isinstance(value, float) else repr(value)
    lines[number] = lines[number].split("=")[0].lstrip("# ") + "= " + literal
    return "\n".join(lines).encode()


def damage(path, reader, mutator):
    """Damages one of the files below a path, in one of the ways that files are damaged."""
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    if not files:  # Damaged before.
        return
    file = mutator.random.choice(files)
    data, choice = file.read_bytes(), mutator.random.random()
    if choice < 0.06:
        file.unlink()
        if choice < 0.03:
            file.mkdir()
        return
    if choice < 0.1:
        ends = (b"", b"\0" * len(data), data[: len(data) // 2], data * 2, b"\xef\xbb\xbf" + data)
        file.write_bytes(mutator.random.choice(ends))
        return
    change = {".json": changed_json, ".toml": changed_toml}.get(file.suffix, reader.reseal)
    damaged = mutator.mutated(data)
    if change is not None and choice < 0.8:
        with contextlib.suppress(*NOT_WHOLE):  # It is damaged already.
            damaged = change(data, mutator)
    file.write_bytes(damaged)


@contextlib.contextmanager
def bounded():
    """Raises where the block takes too long, or too much memory; only in the main thread."""

    def hung(*_):
        raise HungReaderError

    before, limits = signal.signal(signal.SIGALRM, hung), resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + LARGEST_BYTES, limits[1]))
    signal.setitimer(signal.ITIMER_REAL, HUNG_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, limits)


class FileCampaign:
    """Damages the files of one reader again and again, each time anew from sound ones.

    Args:
        name: Of the reader.
        folder: For its files.
        seed: Another one makes other damage.
    """

    def __init__(self, name, folder, seed):
        self.name, self.folder, self.seed = name, folder, seed
        self.reader = READERS[name]
        (folder / "sound").mkdir(parents=True)
        self.sound = self.reader.make(folder / "sound")
        self.tried = self.refused = 0

    def run(self, count):
        """Damages and reads so often.

        Raises:
            FileFindingError: A reader did what none may; it names the seed that does it again.
        """
        for number in range(self.tried, self.tried + count):
            self.tried += 1
            self._try(number)

    def _try(self, number):
        damaged = self.folder / "damaged"
        shutil.rmtree(damaged, ignore_errors=True)
        shutil.copytree(self.folder / "sound", damaged)
        path = damaged / self.sound.relative_to(self.folder / "sound")
        mutator = Mutator(f"{self.seed} {self.name} {number}")
        for _ in range(mutator.random.choice((1, 1, 1, 2))):
            damage(path, self.reader, mutator)
        try:
            with bounded(), warnings.catch_warnings():
                warnings.simplefilter("error")
                warnings.simplefilter("ignore", EpisodeFileWarning)
                self.reader.read(path)
        except OWN_ERRORS as error:
            self.refused += 1
            text = str(error)
            if not text.strip() or len(text) > LONGEST_MESSAGE or "Traceback" in text:
                raise FileFindingError(self._where(number, f"says {text[:200]!r}")) from error
        except (Exception, HungReaderError) as error:
            raise FileFindingError(self._where(number, f"{type(error).__name__}: {str(error)[:200]}")) from error

    def _where(self, number, what):
        return f"{self.name}, seed {self.seed}, damage {number}: {what}"
