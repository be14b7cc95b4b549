"""Tables of TOML and JSON become dataclasses; what does not fit is named in one sentence; what is shared is listed."""

import gc
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from serl_api.settings import (
    AT_LEAST_1,
    LOCAL,
    SHARED,
    Bound,
    ConfigError,
    check_fields,
    read_json,
    read_toml,
    require,
    require_between,
    shared_in_one,
    shared_settings,
    to_dataclass,
)


@dataclass(frozen=True, kw_only=True)
class Inner:
    size: int = 1
    rate: float = 0.5

    def __post_init__(self):
        require("size", self.size, self.size >= 1, "at least 1")


@dataclass(frozen=True, kw_only=True)
class Outer:
    name: str
    inner: Inner = field(default_factory=Inner)
    mode: Literal["slow", "fast"] = "slow"
    path: Path | None = None
    sizes: tuple[int, ...] = ()
    pair: tuple[float, float] = (0.0, 1.0)
    number_or_word: int | str = 0
    options: Mapping[str, float] = field(default_factory=dict)
    anything: Any = None
    flag: bool = False


def test_a_table_fills_nested_dataclasses():
    table = {
        "name": "x",
        "inner": {"rate": 3},
        "path": "/tmp/x",
        "sizes": [1, 2],
        "pair": [1, 2],
        "number_or_word": "auto",
        "options": {"gain": 2},
        "anything": [{"a": 1}],
    }
    found = to_dataclass(Outer, table)
    assert found == Outer(
        name="x",
        inner=Inner(rate=3.0),
        path=Path("/tmp/x"),
        sizes=(1, 2),
        pair=(1.0, 2.0),
        number_or_word="auto",
        options={"gain": 2.0},
        anything=[{"a": 1}],
    )
    assert isinstance(found.inner.rate, float)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "key name is missing"),
        ({"nme": "x"}, "unknown key nme; did you mean name?"),
        ({"name": "x", "inner": {"sze": 1}}, "unknown key inner.sze; did you mean size?"),
        ({"name": "x", "inner": 3}, "inner must be a table, not 3"),
        ({"name": "x", "inner": {"size": "3"}}, "inner.size must be a whole number, not '3'"),
        ({"name": "x", "inner": {"size": True}}, "inner.size must be a whole number, not True"),
        ({"name": "x", "inner": {"size": None}}, "inner.size must be a whole number, not None"),
        ({"name": "x", "inner": {"size": 0}}, "inner.size is 0; it must be at least 1"),
        ({"name": "x", "mode": "fats"}, "mode is 'fats'; it must be one of: 'slow', 'fast'"),
        ({"name": "x", "sizes": 3}, "sizes must be a list, not 3"),
        ({"name": "x", "sizes": [1, "b"]}, "sizes[1] must be a whole number, not 'b'"),
        ({"name": "x", "pair": [1]}, "pair has 1 values; it needs 2"),
        ({"name": "x", "options": {"gain": "b"}}, "options.gain must be a number, not 'b'"),
        ({"name": "x", "flag": 1}, "flag must be true or false, not 1"),
    ],
)
def test_what_does_not_fit_is_named(table, message):
    with pytest.raises(ConfigError) as caught:
        to_dataclass(Outer, table)
    assert str(caught.value) == message


def test_a_type_that_no_file_holds_is_named():
    @dataclass(frozen=True)
    class Odd:
        value: complex = 0j

    with pytest.raises(ConfigError, match=r"value cannot come from a file: its type is .*complex"):
        to_dataclass(Odd, {"value": 1})


@pytest.mark.parametrize("table", ["x", 1.5, None, ["name"]])
def test_settings_are_a_table(table):
    with pytest.raises(ConfigError, match=r"a set of settings must be a table, not "):
        to_dataclass(Outer, table)


def test_what_is_given_may_not_occur_again():
    with pytest.raises(ConfigError, match=r"unknown key cell\.name"):
        to_dataclass(Outer, {"name": "x"}, "cell", given={"name": "y"})


@pytest.mark.parametrize(("above", "bounds"), [(False, r"\[0, 2\]"), (True, r"\(0, 2\]")])
def test_a_number_outside_its_bounds_is_named_with_them(above, bounds):
    require_between("speed", 2.0, 0.0, 2.0, above=above)
    with pytest.raises(ConfigError, match=f"speed is 2.5; it must be in {bounds}"):
        require_between("speed", 2.5, 0.0, 2.0, above=above)


@pytest.mark.parametrize(("read", "kind"), [(read_toml, "TOML"), (read_json, "JSON")])
def test_a_file_that_cannot_be_read_says_why(tmp_path, read, kind):
    path = tmp_path / "settings"
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read(path)
    path.write_bytes(b"{\xff")
    with pytest.raises(ConfigError, match=f"is not {kind}"):
        read(path)


def test_json_must_hold_an_object(tmp_path):
    path = tmp_path / "settings.json"
    path.write_text("[1]")
    with pytest.raises(ConfigError, match="holds list, not an object of settings"):
        read_json(path)


@dataclass(frozen=True, kw_only=True)
class Bounded:
    count: Annotated[int, AT_LEAST_1] = 1
    ratio: Annotated[float, Bound(0, 1, open_lower=True)] = 1.0
    limit: Annotated[float | None, Bound(upper=5)] = None
    sizes: Annotated[tuple[int, ...], AT_LEAST_1] = ()
    mode: Literal["slow", "fast"] = "slow"
    free: float = 0.0
    large: int = 0

    def __post_init__(self):
        check_fields(self)


REFUSED = [
    ("count", 0, "count is 0; it must be at least 1"),
    ("ratio", 0.0, "ratio is 0.0; it must be in (0, 1]"),
    ("ratio", float("nan"), "ratio is nan; it must be in (0, 1] and finite"),
    ("limit", 6.0, "limit is 6.0; it must be at most 5"),
    ("sizes", (1, 0), "sizes[1] is 0; it must be at least 1"),
    ("mode", "Fast", "mode is 'Fast'; it must be one of: 'slow', 'fast'"),
    ("free", float("inf"), "free is inf; it must be a finite number"),
    ("large", 2**63, "large is 9223372036854775808; it must be a whole number of at most 64 bits"),
]


@pytest.mark.parametrize(("name", "value", "message"), REFUSED)
def test_a_field_is_held_to_its_bound_wherever_its_value_comes_from(name, value, message):
    with pytest.raises(ConfigError) as caught:
        Bounded(**{name: value})
    assert str(caught.value) == message
    with pytest.raises(ConfigError) as caught:
        to_dataclass(Bounded, {name: value}, "section")
    assert str(caught.value) == f"section.{message}"


def test_what_lies_within_is_taken():
    assert to_dataclass(Bounded, {"limit": 5, "sizes": [1, 2], "ratio": 1}) == Bounded(limit=5.0, sizes=(1, 2))


def test_a_number_too_large_for_any_is_one_sentence():
    with pytest.raises(ConfigError, match=r"^free is 10+\.\.\.; no number is that large$"):
        to_dataclass(Bounded, {"free": 10**400})


@pytest.mark.parametrize(("read", "text"), [(read_toml, "a = 1"), (read_json, '{"a": 1}')])
def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path, read, text):
    path = tmp_path / "settings"
    path.write_text(text, encoding="utf-8-sig")
    assert read(path) == {"a": 1}


@pytest.mark.parametrize(("read", "text"), [(read_toml, "a = " + "[" * 100_000), (read_json, '{"a":' + "[" * 100_000)])
def test_endless_nesting_is_one_sentence(tmp_path, read, text):
    path = tmp_path / "settings"
    path.write_text(text)
    gc.collect()  # What other tests left has finalizers, which must not run where no call is left.
    with pytest.raises(ConfigError, match=r"is not (TOML|JSON): "):
        read(path)


@dataclass(frozen=True)
class Network:
    sizes: tuple[int, ...] = (8, 9)
    dropout: float = field(default=0.1, metadata=LOCAL)


@dataclass(frozen=True)
class Trainer:
    rate: float = 0.1
    grippers: int = field(default=2, metadata=SHARED)


@dataclass(frozen=True)
class Experiment:
    task: str = "cube"
    network: Network = field(default_factory=Network)
    described: Network = field(default_factory=Network, metadata=shared_in_one())
    trainer: Trainer = field(default_factory=Trainer, metadata=LOCAL)
    weights: str = field(default="file", metadata=shared_in_one(str.upper))


def test_what_is_not_marked_is_as_its_section_is():
    assert dict(shared_settings(Experiment())) == {
        "task": "cube",
        "network.sizes": "8,9",
        "described": "8,9",
        "trainer.grippers": "2",
        "weights": "FILE",
    }
