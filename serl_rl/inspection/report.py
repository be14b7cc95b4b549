"""Defines what an inspection finds: contents, damage with its repair, and how to go on."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Repair:
    """Mends a damage, and keeps what was there."""

    text: str
    """What it does, in words."""
    run: Callable[[], None]
    """Does it."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Describes something that a person should know."""

    where: Path
    """File or folder."""
    text: str
    """What is the matter."""
    is_damage: bool = True
    """Whether something is lost or would be refused; else it is only worth knowing."""
    repair: Repair | None = None
    """What can be done; None where nothing can."""


@dataclass(kw_only=True)
class Report:
    """Collects what an inspection finds."""

    path: Path
    """What was inspected."""
    kind: str
    """What it is: "run", "spool" or "episodes"."""
    contents: dict[str, Any] = field(default_factory=dict)
    """What it holds, as JSON values."""
    findings: list[Finding] = field(default_factory=list)
    """What is the matter."""
    resume: str | None = None
    """Command that goes on with it."""

    @property
    def is_sound(self) -> bool:
        """Returns whether nothing is damaged."""
        return not any(finding.is_damage for finding in self.findings)

    def add(self, where: Path, text: str, repair: Repair | None = None, *, is_damage: bool = True) -> None:
        """Adds a finding."""
        self.findings.append(Finding(where=where, text=text, is_damage=is_damage, repair=repair))

    def to_json(self) -> dict[str, Any]:
        """Returns everything as JSON values."""
        return {
            "path": str(self.path),
            "kind": self.kind,
            "sound": self.is_sound,
            "contents": self.contents,
            "findings": [
                {
                    "where": str(finding.where),
                    "text": finding.text,
                    "damage": finding.is_damage,
                    "repair": None if finding.repair is None else finding.repair.text,
                }
                for finding in self.findings
            ],
            "resume": self.resume,
        }


def hold_lock(path: Path) -> int | None:
    """Takes a lock file as its owner does, so that nobody begins to write meanwhile; makes no file.

    Returns:
        Descriptor to close in the end; -1 where there is no such file, None while somebody has it.
    """
    if not path.exists():
        return -1
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def original_of(path: Path) -> Path:
    """Finds a free name beside a path under which a repair keeps what was there."""
    number = 1
    while (kept := path.with_name(f"{path.name}.original-{number}")).exists():
        number += 1
    return kept


def keep_original(path: Path) -> Path:
    """Copies a file beside itself before it is mended; returns the copy."""
    kept = original_of(path)
    shutil.copy2(path, kept)
    return kept
