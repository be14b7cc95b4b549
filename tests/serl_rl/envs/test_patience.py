"""What waits for an arm, and what does not."""

import pytest

from serl_api.errors.robot import ConnectionLostError, FaultError, InvalidTargetError, StopLatchedError
from serl_api.lifetime.stop_signal import StopSignal
from serl_rl.envs.patience import Patience


class Attempts:
    """Raises what it was given, one error each time, then returns."""

    def __init__(self, *errors):
        self.errors = list(errors)

    def __call__(self):
        if self.errors:
            raise self.errors.pop(0)
        return "driven"


@pytest.fixture
def stop():
    return StopSignal()


def test_a_daemon_that_is_away_and_a_person_s_stop_are_waited_for_and_told_once_each(stop, caplog):
    caplog.set_level("INFO")
    away, latched = ConnectionLostError("no daemon answers"), StopLatchedError.by("ada")
    attempts = Attempts(away, away, latched, latched)
    assert Patience(stop, retry_s=0.0).insist(attempts) == "driven"
    waits = [record.message for record in caplog.records if record.message.startswith("waiting for the arm")]
    assert waits == [f"waiting for the arm: {away}", f"waiting for the arm: {latched}"]
    assert caplog.records[-1].message == "the arm is driven again"


def test_an_arm_that_is_driven_at_once_is_not_spoken_of(stop, caplog):
    caplog.set_level("INFO")
    assert Patience(stop).insist(Attempts()) == "driven"
    assert not caplog.records


def test_what_no_waiting_mends_is_raised_at_once_and_while_waiting(stop):
    wrong = InvalidTargetError("position.x is NaN")
    with pytest.raises(InvalidTargetError):
        Patience(stop, retry_s=0.0).insist(Attempts(wrong))
    with pytest.raises(InvalidTargetError):
        Patience(stop, retry_s=0.0).insist(Attempts(FaultError("faulted"), wrong))


def test_a_stop_and_the_end_of_training_end_the_waiting(stop):
    class Never(Attempts):
        def __call__(self):
            raise FaultError("faulted")

    rounds = iter((False, True))
    assert Patience(stop, retry_s=0.0, is_over=lambda: next(rounds)).insist(Never()) is None
    stop.set()
    assert Patience(stop).insist(Never()) is None


def test_the_next_attempt_after_an_episode_that_broke_off_belongs_to_the_waiting(stop, caplog):
    caplog.set_level("INFO")
    patience = Patience(stop, retry_s=0.0)
    patience.note(ConnectionLostError("no daemon answers"))
    assert patience.insist(Attempts()) == "driven"
    assert [record.message for record in caplog.records] == [
        "waiting for the arm: no daemon answers",
        "the arm is driven again",
    ]
