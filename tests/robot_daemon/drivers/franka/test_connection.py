"""Connections that cannot be opened, break, hang and come back."""

import contextlib
import select
import socket
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from robot_daemon.config.cell_builder import build_device
from robot_daemon.config.cell_config import DriverConfig
from robot_daemon.drivers.franka import FrankaArm, FrankaOptions, build_arm
from robot_daemon.hardware.devices import DeviceConnectError
from robot_daemon.hardware.timebase import RealTimebase
from serl_api.errors.robot import DeviceUnavailableError
from serl_api.values import Load, Pose
from simulator.virtual.fci.process import free_loopback_host
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real_time

PORT = 1337


class Relay:
    """Relays the TCP side of a connection to an arm; while it is frozen the arm answers no command.

    States travel over UDP and go on. A context manager that listens at `host`.
    """

    def __init__(self, host, arm_host):
        self.host = host
        self._arm_host = arm_host
        self._listener = socket.create_server((host, PORT))
        self._listener.settimeout(0.05)
        self._is_frozen = threading.Event()
        self._is_ending = threading.Event()
        self._pairs = []
        self._thread = threading.Thread(target=self._run, daemon=True)

    def freeze(self):
        """Passes nothing on."""
        self._is_frozen.set()

    def cut(self):
        """Closes every connection and passes new ones on again."""
        for end in [end for pair in self._pairs for end in pair]:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._is_frozen.clear()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.cut()
        self._is_ending.set()
        self._thread.join()
        for end in [self._listener, *(end for pair in self._pairs for end in pair)]:
            end.close()

    def _run(self):
        while not self._is_ending.is_set():
            ends = {end: other for pair in self._pairs for end, other in (pair, pair[::-1])}
            if self._is_frozen.is_set():
                self._is_ending.wait(0.01)
                continue
            for ready in select.select([self._listener, *ends], [], [], 0.05)[0]:
                if ready is self._listener:
                    client, _ = self._listener.accept()
                    self._pairs.append((client, socket.create_connection((self._arm_host, PORT))))
                else:
                    self._pass_on(ready, ends[ready])

    def _pass_on(self, source, sink):
        data = b""
        with contextlib.suppress(OSError):
            data = source.recv(65536)
        if not data:
            self._pairs = [pair for pair in self._pairs if source not in pair]
            source.close()
            sink.close()
            return
        with contextlib.suppress(OSError):
            sink.sendall(data)


def refusal(host, **options):
    with pytest.raises(DeviceConnectError) as caught:
        build_arm("arm", RealTimebase(), FrankaOptions(**({"host": host, "realtime": "ignore"} | options)))
    return str(caught.value)


def ids(arm):
    return [fault.id for fault in arm.faults()]


def is_silent(arm):
    try:
        arm.read_state()
    except DeviceUnavailableError:
        return True
    return False


def track(arm):
    state = arm.read_state()
    goal = state.tcp_pose.position + np.array([0.003, 0.0, 0.0])
    arm.set_target(Pose(goal, state.tcp_pose.quaternion_xyzw))
    wait_until(lambda: abs(arm.read_state().tcp_pose.position - goal).max() < 1e-3)


class TestOpening:
    def test_the_cell_builds_it_by_name(self, fci):
        options = {"host": fci.host, "realtime": "prefer"}
        arm = build_device(DriverConfig(driver="franka", options=options), "arm", RealTimebase())
        try:
            assert isinstance(arm, FrankaArm)
            wait_until(lambda: not is_silent(arm))
        finally:
            arm.close()

    def test_nobody_listens(self):
        text = refusal(free_loopback_host())
        assert "accepts no FCI connection; activate FCI in Desk" in text

    def test_the_name_is_unknown(self):
        assert refusal("no-such-arm.invalid") == (
            'the name "no-such-arm.invalid" is unknown; give the address of the arm, such as 172.16.0.2'
        )

    def test_somebody_listens_but_never_answers(self):
        host = free_loopback_host()
        with socket.create_server((host, PORT)):
            began = time.monotonic()
            text = refusal(host, connect_timeout_s=0.3)
        assert f"no answer from an arm at {host} (nothing within 0.3 s)" in text
        assert time.monotonic() - began < 3.0

    def test_another_program_controls_the_arm(self, fci, connect):
        connect()
        assert "another program controls it: end that one first" in refusal(fci.host)

    def test_the_arm_speaks_another_version(self, virtual_arm):
        with virtual_arm(server_version=9) as process:
            text = refusal(process.host)
        assert "speaks version 9 and this libfranka version 10" in text
        assert "install franky's wheel for libfranka 0.17.0" in text

    def test_the_kernel_is_not_a_real_time_one(self, fci):
        realtime = Path("/sys/kernel/realtime")
        if realtime.exists() and realtime.read_text().strip() == "1":
            pytest.skip("this kernel is a real-time one")
        text = refusal(fci.host, realtime="enforce")
        assert text.startswith("this kernel has no real-time scheduling (PREEMPT_RT)")
        assert 'set realtime = "prefer"' in text

    def test_the_arm_is_another_model(self, fci):
        assert refusal(fci.host, model="panda") == (
            f'the arm at {fci.host} is a fr3, not a panda; set model = "fr3" or fix host'
        )

    def test_the_arm_is_free_again_after_a_refusal(self, fci, connect):
        refusal(fci.host, model="panda")
        assert connect().info.model == "fr3"

    def test_an_arm_in_a_reflex_takes_no_settings(self, fci, connect):
        fci.inject("refuse_settings", modes=["reflex"])
        fci.inject("reflex", kind="joint_reflex")
        arm = connect()
        (fault,) = arm.faults()
        assert (fault.id, fault.clearable) == ("arm_reflex", True)
        assert fault.text.startswith("the arm stood in a reflex and refused to be set up (")
        arm.set_target(arm.read_state().tcp_pose)
        assert not fci.state()["in_motion"], "connecting recovers the arm, not its permission to move"
        arm.recover(("arm_reflex",))
        assert ids(arm) == []
        track(arm)

    def test_a_pressed_user_stop_takes_no_settings(self, fci, connect):
        fci.inject("refuse_settings", modes=["user-stopped"])
        fci.inject("user_stop")
        assert "refuses to be set up" in (text := refusal(fci.host))
        assert "release its user stop" in text
        fci.inject("release_user_stop")
        assert ids(connect()) == []


class TestLoss:
    def test_a_short_silence_is_survived(self, fci, connect):
        arm = connect()
        track(arm)
        fci.inject("stall", seconds=0.3)
        time.sleep(0.5)
        assert ids(arm) == []
        track(arm)

    def test_a_broken_connection_is_a_fault_until_recovery_after_its_return(self, fci, connect):
        arm = connect()
        track(arm)
        fci.inject("disconnect")
        wait_until(lambda: "connection_lost" in ids(arm))
        assert is_silent(arm)
        lost = next(fault for fault in arm.faults() if fault.id == "connection_lost")
        assert not lost.clearable
        arm.recover(("connection_lost",))
        assert "connection_lost" in ids(arm)
        wait_until(lambda: not is_silent(arm))
        wait_until(lambda: all(fault.clearable for fault in arm.faults()))
        assert set(ids(arm)) == {"connection_lost", "communication_constraints_violation"}
        assert not fci.state()["in_motion"]
        arm.recover(tuple(ids(arm)))
        assert ids(arm) == []
        track(arm)

    def test_it_comes_back_from_a_reflex_in_which_it_takes_no_settings(self, fci, connect):
        arm = connect()
        track(arm)
        fci.inject("refuse_settings", modes=["reflex", "user-stopped"])
        fci.inject("disconnect")
        wait_until(lambda: "connection_lost" in ids(arm))
        wait_until(lambda: not is_silent(arm))
        wait_until(lambda: all(fault.clearable for fault in arm.faults()))
        assert fci.state()["robot_mode"] == "IDLE"
        assert set(ids(arm)) == {"connection_lost", "arm_reflex"}, "nothing is forgotten by connecting"
        arm.recover(tuple(ids(arm)))
        assert ids(arm) == []
        track(arm)

    def test_an_arm_that_answers_no_command_is_given_up_and_taken_back(self, fci):
        fci.inject("place", positions=fci.state()["positions"])
        with Relay(free_loopback_host(), fci.host) as relay:
            arm = FrankaArm(FrankaOptions(host=relay.host, realtime="ignore", command_deadline_s=0.5), RealTimebase())
            try:
                wait_until(lambda: not is_silent(arm))
                relay.freeze()
                began = time.monotonic()
                arm.set_load(Load(mass=0.0, center_of_mass=(0.0, 0.0, 0.0), inertia=(0.0,) * 9))
                assert time.monotonic() - began < 0.1  # A caller never waits for the arm.
                wait_until(lambda: ids(arm) == ["connection_lost"])
                assert "it did not answer a command" in arm.faults()[0].text
                assert is_silent(arm)
                relay.cut()
                wait_until(lambda: not is_silent(arm))
                arm.recover(("connection_lost",))
                assert ids(arm) == []
                track(arm)
            finally:
                arm.close()
