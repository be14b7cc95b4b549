import resource

import pytest

from robot_daemon.operations.checks.finding import Verdict
from robot_daemon.operations.checks.host_check import Host, check_host, interface_to, is_clock_synchronized

UNLIMITED = resource.RLIM_INFINITY


@pytest.fixture
def checked(tmp_path):
    """Findings of a made-up machine, by what was looked at."""

    def check(files=None, *, arm="", cameras=False, directory=None, **facts):
        for name, text in (files or {}).items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        defaults = {
            "limit": lambda _: (UNLIMITED, UNLIMITED),
            "is_root": False,
            "is_clock_synchronized": lambda: True,
            "interface_to": lambda address: "eth0",
        }
        host = Host(root=tmp_path, **defaults | facts)
        findings = check_host(arm_address=arm, has_cameras=cameras, directory=directory, host=host)
        for finding in findings:
            assert (finding.verdict is Verdict.OK) == (finding.fix == ""), "a fix for what is wrong, and only for that"
        return {finding.what: finding for finding in findings}

    return check


@pytest.mark.parametrize(
    ("files", "verdict"),
    [
        ({"sys/kernel/realtime": "1\n"}, Verdict.OK),
        ({"sys/kernel/realtime": "0\n"}, Verdict.WARNING),
        ({}, Verdict.WARNING),
    ],
)
def test_kernel(checked, files, verdict):
    assert checked(files)["kernel"].verdict is verdict


@pytest.mark.parametrize(
    ("limit", "root", "verdict"),
    [
        (UNLIMITED, False, Verdict.OK),
        (99, False, Verdict.OK),
        (98, False, Verdict.WARNING),
        (0, False, Verdict.WARNING),
        (0, True, Verdict.OK),
    ],
)
def test_limits(checked, limit, root, verdict):
    assert checked(limit=lambda _: (0, limit), is_root=root)["limits"].verdict is verdict


@pytest.mark.parametrize(
    ("governors", "verdict", "text"),
    [
        ([], Verdict.OK, "not controlled"),
        (["performance", "performance"], Verdict.OK, "governor performance"),
        (["performance", "powersave"], Verdict.WARNING, "performance, powersave"),
    ],
)
def test_governor(checked, governors, verdict, text):
    files = {f"sys/devices/system/cpu/cpu{n}/cpufreq/scaling_governor": name for n, name in enumerate(governors)}
    finding = checked(files)["processor"]
    assert finding.verdict is verdict
    assert text in finding.text


NET = "sys/class/net/eth0/"


@pytest.mark.parametrize(
    ("files", "verdict", "text"),
    [
        ({NET + "speed": "1000\n", NET + "operstate": "up\n"}, Verdict.OK, "eth0 leads to the arm at 172.16.0.2, 1000"),
        ({NET + "speed": "100\n", NET + "operstate": "up\n"}, Verdict.WARNING, "100 Mbit/s; the arm asks for 1000"),
        ({NET + "speed": "-1\n", NET + "operstate": "down\n"}, Verdict.PROBLEM, "no link"),
        ({NET + "wireless/status": ""}, Verdict.PROBLEM, "is wireless"),
        ({}, Verdict.OK, "unknown Mbit/s"),
    ],
)
def test_network(checked, files, verdict, text):
    finding = checked(files, arm="172.16.0.2")["network"]
    assert finding.verdict is verdict
    assert text in finding.text


def test_an_arm_that_no_interface_leads_to(checked):
    assert checked(arm="172.16.0.2", interface_to=lambda address: "")["network"].verdict is Verdict.PROBLEM
    assert "virtual" in checked(arm="127.0.0.1", interface_to=lambda address: "lo")["network"].text
    assert "network" not in checked()


@pytest.mark.parametrize(("synchronized", "verdict"), [(True, Verdict.OK), (False, Verdict.WARNING)])
def test_clock(checked, synchronized, verdict):
    assert checked(is_clock_synchronized=lambda: synchronized)["clock"].verdict is verdict


def camera_files(speed, vendor="8086", product="Intel(R) RealSense(TM) D405"):
    folder = "sys/bus/usb/devices/2-1/"
    return {folder + "idVendor": vendor, folder + "product": product, folder + "speed": speed}


def test_usb(checked):
    assert checked(camera_files("5000"), cameras=True)["usb"].verdict is Verdict.OK
    finding = checked(camera_files("480"), cameras=True)["usb"]
    assert finding.verdict is Verdict.WARNING
    assert "USB 2" in finding.text
    assert "usb" not in checked(camera_files("480", vendor="8087", product="Bluetooth"), cameras=True)


def test_serial_latency(checked):
    timer = "sys/bus/usb-serial/devices/ttyUSB0/latency_timer"
    assert checked({timer: "1\n"})["serial"].verdict is Verdict.OK
    finding = checked({timer: "16\n"})["serial"]
    assert "ttyUSB0 waits 16 ms" in finding.text
    assert "install-unit" in finding.fix


def test_disk(checked, tmp_path, monkeypatch):
    assert checked(directory=tmp_path / "not" / "there")["disk"].verdict is Verdict.OK
    monkeypatch.setattr("robot_daemon.operations.checks.host_check.FREE_BYTES", 10**18)
    assert checked(directory=tmp_path)["disk"].verdict is Verdict.WARNING
    assert "disk" not in checked()


def test_this_machine_can_be_asked():
    assert interface_to("127.0.0.1") == "lo"
    assert interface_to("no such host.") == ""
    assert is_clock_synchronized() in (True, False)
    assert check_host(arm_address="", has_cameras=True, directory=None)
