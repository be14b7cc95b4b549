import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from serl_rl.policies.remote.wire import WireError, pack, unpack
from tests.support.policy_servers import decoded, encoded

ARRAYS = st_numpy.arrays(
    st.sampled_from(["<f4", "<f8", "|u1", "<i8", "|b1"]),
    st_numpy.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
)


@given(ARRAYS)
def test_arrays_come_back_to_the_bit_and_are_what_a_stranger_writes_and_reads(array):
    for found in (
        unpack(pack({"a": array}))["a"],
        unpack(bytes(msgpack.Packer().pack({"a": encoded(array)})))["a"],
        msgpack.unpackb(pack({"a": array}), object_hook=decoded)["a"],
    ):
        assert (found.dtype, found.shape, found.tobytes()) == (array.dtype, array.shape, array.tobytes())


def test_scalars_text_and_nesting_come_back():
    values = {"prompt": "lift", "deep": {"list": [1, 2.5, None, True]}, "number": np.float32(0.5)}
    found = unpack(pack(values))
    assert found == values
    assert found["number"].dtype == np.float32


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\xc1",
        msgpack.packb([1, 2]),
        pack({"a": np.zeros(3)})[:-1],
        msgpack.packb({"a": encoded(np.zeros(3)) | {b"shape": [4]}}),
        msgpack.packb({"a": encoded(np.zeros(3)) | {b"dtype": "|O"}}),
        msgpack.packb({"a": encoded(np.zeros(3)) | {b"dtype": "nonsense"}}),
        msgpack.packb({"a": {b"__ndarray__": True}}),
    ],
)
def test_what_is_no_message_is_refused(message):
    with pytest.raises(WireError):
        unpack(message)


@pytest.mark.parametrize("value", [np.array([object()]), object(), {1, 2}, np.array([1j])])
def test_what_has_no_place_on_the_wire_is_refused(value):
    with pytest.raises(WireError, match="cannot be sent"):
        pack({"a": value})
