import dataclasses
import threading

import pytest

from robot_daemon.config.cell_config import SyncConfig
from robot_daemon.drivers.fake.cell import build_fake_cell
from robot_daemon.hardware.devices import DeviceFault
from robot_daemon.sensing.real_time_sensors import RealTimeSensors
from serl_api.enums import FaultSeverity, FaultSource
from serl_api.errors.robot import DeviceUnavailableError
from tests.support.waiting import wait_until

pytestmark = pytest.mark.real_time

FAST = SyncConfig(camera_lost_s=0.1)


class Watched:
    """Real-time sensors of a fake cell, with events for what they report."""

    def __init__(self):
        self.fake = build_fake_cell(rate_hz=100.0)
        self.sampled = threading.Event()
        self.faults = {}
        self.sensors = RealTimeSensors(
            self.fake.cell,
            FAST,
            raise_fault=lambda fault: self.faults.update({fault.id: fault}),
            clear_fault=lambda fault_id: self.faults.pop(fault_id, None),
            on_sample=lambda arm, gripper: self.sampled.set(),
        )
        self.sensors.start()

    def wait(self, condition):
        wait_until(condition, explain=lambda: self.faults)


@pytest.fixture
def watched():
    made = Watched()
    yield made
    made.sensors.close()


def test_the_arm_is_sampled_without_being_asked(watched):
    assert watched.sampled.wait(20.0)


def test_a_snapshot_is_synchronised_at_one_reference_time(watched):
    watched.wait(lambda: all(watched.sensors.is_delivering(name) for name in ("front", "wrist")))
    watched.wait(lambda: watched.sensors.snapshot(("front", "wrist")).synchronized)
    snapshot = watched.sensors.snapshot(("front", "wrist"))
    assert [name for name, _ in snapshot.frames] == ["front", "wrist"]
    assert snapshot.reference_time_ns <= watched.fake.cell.timebase.now_ns()
    assert [offset.sensor for offset in snapshot.offsets] == ["arm", "gripper", "camera/front", "camera/wrist"]


def test_a_lost_camera_raises_a_warning_that_its_return_clears(watched):
    watched.wait(lambda: watched.sensors.is_delivering("front"))
    watched.fake.cameras["front"].is_delivering = False
    watched.wait(lambda: "camera_lost.front" in watched.faults)
    fault = watched.faults["camera_lost.front"]
    assert fault.severity is FaultSeverity.WARNING
    snapshot = watched.sensors.snapshot(("front",))
    assert (snapshot.offsets[-1].missing, snapshot.synchronized, list(snapshot.frames)) == (True, False, [])
    watched.fake.cameras["front"].is_delivering = True
    watched.wait(lambda: not watched.faults)


def test_a_silent_gripper_is_missing_and_blocks_nobody():
    fake = build_fake_cell(cameras=())
    fake.gripper.set_connected(connected=False)
    sensors = RealTimeSensors(fake.cell, FAST, raise_fault=print, clear_fault=print, on_sample=print)
    snapshot = sensors.snapshot(())
    assert snapshot.gripper is None
    assert [(offset.sensor, offset.missing) for offset in snapshot.offsets] == [("arm", False), ("gripper", True)]


def test_a_silent_arm_is_told(watched):
    watched.fake.arm.set_connected(connected=False)
    with pytest.raises(DeviceUnavailableError):
        watched.sensors.snapshot(())


def test_after_a_change_of_the_scene_frames_are_new(watched):
    watched.wait(lambda: watched.sensors.is_delivering("front"))
    changed_ns = watched.fake.cell.timebase.now_ns()
    watched.sensors.forget(("front",))
    assert watched.sensors.newest_frame("front").time_ns >= changed_ns


def test_what_a_camera_reports_of_its_frames_is_a_fault_while_it_lasts(watched):
    degraded = DeviceFault(
        id="camera_degraded.front",
        source=FaultSource.CAMERA,
        severity=FaultSeverity.WARNING,
        onset_time_ns=1,
        text="its stamps are poor",
        clearable=False,
    )
    watched.fake.cameras["front"].faults = lambda: (degraded,)
    watched.wait(lambda: "camera_degraded.front" in watched.faults)
    assert watched.faults[degraded.id] == degraded
    watched.fake.cameras["front"].faults = tuple
    watched.wait(lambda: not watched.faults)


def test_a_frame_from_the_future_does_not_hide_those_that_follow(watched):
    camera = watched.fake.cameras["front"]
    read = camera.read

    def early(timeout_s):
        frame = read(timeout_s)
        return dataclasses.replace(frame, time_ns=frame.time_ns + 10**12)

    camera.read = early
    watched.wait(lambda: watched.sensors.newest_frame("front") is not None)
    camera.read = read
    now_ns = watched.fake.cell.timebase.now_ns()
    watched.wait(lambda: watched.sensors.newest_frame("front").time_ns > now_ns)
    assert watched.sensors.newest_frame("front").time_ns <= watched.fake.cell.timebase.now_ns()
