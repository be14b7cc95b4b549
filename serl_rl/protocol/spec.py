"""Defines the spec that actor and learner agree on: the arrays of an observation, and the action."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
from google.protobuf import json_format
from gymnasium import spaces
from serl.learner.v1 import spec_pb2

from serl_rl.protocol.names import flaw_of_name
from serl_rl.protocol.tensors import data_type_of, dtype_of

MAX_ARRAYS = 64
"""Most arrays of an observation."""
MAX_DIMENSIONS = 8
"""Most dimensions of an array."""
MAX_VECTOR_SIZE = 65_536
"""Most components of a flat vector, which networks read as a whole."""
MAX_ROW_BYTES = 64 * 1024 * 1024
"""Most bytes of an observation and an action, which must fit into a message."""

MAX_LABEL_LENGTH = 128
"""Most characters of a name that is only shown and compared."""
ANY_ARM = "any whose TCP can be moved"
"""What is said of the arm where the action moves no joints."""
_LABEL_RULE = f"use at most {MAX_LABEL_LENGTH} printable characters"


class SpecError(ValueError):
    """Raised for a space or spec that training cannot use."""


@dataclass(frozen=True, kw_only=True)
class ArraySpec:
    """Describes one array of an observation or an action."""

    name: str
    """Unique within the spec, such as "state" or "wrist"."""
    dtype: np.dtype[Any]
    """Type of one element."""
    shape: tuple[int, ...]
    """Size of each dimension of one sample, outermost first."""
    component_names: tuple[str, ...] = ()
    """Names of the components of a flat vector, in order; empty for images."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "dtype", np.dtype(self.dtype))
        if (flaw := flaw_of_name("array's name", self.name)) is not None:
            raise SpecError(flaw)
        if len(self.shape) > MAX_DIMENSIONS:
            raise SpecError(f"array {self.name!r} has {len(self.shape)} dimensions; it may have {MAX_DIMENSIONS}")
        if any(size < 1 for size in self.shape):
            raise SpecError(f"array {self.name!r} has shape {self.shape}; every dimension must be at least 1")
        if len(self.shape) == 1 and self.size > MAX_VECTOR_SIZE:
            raise SpecError(f"array {self.name!r} has {self.size} components; at most {MAX_VECTOR_SIZE} are allowed")
        for name in self.component_names:
            if len(name) > MAX_LABEL_LENGTH or not name.isprintable():
                raise SpecError(f"a component of {self.name!r} is named {name[:MAX_LABEL_LENGTH]!r}; {_LABEL_RULE}")
        if self.component_names and (len(self.component_names),) != self.shape:
            count = len(self.component_names)
            raise SpecError(f"array {self.name!r} has {count} component names for shape {self.shape}; name each one")

    @property
    def size(self) -> int:
        """Returns the number of elements of one sample."""
        return math.prod(self.shape)

    @property
    def is_vector(self) -> bool:
        """Returns whether it is a flat vector of floating-point numbers, which networks read as it is."""
        return len(self.shape) == 1 and self.dtype.kind == "f"

    def to_proto(self) -> spec_pb2.ArraySpec:
        """Returns the message."""
        return spec_pb2.ArraySpec(
            name=self.name,
            data_type=data_type_of(self.dtype),
            shape=self.shape,
            component_names=self.component_names,
        )

    @classmethod
    def from_proto(cls, message: spec_pb2.ArraySpec) -> ArraySpec:
        """Reads the message.

        Raises:
            TensorError: The data type is unknown.
            SpecError: The shape or the names are unusable.
        """
        return cls(
            name=message.name,
            dtype=dtype_of(message.data_type),
            shape=tuple(message.shape),
            component_names=tuple(message.component_names),
        )


@dataclass(frozen=True, kw_only=True)
class EnvironmentSpec:
    """Describes the environment as the learner sees it."""

    environment: str
    """Name of the environment, such as "serl/PickCube-v0"."""
    observation: tuple[ArraySpec, ...]
    """The observation's arrays, in the order in which networks read them."""
    action: ArraySpec
    """The action, a flat vector in [-1, 1]."""
    arm: str = ""
    """Arm whose joints the action moves, such as "panda with 7 joints"; empty where it moves the TCP of any."""

    def __post_init__(self) -> None:
        if len(self.environment) > MAX_LABEL_LENGTH or not self.environment.isprintable():
            raise SpecError(f"the environment is named {self.environment[:MAX_LABEL_LENGTH]!r}; {_LABEL_RULE}")
        if len(self.arm) > MAX_LABEL_LENGTH or not self.arm.isprintable():
            raise SpecError(f"the arm is named {self.arm[:MAX_LABEL_LENGTH]!r}; {_LABEL_RULE}")
        names = [array.name for array in self.observation]
        if not names or len(set(names)) != len(names):
            raise SpecError(f"the observation's arrays are named {names}; at least one, and unique names, are needed")
        if len(names) > MAX_ARRAYS:
            raise SpecError(f"the observation has {len(names)} arrays; at most {MAX_ARRAYS} are allowed")
        row_bytes = sum(array.size * array.dtype.itemsize for array in (*self.observation, self.action))
        if row_bytes > MAX_ROW_BYTES:
            raise SpecError(f"an observation and an action take {row_bytes} bytes; at most {MAX_ROW_BYTES} are allowed")
        if len(self.action.shape) != 1 or self.action.dtype != np.float32:
            found = f"{self.action.dtype} {self.action.shape}"
            raise SpecError(f"the action is {found}; it must be one flat vector of float32")

    @property
    def action_size(self) -> int:
        """Returns the number of components of an action."""
        return self.action.size

    @property
    def vectors(self) -> tuple[ArraySpec, ...]:
        """Returns the observation's flat vectors, in order."""
        return tuple(array for array in self.observation if array.is_vector)

    @property
    def vector_size(self) -> int:
        """Returns the total number of components of the flat vectors."""
        return sum(array.size for array in self.vectors)

    def to_proto(self) -> spec_pb2.EnvironmentSpec:
        """Returns the message."""
        observation = [array.to_proto() for array in self.observation]
        return spec_pb2.EnvironmentSpec(
            environment=self.environment, observation=observation, action=self.action.to_proto(), arm=self.arm
        )

    @classmethod
    def from_proto(cls, message: spec_pb2.EnvironmentSpec) -> EnvironmentSpec:
        """Reads the message.

        Raises:
            TensorError: A data type is unknown.
            SpecError: The spec is unusable.
        """
        return cls(
            environment=message.environment,
            observation=tuple(ArraySpec.from_proto(array) for array in message.observation),
            action=ArraySpec.from_proto(message.action),
            arm=message.arm,
        )

    def to_dict(self) -> dict[str, Any]:
        """Returns the message as JSON values."""
        return json_format.MessageToDict(self.to_proto(), preserving_proto_field_name=True)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> EnvironmentSpec:
        """Reads JSON values.

        Raises:
            TensorError: A data type is unknown.
            SpecError: They are none of a spec, or the spec is unusable.
        """
        try:
            return cls.from_proto(json_format.ParseDict(dict(values), spec_pb2.EnvironmentSpec()))
        except (json_format.ParseError, OverflowError) as error:
            raise SpecError(str(error)) from error

    @classmethod
    def from_spaces(
        cls,
        environment: str,
        observation_space: gymnasium.Space[Any],
        action_space: gymnasium.Space[Any],
        component_names: Mapping[str, Sequence[str]] | None = None,
        arm: str = "",
    ) -> EnvironmentSpec:
        """Describes the spaces of an environment.

        Args:
            environment: Name of the environment.
            observation_space: A `Dict` of `Box`; its order becomes the spec's order.
            action_space: A flat float32 `Box` from -1 to 1.
            component_names: Names of the components of flat vectors, by array; "action" names the action's.
            arm: Arm whose joints the action moves; empty where it moves the TCP of any.

        Raises:
            SpecError: A space is of another kind, or the action's bounds are not -1 and 1.
        """
        if not isinstance(observation_space, spaces.Dict):
            raise SpecError(f"the observation space is {observation_space}; it must be a Dict of Box spaces")
        names = component_names or {}
        observation = tuple(_from_box(name, box, names) for name, box in observation_space.spaces.items())
        action = _from_box("action", action_space, names)
        _check_action_bounds(action_space)
        return cls(environment=environment, observation=observation, action=action, arm=arm)


def difference(a: EnvironmentSpec, b: EnvironmentSpec) -> tuple[str, str, str] | None:
    """Finds the first field in which two specs differ: its dotted path and both values as text; None where equal."""
    pairs: list[tuple[str, object, object]] = [
        ("environment", a.environment, b.environment),
        ("arm", a.arm or ANY_ARM, b.arm or ANY_ARM),
        ("observation", [array.name for array in a.observation], [array.name for array in b.observation]),
    ]
    for left, right in zip(a.observation, b.observation, strict=False):
        pairs += _array_pairs(f"observation.{left.name}", left, right)
    pairs += _array_pairs("action", a.action, b.action)
    for field, left_value, right_value in pairs:
        if left_value != right_value:
            return field, str(left_value), str(right_value)
    return None


def _array_pairs(path: str, a: ArraySpec, b: ArraySpec) -> list[tuple[str, object, object]]:
    fields = ("shape", "dtype", "component_names")
    return [(f"{path}.{field}", getattr(a, field), getattr(b, field)) for field in fields]


def _from_box(name: str, space: gymnasium.Space[Any], names: Mapping[str, Sequence[str]]) -> ArraySpec:
    if not isinstance(space, spaces.Box):
        raise SpecError(f"the space of {name!r} is {space}; only Box spaces can be learned from")
    return ArraySpec(
        name=name, dtype=np.dtype(space.dtype), shape=tuple(space.shape), component_names=tuple(names.get(name, ()))
    )


def _check_action_bounds(space: gymnasium.Space[Any]) -> None:
    assert isinstance(space, spaces.Box)
    if (space.low != -1).any() or (space.high != 1).any():
        raise SpecError(
            f"the action space is from {space.low.min()} to {space.high.max()}; "
            "scale it to [-1, 1], for instance with gymnasium.wrappers.RescaleAction"
        )
