import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from serl.learner.v1 import tensor_pb2

from serl_rl.protocol.tensors import TensorError, data_type_of, dtype_of, from_proto, from_torch, to_proto

TYPES = ["float32", "float64", "float16", "uint8", "int32", "int64", "bool"]


@given(
    st.sampled_from(TYPES).flatmap(lambda name: hnp.arrays(np.dtype(name), hnp.array_shapes(min_dims=0, max_dims=4)))
)
def test_arrays_survive_the_wire(array):
    found = from_proto(to_proto("x", array))
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


def test_strided_and_big_endian_arrays_are_packed_in_order():
    array = np.arange(6, dtype=">i4").reshape(2, 3).T
    np.testing.assert_array_equal(from_proto(to_proto("x", array)), array)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.int64, torch.bool])
def test_torch_tensors_survive_the_wire(dtype):
    tensor = torch.linspace(-2.0, 2.0, 6).reshape(2, 3).to(dtype)
    found = torch.from_numpy(from_proto(from_torch("x", tensor)).copy())
    assert found.dtype == (torch.float32 if dtype == torch.bfloat16 else dtype)
    assert torch.equal(found.to(dtype), tensor)


def test_bfloat16_reads_as_float32_in_numpy():
    tensor = torch.tensor([1.0, -2.5, 3e38]).bfloat16()
    np.testing.assert_array_equal(from_proto(from_torch("x", tensor)), tensor.float().numpy())


def test_scalar_and_empty_tensors():
    assert from_proto(to_proto("x", np.float32(3)[()].reshape(()))).shape == ()
    assert from_proto(to_proto("x", np.zeros((0, 4), np.float32))).shape == (0, 4)


@pytest.mark.parametrize("data", [b"", b"\0" * 23, b"\0" * 25])
def test_wrong_length_is_refused(data):
    tensor = tensor_pb2.Tensor(name="x", data_type=tensor_pb2.DATA_TYPE_FLOAT32, shape=(2, 3), data=data)
    with pytest.raises(TensorError, match=f"needs 24 bytes but has {len(data)}"):
        from_proto(tensor)


def test_negative_dimension_is_refused():
    tensor = tensor_pb2.Tensor(name="x", data_type=tensor_pb2.DATA_TYPE_UINT8, shape=(-1, -1), data=b"\0")
    with pytest.raises(TensorError, match="no dimension may be negative"):
        from_proto(tensor)


@pytest.mark.parametrize(
    ("shape", "text"), [((0, 2**62), "at most 2147483647"), ((0, *(1,) * 69), "70 dimensions; at most 32")]
)
def test_a_shape_that_no_array_has_is_refused_although_it_holds_nothing(shape, text):
    tensor = tensor_pb2.Tensor(name="x", data_type=tensor_pb2.DATA_TYPE_FLOAT32, shape=shape)
    with pytest.raises(TensorError, match=text):
        from_proto(tensor)


def test_unknown_types_are_refused():
    with pytest.raises(TensorError, match="unknown"):
        dtype_of(tensor_pb2.DATA_TYPE_UNSPECIFIED)
    with pytest.raises(TensorError, match="complex64 cannot be sent"):
        data_type_of(np.dtype(np.complex64))
