from robot_daemon.operations.checks.finding import WIDTH, Finding, Verdict, table


def test_a_table_is_aligned_and_wrapped():
    lines = list(
        table(
            [
                Finding("arm", Verdict.OK, "fine"),
                Finding("camera wrist", Verdict.PROBLEM, "word " * 60, "do this"),
            ]
        )
    )
    assert lines[0] == "ok    arm           fine"
    assert lines[1].startswith("FAIL  camera wrist  word word")
    assert lines[2].startswith(" " * 20 + "word")
    assert lines[-1] == " " * 20 + "fix: do this"
    assert max(map(len, lines)) <= WIDTH


def test_an_empty_table_has_no_lines():
    assert list(table([])) == []
