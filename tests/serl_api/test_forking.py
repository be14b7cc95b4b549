"""A child that was forked while gRPC was in use says so at once, in place of calls that are never answered."""

import subprocess
import sys

import pytest

PROGRAM = """
import os, sys
from serl_api.security import open_channel
from serl_api.settings import ConfigError

def fork():
    child = os.fork()
    if child == 0:
        try:
            open_channel("127.0.0.1:1").close()
        except ConfigError as error:
            print(error, flush=True)
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

{body}
"""
CHANNEL = "channel = open_channel('127.0.0.1:1')"
SERVER = "from tests.support.daemons import serve; server = serve()"
CASES = {
    "nothing": ("", 0),
    "an open channel": (CHANNEL, 1),
    "a closed channel": (f"{CHANNEL}; channel.close()", 0),
    "a channel that was left": ("with open_channel('127.0.0.1:1'): pass", 0),
    "a server": (SERVER, 1),
    "a server that was stopped": (f"{SERVER}; server.close()", 0),
}


@pytest.mark.parametrize(("body", "code"), CASES.values(), ids=CASES)
def test_what_was_open_at_the_fork_decides(body, code):
    program = PROGRAM.format(body=body) + "\nsys.exit(fork())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == code, done.stderr
    assert ("close them before the fork" in done.stdout) == bool(code)
