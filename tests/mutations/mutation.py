"""One change of the source, and the test that must notice it. Neither names a file, so that both may move."""

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SUFFIXES = (".py", ".service")


@dataclass(frozen=True)
class Mutation:
    """What goes wrong when a fragment of a package is replaced."""

    group: str
    """What part of the product it belongs to."""
    behaviour: str
    """What no longer holds, in words."""
    package: str
    """Folder whose sources hold the fragment, exactly once altogether."""
    fragment: str
    """Text of the source."""
    replacement: str
    """Text in its place."""
    test: str
    """Name of the test function that then fails; where several files have it, that of one of them."""


def mutations(group: str, *rows: tuple[str, str, str, str, str]) -> tuple[Mutation, ...]:
    """Mutations of one group; a row is behaviour, package, fragment, replacement, test."""
    return tuple(Mutation(group, *row) for row in rows)


class MutationError(Exception):
    """A mutation that does not apply: its fragment or its test is missing, or there are several."""


def find_source(mutation: Mutation, root: Path = ROOT) -> Path:
    """The one file that holds the fragment.

    Raises:
        MutationError: None does, or it is there several times.
    """
    sources = (path for path in sorted((root / mutation.package).rglob("*")) if path.suffix in SUFFIXES)
    holders = [path for path in sources for _ in range(path.read_text(encoding="utf-8").count(mutation.fragment))]
    if len(holders) != 1:
        places = ", ".join(str(path.relative_to(root)) for path in holders) or "nowhere"
        raise MutationError(
            f'"{mutation.behaviour}": its fragment must be in {mutation.package} exactly once, and is in: {places}; '
            f"bring the catalogue up to date. The fragment is:\n{mutation.fragment}"
        )
    return holders[0]


def find_tests(names: Iterable[str], root: Path = ROOT) -> dict[str, list[Path]]:
    """Files that hold the test functions, by name.

    Raises:
        MutationError: No test has a name.
    """
    found: dict[str, list[Path]] = {name: [] for name in names}
    for path in sorted((root / "tests").rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if any(name in text for name in found):
            functions = {node.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)}
            for name in functions.intersection(found):
                found[name].append(path)
    missing = sorted(name for name, paths in found.items() if not paths)
    if missing:
        raise MutationError(f"no test is named {', '.join(missing)}; bring the catalogue up to date")
    return found
