"""Sentences for what keeps an arm from being connected: each says what is wrong and the way out."""

import franky
import pytest

from robot_daemon.drivers.franka.connecting import FRANKY_WHEELS, explain, is_loss, sentence

HOST = "172.16.0.2"
VERSION = (
    "libfranka: Incompatible library version (server version: {}, library version: 10). Please check "
    "https://frankarobotics.github.io for system updates or choose a libfranka version that uses the server version."
)

CASES = [
    (
        franky.NetworkException(
            "libfranka: Connection to FCI refused. Please install FCI feature or enable FCI mode in Desk."
        ),
        "accepts no FCI connection; activate FCI in Desk",
    ),
    (
        franky.NetworkException("libfranka: TCP connection got interrupted."),
        "another program controls it: end that one first",
    ),
    (franky.NetworkException("libfranka: Connection error: Host not found"), "give the address of the arm"),
    (
        franky.NetworkException("libfranka: Connection error: No route to host"),
        "No route to host); check the address, the cable",
    ),
    (TimeoutError("nothing within 10 s"), "no answer from an arm at 172.16.0.2 (nothing within 10 s); check"),
    (
        franky.RealtimeException("libfranka: Running kernel does not have realtime capabilities."),
        'boot a real-time kernel, or set realtime = "prefer"',
    ),
    (
        franky.RealtimeException("libfranka: unable to set realtime scheduling: Operation not permitted"),
        'add "LimitRTPRIO=99" to the service',
    ),
    (
        franky.CommandException("libfranka: Set Collision Behavior command rejected due to activated safety function!"),
        "release its user stop, open its brakes in Desk",
    ),
]


@pytest.mark.parametrize(("error", "way_out"), CASES, ids=lambda value: type(value).__name__)
def test_every_failure_is_one_sentence_with_the_way_out(error, way_out):
    text = explain(error, HOST)
    assert way_out in text
    assert "\n" not in text
    assert not text.endswith(".")
    assert "libfranka:" not in text


@pytest.mark.parametrize("version", sorted(FRANKY_WHEELS))
def test_another_version_is_explained_with_the_wheel_to_install(version):
    text = explain(franky.IncompatibleVersionException(VERSION.format(version)), HOST)
    wheel = FRANKY_WHEELS[version]
    assert f"speaks version {version} and this libfranka version 10; install franky's wheel for" in text
    assert f"libfranka {wheel} (pip install --force-reinstall --no-deps franky-control --index-url" in text
    assert f"/libfranka-{wheel}/" in text
    assert ("or update the arm to system image 5.9.0" in text) is (version > 5), "a Panda cannot be updated so far"


def test_a_version_beyond_the_table_is_explained_too():
    text = explain(franky.IncompatibleVersionException(VERSION.format(11)), HOST)
    assert "speaks version 11" in text


def test_plain_runtime_errors_of_a_broken_connection_count_as_its_loss():
    assert is_loss(RuntimeError("Net Exception"))
    assert is_loss(franky.NetworkException("UDP receive: Timeout"))
    assert not is_loss(franky.CommandException("libfranka: Set Load command rejected"))


def test_what_libfranka_says_becomes_part_of_a_sentence():
    error = franky.ControlException('libfranka: Move command aborted!\n["joint_reflex"]\nsuccess rate: 0.9.')
    assert sentence(error) == 'Move command aborted! ["joint_reflex"] success rate: 0.9'
