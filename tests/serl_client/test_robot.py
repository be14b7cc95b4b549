import itertools

import numpy as np
import pytest

from serl_api.enums import ArmMode, Backend, ControlMode, Pacing
from serl_api.errors.robot import ConnectionLostError, NotFoundError
from serl_client import RobotClient
from serl_client.connection.client_name import default_client_name


def test_info_describes_the_cell(robot):
    info = robot.info
    assert (info.backend, info.pacing) == (Backend.FAKE, Pacing.LOCKSTEP)
    assert info.arm.joint_count == 7 == len(info.arm.home)
    assert ControlMode.CARTESIAN_IMPEDANCE in info.arm.control_modes
    assert list(info.cameras) == ["front", "wrist"]
    assert info.gripper.max_width == pytest.approx(0.085)
    assert (info.limits.workspace_lower < info.limits.workspace_upper).all()
    assert info.command_timeout_s == 0.0
    assert info.default_compliance.translational_stiffness is not None


def test_the_command_timeout_is_advertised_in_real_time(real_time_daemon):
    with RobotClient(real_time_daemon.address) as robot:
        assert robot.info.command_timeout_s == pytest.approx(0.5)


def test_state_needs_no_session(robot):
    state = robot.get_state()
    assert state.mode is ArmMode.IDLE
    assert np.linalg.norm(state.tcp_pose.quaternion_xyzw) == pytest.approx(1.0)


def test_states_stream_until_the_reader_stops(daemon):
    with RobotClient(daemon.address) as robot:
        states = robot.stream_states(200.0)
        first, second, third = itertools.islice(states, 3)
        states.close()
        assert first.monotonic_time_ns <= second.monotonic_time_ns <= third.monotonic_time_ns


def test_recovering_an_unknown_fault_is_refused(robot):
    with pytest.raises(NotFoundError):
        robot.recover(["no_such_fault"])


def test_no_fault_at_first(robot):
    faults = robot.list_faults()
    assert faults.active == faults.cleared == ()


def test_clocks_are_mapped(daemon):
    with RobotClient(daemon.address) as robot:
        offset = robot.sync_time(samples=8)
        assert 0 <= offset.round_trip_ns < 1_000_000_000
        with pytest.raises(ValueError, match="samples"):
            robot.sync_time(samples=0)


def test_a_restarted_daemon_is_found_again_with_another_boot_id(start_daemon, tmp_path):
    address = f"unix:{tmp_path}/robot.sock"
    daemon = start_daemon(address)
    with RobotClient(address) as robot:
        first = robot.info.boot_id
        daemon.stop()
        with pytest.raises(ConnectionLostError):
            robot.connection.wait_ready(0.2)
        daemon = start_daemon(address)
        assert robot.reconnect(5.0).boot_id != first
        robot.control("again").close()
    daemon.stop()


def test_a_closed_client_says_so(lockstep_daemon):
    robot = RobotClient(lockstep_daemon.address)
    robot.close()
    with pytest.raises(ConnectionLostError, match="closed"):
        robot.get_state()


def test_the_default_name_says_who_and_where():
    assert "@" in default_client_name()
    assert len(default_client_name()) <= 128
