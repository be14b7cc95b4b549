import json

import numpy as np
import pytest

from serl_api.values import JointTarget
from serl_client.__main__ import main

pytestmark = pytest.mark.real_time


@pytest.fixture
def run(capsys):
    def call(*arguments):
        code = 0
        try:
            main(["bench", *map(str, arguments)])
        except SystemExit as end:
            code = end.code or 0
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_a_report_for_people(run, real_time_daemon):
    code, out, err = run("--address", real_time_daemon.address, "--seconds", 0.3, "--rate", 50)
    assert (code, err) == (0, "stepping in place for 0.3 s\n")
    for words in ("GetState round trip", "period error, magnitude", "ticks late", "frames/s", "states/s", "█"):
        assert words in out


def test_a_document_for_programs(run, real_time_daemon):
    code, out, _ = run("--address", real_time_daemon.address, "--seconds", 0.3, "--rate", 50, "--json")
    document = json.loads(out)
    assert code == 0
    assert document["step"]["count"] == 15
    assert set(document["step"]["offsets"]) == {"arm", "gripper", "camera/front", "camera/wrist"}
    assert sum(document["get_state_round_trip"]["histogram"]["counts"]) == document["get_state_round_trip"]["count"]
    assert set(document["cameras"]) == {"front", "wrist"}


def test_any_pacing_can_be_measured(run, lockstep_daemon):
    code, out, _ = run("--address", lockstep_daemon.address, "--seconds", 0.2)
    assert code == 0
    assert "no frames by themselves: front, wrist" in out


def test_reading_only_takes_no_control(run, real_time_daemon):
    from serl_client import RobotClient

    with RobotClient(real_time_daemon.address) as robot, robot.control("ada"):
        code, out, _ = run("--address", real_time_daemon.address, "--seconds", 0.2, "--read-only", "--json")
        assert run("--address", real_time_daemon.address, "--seconds", 0.2)[0] == 1
    assert code == 0
    assert json.loads(out)["step"] is None


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--seconds", 0), "[0.1, 600]"),
        (("--rate", 1000), "1 to 500"),
        (("--state-rate", 2000), "(0, 1000]"),
    ],
)
def test_a_wrong_use_is_one_sentence(run, lockstep_daemon, arguments, named):
    code, out, err = run("--address", lockstep_daemon.address, *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert named in err


def test_an_arm_outside_its_workspace_is_not_stepped(run, lockstep_daemon):
    fake = lockstep_daemon.fake
    fake.arm.set_target(JointTarget(positions=np.array([0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0])))
    fake.cell.timebase.wait_until(10_000_000_000)
    code, _, err = run("--address", lockstep_daemon.address)
    assert code == 2
    assert "z is 0.750 m, outside 0 to 0.6 m" in err
    assert run("--address", lockstep_daemon.address, "--seconds", 0.2, "--read-only")[0] == 0
