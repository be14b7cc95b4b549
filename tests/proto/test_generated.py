"""The committed code is what the schema generates, and every reason has a status."""

import importlib.util
from pathlib import Path

from serl.robot.v1 import error_reason_pb2

from robot_daemon.errors import CONTROL_STREAM_STATUS, STATUS

PROTO = Path(__file__).parents[2] / "proto"


def load_generator():
    spec = importlib.util.spec_from_file_location("generate", PROTO / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_regenerating_the_schema_changes_nothing(tmp_path):
    load_generator().generate(tmp_path)
    generated = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.py*")}
    committed = {
        path.relative_to(PROTO): path.read_bytes() for path in PROTO.rglob("*_pb2*.py*") if path.suffix != ".pyc"
    }
    assert sorted(generated) == sorted(committed)
    assert [str(path) for path in generated if generated[path] != committed[path]] == []


def test_the_schema_folder_is_no_package():
    assert not (PROTO / "__init__.py").exists()


def test_every_error_reason_has_a_status():
    reasons = set(error_reason_pb2.ErrorReason.values()) - {error_reason_pb2.ERROR_REASON_UNSPECIFIED}
    assert set(STATUS) == reasons
    assert set(CONTROL_STREAM_STATUS) == reasons
