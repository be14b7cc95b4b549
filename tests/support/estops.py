"""How long an arm goes on after its e-stop endpoint, a process of its own, has ended, hung or lost its network."""

import contextlib
import signal
import subprocess
import sys
import time

from serl_api.enums import Pacing
from tests.support.daemons import serve
from tests.support.silence import let_pings_drift
from tests.support.silent_proxy import SilentProxy
from tests.support.waiting import wait_until


@contextlib.contextmanager
def armed_endpoint(*options):
    """A daemon over fake devices, the proxy before it, and a `serl-robot estop` that is armed there."""
    with contextlib.ExitStack() as stack:
        daemon = serve(pacing=Pacing.REAL_TIME)
        stack.callback(daemon.stop)
        proxy = stack.enter_context(SilentProxy(daemon.address))
        command = [sys.executable, "-m", "serl_client", "estop", "--address", proxy.address, "--name", "key", *options]
        endpoint = stack.enter_context(
            subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        )
        stack.callback(endpoint.kill)
        wait_until(lambda: daemon.core.armed_estops == ("key",))
        yield daemon, proxy, endpoint


def seconds_until_stopped(trouble):
    """Seconds from trouble with the endpoint until the daemon has stopped its arm."""
    with armed_endpoint() as (daemon, proxy, endpoint):
        let_pings_drift()
        started = time.monotonic()
        trouble(endpoint, proxy)
        wait_until(lambda: daemon.core.stopped is not None, pause_s=0.001)
        return time.monotonic() - started


TROUBLES = {
    "killed": lambda endpoint, _proxy: endpoint.kill(),
    "hung (SIGSTOP)": lambda endpoint, _proxy: endpoint.send_signal(signal.SIGSTOP),
    "behind a silent network": lambda _endpoint, proxy: proxy.fall_silent(),
}
