"""The report is on the disk after each step, goes on where it ended, and is of one cell."""

import json

import pytest

from robot_daemon.operations.first_hour.report import Report
from robot_daemon.operations.first_hour.step import Outcome, Step
from serl_api.settings import ConfigError

STEP = Step(name="idle", title="stand", run=lambda bench: Outcome.skipped("unused"))
OTHER = Step(name="payload", title="weigh", run=lambda bench: Outcome.skipped("unused"))


@pytest.fixture
def report(tmp_path):
    return Report(path=tmp_path / "hour.json", cell_file="/etc/serl/cell.toml", facts={"arm": "fr3"})


def test_every_result_is_on_the_disk_at_once_and_found_again(report):
    report.add(STEP, Outcome.judged("drift 0.1 mm", passed=True, drift_m=1e-4), 3600.0)
    report.add(OTHER, Outcome.judged("1 kg too much", passed=False), 9.0)
    document = json.loads(report.path.read_text())
    assert document["results"]["idle"]["figures"] == {"drift_m": 1e-4}
    assert document["summary"] == report.summary == "1 pass, 1 FAIL"
    assert "FAIL" in report.path.with_suffix(".txt").read_text()
    again = Report.resumed(report.path, "/etc/serl/cell.toml")
    assert (again.results, again.facts, again.failures) == (report.results, {"arm": "fr3"}, 1)
    assert again.has_passed("idle")
    assert not again.has_passed("payload")
    assert not again.has_passed("force-bias")


def test_a_step_that_is_taken_again_counts_once(report):
    report.add(STEP, Outcome.judged("drift", passed=False), 1.0)
    report.add(STEP, Outcome.not_applicable("no poses"), 1.0)
    assert report.summary == "1 not applicable"
    assert report.has_passed("idle")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "holds list"),
        ("{", "hour.json"),
        ('{"format": "cells", "version": 1}', "is no report"),
        ('{"format": "serl-first-hour", "version": 1, "cell_file": "/other.toml"}', "is about /other.toml, not"),
    ],
)
def test_a_file_that_cannot_be_gone_on_with_is_one_sentence(tmp_path, text, said):
    path = tmp_path / "hour.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said):
        Report.resumed(path, "/etc/serl/cell.toml")
