"""Pieces into versions: order, replacement, layout."""

import numpy as np
import pytest
from serl.learner.v1 import learner_service_pb2 as pb
from serl.learner.v1 import tensor_pb2

from serl_rl.actor.policy_receiver import PolicyReceiver

LAYOUT = [
    tensor_pb2.Tensor(name="weight", data_type=tensor_pb2.DATA_TYPE_FLOAT32, shape=(2, 3)),
    tensor_pb2.Tensor(name="scale", data_type=tensor_pb2.DATA_TYPE_FLOAT32),
]
DATA = np.arange(7, dtype=np.float32).tobytes()


def piece(version, offset, data, total=28):
    return pb.WatchPolicyResponse(version=version, offset=offset, total_bytes=total, data=data)


@pytest.fixture
def receiver():
    following = PolicyReceiver()
    following.set_layout(LAYOUT)
    return following


def test_pieces_become_named_arrays(receiver):
    receiver.add_piece(piece(4, 0, DATA[:10]))
    assert receiver.take() is None
    receiver.add_piece(piece(4, 10, DATA[10:]))
    received = receiver.take()
    assert received.version == receiver.taken_version == 4
    np.testing.assert_array_equal(received.arrays["weight"], [[0, 1, 2], [3, 4, 5]])
    assert received.arrays["scale"] == 6


def test_a_version_is_taken_once(receiver):
    receiver.add_piece(piece(4, 0, DATA))
    assert receiver.take() is not None
    assert receiver.take() is None


def test_a_newer_version_replaces_what_was_collected(receiver):
    receiver.add_piece(piece(4, 0, DATA[:10]))
    receiver.add_piece(piece(5, 0, DATA))
    receiver.add_piece(piece(4, 10, DATA[10:]))
    assert receiver.take().version == 5


def test_a_piece_that_does_not_continue_is_dropped(receiver):
    receiver.add_piece(piece(4, 10, DATA[10:]))
    receiver.add_piece(piece(4, 0, DATA[:10]))
    receiver.add_piece(piece(4, 12, DATA[12:]))
    assert receiver.take() is None
