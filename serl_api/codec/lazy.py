"""Makes values that decode a field of their message when it is first read: a step reads few of the many."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cached_property
from typing import Any, TypeVar, cast

_Value = TypeVar("_Value")


def lazy_decoder(kind: type[_Value], decoders: Mapping[str, Callable[[Any], Any]]) -> Callable[[Any], _Value]:
    """Makes a decoder whose values decode a field when it is first read.

    The values are instances of `kind` in every other respect. They keep the message, which must not be written to.

    Args:
        kind: A frozen dataclass without slots.
        decoders: For each of its fields, from the message to the field's value.

    Returns:
        The decoder.

    Raises:
        TypeError: A field has no decoder, or a decoder no field.
    """
    if set(decoders) != {field.name for field in fields(kind)}:  # pyright: ignore[reportArgumentType]
        raise TypeError(f"the decoders of {kind.__name__} are not those of its fields")
    properties: dict[str, Any] = {name: _property_of(decode) for name, decode in decoders.items()}
    lazy_kind = type(kind.__name__, (kind,), {"__doc__": kind.__doc__, "__module__": kind.__module__, **properties})

    def decode_lazily(message: Any) -> _Value:  # noqa: ANN401
        value = object.__new__(lazy_kind)
        value.__dict__["_message"] = message
        return cast(_Value, value)

    return decode_lazily


def _property_of(decode: Callable[[Any], Any]) -> cached_property[Any]:
    return cached_property(lambda value: decode(value._message))
