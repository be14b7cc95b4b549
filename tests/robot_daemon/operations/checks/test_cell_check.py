import io
import socket

import pytest

from robot_daemon.config.cell_config import BlackBoxConfig, DaemonConfig, DriverConfig, ServerConfig
from robot_daemon.operations.checks import cell_check, measuring
from robot_daemon.operations.checks.cell_check import check_cell, check_file
from robot_daemon.operations.checks.finding import Finding, Verdict
from serl_api.settings import ConfigError

pytestmark = pytest.mark.real_time

FAKE = DriverConfig(driver="fake")


@pytest.fixture
def host(monkeypatch):
    """What the host check finds, and what it was asked."""
    findings, asked = [], []

    def look(**options):
        asked.append(options)
        return list(findings)

    monkeypatch.setattr(cell_check, "check_host", look)
    monkeypatch.setattr(measuring, "LISTEN_S", 0.1)
    return findings, asked


def checked(**options):
    out = io.StringIO()
    config = DaemonConfig(arm=FAKE, server=options.pop("server", ServerConfig(address="127.0.0.1:0")), **options)
    return check_cell(config, out), out.getvalue()


def test_a_cell_in_order_is_0(host):
    code, text = checked(gripper=FAKE)
    assert code == 0
    assert text.startswith("host\ndevices\n  ok    arm      fake")
    assert text.endswith("0 to mend, 0 to look at\n")


@pytest.mark.parametrize(("verdict", "code"), [(Verdict.OK, 0), (Verdict.WARNING, 0), (Verdict.PROBLEM, 1)])
def test_only_problems_fail(host, verdict, code):
    host[0].append(Finding("kernel", verdict, "so it is"))
    assert checked()[0] == code


def test_the_host_is_asked_about_what_the_cell_needs(host, tmp_path):
    checked(cameras={"front": FAKE}, black_box=BlackBoxConfig(directory=tmp_path))
    checked(black_box=BlackBoxConfig(seconds=0.0))
    assert host[1] == [
        {"arm_address": "", "has_cameras": True, "directory": tmp_path},
        {"arm_address": "", "has_cameras": False, "directory": None},
    ]
    assert (
        cell_check._arm_address(DaemonConfig(arm=DriverConfig(driver="franka", options={"host": "1.2.3.4"})))
        == "1.2.3.4"
    )


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize("kind", ["tcp", "any", "unix", "abstract"])
def test_devices_of_a_running_daemon_are_left_alone(host, tmp_path, kind):
    family = socket.AF_INET if kind in ("tcp", "any") else socket.AF_UNIX
    with socket.socket(family) as daemon:
        if family is socket.AF_INET:
            daemon.bind(("127.0.0.1", 0))
            address = f"{'127.0.0.1' if kind == 'tcp' else '0.0.0.0'}:{daemon.getsockname()[1]}"
        else:
            name = str(tmp_path / "socket")
            daemon.bind(f"\0{name}" if kind == "abstract" else name)
            address = f"{'unix-abstract' if kind == 'abstract' else 'unix'}:{name}"
        daemon.listen()
        code, text = checked(server=ServerConfig(address=address, insecure=True))
    assert code == 1
    assert "holds the devices, so they were left alone" in " ".join(text.split())
    assert "fake" not in text


def test_an_address_where_nothing_answers_is_free(host):
    assert checked(server=ServerConfig(address=f"127.0.0.1:{free_port()}"))[0] == 0


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"arm": DriverConfig(driver="fanuc")}, 'named "fanuc"'),
        ({"gripper": DriverConfig(driver="fake", options={"wide": 1})}, "unknown key gripper.wide"),
        ({"cameras": {"a": DriverConfig(driver="fake", options={"width": -1})}}, r"cameras\.a\.width is -1"),
        ({"tracker": DriverConfig(driver="none")}, "tracker.driver"),
        ({"server": ServerConfig(address="0.0.0.0:50051")}, "set insecure"),
    ],
)
def test_a_wrong_file_is_told_before_anything_is_touched(options, text):
    with pytest.raises(ConfigError, match=text):
        check_file(DaemonConfig(**{"arm": FAKE, **options}))
