"""The committed code is what the schema generates, and every reason has a status."""

import importlib.util
from pathlib import Path

from serl.robot.v1 import error_reason_pb2

from serl_api.errors.robot import CONTROL_STREAM_ERRORS, ROBOT_ERRORS

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
    schema = error_reason_pb2.ErrorReason.DESCRIPTOR.values_by_name
    names = {name.removeprefix("ERROR_REASON_") for name in schema} - {"UNSPECIFIED"}
    assert set(ROBOT_ERRORS.rows) == set(CONTROL_STREAM_ERRORS.rows) == names
