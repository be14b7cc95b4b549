import os
import subprocess
import sys

import pytest

SETTING = "-event_engine_client,-event_engine_listener"


@pytest.mark.parametrize("package", ["serl_client", "robot_daemon"])
@pytest.mark.parametrize(("given", "expected"), [(None, SETTING), ("", ""), ("mine", "mine")])
def test_importing_a_package_chooses_the_poller_unless_the_user_did(package, given, expected):
    environment = {name: value for name, value in os.environ.items() if name != "GRPC_EXPERIMENTS"}
    if given is not None:
        environment["GRPC_EXPERIMENTS"] = given
    code = f"import {package}, os; print(os.environ['GRPC_EXPERIMENTS'])"
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert result.stdout.strip() == expected
