"""Checks names that a peer or a person chose, before they become names of files, keys or lines of a log."""

from __future__ import annotations

MAX_NAME_BYTES = 128
"""Longest name, in UTF-8."""


def flaw_of_name(kind: str, name: str) -> str | None:
    """Says why a name cannot be used, in one sentence; None when it can.

    Args:
        kind: What is named, in words, such as "actor id".
        name: The name; it may become that of a file or folder.
    """
    length = len(name.encode(errors="replace"))
    if not 1 <= length <= MAX_NAME_BYTES:
        return f"the {kind} has {length} bytes; it needs 1 to {MAX_NAME_BYTES}"
    if not name.isprintable() or name.startswith(".") or "/" in name or "\\" in name:
        return f"the {kind} {name!r} cannot name a file; use letters, digits, '-', '_' and '.', but not first"
    return None
