"""The wheel holds what a checkout holds: protos for users of other languages, and every module."""

import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """Names of the files in a wheel that is built now."""
    builder = pytest.importorskip(
        "hatchling.builders.wheel", reason="hatchling is not installed: pip install hatchling"
    )
    folder = tmp_path_factory.mktemp("wheel")
    (wheel,) = builder.WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_every_proto_file(shipped):
    protos = {path.relative_to(ROOT / "proto").as_posix() for path in (ROOT / "proto").rglob("*.proto")}
    assert protos <= shipped
    assert "serl/robot/v1/robot_service.proto" in shipped


def test_the_wheel_holds_every_module_of_its_packages(shipped):
    packages = {name.split("/")[0] for name in shipped if name.endswith("/__init__.py")} & {
        path.parent.name for path in ROOT.glob("*/__init__.py")
    }
    modules = {path.relative_to(ROOT).as_posix() for package in packages for path in (ROOT / package).rglob("*.py")}
    assert "serl_rl" in packages
    assert modules - shipped == set()
