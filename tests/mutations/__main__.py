"""Applies mutations to a copy of the tree, one at a time, and says which of them their tests notice."""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.mutations.catalogue import MUTATIONS
from tests.mutations.mutation import ROOT, Mutation, MutationError, find_source, find_tests

TIMEOUT_S = 300.0


def copy_tree(target: Path) -> None:
    """Copies the files that git knows, as they are now."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


def failures(tree: Path, names: Sequence[str], timeout_s: float = TIMEOUT_S) -> set[str]:
    """Those of some tests that fail in a tree; all of them when they come to no end.

    Raises:
        MutationError: pytest cannot run them.
    """
    found = find_tests(names, tree)
    files = sorted({str(path.relative_to(tree)) for paths in found.values() for path in paths})
    options = ["-q", "-p", "no:cacheprovider", "--no-header", "--tb=no", "-k", " or ".join(names)]
    paths = os.pathsep.join((str(tree), str(tree / "proto")))  # Before the checkout that is installed.
    environment = os.environ | {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", *options, *files]
    try:
        done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        return set(names)
    if done.returncode not in (0, 1):
        raise MutationError(f"pytest could not run {', '.join(names)}:\n{done.stdout}{done.stderr}")
    return set(re.findall(r"^(?:FAILED|ERROR) \S*::(\w+)", done.stdout, re.MULTILINE))


def is_noticed(mutation: Mutation, tree: Path) -> bool:
    """Whether the test fails once the mutation is applied; the tree is as before afterwards."""
    source = find_source(mutation, tree)
    original = source.read_text(encoding="utf-8")
    source.write_text(original.replace(mutation.fragment, mutation.replacement), encoding="utf-8")
    try:
        return bool(failures(tree, [mutation.test]))
    finally:
        source.write_text(original, encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs them; 0 when every mutation was noticed."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description=__doc__)
    parser.add_argument("--only", type=int, nargs="+", metavar="N", help="numbers of mutations, from 1; left out: all")
    parser.add_argument("--group", help="of mutations, such as Safeguards; left out: all")
    parser.add_argument("--list", action="store_true", help="print them and run nothing")
    options = parser.parse_args(arguments)
    numbers = options.only or range(1, len(MUTATIONS) + 1)
    chosen = [(n, MUTATIONS[n - 1]) for n in numbers if options.group in (None, MUTATIONS[n - 1].group)]
    if options.list:
        print("\n".join(map(title, *zip(*chosen, strict=True))))
        return 0
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        copy_tree(Path(folder))
        return run(chosen, Path(folder))


def title(number: int, mutation: Mutation) -> str:
    """One line about a mutation."""
    return f"{number:3} {mutation.group}: {mutation.behaviour} -> {mutation.test}"


def run(chosen: Sequence[tuple[int, Mutation]], tree: Path) -> int:
    """Prints a line for each mutation and the sum; 0 when every one was noticed."""
    names = sorted({mutation.test for _, mutation in chosen})
    print(f"running the {len(names)} tests without any mutation", flush=True)
    already = failures(tree, names, TIMEOUT_S * len(names))
    noticed = 0
    for number, mutation in chosen:
        started = time.monotonic()
        try:
            is_killed = is_noticed(mutation, tree)
            verdict = "fails anyway" if mutation.test in already else "noticed" if is_killed else "SURVIVED"
        except MutationError as error:
            verdict = f"does not apply ({error})"
        noticed += verdict == "noticed"
        print(f"{verdict:12} {time.monotonic() - started:4.0f} s {title(number, mutation)}", flush=True)
    print(f"{noticed} of {len(chosen)} mutations were noticed")
    return 0 if noticed == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
