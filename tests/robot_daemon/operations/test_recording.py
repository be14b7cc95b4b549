import errno
import json
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_daemon.control.events import Command
from robot_daemon.operations.recording import (
    FORMAT,
    HEADER,
    MOTIONS,
    VERSION,
    Recording,
    RecordingError,
    pack_commands,
    pack_samples,
    read_recording,
    write_recording,
)
from serl_api.values import GripperTarget, JointTarget, Pose, WrenchTarget

HEADING = {"format": FORMAT, "version": VERSION, "trigger_time_ns": 5, "events": []}
TCP = Pose(np.array([1.0, 2.0, 3.0]), np.array([0.0, 0.0, 0.0, 1.0]))


def recorded(path, samples=(), commands=()):
    arrays = {**pack_samples(list(samples)), **pack_commands(list(commands), 7)}
    write_recording(path, Recording(header=HEADING, arrays=arrays))
    return read_recording(path)


@pytest.mark.parametrize("count", [0, 1, 255, 256, 257, 1000])
def test_every_sample_is_packed_in_order(arm_at, gripper_at, count):
    samples = [(arm_at(n, z=n * 1e-3), gripper_at(n) if n % 2 else None) for n in range(count)]
    columns = pack_samples(samples)
    assert columns["arm_time_ns"].tolist() == list(range(count))
    np.testing.assert_allclose(columns["arm_tcp_position"][:, 2] if count else [], np.arange(count) * 1e-3)
    assert np.isnan(columns["gripper_width"]).tolist() == [n % 2 == 0 for n in range(count)]


def test_a_recording_is_read_as_it_was_written(tmp_path, arm_at, gripper_at):
    samples = [(arm_at(10, force=3.0), gripper_at(9, force=7.0)), (arm_at(20, external=False), None)]
    recording = recorded(tmp_path / "a.npz", samples)
    arrays = recording.arrays
    assert recording.header == HEADING
    assert recording.trigger_time_ns == 5
    arm = samples[0][0]
    for name in ("joint_positions", "joint_velocities", "external_wrench", "jacobian"):
        np.testing.assert_array_equal(arrays[f"arm_{name}"][0], getattr(arm, name))
    np.testing.assert_array_equal(arrays["arm_tcp_position"][0], arm.tcp_pose.position)
    np.testing.assert_array_equal(arrays["arm_tcp_quaternion"][0], arm.tcp_pose.quaternion_xyzw)
    assert arrays["arm_external_joint_torques"][0].tolist() == [1.0] * 7
    assert np.isnan(arrays["arm_external_joint_torques"][1]).all()
    np.testing.assert_array_equal(arrays["arm_command_success_rate"], (0.97, np.nan))
    assert (arrays["gripper_time_ns"].tolist(), arrays["gripper_force"][0]) == ([9, 0], 7.0)
    assert MOTIONS[arrays["gripper_motion"][0]] == "object_held"
    assert arrays["gripper_motion"][1] == -1


def test_commands_of_every_kind_are_kept(tmp_path):
    joints = np.linspace(-1.0, 1.0, 7)
    commands = [
        Command(1, 4, TCP, GripperTarget(width=0.05, speed=0.1, force=20.0)),
        Command(2, 5, JointTarget(positions=joints), None),
        Command(3, 6, WrenchTarget(wrench=np.arange(6.0)), None),
        Command(4, 7, None, None),
    ]
    arrays = recorded(tmp_path / "a.npz", commands=commands).arrays
    assert arrays["command_time_ns"].tolist() == [1, 2, 3, 4]
    assert arrays["command_sequence_number"].tolist() == [4, 5, 6, 7]
    assert arrays["command_kind"].tolist() == [1, 2, 3, 0]
    assert arrays["command_target"][0].tolist() == [1.0, 2.0, 3.0, 0.0, 0.0, 0.0, 1.0]
    np.testing.assert_array_equal(arrays["command_target"][1], joints)
    assert arrays["command_target"][2, :6].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert np.isnan(arrays["command_target"][2, 6])
    assert np.isnan(arrays["command_target"][3]).all()
    assert arrays["command_gripper"][0].tolist() == [0.05, 0.1, 20.0]
    assert np.isnan(arrays["command_gripper"][1:]).all()


def test_numpy_and_unzip_read_it_without_pickle(tmp_path, arm_at):
    path = tmp_path / "a.npz"
    recorded(path, [(arm_at(10), None)])
    with np.load(path, allow_pickle=False) as loaded:
        assert loaded["arm_time_ns"].tolist() == [10]
    with zipfile.ZipFile(path) as archive:
        assert json.loads(archive.read(HEADER)) == HEADING


def test_a_write_that_fails_leaves_nothing(tmp_path, monkeypatch):
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr("serl_api.lifetime.whole_file.os.fsync", lambda _: (_ for _ in ()).throw(full))
    with pytest.raises(OSError, match=r"No space left on device: .*a\.npz"):
        recorded(tmp_path / "a.npz")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(RecordingError, match=r"none\.npz cannot be read: No such file"):
        read_recording(tmp_path / "none.npz")


@given(kept=st.floats(0.0, 0.999))
def test_a_cut_file_is_told(tmp_path_factory, kept):
    path = tmp_path_factory.mktemp("cut") / "a.npz"
    recorded(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(RecordingError, match=r"a\.npz"):
        read_recording(path)


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ({"format": "other"}, "is no recording of a black box"),
        ({"format": FORMAT, "version": 2}, "version 2 .* reads version 1"),
        ([], "is no recording of a black box"),
    ],
)
def test_another_file_is_told(tmp_path, header, text):
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(HEADER, json.dumps(header))
    with pytest.raises(RecordingError, match=text):
        read_recording(path)


def test_a_pickle_in_the_file_is_refused(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(tmp_path / "evil.npz", x=np.array([print], dtype=object))
    with zipfile.ZipFile(tmp_path / "evil.npz") as evil, zipfile.ZipFile(path, "w") as archive:
        archive.writestr(HEADER, json.dumps(HEADING))
        archive.writestr("x.npy", evil.read("x.npy"))
    with pytest.raises(RecordingError, match="Object arrays"):
        read_recording(path)
