"""Faults of training, each with what it takes until the next row is acknowledged again."""

import contextlib
import os
import signal
import sys
import time

from serl_api.lifetime.child_process import ChildProcess
from serl_api.lifetime.stop_signal import StopSignal
from tests.faults.ledger import Ledger
from tests.faults.logged_actor import FOLDER
from tests.support.bad_network import BadNetwork
from tests.support.small_disk import fill, make_read_only, make_writable, small_disk
from tests.support.training_runs import ENDLESS, NEVER_EVALUATED, WAIT_S, Run
from tests.support.waiting import wait_until

HUNG_S = 60.0
"""Who makes no progress for so long hangs."""
DISK_BYTES = 300_000_000
DELAY_S, LARGEST_LOSS = 0.2, 0.2
ROWS_THROUGH_LOSS = 100


class TroubledRun(Run):
    """A learner and an actor, with a network between them that can be bad, and a log beside them."""

    actor_module = "tests.faults.logged_actor"
    learner_options = (*ENDLESS, "--learner.replay-capacity", "400000")
    actor_options = (*NEVER_EVALUATED, "--actor.ignores-grants")  # As with a real arm, which waits for no learner.

    def __init__(self, folder, rng, *, spool=None):
        super().__init__(folder)
        self.spool = spool or self.spool
        self.rng = rng
        self.ledger = Ledger(folder / "log")
        os.environ[FOLDER] = str(self.ledger.folder)
        self.network = None

    @property
    def learner_address(self):
        return self.network.address

    def start(self):
        """Starts both, and waits until rows arrive."""
        self.start_learner()
        self.network = BadNetwork(self.address, seed=self.rng.randrange(1 << 30))
        self.start_actor()
        self.wait_for_acknowledgement(10, WAIT_S)

    def start_learner(self, *options):
        self.learner_process = self.learner(*options, *self.learner_options)

    def start_actor(self):
        self.actor_process = self.actor(*self.actor_options, is_awaited=False)

    def wait_for_acknowledgement(self, number, timeout_s=HUNG_S):
        """Waits until a row is acknowledged."""
        wait_until(lambda: self.ledger.acknowledged() >= number, timeout_s, pause_s=0.005, explain=self.last_words)

    def seconds_until_next(self, since_s):
        """Waits for a row that is acknowledged from now on; returns how long after an instant that was."""
        return self.seconds_until(self.ledger.acknowledged() + 1, since_s)

    def seconds_until(self, number, since_s):
        """Waits until a row is acknowledged; returns how long after an instant that was."""
        self.wait_for_acknowledgement(number)
        entries = self.ledger.acknowledgements()
        return float(entries["time_ns"][entries["number"] >= number][0]) * 1e-9 - since_s

    def go_on(self):
        """Lets some rows pass between two faults."""
        self.wait_for_acknowledgement(self.ledger.acknowledged() + self.rng.randrange(20, 120))

    def compare(self):
        """Ends everything, and compares the replay with the log."""
        self.stop()
        return self.ledger.compare(self.run_directory / "replay")

    def stop(self):
        super().stop()
        if self.network is not None:
            self.network.close()


def kill(child):
    """Kills a process with SIGKILL; returns when."""
    now = time.monotonic()
    child.signal(signal.SIGKILL)
    child.wait(WAIT_S)
    return now


def killed_learner(run):
    since = kill(run.learner_process)
    run.start_learner("--resume")
    return run.seconds_until_next(since)


def killed_actor(run):
    since = kill(run.actor_process)
    run.start_actor()
    return run.seconds_until_next(since)


def _stopped(run, child):
    child.signal(signal.SIGSTOP)
    time.sleep(run.rng.uniform(0.5, 3.0))
    child.signal(signal.SIGCONT)
    return run.seconds_until_next(time.monotonic())


def stopped_learner(run):
    return _stopped(run, run.learner_process)


def stopped_actor(run):
    return _stopped(run, run.actor_process)


def cut(run):
    since = time.monotonic()
    run.network.cut()
    return run.seconds_until_next(since)


def half_open(run):
    """The network falls silent without closing for 2.2 to 3 s; from when it is back."""
    run.network.fall_silent()
    time.sleep(run.rng.uniform(2.2, 3.0))
    run.network.recover()
    return run.seconds_until_next(time.monotonic())


def lossy(run):
    """The network becomes 200 ms slow and loses 1 to 20 % of its packets; until the next row made is acknowledged.

    A hundred rows more have to go through before it is well again.
    """
    since = time.monotonic()
    run.network.delay_s, run.network.loss = DELAY_S, run.rng.uniform(0.01, LARGEST_LOSS)
    try:
        seconds = run.seconds_until(run.ledger.made() + 1, since)
        run.seconds_until(run.ledger.acknowledged() + ROWS_THROUGH_LOSS, since)
        return seconds
    finally:
        run.network.delay_s = run.network.loss = 0.0


def full_disk_of_actor(run):
    """The disk under the spool is full, so that the actor ends in a sentence; from when it is started with room."""
    filler = fill(run.spool, 0)
    _ended_in_a_sentence(run.actor_process, "is full")
    filler.unlink()
    since = time.monotonic()
    run.start_actor()
    return run.seconds_until_next(since)


def read_only_disk_of_actor(run):
    """The disk under the spool of an actor that was killed is read-only; from when it is not."""
    kill(run.actor_process)
    make_read_only(run.spool)
    run.start_actor()
    _ended_in_a_sentence(run.actor_process, "serl-train: ")
    make_writable(run.spool)
    since = time.monotonic()
    run.start_actor()
    return run.seconds_until_next(since)


def full_disk_of_learner(run):
    """The disk under the run is full, so that the learner cannot save; from when it is started with room."""
    filler = fill(run.run_directory, 0)
    _ended_in_a_sentence(run.learner_process, "No space left on device")
    filler.unlink()
    since = time.monotonic()
    run.start_learner("--resume")
    return run.seconds_until_next(since)


def _ended_in_a_sentence(child, text):
    assert child.wait(HUNG_S) == 1, child.last_words()
    assert text in child.last_words(), child.last_words()
    assert "Traceback" not in child.log()


class RunOnASmallDisk(TroubledRun):
    """A run whose spool, or whose learner's folder, lies on a disk of its own."""

    def __init__(self, folder, rng):
        folder.mkdir(parents=True, exist_ok=True)
        self._stack = contextlib.ExitStack()
        disk = self._stack.enter_context(small_disk(folder / "disk", DISK_BYTES))
        super().__init__(folder, rng, spool=disk)

    def __exit__(self, *_):
        with self._stack:
            self.stop()


class LearnerOnASmallDisk(RunOnASmallDisk):
    """The learner's folder lies on the disk."""

    def __init__(self, folder, rng):
        super().__init__(folder, rng)
        self.run_directory, self.spool = self.spool, folder / "spool"


class DaemonRun(TroubledRun):
    """An actor that drives an arm in a simulator of its own process; the learner only keeps the rows."""

    preset = "pick-cube"
    learner_options = (*TroubledRun.learner_options, "--learner.warm-up-steps", "1000000", "--sac.compile", "off")

    def start(self):
        self.daemon_address = "127.0.0.1:0"
        self.start_daemon()
        self.actor_options = (*TroubledRun.actor_options, "--robot", self.daemon_address, "--sac.compile", "off")
        super().start()

    def start_daemon(self):
        ready = self.folder / "daemon.ready"
        ready.unlink(missing_ok=True)
        options = ("--task", "pick-cube", "--address", self.daemon_address, "--ready-file", str(ready))
        command = [sys.executable, "-m", "simulator", *options]
        self.daemon_process = ChildProcess("daemon", command, self.folder / "logs" / "daemon.log")
        self.children.append(self.daemon_process)
        self.daemon_address = self.daemon_process.wait_for_file(ready, StopSignal(), WAIT_S)


def killed_daemon(run):
    since = kill(run.daemon_process)
    run.start_daemon()
    return run.seconds_until_next(since)


FAULTS = {
    "learner killed (-9)": (TroubledRun, killed_learner),
    "actor killed (-9)": (TroubledRun, killed_actor),
    "daemon killed (-9)": (DaemonRun, killed_daemon),
    "learner stopped 0.5 to 3 s": (TroubledRun, stopped_learner),
    "actor stopped 0.5 to 3 s": (TroubledRun, stopped_actor),
    "network cut": (TroubledRun, cut),
    "network silent 2.2 to 3 s": (TroubledRun, half_open),
    "network 200 ms slow, 1 to 20 % lost": (TroubledRun, lossy),
    "disk under the spool full": (RunOnASmallDisk, full_disk_of_actor),
    "disk under the spool read-only": (RunOnASmallDisk, read_only_disk_of_actor),
    "disk under the run full": (LearnerOnASmallDisk, full_disk_of_learner),
}
"""Kind of run, and a trial, which returns seconds until the next row is acknowledged."""
