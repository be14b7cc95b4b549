"""Makes frozen dataclasses from tables of TOML or JSON, strictly: what does not fit is named by its full path.

A field's annotation says all of it: its type, its choices (`Literal`) and its `Bound` (`Annotated`). A dataclass that
calls `check_fields` after it was filled is held to them wherever its values come from. Fields may be marked `SHARED`
or `LOCAL`, which decides what `shared_settings` lists.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import json
import math
import re
import tomllib
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from serl_api.sentence import SentenceError

T = TypeVar("T")

Hint: TypeAlias = Any
"""A type annotation, which Python gives no better type."""

_SCALARS: Mapping[Hint, tuple[tuple[type, ...], str]] = {
    float: ((int, float), "a number"),
    int: ((int,), "a whole number"),
    str: ((str,), "a text"),
    bool: ((bool,), "true or false"),
    Path: ((str, Path), "a path"),
}
"""What is accepted for a type, and its name in messages."""


_SHOWN = 100
"""Characters of a value that a message repeats."""


class ConfigError(SentenceError, ValueError):
    """A setting or a file of settings that cannot be used; the message is one sentence for people."""


@dataclasses.dataclass(frozen=True)
class Bound:
    """Says between which numbers a field's value lies, or each of its values; stands in its `Annotated` type."""

    lower: float | None = None
    """Smallest value; None for none."""
    upper: float | None = None
    """Largest value; None for none."""
    open_lower: bool = False
    """Whether `lower` itself is too small."""
    open_upper: bool = False
    """Whether `upper` itself is too large."""

    def holds(self, value: float) -> bool:
        """Returns whether a number lies within; NaN never does."""
        lower, upper = self.lower, self.upper
        is_above = lower is None or (value > lower if self.open_lower else value >= lower)
        return is_above and (upper is None or (value < upper if self.open_upper else value <= upper))

    def __str__(self) -> str:
        if self.upper is None:
            return f"{'above' if self.open_lower else 'at least'} {self.lower}"
        if self.lower is None:
            return f"{'below' if self.open_upper else 'at most'} {self.upper}"
        return f"in {'(' if self.open_lower else '['}{self.lower}, {self.upper}{')' if self.open_upper else ']'}"


AT_LEAST_0 = Bound(0)
"""Zero or more."""
AT_LEAST_1 = Bound(1)
"""One or more."""
POSITIVE = Bound(0, open_lower=True)
"""More than zero."""
RATIO = Bound(0, 1)
"""From nothing to all."""
LESS_THAN_ALL = Bound(0, 1, open_upper=True)
"""A share that leaves something."""
SEED = Bound(0, 2**32 - 1)
"""What every library takes for a seed."""
THREADS = Bound(0, 1024)
"""Threads of a numerical library; 0 leaves the choice to it."""

_WHOLE = Bound(-(2**63), 2**63 - 1)
"""What libraries and the wire take for a whole number."""


def check_fields(config: object) -> None:
    """Refuses a dataclass with a field that is none of its choices, out of its bound, or not finite.

    Call it in `__post_init__`: settings of a file, of a command line and of a program are then held to the same.

    Raises:
        ConfigError: Naming the field, the value and the bound.
    """
    for name, hint in _hints(type(config)).items():
        _check_value(hint, getattr(config, name), name, None)


def is_text(cls: type, name: str) -> bool:
    """Returns whether a field holds a text, so that a value such as "1" is not a number there."""
    return _hints(cls)[name] is str


@functools.cache
def _hints(cls: type) -> dict[str, Hint]:
    hints = typing.get_type_hints(cls, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(typing.cast(Any, cls))}


def _check_value(hint: Hint, value: object, name: str, bound: Bound | None) -> None:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        own = next((mark for mark in arguments[1:] if isinstance(mark, Bound)), bound)
        _check_value(arguments[0], value, name, own)
    elif origin in (types.UnionType, typing.Union):
        for option in arguments:
            if typing.get_origin(option) is not typing.Literal:
                _check_value(option, value, name, bound)
    elif origin is typing.Literal:
        _convert(hint, value, name)
    elif origin is tuple and isinstance(value, tuple):
        hints = (arguments[0],) * len(value) if arguments[-1] is Ellipsis else arguments
        for index, (inner, item) in enumerate(zip(hints, value, strict=False)):
            _check_value(inner, item, f"{name}[{index}]", bound)
    elif hint in (int, float) and isinstance(value, (int, float)) and not isinstance(value, bool):
        _check_number(value, name, bound)


def _check_number(value: float, name: str, bound: Bound | None) -> None:
    if isinstance(value, float):
        finite = "a finite number" if bound is None else f"{bound} and finite"
        require(name, value, math.isfinite(value), finite)
    else:
        require(name, shown(value), _WHOLE.holds(value), "a whole number of at most 64 bits")
    if bound is not None:
        require(name, value, bound.holds(value), str(bound))


def shown(value: object) -> str:
    """Returns a value for a message, shortened where a file could make it endless."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def require(name: str, value: object, is_valid: bool, bound: str) -> None:  # noqa: FBT001
    """Refuses a setting that cannot work.

    Raises:
        ConfigError: It is not valid.
    """
    if not is_valid:
        raise ConfigError(f"{name} is {value}; it must be {bound}")


def require_between(name: str, value: float, lower: float, upper: float, *, above: bool = False) -> None:
    """Refuses a number outside [lower, upper], or (lower, upper] when `above`.

    Raises:
        ConfigError: With the name, the value and the bounds.
    """
    inside = lower < value <= upper if above else lower <= value <= upper
    require(name, f"{value:g}", inside, f"in {'(' if above else '['}{lower:g}, {upper:g}]")


def read_toml(path: Path) -> dict[str, Any]:
    """Parses a TOML file.

    Raises:
        ConfigError: The file cannot be read or is not TOML.
    """
    return _read(path, tomllib.loads, "TOML")


def read_json(path: Path) -> dict[str, Any]:
    """Parses a JSON file of one object.

    Raises:
        ConfigError: The file cannot be read, is not JSON or holds no object.
    """
    values = _read(path, json.loads, "JSON")
    if not isinstance(values, dict):
        raise ConfigError(f"holds {type(values).__name__}, not an object of settings")
    return values


def to_dataclass(cls: type[T], table: Mapping[str, Any], where: str = "", given: Mapping[str, Any] | None = None) -> T:
    """Builds a dataclass from a table, nested ones from nested tables.

    Args:
        cls: The dataclass; field annotations decide what is accepted.
        table: Parsed TOML or JSON.
        where: Path of the table within the file, for messages; empty at the top.
        given: Fields that are set already and may not occur in the table.

    Raises:
        ConfigError: Unknown key (with the nearest known one), missing key, or a value of another type or out of range.
    """
    if not isinstance(table, Mapping):  # As in a file that somebody else wrote.
        raise ConfigError(f"{where or 'a set of settings'} must be a table, not {shown(table)}")
    hints = _hints(cls)
    fields = {field.name: field for field in dataclasses.fields(typing.cast(Any, cls))}
    values = dict(given or {})
    for key, value in table.items():
        if key not in fields or key in values:
            raise ConfigError(f"unknown key {_join(where, key)}; {nearest(key, list(fields))}")
        values[key] = _convert(hints[key], value, _join(where, key))
        _check_value(hints[key], values[key], _join(where, key), None)
    for name, field in fields.items():
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if required and name not in values:
            raise ConfigError(f"key {_join(where, name)} is missing")
    try:
        return cls(**values)
    except ValueError as error:
        message = str(error)
        begins = re.match(r"\w+", message)
        is_of_field = begins is not None and begins[0] in fields
        raise ConfigError(_join(where, message) if is_of_field else message) from None


def nearest(name: str, known: Sequence[str]) -> str:
    """Makes half a sentence that helps after a wrong name: the nearest known one, else the list."""
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"did you mean {close[0]}?"
    return f"known: {', '.join(known)}" if known else "none is known"


SHARED: Mapping[str, Any] = types.MappingProxyType({"shared": True})
"""Metadata of a field that two processes must agree on; of a section, what its fields are unless they say."""

LOCAL: Mapping[str, Any] = types.MappingProxyType({"shared": False})
"""Metadata of a field that each process has its own of; of a section, what its fields are unless they say."""


def shared_in_one(text: Callable[[Any], str] = str) -> Mapping[str, Any]:
    """Makes the metadata of a shared section that is compared as one entry, or a field compared by a text of its own.

    Args:
        text: Makes the text of a field's value. A section's is that of its shared fields, joined.
    """
    return {"shared": True, "text": text}


def shared_settings(config: object, path: str = "", *, shared: bool = True) -> Iterator[tuple[str, str]]:
    """Lists the fields of a dataclass, nested ones included, that are marked as shared.

    What carries no mark is as its section is: a new field of a shared section is compared until somebody says that it
    need not be.

    Args:
        config: A dataclass.
        path: Of it, for names; empty at the top.
        shared: What its fields are unless they say.

    Yields:
        (path, text of the value).
    """
    for field in dataclasses.fields(typing.cast(Any, config)):
        value, name = getattr(config, field.name), _join(path, field.name)
        is_shared = field.metadata.get("shared", shared)
        if dataclasses.is_dataclass(value):
            below = shared_settings(value, name, shared=is_shared)
            yield from [(name, ", ".join(text for _, text in below))] if "text" in field.metadata else below
        elif is_shared:
            yield name, field.metadata.get("text", _text)(value)


def _text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _read(path: Path, parse: Callable[[str], Any], kind: str) -> Any:  # noqa: ANN401 - whatever it holds.
    try:
        return parse(path.read_text(encoding="utf-8-sig"))  # Some editors begin a file with a byte order mark.
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"is not {kind}: {error}") from None


def _join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _convert(hint: Hint, value: object, where: str) -> object:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint in (Any, object):
        return value
    if origin is typing.Annotated:
        return _convert(arguments[0], value, where)
    if origin in (types.UnionType, typing.Union):
        return _convert_union(arguments, value, where)
    if dataclasses.is_dataclass(hint) or origin in (dict, Mapping):
        if not isinstance(value, dict):
            raise ConfigError(f"{where} must be a table, not {shown(value)}")
        if origin is None:
            return to_dataclass(typing.cast(type, hint), value, where)
        return {str(key): _convert(arguments[1], item, _join(where, key)) for key, item in value.items()}
    if origin is typing.Literal:
        if value not in arguments:
            raise ConfigError(f"{where} is {shown(value)}; it must be one of: {', '.join(map(repr, arguments))}")
        return value
    if origin is tuple:
        return _convert_tuple(arguments, value, where)
    return _convert_scalar(hint, value, where)


def _convert_union(options: tuple[Hint, ...], value: object, where: str) -> object:
    if value is None and types.NoneType in options:
        return None
    *others, last = (option for option in options if option is not types.NoneType)
    for option in others:
        try:
            return _convert(option, value, where)
        except ConfigError:
            continue
    return _convert(last, value, where)


def _convert_tuple(items: tuple[Hint, ...], value: object, where: str) -> tuple[object, ...]:
    if not isinstance(value, (list, tuple)):
        raise ConfigError(f"{where} must be a list, not {shown(value)}")
    if items[-1] is Ellipsis:
        items = (items[0],) * len(value)
    if len(value) != len(items):
        raise ConfigError(f"{where} has {len(value)} values; it needs {len(items)}")
    return tuple(_convert(hint, item, f"{where}[{i}]") for i, (hint, item) in enumerate(zip(items, value, strict=True)))


def _convert_scalar(hint: Hint, value: object, where: str) -> object:
    if hint not in _SCALARS:
        raise ConfigError(f"{where} cannot come from a file: its type is {hint}; give it a default and leave it out")
    accepted, words = _SCALARS[hint]
    if not isinstance(value, accepted) or (isinstance(value, bool) and hint is not bool):
        raise ConfigError(f"{where} must be {words}, not {shown(value)}")
    try:
        return hint(value)
    except OverflowError:
        raise ConfigError(f"{where} is {shown(value)}; no number is that large") from None
