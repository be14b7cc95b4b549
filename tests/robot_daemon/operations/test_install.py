import io
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from robot_daemon.config.cell_config import DaemonConfig, DriverConfig
from robot_daemon.operations.install import (
    RULES,
    UNIT,
    Host,
    InstallError,
    closed_folder,
    install_unit,
    render_rules,
    render_unit,
)

CONFIG = DaemonConfig(name="left active_cell", arm=DriverConfig(driver="fake"))
CELL = Path("/etc/serl/cell.toml")
HOST = Host(
    command=("/opt/serl/bin/robot-daemon",),
    prefix="/usr",
    groups=frozenset({"dialout", "video", "plugdev"}),
    users=frozenset({"robot"}),
)

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


@pytest.fixture
def analyzed(tmp_path):
    """What `systemd-analyze VERB` says of a unit: exit code and text."""

    def analyze(text, *verb):
        path = tmp_path / UNIT
        path.write_text(text)
        done = subprocess.run(
            ["systemd-analyze", *verb, str(path)], capture_output=True, text=True, timeout=30, check=False
        )
        return done.returncode, done.stdout + done.stderr

    return analyze


@pytest.fixture
def unit():
    """The unit with a command that exists, as `verify` asks."""
    host = replace(HOST, command=("/bin/true",))
    return render_unit(CONFIG, CELL, "root", host)


def complaints(text):
    return [line for line in text.splitlines() if UNIT in line]


@needs_systemd
def test_systemd_finds_nothing_wrong_with_the_unit(analyzed, unit):
    code, text = analyzed(unit, "verify")
    assert (code, complaints(text)) == (0, []), text


@needs_systemd
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("WatchdogSec", "WatchDogSecs"),
        ("RestartPreventExitStatus", "RestartPreventExitCode"),
        ("LimitRTPRIO=99", "LimitRTPRIO=high"),
        ("Type=notify", "Type=notifying"),
        ("DeviceAllow=char-188 rw", "DeviceAllow=char-188 often"),
    ],
)
def test_systemd_would_find_a_misspelt_line(analyzed, unit, right, wrong):
    assert unit.count(right) == 1
    _, text = analyzed(unit.replace(right, wrong), "verify")
    assert complaints(text)


@needs_systemd
def test_the_unit_is_exposed_little(analyzed, unit):
    _, text = analyzed(render_unit(CONFIG, CELL, "robot", HOST), "security", "--offline=true")
    exposure = float(re.search(r"exposure level for .*: ([0-9.]+)", text)[1])
    assert exposure <= 2.5


def test_the_unit_keeps_its_promises():
    unit = render_unit(CONFIG, CELL, "robot", HOST)
    lines = unit.splitlines()
    for line in (
        "Type=notify",
        "WatchdogSec=5",
        "LimitRTPRIO=99",
        "LimitMEMLOCK=infinity",
        "RestartPreventExitStatus=2",
        "ExecStart=/opt/serl/bin/robot-daemon serve --config /etc/serl/cell.toml --log-format json",
        "User=robot",
        "SupplementaryGroups=dialout plugdev video",
        "Description=Robot daemon of the cell left active_cell",
        "ProtectHome=yes",
    ):
        assert line in lines
    assert not [line for line in lines if line.startswith("CPUSchedulingPolicy")]
    assert "@CONFIG@" not in unit


def test_devices_are_allowed_whose_modules_are_loaded_later():
    """A name is looked up in /proc/devices when the service starts; the numbers are Linux' own."""
    allowed = re.findall(r"^DeviceAllow=(\S+) rw$", render_unit(CONFIG, CELL, "robot", HOST), re.MULTILINE)
    assert allowed == ["char-188", "char-166", "char-81", "char-189"]  # ttyUSB, ttyACM, video4linux, usb_device.


@needs_systemd
@pytest.mark.parametrize("cpus", ["2-5", "1,3", "2"])
def test_the_service_keeps_to_cores(analyzed, cpus):
    unit = render_unit(CONFIG, CELL, "root", replace(HOST, command=("/bin/true",)), cpus)
    assert f"CPUAffinity={cpus}" in unit.splitlines()
    assert complaints(analyzed(unit, "verify")[1]) == []


def test_what_names_no_cores_is_refused():
    with pytest.raises(InstallError, match=r'--cpus "two" names no cores; give numbers and ranges'):
        render_unit(CONFIG, CELL, "robot", HOST, "two")


def test_the_time_to_stop_covers_the_daemons_own():
    from robot_daemon.api.server import DaemonServer
    from robot_daemon.drivers.fake.cell import build_fake_cell

    server = DaemonServer(build_fake_cell(cameras=()).cell, CONFIG.server, CONFIG.limits)
    server.stop()
    unit = render_unit(CONFIG, CELL, "robot", HOST)
    assert float(re.search(r"TimeoutStopSec=(\d+)", unit)[1]) > server.stop_limit_s


@pytest.mark.parametrize("path", ["/home/ada/serl/bin/robot-daemon", "/root/serl/bin/robot-daemon"])
def test_an_environment_in_a_home_can_be_read(path):
    assert "ProtectHome=read-only" in render_unit(CONFIG, CELL, "robot", replace(HOST, prefix=str(Path(path).parent)))
    host = replace(HOST, command=(path,))
    assert "ProtectHome=read-only" in render_unit(CONFIG, CELL, "robot", host)


@pytest.mark.parametrize(
    ("command", "path", "user", "text"),
    [
        ("/opt/a", CELL, "Robot!", r'--user "Robot!" is no account name'),
        ("/tmp/venv/bin/robot-daemon", CELL, "robot", "temporary path, which the service cannot see"),
        ("/opt/a", Path("/tmp/cell.toml"), "robot", "temporary path"),
        ("/opt/my venv/bin/robot-daemon", CELL, "robot", "choose a plain path"),
        ("/opt/a", Path("/etc/100%.toml"), "robot", "choose a plain path"),
    ],
)
def test_what_systemd_would_misread_is_refused(command, path, user, text):
    host = replace(HOST, command=(command,))
    with pytest.raises(InstallError, match=text):
        render_unit(CONFIG, path, user, host)


def test_groups_that_do_not_exist_are_left_out():
    host = replace(HOST, groups=frozenset({"uucp", "video"}))
    assert "SupplementaryGroups=uucp video\n" in render_unit(CONFIG, CELL, "robot", host)
    assert 'GROUP="uucp"' in render_rules(host)
    assert 'GROUP="video"' in render_rules(host)


RULE = re.compile(r'(ACTION|SUBSYSTEMS?|DRIVERS|ATTRS?\{[\w/]+\}|TEST|GROUP|MODE)(==|=)"[^"]+"')


def test_every_rule_has_the_form_that_udev_reads():
    rules = [line for line in render_rules(HOST).splitlines() if line and not line.startswith("#")]
    assert len(rules) == 6
    for rule in rules:
        pairs = [RULE.fullmatch(pair) for pair in rule.split(", ")]
        assert all(pairs), rule
        operators = {pair[1]: pair[2] for pair in pairs}
        assert operators["SUBSYSTEM"] == "=="
        assert all(operators[key] == "=" for key in ("GROUP", "MODE") if key in operators)
        assert not ({"GROUP", "MODE", "ATTR{latency_timer}", "ATTR{power/control}"}.isdisjoint(operators))


def install(tmp_path, output=None, *, force=False, user="robot"):
    out = io.StringIO()
    where = str(tmp_path) if output is None else output
    install_unit(CONFIG, CELL, user=user, output=where, force=force, out=out, host=HOST)
    return out.getvalue()


def test_both_files_are_written_and_the_next_steps_told(tmp_path):
    text = install(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([UNIT, RULES])
    assert (tmp_path / UNIT).stat().st_mode & 0o777 == 0o644
    assert f"sudo install -m 644 {tmp_path / UNIT} /etc/systemd/system/" in text
    assert "systemctl enable --now robot-daemon" in text
    assert "useradd" not in text
    assert "useradd --system --shell /usr/sbin/nologin arm" in install(tmp_path, force=True, user="arm")


def test_the_same_files_are_left_alone_and_others_are_not_lost(tmp_path):
    install(tmp_path)
    assert install(tmp_path).startswith(f"unchanged {tmp_path / UNIT}\nunchanged {tmp_path / RULES}\n")
    (tmp_path / UNIT).write_text("mine")
    with pytest.raises(InstallError, match=r"exists and differs; .* --force"):
        install(tmp_path)
    assert (tmp_path / UNIT).read_text() == "mine"
    install(tmp_path, force=True)
    assert (tmp_path / UNIT).read_text() != "mine"


def test_both_can_be_printed(tmp_path):
    text = install(tmp_path, "-")
    assert text.startswith(f"# ---- /etc/systemd/system/{UNIT}\n")
    assert f"# ---- /etc/udev/rules.d/{RULES}\n" in text
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_the_account_may_not_enter_is_told(tmp_path):
    closed = tmp_path / "closed" / "bin"
    closed.mkdir(parents=True)
    (tmp_path / "closed").chmod(0o700)
    assert closed_folder(closed / "python", "somebody") in (tmp_path / "closed", *tmp_path.parents)
    assert closed_folder(closed / "python", "root") is None
    assert closed_folder(Path("/usr/bin/env"), "somebody") is None
    out = io.StringIO()
    host = replace(HOST, command=(str(closed / "robot-daemon"),))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("robot_daemon.operations.install.TEMPORARY", ())
        install_unit(CONFIG, CELL, user="robot", output=str(tmp_path), force=False, out=out, host=host)
    assert "closed to the account robot, so the service cannot reach" in out.getvalue()


def test_a_folder_that_does_not_exist_is_one_sentence(tmp_path):
    with pytest.raises(InstallError, match=r"none/robot-daemon\.service cannot be written .*; give an existing folder"):
        install(tmp_path, str(tmp_path / "none"))
