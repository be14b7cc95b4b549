"""The table of columns gives the spool, the wire and the files of a replay the layout that they have always had."""

import dataclasses

import numpy as np
from serl.learner.v1 import learner_service_pb2 as pb

from serl_rl.actor.rows import row_type
from serl_rl.replay.batch import TransitionBatch
from serl_rl.replay.buffer import ReplayBuffer
from serl_rl.replay.columns import SAMPLED
from serl_rl.replay.rows import COLUMNS, RowBatch, rows_from_proto, rows_to_proto
from serl_rl.replay.update_batch import UpdateBatch


def test_rows_of_the_spool_have_the_order_that_spools_on_disk_have(spec):
    described = [entry for entry in row_type(spec).descr if not entry[0].startswith("observation.")]
    assert described == [
        ("action", "<f4", spec.action.shape),
        ("reward", "<f4"),
        ("episode_id", "<i8"),
        ("step_index", "<i4"),
        ("row_kind", "|u1"),
        ("intervention", "|b1"),
        ("grasp_penalty", "<f4"),
    ]


def test_files_of_a_replay_have_the_names_and_sizes_that_they_had(spec, tmp_path):
    ReplayBuffer(spec, 10, tmp_path).close()
    sizes = {path.stem: path.stat().st_size for path in tmp_path.glob("*.bin") if not path.stem.startswith("obs")}
    assert sizes == {
        "header": 24,
        "actions": 40 * spec.action_size,
        "rewards": 40,
        "grasp_penalties": 40,
        "episode_ids": 80,
        "step_indices": 40,
        "row_kinds": 10,
        "interventions": 10,
        "actors": 40,
        "sequence_numbers": 80,
        "step_totals": 80,
        "actor_names": 1024 * 128,
        "acknowledged": 1024 * 8,
    }


def test_every_column_has_a_field_on_the_wire_and_in_rows():
    assert {entry.name for entry in COLUMNS} <= set(pb.StepBatch.DESCRIPTOR.fields_by_name)
    assert {entry.name for entry in COLUMNS} <= {field.name for field in dataclasses.fields(RowBatch)}


def test_every_sampled_column_is_in_both_batches():
    for kind in (TransitionBatch, UpdateBatch):
        assert {entry.name for entry in SAMPLED} <= {field.name for field in dataclasses.fields(kind)}


def test_a_column_of_zeros_that_may_be_left_out_is_not_sent_and_comes_back_as_zeros(spec):
    rows = RowBatch(
        observations={array.name: np.zeros((2, *array.shape), array.dtype) for array in spec.observation},
        actions=np.zeros((2, spec.action_size), np.float32),
        rewards=np.zeros(2, np.float32),
        interventions=np.zeros(2, bool),
        episode_ids=np.zeros(2, np.int64),
        step_indices=np.arange(2, dtype=np.int32),
        row_kinds=np.ones(2, np.uint8),
    )
    message = rows_to_proto(rows, spec)
    assert not message.HasField("grasp_penalties")
    np.testing.assert_array_equal(rows_from_proto(message, spec).grasp_penalties, np.zeros(2, np.float32))
