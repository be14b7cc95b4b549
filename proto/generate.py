"""Regenerates the Python code of the schema beside each .proto file."""

import argparse
import sys
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

SOURCE = Path(__file__).parent


def generate(output: Path) -> None:
    """Writes `*_pb2.py`, `*_pb2.pyi` and, for files with a service, `*_pb2_grpc.py` below `output`.

    Raises:
        RuntimeError: protoc refused the schema; its messages are on stderr.
    """
    sources = sorted(SOURCE.rglob("*.proto"))
    services = [path for path in sources if path.stem.endswith("_service")]
    include = [f"-I{SOURCE}", f"-I{files('grpc_tools') / '_proto'}"]
    messages = [f"--python_out={output}", f"--pyi_out={output}", *map(str, sources)]
    stubs = [f"--grpc_python_out={output}", *map(str, services)]
    for arguments in (messages, stubs):
        if protoc.main(["protoc", *include, *arguments]) != 0:
            raise RuntimeError("protoc refused the schema")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=SOURCE, help="folder to write below")
    generate(parser.parse_args().output)
    sys.exit(0)
