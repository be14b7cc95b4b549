import itertools
import time

import numpy as np
import pytest

from robot_daemon.config.cell_config import DaemonConfig, DriverConfig, LimitsConfig
from robot_daemon.drivers.fake.cell import build_fake_cell
from robot_daemon.hardware.devices import DeviceConnectError, DeviceFault, FrameSample
from robot_daemon.operations.checks import device_check, measuring
from robot_daemon.operations.checks.device_check import check_devices
from robot_daemon.operations.checks.finding import Verdict
from serl_api.enums import FaultSeverity, FaultSource, GripperMotion, StampSource
from serl_api.settings import ConfigError

pytestmark = pytest.mark.real_time

FAKE = DriverConfig(driver="fake")


def on_time(camera, read):
    """The camera with stamps exactly on the grid of its rate, however busy this machine is."""
    frames = itertools.count()

    def read_next(timeout_s):
        if not camera.is_delivering:
            return read(timeout_s)
        time.sleep(0.005)
        number = next(frames)
        stamp_ns = number * 1_000_000_000 // 30
        return FrameSample(
            time_ns=stamp_ns,
            receive_time_ns=stamp_ns,
            number=number,
            rgb=np.full((4, 4, 3), 128, np.uint8),
            stamp_source=StampSource.SENSOR,
        )

    return read_next


class Cell:
    """The devices that a check finds, to be made to misbehave before."""

    def __init__(self):
        made = build_fake_cell(cameras=("front", "wrist"))
        self.arm, self.gripper, self.cameras = made.arm, made.gripper, made.cameras
        for camera in self.cameras.values():
            camera.read = on_time(camera, camera.read)
        self.unreachable = {}
        self.gripper_options = None

    def build(self, config, where, timebase):
        if where in self.unreachable:
            raise DeviceConnectError(self.unreachable[where])
        if where == "gripper":
            self.gripper_options = dict(config.options)
        return {"arm": self.arm, "gripper": self.gripper}.get(where) or self.cameras[where.partition(".")[2]]


@pytest.fixture
def cell(monkeypatch):
    made = Cell()
    monkeypatch.setattr(device_check, "build_device", made.build)
    monkeypatch.setattr(measuring, "LISTEN_S", 0.2)
    monkeypatch.setattr(measuring, "FIRST_FRAME_S", 0.2)
    return made


@pytest.fixture
def check(cell):
    """Findings about the cell, by device; each a list of verdict and text."""

    def run(**options):
        config = DaemonConfig(
            arm=FAKE,
            gripper=DriverConfig(driver="fake", options={"activate": True}),
            cameras=dict.fromkeys(cell.cameras, FAKE),
            **options,
        )
        found = {}
        for finding in check_devices(config):
            found.setdefault(finding.what, []).append((finding.verdict, f"{finding.text} {finding.fix}"))
        return found

    return run


def wrong(found):
    return {what: rows for what, rows in found.items() if any(verdict is not Verdict.OK for verdict, _ in rows)}


def test_a_cell_in_order_has_one_row_a_device(cell, check):
    found = check()
    assert list(found) == ["arm", "gripper", "camera front", "camera wrist", "skew"]
    assert wrong(found) == {}
    assert "7 joints" in found["arm"][0][1]
    assert "stroke 85 mm" in found["gripper"][0][1]
    assert "of 30 frames/s, 0 lost" in found["camera wrist"][0][1]


def test_nothing_moves_and_all_is_let_go(cell, check):
    start = cell.arm.read_state().joint_positions
    check()
    np.testing.assert_array_equal(cell.arm.read_state().joint_positions, start)
    assert cell.gripper_options == {}, "a gripper that activates itself at start would move its fingers"
    assert cell.gripper.activation_count == 0
    assert cell.arm.is_closed
    assert cell.gripper.is_closed
    assert all(camera.is_closed for camera in cell.cameras.values())


@pytest.mark.parametrize(("where", "what"), [("arm", "arm"), ("gripper", "gripper"), ("cameras.wrist", "camera wrist")])
def test_a_device_that_cannot_be_reached_does_not_hide_the_others(cell, check, where, what):
    cell.unreachable[where] = "it is not there; plug it in"
    found = check()
    assert found[what] == [(Verdict.PROBLEM, "it is not there; plug it in ")]
    assert list(wrong(found)) == [what]


def test_a_pose_outside_the_workspace_is_told(check):
    found = check(limits=LimitsConfig(workspace_lower_m=(0.2, -0.35, 0.3)))
    assert found["arm"][1][0] is Verdict.PROBLEM
    assert "z = 0.250 m, outside 0.3 to 0.6 m" in found["arm"][1][1]


def test_an_active_fault_is_told_with_the_way_out(cell, check):
    cell.arm.inject_fault("joint_reflex")
    assert wrong(check())["arm"][1] == (
        Verdict.PROBLEM,
        "joint_reflex: the fake arm was told to stop by a reflex once the daemon runs: serl-robot recover",
    )


def test_an_arm_that_feels_a_force_at_rest_has_a_wrong_payload(cell, check):
    cell.arm.external_wrench = np.array([0.0, 0.0, 6.0, 0.0, 0.0, 0.0])
    assert "6.0 N at rest" in wrong(check())["arm"][1][1]


def test_a_silent_arm_is_told(cell, check):
    cell.arm.set_connected(connected=False)
    assert wrong(check())["arm"] == [(Verdict.PROBLEM, "fake does not answer: the fake arm was disconnected ")]


def test_an_arm_that_is_slow_is_told(cell, check, monkeypatch):
    fresh = cell.arm.read_state
    kept = []

    def slow():
        state = fresh()
        if not kept or state.time_ns - kept[-1].time_ns > 20_000_000:
            kept.append(state)
        return kept[-1]

    monkeypatch.setattr(cell.arm, "read_state", slow)
    ((verdict, text),) = wrong(check())["arm"]
    assert verdict is Verdict.WARNING
    assert "sample_rate_hz (200)" in text


def test_a_joint_near_its_limit_is_told(cell, check, monkeypatch):
    monkeypatch.setattr(
        cell.arm, "info", cell.arm.info.__class__(**{**vars(cell.arm.info), "joint_upper": np.full(7, 0.02)})
    )
    assert "joint 1 is 0.020 rad from its limit" in wrong(check())["arm"][1][1]


def test_a_gripper_that_is_not_activated_is_told(cell, check, monkeypatch):
    monkeypatch.setattr(cell.gripper, "_motion", lambda: GripperMotion.INACTIVE)
    ((_, _), (verdict, text)) = wrong(check())["gripper"]
    assert verdict is Verdict.WARNING
    assert "serl-robot gripper --activate" in text


def test_a_fault_of_the_gripper_is_told(cell, check, monkeypatch):
    fault = DeviceFault(
        id="gripper_hot", source=FaultSource.GRIPPER, severity=FaultSeverity.WARNING, onset_time_ns=0, text="too hot"
    )
    monkeypatch.setattr(cell.gripper, "faults", lambda: (fault,))
    assert wrong(check())["gripper"][1][0] is Verdict.WARNING


def test_a_camera_without_frames_is_told(cell, check):
    cell.cameras["front"].is_delivering = False
    found = check()
    assert wrong(found) == {
        "camera front": [(Verdict.PROBLEM, "fake delivers no frames: the fake camera front was unplugged ")]
    }
    assert "skew" not in found


def altered(camera, monkeypatch, **changes):
    read = camera.read

    def change(timeout_s):
        frame = read(timeout_s)
        return frame.__class__(**{**vars(frame), **{name: alter(frame) for name, alter in changes.items()}})

    monkeypatch.setattr(camera, "read", change)


def test_stamps_of_arrival_are_told(cell, check, monkeypatch):
    altered(cell.cameras["front"], monkeypatch, stamp_source=lambda frame: StampSource.ARRIVAL)
    assert "later than true" in wrong(check())["camera front"][1][1]


def test_lost_frames_are_told(cell, check, monkeypatch):
    altered(cell.cameras["front"], monkeypatch, number=lambda frame: frame.number * 2)
    ((verdict, text),) = wrong(check())["camera front"]
    assert verdict is Verdict.WARNING
    assert "USB 3" in text


def test_a_covered_lens_is_told(cell, check, monkeypatch):
    altered(cell.cameras["front"], monkeypatch, rgb=lambda frame: frame.rgb * 0)
    assert "sees almost nothing" in wrong(check())["camera front"][1][1]


def test_cameras_far_apart_are_told(cell, check, monkeypatch):
    altered(cell.cameras["wrist"], monkeypatch, time_ns=lambda frame: frame.time_ns // 300_000_000 * 300_000_000)
    assert wrong(check())["skew"][0][0] is Verdict.WARNING


def test_a_wrong_option_ends_the_check():
    with pytest.raises(ConfigError, match="arm"):
        check_devices(DaemonConfig(arm=DriverConfig(driver="fake", options={"speed": 1})))
