"""Settings outside their bounds are refused in one sentence: name, value, bound."""

from __future__ import annotations


def require(name: str, value: object, is_valid: bool, bound: str) -> None:  # noqa: FBT001
    """Refuses a setting that cannot work.

    Args:
        name: The setting, as a user writes it.
        value: Its value.
        is_valid: Whether it can work.
        bound: What it must be, such as "at least 1".

    Raises:
        ValueError: It is not valid.
    """
    if not is_valid:
        raise ValueError(f"{name} is {value}; it must be {bound}")
