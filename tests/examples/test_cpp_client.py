"""The client in C++ is built with Debian's protoc and gRPC and drives a daemon."""

import shutil
import subprocess
import sys

import pytest

PACKAGES = "make g++ pkg-config protobuf-compiler-grpc libgrpc++-dev libprotobuf-dev"


def missing_tool():
    """The first thing the build needs that is not there, or None."""
    tools = ("make", "g++", "pkg-config", "protoc", "grpc_cpp_plugin")
    absent = next((tool for tool in tools if shutil.which(tool) is None), None)
    if absent is None and subprocess.run(["pkg-config", "--exists", "grpc++", "protobuf"], check=False).returncode:
        return "grpc++ (by pkg-config)"
    return absent


@pytest.mark.timeout(300)
def test_the_client_in_cpp_reads_states_and_makes_a_step(examples, fake_daemon, tmp_path):
    if (tool := missing_tool()) is not None:
        pytest.skip(f"{tool} is not installed: apt install {PACKAGES}")
    build = ["make", "-C", str(examples / "cpp_client"), "-j2", f"BUILD={tmp_path}", f"PYTHON={sys.executable}"]
    made = subprocess.run([*build, "CXXFLAGS=-O0 -Wall -Werror"], capture_output=True, text=True, timeout=290)
    assert made.returncode == 0, made.stderr
    ran = subprocess.run([str(tmp_path / "client"), fake_daemon], capture_output=True, text=True, timeout=30)
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    assert "fake, BACKEND_FAKE" in lines[0]
    assert [line.split(":")[0] for line in lines[1:11]] == [f"state {number}" for number in range(1, 11)]
    assert lines[11].startswith("step: asked for z")
    assert lines[11].endswith("0 clips")


def test_its_readme_names_the_same_debian_packages(examples):
    assert PACKAGES in (examples / "cpp_client" / "README.md").read_text()
