import pytest

from simulator.virtual.fingers import RigidFingers
from simulator.virtual.hand import Hand, Kind, Outcome
from simulator.virtual.hand.protocol import Message
from tests.support.clocks import ManualClock


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def fingers(clock):
    return RigidFingers(0.08, clock)


@pytest.fixture
def hand(fingers, clock):
    return Hand(fingers, now_s=clock)


def message(kind, *values, number=1):
    return Message(kind, number, values)


def run(hand, clock, limit_s=5.0):
    """Lets time pass until a command ends; returns its outcome and the state then."""
    for _ in range(round(limit_s / 0.01)):
        clock.now += 0.01
        state, is_grasped, ended = hand.advance()
        if ended:
            return ended[0].outcome, state, is_grasped
    raise AssertionError("the command did not end")


def test_a_move_ends_where_it_was_told_to_in_the_time_of_its_way(hand, clock):
    hand.begin(message(Kind.MOVE, 0.03, 0.05))
    outcome, state, is_grasped = run(hand, clock)
    assert (outcome, is_grasped) == (Outcome.SUCCESS, False)
    assert state.width == pytest.approx(0.03, abs=0.0006)
    assert clock.now == pytest.approx(1.0, abs=0.03)


def test_a_move_that_meets_an_object_is_unsuccessful(hand, fingers, clock):
    fingers.place_object(0.05)
    hand.begin(message(Kind.MOVE, 0.03, 0.1))
    outcome, state, is_grasped = run(hand, clock)
    assert (outcome, state.width, is_grasped) == (Outcome.UNSUCCESSFUL, 0.05, False)


@pytest.mark.parametrize(("width", "outcome"), [(0.05, Outcome.SUCCESS), (0.04, Outcome.UNSUCCESSFUL)])
def test_a_grasp_is_judged_by_its_tolerances_and_keeps_its_force(hand, fingers, clock, width, outcome):
    fingers.place_object(0.05)
    hand.begin(message(Kind.GRASP, width, 0.005, 0.005, 0.1, 30.0))
    ended, state, is_grasped = run(hand, clock)
    assert (ended, is_grasped) == (outcome, outcome is Outcome.SUCCESS)
    assert (state.width, state.force) == (0.05, 30.0)
    clock.now += 1.0
    assert hand.advance()[1] == is_grasped
    fingers.place_object(None)
    clock.now += 1.0
    hand.advance()
    assert not hand.advance()[1]


def test_a_grasp_of_nothing_is_unsuccessful(hand, clock):
    hand.begin(message(Kind.GRASP, 0.0, 1.0, 1.0, 0.1, 30.0))
    outcome, state, is_grasped = run(hand, clock)
    assert (outcome, is_grasped) == (Outcome.UNSUCCESSFUL, False)
    assert state.width == pytest.approx(0.0, abs=0.001)


def test_homing_finds_the_stroke_which_moves_need(fingers, clock):
    hand = Hand(fingers, is_homed=False, now_s=clock)
    assert hand.max_width == 0.0
    assert [end.outcome for end in hand.begin(message(Kind.MOVE, 0.03, 0.1))] == [Outcome.FAIL]
    hand.begin(message(Kind.HOMING))
    outcome, state, _ = run(hand, clock)
    assert (outcome, hand.max_width) == (Outcome.SUCCESS, 0.08)
    assert state.width == pytest.approx(0.08, abs=0.001)


def test_a_stop_aborts_what_runs_and_the_fingers_stand(hand, clock):
    first = message(Kind.MOVE, 0.0, 0.05, number=7)
    hand.begin(first)
    clock.now += 0.5
    hand.advance()
    ended = hand.begin(message(Kind.STOP, number=8))
    assert [(end.message.number, end.outcome) for end in ended] == [(7, Outcome.ABORTED), (8, Outcome.SUCCESS)]
    width = hand.advance()[0].width
    clock.now += 1.0
    assert hand.advance()[0].width == width


def test_a_newer_command_aborts_the_older(hand):
    hand.begin(message(Kind.MOVE, 0.0, 0.05, number=7))
    ended = hand.begin(message(Kind.MOVE, 0.08, 0.05, number=8))
    assert [(end.message.number, end.outcome) for end in ended] == [(7, Outcome.ABORTED)]
