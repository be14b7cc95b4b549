"""The spool: numbers, trimming, restart after a crash, bounds, foreign files."""

import errno
import os
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serl_rl.actor import spool as spools
from serl_rl.actor.spool import Spool
from serl_rl.errors import SpoolError, SpoolFullError

ROW = np.dtype([("value", "<f4", (3,)), ("number", "<i8")])
LIMIT = 1_000_000


def row(number):
    value = np.zeros((), ROW)
    value["value"], value["number"] = number, number
    return value


def open_spool(path, limit=LIMIT, owner="run/a", next_sequence=1):
    return Spool(path, ROW, owner, limit, next_sequence)


def as_killed(folder):
    """A copy of a folder as kill -9 leaves it: nobody has closed it, and nobody holds it."""
    return shutil.copytree(folder, folder.with_name(f"{folder.name}-killed"))


def fill(spool, count):
    for _ in range(count):
        spool.append(row(spool.next_sequence))


def numbers(spool, first):
    found = []
    while len(rows := spool.read(first, 7)):
        found += rows["number"].tolist()
        first += len(rows)
    return found


def test_rows_come_back_in_order_with_their_numbers(tmp_path):
    spool = open_spool(tmp_path)
    fill(spool, 30)
    assert numbers(spool, 1) == list(range(1, 31))
    assert numbers(spool, 20) == list(range(20, 31))


def test_unacknowledged_rows_survive_the_process(tmp_path):
    fill(open_spool(tmp_path), 30)
    again = open_spool(as_killed(tmp_path), next_sequence=11)
    assert numbers(again, 11) == list(range(11, 31))
    assert again.next_sequence == 31


@given(cut=st.integers(1, 31), count=st.integers(1, 10))
def test_a_row_that_was_cut_short_is_dropped_and_its_number_used_again(tmp_path_factory, cut, count):
    folder = tmp_path_factory.mktemp("spool")
    fill(open_spool(folder), count)
    (path,) = as_killed(folder).glob("*.spool")
    os.truncate(path, path.stat().st_size - min(cut, ROW.itemsize + 3))
    again = open_spool(path.parent)
    assert again.next_sequence == count
    fill(again, 2)
    assert numbers(again, 1) == list(range(1, count + 2))


def test_acknowledged_segments_are_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(spools, "_SEGMENT_BYTES", 10 * (ROW.itemsize + 4))
    spool = open_spool(tmp_path)
    fill(spool, 35)
    assert len(list(tmp_path.glob("*.spool"))) == 4
    spool.acknowledge(25)
    assert len(list(tmp_path.glob("*.spool"))) == 2
    assert spool.waiting_count == 10
    assert numbers(spool, 26) == list(range(26, 36))


@pytest.mark.trap
def test_numbers_go_on_although_everything_was_acknowledged(tmp_path):
    spool = open_spool(tmp_path)
    fill(spool, 5)
    spool.acknowledge(5)
    spool.close()
    assert open_spool(tmp_path).next_sequence == 6
    assert open_spool(tmp_path / "elsewhere", next_sequence=41).next_sequence == 41


def test_the_bound_is_seen_and_lifted_by_acknowledgement(tmp_path):
    spool = open_spool(tmp_path, limit=10 * (ROW.itemsize + 4))
    fill(spool, 10)
    assert spool.is_full
    assert not spool.wait_for_room(0.01)
    spool.acknowledge(1)
    assert spool.wait_for_room(0.01)


def test_a_full_disk_is_one_sentence_and_loses_nothing(tmp_path, monkeypatch):
    spool = open_spool(tmp_path)
    fill(spool, 4)
    real, is_full = os.pwrite, True

    def pwrite(descriptor, data, offset):
        if is_full:
            real(descriptor, data[:5], offset)
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, data, offset)

    monkeypatch.setattr(os, "pwrite", pwrite)
    with pytest.raises(SpoolFullError, match="is full; its 4 waiting rows are safe"):
        spool.append(row(5))
    assert numbers(spool, 1) == [1, 2, 3, 4]
    is_full = False
    spool.append(row(5))
    assert numbers(open_spool(as_killed(tmp_path)), 1) == [1, 2, 3, 4, 5]


def test_rows_of_another_run_are_refused_by_name(tmp_path):
    spool = open_spool(tmp_path, owner="old/a")
    fill(spool, 2)
    spool.acknowledge(1)
    spool.close()
    for _ in range(2):
        with pytest.raises(SpoolError, match=r"'old/a', not of 'new/a': give another --spool-directory"):
            open_spool(tmp_path, owner="new/a")
    assert numbers(open_spool(tmp_path, owner="old/a"), 2) == [2]


def test_another_run_goes_on_where_everything_was_acknowledged(tmp_path):
    spool = open_spool(tmp_path, owner="old/a")
    fill(spool, 3)
    spool.acknowledge(3)
    spool.close()
    spool = open_spool(tmp_path, owner="new/a")
    fill(spool, 1)
    assert numbers(spool, 1) == [1]
    with pytest.raises(SpoolError, match=r"'new/a', not of 'old/a'"):
        open_spool(as_killed(tmp_path), owner="old/a")


def test_rows_written_after_everything_was_acknowledged_are_refused_to_another_run(tmp_path):
    spool = open_spool(tmp_path, owner="old/a")
    fill(spool, 3)
    spool.acknowledge(3)
    spool.close()
    fill(open_spool(tmp_path, owner="old/a", next_sequence=4), 1)  # Killed before it was sent.
    with pytest.raises(SpoolError, match=r"'old/a', not of 'new/a'"):
        open_spool(as_killed(tmp_path), owner="new/a")


def test_a_foreign_file_is_refused(tmp_path):
    (tmp_path / "rows-1.spool").write_bytes(b"something else entirely")
    with pytest.raises(SpoolError, match="is not a spool file"):
        open_spool(tmp_path)


def test_rows_that_the_learner_lost_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(spools, "_SEGMENT_BYTES", 2 * (ROW.itemsize + 4))
    spool = open_spool(tmp_path)
    fill(spool, 6)
    spool.acknowledge(4)
    with pytest.raises(SpoolError, match="another --actor-id"):
        spool.read(2, 1)


def test_waiting_ends_with_a_row_or_with_close(tmp_path):
    spool = open_spool(tmp_path)
    assert not spool.wait(1, 0.01)
    fill(spool, 1)
    assert spool.wait(1, 0.01)
    spool.close()
    assert not spool.wait(2, 5.0)


def test_a_spool_in_use_is_refused_by_name_until_it_is_closed(tmp_path):
    first = open_spool(tmp_path)
    with pytest.raises(SpoolError, match=r"another actor uses the spool .* --actor-id"):
        open_spool(tmp_path)
    first.close()
    open_spool(tmp_path).close()
