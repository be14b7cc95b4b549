"""`serl-train actor` before it acts."""

import os
import subprocess
import sys

import pytest

ACT = """
import os, sys
from serl_rl.envs import factory
from serl_rl.__main__ import main

def tell(config, robot):
    assert "torch" not in sys.modules
    print({threads}, flush=True)
    raise SystemExit(0)

factory.make_environment = tell
main(["actor", "--preset", "pick-cube-vision"])
"""


@pytest.mark.parametrize(
    ("chosen", "threads", "expected"),
    [(None, "__import__('torch').get_num_threads()", "1"), ("2", "os.environ['OMP_NUM_THREADS']", "2")],
)
def test_it_leaves_the_cores_to_the_learner_unless_told_otherwise(chosen, threads, expected):
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    if chosen is not None:
        environment["OMP_NUM_THREADS"] = chosen
    act = ACT.format(threads=threads)
    told = subprocess.run([sys.executable, "-c", act], env=environment, capture_output=True, text=True, timeout=150)
    assert told.stdout == f"{expected}\n", told.stderr
