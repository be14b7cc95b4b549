"""Writes and reads an environment's spec as JSON, so that a learner knows it before the first actor joins."""

from __future__ import annotations

from pathlib import Path

from google.protobuf import json_format
from serl.learner.v1 import spec_pb2

from serl_api.lifetime.ready_file import write_ready_file
from serl_rl.errors import UsageError
from serl_rl.protocol.spec import EnvironmentSpec


def write_spec(path: Path, spec: EnvironmentSpec) -> None:
    """Writes a spec so that a reader sees it whole or not at all."""
    write_ready_file(path, json_format.MessageToJson(spec.to_proto(), preserving_proto_field_name=True))


def read_spec(path: Path) -> EnvironmentSpec:
    """Reads a spec.

    Raises:
        UsageError: The file is something else.
    """
    try:
        return EnvironmentSpec.from_proto(json_format.Parse(path.read_text(), spec_pb2.EnvironmentSpec()))
    except (OSError, json_format.ParseError, ValueError) as error:
        raise UsageError(f"{path} is not a spec file: {error}") from error
