"""Benches over a fake arm and a stranger's, with short steps, and hands that do what a test says."""

import contextlib
import sys
from pathlib import Path

import pytest

from robot_daemon.config.cell_config import DaemonConfig, DriverConfig, LimitsConfig
from robot_daemon.operations.first_hour import bench, forces, standing, stepping, touching
from robot_daemon.operations.first_hour.bench import Bench

OWN_ARM = Path(__file__).parents[4] / "examples" / "own_arm_driver"


class DoingHands:
    """Does deeds by calling what a test gave for them; refuses the others, allows every motion."""

    def __init__(self):
        self.deeds = {}
        self.done = []
        self.disagreement = ""

    def do(self, deed):
        self.done.append(deed)
        if deed not in self.deeds:
            return "nobody is there for it"
        self.deeds[deed]()
        return ""

    def allow(self, motion):
        return ""

    def agree(self, proposal):
        self.done.append(proposal)
        return self.disagreement


@pytest.fixture(autouse=True)
def short_steps(monkeypatch):
    """Steps of a moment: what is judged stays as it is."""
    for module, name, value in (
        (standing, "STILL_S", 0.5),
        (forces, "POSES", 2),
        (forces, "PAYLOAD_POSES", 1),
        (forces, "TILT_RAD", 0.05),
        (forces, "SETTLE_S", 0.2),
        (forces, "LISTEN_S", 0.2),
        (stepping, "RESPONSE_S", 0.6),
        (touching, "PUSH_S", 2.0),
        (bench, "SLOW_M_PER_S", 0.2),
    ):
        monkeypatch.setattr(module, name, value)


@pytest.fixture
def hands():
    return DoingHands()


@pytest.fixture
def bench_of(hands):
    """Makes a bench over an arm's driver, named as in a cell's file; closes it."""
    with contextlib.ExitStack() as opened:

        def make(driver="fake", **limits):
            config = DaemonConfig(arm=DriverConfig(driver=driver), limits=LimitsConfig(**limits))
            made = Bench(config, hands, idle_s=1.0)
            opened.callback(made.close)
            return made

        yield make


@pytest.fixture
def own_arm(monkeypatch):
    """The driver of `examples/own_arm_driver`: four joints, no forces."""
    monkeypatch.syspath_prepend(str(OWN_ARM))
    yield "own_arm_driver:build"
    sys.modules.pop("own_arm_driver", None)
