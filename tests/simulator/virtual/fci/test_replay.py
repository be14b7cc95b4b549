"""A virtual arm is recorded from the wire and replayed: the real driver reads the states that were sent."""

import contextlib
import threading
import time

import numpy as np
import pytest

from robot_daemon.drivers.franka import FrankaArm, FrankaOptions
from robot_daemon.hardware.timebase import RealTimebase
from robot_daemon.operations.traces.recording import record_trace
from robot_daemon.operations.traces.trace_file import Datagram, Direction, TraceError, TraceWriter, read_trace
from robot_daemon.operations.traces.wire import COMMAND_SIZE, STATE_SIZE
from serl_api.errors.robot import DeviceUnavailableError
from serl_api.lifetime.stop_signal import StopSignal
from serl_api.values import JointTarget
from simulator.model.arm_table import FR3
from simulator.virtual.fci import VirtualFciProcess
from simulator.virtual.fci.process import free_loopback_host
from simulator.virtual.fci.protocol import MOTION_COMMAND, PORT, STATE
from simulator.virtual.fci.replay import ReplayServer, recorded_states

pytestmark = pytest.mark.real_time


def test_the_sizes_on_the_wire_are_those_of_the_protocol():
    assert (STATE.itemsize, MOTION_COMMAND.itemsize) == (STATE_SIZE, COMMAND_SIZE)


@contextlib.contextmanager
def driver(host):
    arm = FrankaArm(FrankaOptions(host=host, realtime="ignore"), RealTimebase())
    try:
        yield arm
    finally:
        arm.close()


@contextlib.contextmanager
def replaying(path):
    host = free_loopback_host()
    server = ReplayServer(path, FR3, host, PORT)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield host
    finally:
        server.stop()
        thread.join(10.0)


@pytest.fixture(scope="module")
def trace(tmp_path_factory):
    """A trace of a virtual arm that the driver moves, from the wire."""
    path = tmp_path_factory.mktemp("trace") / "arm.trace"
    with VirtualFciProcess(arm="fr3", lost_packet_limit=1000) as virtual, driver(virtual.host) as arm:
        recording = threading.Thread(target=_record, args=(virtual.host, path))
        recording.start()
        start = arm.read_state().joint_positions
        for number in range(10):
            arm.set_target(JointTarget(positions=start + np.array([0.0] * 6 + [0.01 * number])))
            time.sleep(0.1)
        recording.join(20.0)
    if not path.exists():
        pytest.skip("this account may not listen to a network card")
    return path


def _record(host, path):
    with contextlib.suppress(TraceError):
        record_trace(host, path, StopSignal(), seconds=1.5, card="lo")


def test_states_and_commands_are_recorded_at_a_kilohertz(trace):
    datagrams = read_trace(trace).datagrams
    states = recorded_states(trace)
    assert 0.5 < len(states) / 1500 < 1.1
    assert sum(datagram.direction is Direction.COMMAND for datagram in datagrams) > 100
    assert np.ptp(states["q"][:, 6]) > 0.02, "the joint that was moved"
    times = [datagram.time_ns for datagram in datagrams]
    assert times == sorted(times)
    assert trace.stat().st_size < 0.5 * sum(len(datagram.payload) for datagram in datagrams), "compact"


def test_the_real_driver_reads_what_was_recorded(trace):
    recorded = {_measured(state).tobytes(): state for state in recorded_states(trace)}
    with replaying(trace) as host, driver(host) as arm:
        assert arm.info.model == "fr3"
        read = []
        while len(read) < 200:
            with contextlib.suppress(DeviceUnavailableError):
                read.append(arm.read_state())
            time.sleep(0.005)
    assert len({state.time_ns for state in read}) > 50
    for state in read:
        parts = state.joint_positions, state.joint_velocities, state.joint_torques, -state.external_wrench
        origin = recorded[(np.concatenate(parts) + 0.0).astype(np.float32).tobytes()]
        np.testing.assert_allclose(state.tcp_pose.position, origin["O_T_EE"][12:15], atol=1e-7)
    assert any(np.abs(state.joint_velocities).max() > 0.01 for state in read)


def _measured(state):
    """One state's joints, torques and wrench, with one zero."""
    return np.concatenate([state["q"], state["dq"], state["tau_J"], state["O_F_ext_hat_K"]]) + np.float32(0.0)


def states_of(numbers):
    states = np.zeros(len(numbers), STATE)
    states["message_id"] = numbers
    return states


def trace_of(path, numbers):
    with TraceWriter(path, {}) as writer:
        for state in states_of(numbers):
            writer.add(Datagram(Direction.STATE, 1, state.tobytes()))
    return path


def test_a_trace_of_several_connections_gives_the_last_in_order_and_each_state_once(tmp_path):
    path = trace_of(tmp_path / "t", [7, 8, 9, 1, 2, 2, 4])
    assert recorded_states(path)["message_id"].tolist() == [1, 2, 4]


def test_a_trace_without_states_is_one_sentence(tmp_path):
    with pytest.raises(TraceError, match="holds no states"):
        recorded_states(trace_of(tmp_path / "t", []))
