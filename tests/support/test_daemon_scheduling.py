"""Tests of one daemon of the conformance suite stay together, others with their file."""

import pytest

from tests.support.daemon_scheduling import group_of


@pytest.mark.parametrize(
    ("nodeid", "group"),
    [
        ("tests/conformance/test_step.py::TestStep::test_it[virtual-real-time]", "virtual-real-time"),
        ("tests/conformance/test_camera.py::test_it[JPEG-12.0-fake-real-time]", "fake-real-time"),
        ("tests/conformance/test_camera.py::test_it[fake-real-time-JPEG-12.0]", "fake-real-time"),
        ("tests/serl_client/test_robot.py::test_it[real-time]", "tests/serl_client/test_robot.py"),
        ("tests/faults/test_silence.py::test_it", "tests/faults/test_silence.py"),
    ],
)
def test_a_test_goes_with_its_daemon_or_its_file(nodeid, group):
    assert group_of(nodeid) == group
