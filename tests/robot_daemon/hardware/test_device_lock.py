"""One process owns a device: the other is told who, and gets it once the first is gone, however it went."""

import os
import signal
import stat
import subprocess
import sys

import pytest

from robot_daemon.hardware.device_lock import DeviceHeldError, DeviceLock, lock_directory
from robot_daemon.hardware.devices import DeviceConnectError

OTHER = """
import sys, pathlib
from robot_daemon.hardware.device_lock import DeviceLock
lock = DeviceLock("arm", "172.16.0.2", "/etc/serl/cell.toml", pathlib.Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_owner_is_told_the_device_the_process_and_its_cell(tmp_path):
    lock = DeviceLock("arm", "172.16.0.2", "/etc/serl/left.toml", tmp_path)
    said = rf"^the arm 172\.16\.0\.2 is held by process {os.getpid()} \(/etc/serl/left\.toml\); end that one first$"
    for _ in range(2):  # A refusal leaves the holder's name where it is.
        with pytest.raises(DeviceHeldError, match=said):
            DeviceLock("arm", "172.16.0.2", "/etc/serl/right.toml", tmp_path)
    DeviceLock("gripper", "172.16.0.2", "the hand of the same arm", tmp_path).close()
    DeviceLock("arm", "172.16.0.3", "another arm", tmp_path).close()
    lock.close()
    DeviceLock("arm", "172.16.0.2", "the next", tmp_path).close()


def test_the_kernel_frees_the_device_of_a_process_that_was_killed(tmp_path):
    other = subprocess.Popen(
        [sys.executable, "-c", OTHER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(DeviceHeldError, match=rf"process {other.pid} \(/etc/serl/cell\.toml\)"):
            DeviceLock("arm", "172.16.0.2", "this one", tmp_path)
        other.send_signal(signal.SIGKILL)
        other.wait(10.0)
        DeviceLock("arm", "172.16.0.2", "this one", tmp_path).close()


def test_a_file_that_says_nothing_of_its_holder_is_a_refusal_all_the_same(tmp_path):
    lock = DeviceLock("arm", "a", "somebody", tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_text("scribble")
    with pytest.raises(DeviceHeldError, match="held by another process; end"):
        DeviceLock("arm", "a", "this one", tmp_path)
    lock.close()


def test_a_file_of_another_account_can_be_locked(tmp_path):
    DeviceLock("arm", "a", "somebody", tmp_path).close()
    (file,) = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o666


def test_a_link_where_a_lock_should_be_is_not_followed(tmp_path):
    DeviceLock("arm", "a", "somebody", tmp_path).close()
    (file,) = tmp_path.iterdir()
    precious = tmp_path / "precious"
    precious.write_text("keep me")
    file.unlink()
    file.symlink_to(precious)
    with pytest.raises(DeviceConnectError, match="mend the permissions"):
        DeviceLock("arm", "a", "this one", tmp_path)
    assert precious.read_text() == "keep me"


def test_locks_lie_where_every_account_sees_them_else_with_the_user(tmp_path):
    shared, user = tmp_path / "shared", tmp_path / "user"
    user.mkdir()
    environment = {"XDG_RUNTIME_DIR": str(user)}
    assert lock_directory(environment, shared) == user / "serl-robot"
    shared.mkdir()
    folder = lock_directory(environment, shared)
    assert folder == shared / "serl-robot"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o1777
