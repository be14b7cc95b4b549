import subprocess
import sys

BACKGROUND = """
import os, pty, select, sys
shell, terminal = pty.fork()
if shell == 0:
    job = os.fork()
    if job == 0:
        os.setpgid(0, 0)
        from simulator.virtual.serving import Typed
        typed = Typed({})
        while typed.sources:
            select.select(typed.sources, [], [])
            typed.read()
        os._exit(7)
    _, status = os.waitpid(job, os.WUNTRACED)
    os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 1)
os.write(terminal, b"a command for the shell\\n")
_, status = os.waitpid(shell, 0)
sys.exit(os.WEXITSTATUS(status))
"""


def test_a_background_job_leaves_what_is_typed_to_the_shell():
    assert subprocess.run([sys.executable, "-c", BACKGROUND], timeout=50).returncode == 7
