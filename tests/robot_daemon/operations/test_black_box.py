import logging
import threading
import time

import numpy as np
import pytest

from robot_daemon.config.cell_config import BlackBoxConfig, LimitsConfig, SyncConfig
from robot_daemon.control.daemon import DaemonCore
from robot_daemon.control.events import Command, Event, raised_event
from robot_daemon.drivers.fake.cell import build_fake_cell
from robot_daemon.hardware.devices import DeviceFault
from robot_daemon.operations import black_box
from robot_daemon.operations.black_box import BlackBox, default_directory, list_recordings
from robot_daemon.operations.recording import read_recording
from serl_api.enums import FaultSeverity, FaultSource
from serl_api.errors.robot import FaultError
from serl_api.settings import ConfigError
from serl_api.values import FullCompliance, Pose
from tests.support.clocks import ManualClock
from tests.support.waiting import wait_until

SECOND = 1_000_000_000


def fault(name="reflex", onset_ns=7, severity=FaultSeverity.CRITICAL, source=FaultSource.ARM):
    return DeviceFault(id=name, source=source, severity=severity, onset_time_ns=onset_ns, text="it happened")


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def make(tmp_path, clock):
    """Black boxes in a folder, whose recordings are complete only when they are closed."""
    made = []

    def build(seconds=1.0, keep=50, rate_hz=100.0):
        config = BlackBoxConfig(seconds=seconds, keep=keep, directory=tmp_path / "box")
        made.append(BlackBox(config, rate_hz, {"cell": "active_cell"}, clock))
        return made[-1]

    yield build
    for box in made:
        box.close()


def test_a_fault_is_recorded_with_what_came_before(make, arm_at, gripper_at):
    box = make(seconds=1.0)
    for n in range(300):  # Three seconds at 100 Hz.
        box.sampled(arm_at(n * SECOND // 100, z=n), gripper_at(n))
        target = Pose(np.full(3, float(n)), np.array([1.0, 0.0, 0.0, 0.0]))
        box.commanded(Command(n * SECOND // 100, n, target, None))
    box.on_event(Event("session_opened", SECOND, {"client": "too old"}))
    box.on_event(Event("session_opened", 2 * SECOND + 1, {"client": "ada"}))
    box.on_event(raised_event(fault(), 3 * SECOND))
    path = box.recording_of(fault())
    box.close()
    recording = read_recording(path)
    assert recording.arrays["arm_time_ns"].tolist() == [n * SECOND // 100 for n in range(200, 300)]
    assert recording.arrays["arm_tcp_position"][:, 2].tolist() == list(range(200, 300))
    assert recording.arrays["command_sequence_number"].tolist() == list(range(200, 300))
    header = recording.header
    assert header["trigger_time_ns"] == 3 * SECOND
    assert [event["name"] for event in header["triggers"]] == ["fault_raised"]
    assert [event.get("client", event["name"]) for event in header["events"]] == ["ada", "fault_raised"]
    assert header["facts"] == {"cell": "active_cell"}


def test_a_recording_goes_on_for_half_a_second(make, arm_at, clock):
    box = make()
    box.on_event(raised_event(fault(), 0))
    box.sampled(arm_at(SECOND // 4), None)
    assert list_recordings(box.directory) == []
    clock.now = 0.6
    with box._wake:
        box._wake.notify_all()  # The injected clock does not wake it.
    wait_until(lambda: list_recordings(box.directory))
    assert len(read_recording(list_recordings(box.directory)[0]).arrays["arm_time_ns"]) == 1


def test_faults_of_one_moment_share_a_recording(make):
    box = make()
    box.on_event(raised_event(fault("a"), 0))
    box.on_event(raised_event(fault("b"), 1))
    box.on_event(Event("stop_latched", 2, {"client": "ada"}))
    box.close()
    (path,) = list_recordings(box.directory)
    assert box.recording_of(fault("a")) == box.recording_of(fault("b")) == str(path)
    assert len(read_recording(path).header["triggers"]) == 3


def test_a_stop_is_recorded(make):
    box = make()
    box.on_event(Event("stop_latched", 2, {"client": "ada"}))
    box.close()
    (path,) = list_recordings(box.directory)
    assert path.name.endswith("Z-stop.npz")


@pytest.mark.parametrize("name", ["session_opened", "session_closed", "fault_cleared", "recovered", "targets_clipped"])
def test_other_events_are_not(make, name):
    box = make()
    box.on_event(Event(name, 2))
    box.close()
    assert list_recordings(box.directory) == []


def test_a_warning_that_comes_again_within_a_minute_is_not_recorded_again(make, clock):
    box = make()
    loose = fault("camera_lost.wrist", severity=FaultSeverity.WARNING, source=FaultSource.CAMERA)

    def count_after(seconds):
        clock.now += seconds
        box.on_event(raised_event(loose, 0))
        with box._wake:
            ordered = box._pending is not None
            box._pending = None
        return ordered

    assert [count_after(seconds) for seconds in (0.0, 10.0, 49.0, 60.0)] == [True, False, False, True]


def test_a_critical_fault_is_always_recorded(make):
    box = make()
    for n in range(3):
        box.on_event(raised_event(fault(onset_ns=n), n))
        with box._wake:
            assert box._pending is not None
            box._pending = None


def test_the_oldest_are_deleted_and_no_longer_named(make):
    box = make(keep=3)
    other = box.directory / "measurements.npz"
    other.touch()
    for n in range(5):
        box.on_event(raised_event(fault(onset_ns=n), n))
        with box._wake:
            box._pending.due_s = 0.0
            box._wake.notify_all()
        wait_until(lambda: (box._pending, len(list_recordings(box.directory))) == (None, min(3, n + 1)))  # noqa: B023
        time.sleep(0.002)  # Names have milliseconds.
    box.close()
    assert [bool(box.recording_of(fault(onset_ns=n))) for n in range(5)] == [False, False, True, True, True]
    assert other.exists()


def test_a_disk_that_fails_is_told_and_withdraws_the_path(make, monkeypatch, caplog):
    def fail(path, recording):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(black_box, "write_recording", fail)
    box = make()
    box.on_event(raised_event(fault(), 0))
    assert box.recording_of(fault())
    with caplog.at_level(logging.WARNING):
        box.close()
    assert box.recording_of(fault()) == ""
    assert "black_box_failed" in caplog.text


def test_writing_delays_no_witness(make, monkeypatch, arm_at):
    may_go_on, writes = threading.Event(), threading.Event()

    def stuck(path, recording):
        writes.set()
        may_go_on.wait(10.0)
        return 0

    monkeypatch.setattr(black_box, "write_recording", stuck)
    box = make()
    box.on_event(raised_event(fault(onset_ns=1), 0))
    with box._wake:
        box._pending.due_s = 0.0
        box._wake.notify_all()
    assert writes.wait(20.0)
    box.sampled(arm_at(1), None)  # Each would hang here if it waited for the disk.
    box.commanded(Command(1, 1, None, None))
    box.on_event(raised_event(fault(onset_ns=2), 0))
    assert box.recording_of(fault(onset_ns=2))
    may_go_on.set()


def test_what_a_killed_daemon_left_half_written_is_removed(make, tmp_path):
    folder = tmp_path / "box"
    folder.mkdir()
    (folder / ".2026-01-01T00-00-00.000Z-x.npz.partial").touch()
    make()
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"black_box\.directory .*file/box cannot be written .*seconds = 0"):
        BlackBox(BlackBoxConfig(directory=tmp_path / "file" / "box"), 100.0, {})


@pytest.mark.parametrize(
    ("environment", "path"),
    [
        ({"STATE_DIRECTORY": "/var/lib/serl-robot"}, "/var/lib/serl-robot/black-box"),
        ({"STATE_DIRECTORY": "/var/lib/a:/var/lib/b"}, "/var/lib/a/black-box"),
        ({"XDG_STATE_HOME": "/x"}, "/x/serl-robot/black-box"),
    ],
)
def test_where_recordings_go_by_default(environment, path):
    assert str(default_directory(environment)) == path


def test_a_daemon_records_a_contact_and_names_the_file(tmp_path):
    fake = build_fake_cell(cameras=())
    box = BlackBox(BlackBoxConfig(seconds=5.0, directory=tmp_path), 500.0, {"cell": "fake"})
    core = DaemonCore(fake.cell, LimitsConfig(), sync=SyncConfig(sample_rate_hz=500.0), listeners=[box])
    try:
        session = core.claim("ada", "peer", FullCompliance())
        target = Pose(np.array([0.45, 0.0, 0.25]), np.array([1.0, 0.0, 0.0, 0.0]))
        session.apply(2, target, None, SECOND // 10)
        fake.arm.external_wrench = np.array([150.0, 0.0, 0.0, 0.0, 0.0, 0.0])
        wait_until(lambda: core.active_cell.faults.critical)
        with pytest.raises(FaultError) as caught:
            session.require_open()
        path = caught.value.metadata["black_box"]
        assert path == core.listener.recording_of(core.active_cell.faults.critical[0])
    finally:
        core.close()
    recording = read_recording(path)
    assert recording.arrays["arm_external_wrench"][:, 0].max() == 150.0
    assert recording.arrays["command_target"][0, :3].tolist() == [0.45, 0.0, 0.25]
    assert [event["name"] for event in recording.header["events"]][:3] == [
        "session_opened",
        "fault_raised",
        "session_closed",
    ]
