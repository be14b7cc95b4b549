"""Steps are taken one after the other; what one leaves behind does not spoil the next, and no error ends the rest."""

import pytest

from robot_daemon.operations.first_hour.bench import StepError
from robot_daemon.operations.first_hour.protocol import take
from robot_daemon.operations.first_hour.report import Report
from robot_daemon.operations.first_hour.step import Outcome, Step
from serl_api.errors.robot import FaultError

pytestmark = pytest.mark.real_time


def controlled(bench):
    with bench.session():
        return Outcome.judged("controlled", passed=True)


def fail_with_a_fault(bench):
    with bench.session() as session:
        bench.arm.inject_fault("power_limit_violation")
        bench.stay(session, bench.state().tcp_pose, 5.0)
    return Outcome.judged("no fault", passed=False)


def fall_short(bench):
    raise StepError("the arm stopped 3 mm from the goal")


def steps(*runs):
    return [Step(name=run.__name__, title=run.__name__, run=run, motion="nothing") for run in runs]


@pytest.fixture
def report(tmp_path):
    return Report(path=tmp_path / "report.json", cell_file="cell.toml")


def verdicts(report):
    return [result["verdict"] for result in report.results.values()]


def test_a_fault_fails_its_step_and_is_cleared_before_the_next_where_somebody_agrees(bench_of, hands, report):
    take(steps(fail_with_a_fault, fall_short, controlled), bench_of(), report, lambda line: None)
    assert verdicts(report) == ["FAIL", "FAIL", "pass"]
    assert "power_limit_violation" in report.results["fail_with_a_fault"]["text"]
    assert report.results["fall_short"]["text"] == "the arm stopped 3 mm from the goal"
    assert len(hands.done) == 1
    assert "power_limit_violation" in hands.done[0]
    assert report.facts["arm"] == "fake"


def test_a_fault_that_somebody_wants_to_look_at_stays(bench_of, hands, report):
    hands.disagreement = "skipped by the person"
    bench = bench_of()
    take(steps(fail_with_a_fault, controlled), bench, report, lambda line: None)
    assert verdicts(report) == ["FAIL", "skipped"]
    with pytest.raises(FaultError):
        bench.core.claim("anybody", "here", bench.core.default_compliance)
