import pytest

from serl_client.__main__ import main


@pytest.fixture
def run(capsys, lockstep_daemon):
    """Runs a command against a fake cell: exit code, stdout, stderr."""

    def call(*arguments):
        code = 0
        try:
            main([arguments[0], "--address", lockstep_daemon.address, *map(str, arguments[1:])])
        except SystemExit as error:
            code = error.code or 0
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def gripper(lockstep_daemon):
    return lockstep_daemon.fake.gripper


def test_a_width_for_a_gripper_that_is_not_activated_names_the_way_out(run, gripper):
    gripper.is_active = False
    code, out, err = run("gripper", "--width", 0.02)
    assert (code, out) == (1, "")
    assert "not activated" in err
    assert "serl-robot gripper --activate" in err
    assert err.count("\n") == 1
    assert gripper.read_state().width == pytest.approx(gripper.info.max_width)


def test_an_activated_gripper_goes_where_it_is_told(run, gripper):
    gripper.is_active = False
    assert run("gripper", "--activate") == (0, "gripper at 0.0850 m, at target\n", "")
    assert run("gripper", "--width", 0.02) == (0, "gripper at 0.0200 m, at target\n", "")


def test_what_is_held_is_said(run, gripper):
    gripper.object_width = 0.04
    assert run("gripper", "--width", 0.0)[1] == "gripper at 0.0400 m, object held\n"


def test_a_gripper_that_does_not_answer_is_named(run, gripper):
    gripper.set_connected(connected=False)
    code, _, err = run("gripper", "--width", 0.02)
    assert code == 1
    assert "does not answer" in err
    assert err.count("\n") == 1


def test_fingers_that_do_not_come_to_rest_are_no_success(run, gripper):
    gripper.is_jammed = True
    code, _, err = run("gripper", "--width", 0.02)
    assert code == 1
    assert "still move after 5 s, at 0.0850 m" in err


def test_home_is_reached(run):
    assert run("home", "--speed", 1.0) == (0, "reached home\n", "")
