"""What a user of another language finds in the wheel."""

import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_the_wheel_holds_every_proto_file(tmp_path):
    builder = pytest.importorskip("hatchling.builders.wheel", reason="pip install hatchling")
    (wheel,) = builder.WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(wheel) as archive:
        shipped = {name for name in archive.namelist() if name.endswith(".proto")}
    assert shipped == {str(path.relative_to(ROOT / "proto")) for path in (ROOT / "proto").rglob("*.proto")}
