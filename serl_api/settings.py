"""Strict TOML: a table becomes a frozen dataclass; what does not fit is an error that names the key's full path."""

import dataclasses
import difflib
import tomllib
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")

Hint: TypeAlias = Any
"""A type annotation, which Python gives no better type."""


class ConfigError(ValueError):
    """A configuration that cannot be used; the message is one sentence for people."""


def read_toml(path: Path) -> dict[str, Any]:
    """Parses a file.

    Raises:
        ConfigError: The file cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"is not TOML: {error}") from None


def to_dataclass(cls: type[T], table: Mapping[str, Any], where: str = "", given: Mapping[str, Any] | None = None) -> T:
    """Builds a dataclass from a table, nested ones from nested tables.

    Args:
        cls: The dataclass; field annotations decide what is accepted.
        table: Parsed TOML.
        where: Path of the table within the file, for messages; empty at the top.
        given: Fields that are set already and may not occur in the table.

    Raises:
        ConfigError: Unknown key (with the nearest known one), missing key, or a value of another type or out of range.
    """
    hints = typing.get_type_hints(cls)
    fields = {field.name: field for field in dataclasses.fields(typing.cast(Any, cls))}
    values = dict(given or {})
    for key, value in table.items():
        if key not in fields or key in values:
            raise ConfigError(_unknown(_join(where, key), key, list(fields)))
        values[key] = _convert(hints[key], value, _join(where, key))
    for name, field in fields.items():
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if required and name not in values:
            raise ConfigError(f"key {_join(where, name)} is missing")
    try:
        return cls(**values)
    except ConfigError as error:
        raise ConfigError(_join(where, str(error))) from None


def nearest(name: str, known: Sequence[str]) -> str:
    """Half a sentence that helps after a wrong name: the nearest known one, else the list."""
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"did you mean {close[0]}?"
    return f"known: {', '.join(known)}" if known else "none is known"


def _unknown(path: str, key: str, known: list[str]) -> str:
    return f"unknown key {path}; {nearest(key, known)}"


def _join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _convert(hint: Hint, value: object, where: str) -> object:
    origin = typing.get_origin(hint)
    if origin in (types.UnionType, typing.Union):
        hint = next(option for option in typing.get_args(hint) if option is not type(None))
        return _convert(hint, value, where)
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, dict):
            raise ConfigError(f"{where} must be a table, not {value!r}")
        return to_dataclass(typing.cast(type, hint), value, where)
    if origin is typing.Literal:
        words = typing.get_args(hint)
        if value not in words:
            raise ConfigError(f"{where} is {value!r}; it must be one of: {', '.join(map(repr, words))}")
        return value
    if origin is tuple:
        return _convert_tuple(typing.get_args(hint), value, where)
    return _convert_scalar(hint, value, where)


def _convert_tuple(items: tuple[Hint, ...], value: object, where: str) -> tuple[object, ...]:
    if not isinstance(value, list):
        raise ConfigError(f"{where} must be a list, not {value!r}")
    if items[-1] is Ellipsis:
        items = (items[0],) * len(value)
    if len(value) != len(items):
        raise ConfigError(f"{where} has {len(value)} values; it needs {len(items)}")
    return tuple(_convert(hint, item, f"{where}[{i}]") for i, (hint, item) in enumerate(zip(items, value, strict=True)))


def _convert_scalar(hint: Hint, value: object, where: str) -> object:
    words = {float: "a number", int: "a whole number", str: "a text", bool: "true or false", Path: "a path"}
    accepted = {float: (int, float), int: (int,), str: (str,), bool: (bool,), Path: (str,)}[hint]
    if not isinstance(value, accepted) or (isinstance(value, bool) and hint is not bool):
        raise ConfigError(f"{where} must be {words[hint]}, not {value!r}")
    return hint(value)
