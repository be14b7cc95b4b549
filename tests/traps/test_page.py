"""The page of traps and the marker `trap` name the same tests, and all of them exist."""

import ast
import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
PAGE = TESTS.parent / "docs" / "traps.md"
BAD_INPUT = "## Bad input"


def named(text):
    """Tests that a page names; it names no files, so that they may move."""
    return set(re.findall(r"`(test_\w+)`", text))


def is_trap(node):
    return "trap" in ast.unparse(node).split(".")


def markers_of(path):
    """Names of the tests of a file: whether each has the marker."""
    tree = ast.parse(path.read_text())
    everywhere = any(
        isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark" and is_trap(node.value)
        for node in tree.body
    )
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"))
    return {node.name: everywhere or any(map(is_trap, node.decorator_list)) for node in functions}


def test_every_named_test_exists_and_every_trap_is_named():
    page = PAGE.read_text()
    traps, bad_input = page.split(BAD_INPUT)
    tests = [markers_of(path) for path in TESTS.rglob("test_*.py")]
    names = {name for file in tests for name in file}
    marked = {name for file in tests for name, is_marked in file.items() if is_marked}
    assert named(page) - names == set(), "named on the page but not there"
    assert named(traps) - marked == set(), "named on the page but not marked"
    assert marked - named(traps) == set(), "marked but not named on the page"
    assert len(named(traps)) > 80
    assert len(named(bad_input)) > 10


def test_the_page_names_no_files_of_the_tree():
    assert not re.findall(r"[\w/]+\.py\b", PAGE.read_text())
