"""The environment of the transport benchmark: SERL's state (10) and action (4), and up to two 128 x 128 cameras."""

import numpy as np
from serl.learner.v1 import learner_service_pb2, tensor_pb2

from serl_rl.actor.rows import make_row, row_type
from serl_rl.protocol.spec import ArraySpec, EnvironmentSpec

SETTINGS = (("environment.id", "benchmark"),)
LAYOUT = (tensor_pb2.Tensor(name="weight", data_type=tensor_pb2.DATA_TYPE_FLOAT32, shape=(2, 2)),)
VERSION = "0.1.0"


def spec(images: int) -> EnvironmentSpec:
    """A state vector and some cameras."""
    views = [ArraySpec(name=f"image_{i}", dtype=np.dtype(np.uint8), shape=(128, 128, 3)) for i in range(images)]
    return EnvironmentSpec(
        environment="benchmark",
        observation=(ArraySpec(name="state", dtype=np.dtype(np.float32), shape=(10,)), *views),
        action=ArraySpec(name="action", dtype=np.dtype(np.float32), shape=(4,)),
    )


def one_row(environment: EnvironmentSpec, rng: np.random.Generator, index: int) -> np.ndarray:
    """One step of an endless episode, with random images, which nothing can compress."""
    observation = {
        array.name: rng.integers(0, 255, array.shape, dtype=np.uint8)
        if array.dtype == np.uint8
        else rng.standard_normal(array.shape).astype(np.float32)
        for array in environment.observation
    }
    return make_row(
        row_type(environment),
        observation,
        action=rng.uniform(-1, 1, 4).astype(np.float32),
        episode_id=1,
        step_index=index,
        row_kind=learner_service_pb2.ROW_KIND_STEP,
    )
