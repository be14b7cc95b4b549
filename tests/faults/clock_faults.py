"""A wall clock that jumps while an arm is controlled, as when a machine sets it after a start without network."""

import contextlib
import random
import time
from unittest import mock

from serl_api.enums import Pacing
from serl_client import RobotClient
from tests.support.daemons import serve

PERIOD_S = 0.02
JUMP_S = 86_400.0


@contextlib.contextmanager
def jumped(seconds):
    """The wall clock of daemon and client, both in this process, is so much ahead; the monotonic one is as ever."""
    clock, clock_ns = time.time, time.time_ns
    ahead, ahead_ns = (lambda: clock() + seconds), (lambda: clock_ns() + int(seconds * 1e9))
    with mock.patch.object(time, "time", ahead), mock.patch.object(time, "time_ns", ahead_ns):
        yield


@contextlib.contextmanager
def controlling_while_clocks_jump():
    """Yields a trial: how late the latest of ten steps is when the clock jumps by up to a day to either side."""
    rng = random.Random(0)
    daemon = serve(pacing=Pacing.REAL_TIME)
    with contextlib.closing(daemon), RobotClient(daemon.address) as robot, robot.control("test") as session:

        def late_s():
            started = time.monotonic()
            session.step(period_s=PERIOD_S)
            return time.monotonic() - started - PERIOD_S

        def trial():
            late_s()
            with jumped(rng.uniform(-JUMP_S, JUMP_S)):
                return max(late_s() for _ in range(10))

        yield trial
