"""What survives: restarts, kill -9 at any moment, foreign and broken files, a full disk."""

import errno
import os
import random
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from serl_rl.replay.buffer import ReplayBuffer
from serl_rl.replay.errors import ReplayFilesError, ReplayStorageError
from serl_rl.replay.rows import RowKind
from serl_rl.replay.storage import RowStorage
from tests.support.small_disk import small_disk


@pytest.fixture
def open_buffer(spec, tmp_path):
    opened = []

    def open_it(capacity=50, spec=spec):
        buffer = ReplayBuffer(spec, capacity, tmp_path / "replay")
        opened.append(buffer)
        return buffer

    yield open_it
    for buffer in opened:
        buffer.close()


def test_restart_continues_with_everything(open_buffer, make_episode, make_rows):
    first = open_buffer()
    for episode in range(12):
        first.append(make_episode(4, episode=episode, actor="a"))
        first.append(make_episode(2, episode=episode, actor="b", mark=1))
    first.append(make_rows([RowKind.STEP], episode=12, actor="a"))
    first.close()
    second = open_buffer()
    for name in ("row_count", "transition_count", "environment_step_count"):
        assert getattr(second, name) == getattr(first, name)
    assert (second.acknowledged("a"), second.acknowledged("b")) == (61, 36)
    mine, its = (buffer.sample(64, np.random.default_rng(0)) for buffer in (first, second))
    np.testing.assert_array_equal(mine.observations["state"], its.observations["state"])
    second.append(make_rows([RowKind.STEP], episode=12, first_step=1, actor="a", number=62))
    assert second.transition_count == first.transition_count + 1


def test_number_of_an_actor_survives_the_overwriting_of_its_rows(open_buffer, make_episode):
    first = open_buffer(capacity=10)
    first.append(make_episode(4, actor="a"))
    for episode in range(5):
        first.append(make_episode(4, episode=episode, actor="b"))
    first.close()
    assert open_buffer(capacity=10).acknowledged("a") == 5


def test_directory_in_use_is_refused(open_buffer):
    open_buffer()
    with pytest.raises(ReplayFilesError, match="used by another process"):
        open_buffer()


def test_other_spec_is_refused_with_field_and_values(open_buffer, make_spec):
    open_buffer().close()
    with pytest.raises(ReplayFilesError, match=r"differs in action.shape: \(2,\) there, \(3,\) here"):
        open_buffer(spec=make_spec(action_size=3))


def test_other_capacity_is_refused(open_buffer):
    open_buffer().close()
    with pytest.raises(ReplayFilesError, match="has capacity 50, not 60"):
        open_buffer(capacity=60)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "x", "version": 1, "capacity": 50, "spec": {}}'])
def test_foreign_layout_is_refused(open_buffer, tmp_path, text):
    (tmp_path / "replay").mkdir()
    (tmp_path / "replay" / "layout.json").write_text(text)
    with pytest.raises(ReplayFilesError, match=r"layout.json"):
        open_buffer()


def test_a_folder_in_the_place_of_the_layout_is_refused(open_buffer, tmp_path):
    (tmp_path / "replay" / "layout.json").mkdir(parents=True)
    with pytest.raises(ReplayFilesError, match=r"layout.json is not the layout of a replay"):
        open_buffer()


@pytest.mark.parametrize("name", ["rewards", "header", "observations.state"])
def test_truncated_or_lost_file_is_refused(open_buffer, make_episode, tmp_path, name):
    buffer = open_buffer()
    buffer.append(make_episode(3, actor="a"))
    buffer.close()
    path = tmp_path / "replay" / f"{name}.bin"
    os.truncate(path, path.stat().st_size - 1)
    with pytest.raises(ReplayFilesError, match=f"{name}.bin"):
        open_buffer()


def test_impossible_header_is_refused(open_buffer, tmp_path):
    open_buffer().close()
    np.array([5, 3, 0]).tofile(tmp_path / "replay" / "header.bin")
    with pytest.raises(ReplayFilesError, match="rows 5 to 3 of at most 50"):
        open_buffer()


@pytest.mark.parametrize("is_empty", [False, True])
def test_a_lost_header_is_no_new_replay(open_buffer, make_episode, tmp_path, is_empty):
    buffer = open_buffer()
    buffer.append(make_episode(3, actor="a", number=1))
    buffer.close()
    header = tmp_path / "replay" / "header.bin"
    header.unlink()
    if is_empty:
        header.touch()
    with pytest.raises(ReplayFilesError, match=r"header.bin is missing or empty, but \w+.bin is there; restore it"):
        open_buffer()


@pytest.mark.parametrize(
    ("name", "flaw"),
    [
        ("header", "says that it is empty, but actors were told"),
        ("actor_names", "the names of its 2 actors are damaged"),
    ],
)
def test_a_file_of_zeros_is_refused(open_buffer, make_episode, tmp_path, name, flaw):
    buffer = open_buffer()
    for actor in ("a", "b"):
        buffer.append(make_episode(3, actor=actor, number=1))
    buffer.close()
    path = tmp_path / "replay" / f"{name}.bin"
    path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(ReplayFilesError, match=f"{flaw}.*; restore or remove it"):
        open_buffer()


def test_rows_of_no_kind_are_refused(open_buffer, make_episode, tmp_path):
    buffer = open_buffer()
    buffer.append(make_episode(3, actor="a", number=1))
    buffer.close()
    path = tmp_path / "replay" / "row_kinds.bin"
    kinds = np.fromfile(path, np.uint8)
    kinds[1] = 0
    kinds.tofile(path)
    with pytest.raises(ReplayFilesError, match="some of its rows are of no kind that there is; restore or remove it"):
        open_buffer()


def test_rows_of_an_actor_that_the_header_does_not_know_are_refused(open_buffer, make_episode, tmp_path):
    buffer = open_buffer()
    for actor in ("a", "b"):
        buffer.append(make_episode(3, actor=actor, number=1))
    buffer.close()
    path = tmp_path / "replay" / "header.bin"
    header = np.fromfile(path, np.int64)
    (header - [0, 0, 1]).tofile(path)
    with pytest.raises(ReplayFilesError, match="its rows are of more than its 1 actors"):
        open_buffer()


def test_numbers_of_zeros_double_no_row(open_buffer, make_episode, tmp_path):
    buffer = open_buffer()
    rows = make_episode(3, actor="a", number=1)
    buffer.append(rows)
    buffer.close()
    path = tmp_path / "replay" / "acknowledged.bin"
    path.write_bytes(bytes(path.stat().st_size))
    again = open_buffer()
    assert (again.append(rows), again.row_count) == (4, 4)


FULL = """
import faulthandler, pathlib, shutil, sys
faulthandler.enable()
from serl_rl.replay.buffer import ReplayBuffer
from serl_rl.replay.errors import ReplayStorageError
from tests.serl_rl.conftest import build_episode, build_spec
from tests.support.small_disk import fill

disk = pathlib.Path(sys.argv[1])
for free in (0, 4096, 8192, 65536, 147456, 200_000, 300_000, 1_000_000):
    filler, folder = fill(disk, free), disk / "replay"
    try:
        buffer = ReplayBuffer(build_spec(), 50_000, folder)
        for number in range(400):
            rows = build_episode(100, episode=number, actor=f"actor-{number}", number=1)
            buffer.append(rows)
        result = "held"
    except (ReplayStorageError, OSError) as error:
        result = str(error)
    print(free, result, flush=True)
    filler.unlink()
    shutil.rmtree(folder, ignore_errors=True)
"""


def test_a_disk_that_is_full_before_the_first_row_is_an_error_and_no_signal(tmp_path):
    with small_disk(tmp_path / "disk", 8_000_000) as disk:
        done = subprocess.run(
            [sys.executable, "-c", FULL, str(disk)], capture_output=True, text=True, check=False, cwd=os.getcwd()
        )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    assert [line.partition(" ")[2] for line in done.stdout.splitlines() if "No space left" not in line] == []


def test_full_disk_is_an_error_and_loses_nothing(open_buffer, make_episode, monkeypatch):
    buffer = open_buffer()

    def full(descriptor, offset, length):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", full)
        with pytest.raises(ReplayStorageError, match="No space left on device; free disk space"):
            buffer.append(make_episode(3, actor="a", number=1))
    assert (buffer.row_count, buffer.acknowledged("a")) == (0, 0)
    assert buffer.append(make_episode(3, actor="a", number=1)) == 4


def test_name_that_is_too_long_is_refused(open_buffer, make_episode):
    with pytest.raises(ReplayStorageError, match="129 bytes; at most 128"):
        open_buffer().append(make_episode(3, actor="x" * 129))


CHILD = """
import sys
import numpy as np
from pathlib import Path
from serl_rl.replay.buffer import ReplayBuffer
from serl_rl.replay.rows import RowBatch
from serl_rl.protocol.spec import EnvironmentSpec
from serl.learner.v1 import spec_pb2

spec = EnvironmentSpec.from_proto(spec_pb2.EnvironmentSpec.FromString(bytes.fromhex(sys.argv[2])))
buffer = ReplayBuffer(spec, 300, Path(sys.argv[1]))
number = buffer.acknowledged("a") + 1
print("recovered", number - 1, flush=True)
rng = np.random.default_rng(number)
while True:
    count = int(rng.integers(1, 40))
    numbers = np.arange(number, number + count)
    rows = RowBatch(
        observations={"state": np.repeat(numbers[:, None], 3, axis=1).astype(np.float32)},
        actions=np.zeros((count, 2), np.float32),
        rewards=numbers.astype(np.float32),
        episode_ids=(numbers // 7).astype(np.int64),
        step_indices=(numbers % 7).astype(np.int32),
        row_kinds=np.where(numbers % 7 == 6, 4, np.where(numbers % 7 == 5, 2, 1)).astype(np.uint8),
        interventions=np.zeros(count, bool),
        actor_id="a",
        first_sequence_number=number,
    )
    print(buffer.append(rows), flush=True)
    number += count
"""


def run_and_kill(directory, spec, lines):
    """Kills a child that appends; returns the number that it recovered and the last one that it acknowledged."""
    command = [sys.executable, "-c", textwrap.dedent(CHILD), str(directory), spec.to_proto().SerializeToString().hex()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        recovered = int(child.stdout.readline().split()[1])
        heard = [child.stdout.readline() for _ in range(lines)]
        child.send_signal(signal.SIGKILL)
        heard += child.stdout.read().splitlines(keepends=True)
    return recovered, max(int(line) for line in heard if line.endswith("\n"))


def test_killed_process_loses_no_acknowledged_row_and_doubles_none(open_buffer, spec, tmp_path):
    chance, acknowledged = random.Random(0), 0
    for _ in range(6):
        recovered, heard = run_and_kill(tmp_path / "replay", spec, chance.randrange(1, 60))
        assert recovered >= acknowledged
        acknowledged = heard
        buffer = open_buffer(capacity=300)
        held = buffer.acknowledged("a")
        assert held >= acknowledged
        check_rows(buffer, held)
        buffer.close()


def check_rows(buffer, newest):
    """Compares the buffer with all rows up to number `newest` that fit into it."""
    count = buffer.row_count
    # A process that is killed while it overwrites gives up the rows that it had begun to overwrite: at most a batch.
    assert min(newest, 300 - 40) <= count <= 300
    numbers = np.arange(newest - count + 1, newest + 1)
    expected = numbers[:-1][(numbers[:-1] % 7 != 6)]
    assert buffer.transition_count == len(expected)
    batch = buffer.sample(20_000, np.random.default_rng(0))
    assert np.unique(batch.rewards).tolist() == expected.tolist()
    np.testing.assert_array_equal(batch.observations["state"], np.repeat(batch.rewards[:, None], 3, axis=1))
    np.testing.assert_array_equal(batch.next_observations["state"], batch.observations["state"] + 1)
    assert buffer.environment_step_count == int((np.arange(1, newest + 1) % 7 != 6).sum())


class Killed(BaseException):
    """Stands for the end of the process: nothing after it runs."""


def cut_write(self, numbers, columns):
    for name in list(columns)[:3]:
        self.columns[name][numbers % self.capacity] = columns[name]
    raise Killed


def cut_before_commit(self, end):
    raise Killed


def cut_after_commit(self, end):
    self._header[1] = end
    raise Killed


@pytest.mark.parametrize(
    ("step", "cut", "is_committed"),
    [("write", cut_write, False), ("commit", cut_before_commit, False), ("commit", cut_after_commit, True)],
)
def test_append_cut_short_at_any_store_is_whole_or_absent(
    open_buffer, make_episode, monkeypatch, step, cut, is_committed
):
    first = open_buffer(capacity=12)
    for episode in range(3):
        first.append(make_episode(3, episode=episode, actor="a"))
    with monkeypatch.context() as patch:
        patch.setattr(RowStorage, step, cut)
        with pytest.raises(Killed):
            first.append(make_episode(4, episode=3, actor="a", mark=9))
    first.close()
    second = open_buffer(capacity=12)
    # Making room for five rows takes the whole first episode and one row of the second.
    episodes = {(0, 1, 1), (0, 1, 2)} | {(0, 2, step) for step in range(3)}
    episodes |= {(9, 3, step) for step in range(4)} if is_committed else set()
    assert second.acknowledged("a") == (17 if is_committed else 12)
    states = second.sample(2000, np.random.default_rng(0)).observations["state"]
    assert set(map(tuple, states.astype(int).tolist())) == episodes
    assert second.environment_step_count == (13 if is_committed else 9)
    assert second.append(make_episode(4, episode=3, actor="a", mark=9, number=13)) == 17
