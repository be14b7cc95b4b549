"""A policy's bytes fit its layout or are refused."""

import numpy as np
import pytest
from serl.learner.v1 import tensor_pb2

from serl_rl.protocol.policy_arrays import split_policy

LAYOUT = [
    tensor_pb2.Tensor(name="weight", data_type=tensor_pb2.DATA_TYPE_FLOAT32, shape=(2, 3)),
    tensor_pb2.Tensor(name="scale", data_type=tensor_pb2.DATA_TYPE_FLOAT32),
]
DATA = np.arange(7, dtype=np.float32).tobytes()


@pytest.mark.parametrize("data", [DATA[:-4], DATA + b"1234"])
def test_bytes_that_do_not_fit_the_layout_are_refused(data):
    with pytest.raises(ValueError, match=f"the policy has {len(data)} bytes"):
        split_policy(data, LAYOUT)
