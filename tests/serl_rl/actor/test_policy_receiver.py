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
def follower():
    following = PolicyReceiver()
    following.set_layout(LAYOUT)
    return following


def test_pieces_become_named_arrays(follower):
    follower.add_piece(piece(4, 0, DATA[:10]))
    assert follower.take() is None
    follower.add_piece(piece(4, 10, DATA[10:]))
    received = follower.take()
    assert received.version == follower.taken_version == 4
    np.testing.assert_array_equal(received.arrays["weight"], [[0, 1, 2], [3, 4, 5]])
    assert received.arrays["scale"] == 6


def test_a_version_is_taken_once(follower):
    follower.add_piece(piece(4, 0, DATA))
    assert follower.take() is not None
    assert follower.take() is None


def test_a_newer_version_replaces_what_was_collected(follower):
    follower.add_piece(piece(4, 0, DATA[:10]))
    follower.add_piece(piece(5, 0, DATA))
    follower.add_piece(piece(4, 10, DATA[10:]))
    assert follower.take().version == 5


def test_a_piece_that_does_not_continue_is_dropped(follower):
    follower.add_piece(piece(4, 10, DATA[10:]))
    follower.add_piece(piece(4, 0, DATA[:10]))
    follower.add_piece(piece(4, 12, DATA[12:]))
    assert follower.newest_version == 0
