"""Drivers come in as plug-ins: by entry point, by path; what is wrong with one is one sentence."""

import sys

import pytest

from robot_daemon.__main__ import main
from robot_daemon.config.cell_builder import build_cell, build_device, device_options, find_driver
from robot_daemon.config.cell_config import DaemonConfig, DriverConfig
from robot_daemon.hardware.timebase import RealTimebase
from serl_api.enums import Backend
from serl_api.settings import ConfigError

OWN_DRIVER = """
from dataclasses import dataclass
from robot_daemon.drivers.fake.cell import build_arm as build_fake, FakeArmOptions
from robot_daemon.hardware.devices import Arm, Timebase
from serl_api.enums import Backend
from robot_daemon.hardware.driver import Driver

@dataclass(frozen=True, kw_only=True)
class Options:
    speed: float = 1.0

def build(name: str, timebase: Timebase, options: Options) -> Arm:
    return build_fake(name, timebase, FakeArmOptions())

def build_nothing(name: str, timebase: Timebase, options: Options) -> object:
    return 3

def without_options(name, timebase):
    return None

def build_with_a_plain_options(name: str, timebase: Timebase, options: dict) -> object:
    return None

SIMULATED = Driver(build=build, backend=Backend.SIMULATED)
NEWER = Driver(build=build)
object.__setattr__(NEWER, "serl_api_version", 99)
NUMBER = 3
"""


@pytest.fixture(autouse=True)
def own_driver(tmp_path, monkeypatch):
    """A stranger's package "own-arm" with the module `own_driver`, of which "own-arm" is an entry point."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "own_driver", raising=False)
    (tmp_path / "own_driver.py").write_text(OWN_DRIVER)
    info = tmp_path / "own_arm-0.3.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: own-arm\nVersion: 0.3\n")
    (info / "entry_points.txt").write_text("[serl.arms]\nown-arm = own_driver:build\n")


def arm(driver, **options):
    return DriverConfig(driver=driver, options=options)


@pytest.mark.parametrize("driver", ["own-arm", "own_driver:build"])
def test_a_strangers_driver_is_built_with_its_own_options(driver):
    assert device_options(arm(driver, speed=2.0), "arm").speed == 2.0
    cell = build_cell(DaemonConfig(arm=arm(driver)))
    assert cell.backend is Backend.REAL
    assert cell.arm.info.model == "fake"


def test_a_driver_says_what_stands_behind_it():
    assert build_cell(DaemonConfig(arm=arm("own_driver:SIMULATED"))).backend is Backend.SIMULATED
    assert build_cell(DaemonConfig(arm=arm("fake"))).backend is Backend.FAKE


@pytest.mark.parametrize(
    ("driver", "said"),
    [
        ("own-arn", r"named \"own-arn\"; did you mean own-arm of own-arm 0\.3\?"),
        ("own_driver:NUMBER", "is a int, but must be a build function"),
        ("own_driver:NEWER", "asks for version 99 of the plug-in API"),
        ("own_driver:without_options", r"must take \(name, timebase, options\)"),
        ("own_driver:build_with_a_plain_options", "with a dataclass as the annotation of options"),
        ("own_driver:nothing", "does not import"),
    ],
)
def test_a_driver_that_cannot_be_used_is_one_sentence(driver, said):
    with pytest.raises(ConfigError, match=said) as caught:
        device_options(arm(driver), "arm")
    assert str(caught.value).startswith("arm.driver: ")


def test_a_wrong_option_is_told_with_its_path():
    with pytest.raises(ConfigError, match=r"unknown key arm\.sped; did you mean speed"):
        device_options(arm("own-arm", sped=1.0), "arm")


def test_what_is_not_a_device_is_refused_with_what_it_lacks():
    with pytest.raises(ConfigError, match=r"built a int, which lacks info, read_state, .*; let it implement Arm"):
        build_device(arm("own_driver:build_nothing"), "arm", RealTimebase())


def test_a_missing_library_of_the_product_is_named_with_the_command_that_installs_it(monkeypatch):
    for module in [name for name in sys.modules if name.startswith("robot_daemon.drivers.webcam")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(
        ConfigError, match=r'cameras\.top\.driver = "webcam" needs .* pip install \'serl-robot\[robot\]'
    ):
        find_driver(DriverConfig(driver="webcam"), "cameras.top")


def test_all_drivers_are_listed_with_their_packages(capsys):
    assert main(["drivers"]) == 0
    listed = capsys.readouterr().out
    for row in ("own-arm  own-arm 0.3", "franka-hand  serl-robot", "webcam     serl-robot", "socket  serl-robot"):
        assert row in listed
