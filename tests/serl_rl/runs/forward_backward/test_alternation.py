"""Who has the arm after each episode."""

import pytest

from serl_api.lifetime.stop_signal import StopSignal
from serl_rl.actor.loop import EpisodeEnd
from serl_rl.errors import UsageError
from serl_rl.runs.forward_backward.alternation import Alternation
from serl_rl.runs.forward_backward.task_player import FinishedTaskPlayer
from serl_tasks.two_way_point_mass.environment import Point, TwoWayPointMassEnv
from serl_tasks.two_way_point_mass.expert import TwoWayPointMassExpert


class Script:
    """A player whose episodes end as written down; its learner wants as many as there are."""

    def __init__(self, name, ends, diary):
        self._name = name
        self._ends = list(ends)
        self._diary = diary

    @property
    def is_learning(self):
        return bool(self._ends)

    def wait_for_policy(self):
        self._diary.append(f"{self._name} waits")

    def play(self):
        self._diary.append(f"{self._name} plays")
        return self._ends.pop(0) if self._ends else EpisodeEnd.DONE

    def release(self):
        self._diary.append(f"{self._name} releases")

    def close(self):
        self._diary.append(f"{self._name} closes")


OPEN, DONE, BEFORE = EpisodeEnd.OPEN, EpisodeEnd.DONE, EpisodeEnd.DONE_BEFORE


def play(forward, backward, stop=None):
    """The diary between the waiting and the closing."""
    diary = []
    players = {"forward": Script("f", forward, diary), "backward": Script("b", backward, diary)}
    Alternation(players, stop or StopSignal()).run()
    assert diary[:2] == ["f waits", "b waits"]
    assert diary[-2:] == ["f closes", "b closes"]
    return diary[2:-2]


def test_success_makes_the_other_task_active():
    assert play([DONE, DONE], [DONE]) == ["f plays", "f releases", "b plays", "b releases", "f plays", "f releases"]


def test_a_task_goes_on_until_it_succeeds():
    assert play([OPEN, OPEN, DONE], [DONE]) == ["f plays"] * 3 + ["f releases", "b plays", "b releases"]


def test_a_task_that_is_done_before_it_begins_makes_the_other_active():
    assert play([BEFORE, DONE], [DONE])[:5] == ["f plays", "f releases", "b plays", "b releases", "f plays"]


def test_a_player_that_has_finished_plays_on_for_the_other():
    diary = play([DONE], [OPEN, DONE, DONE])
    first, second = ["f plays", "f releases"], ["b plays", "b plays", "b releases"]
    assert diary == [*first, *second, *first, "b plays", "b releases"]


def test_tasks_that_are_done_at_once_are_refused():
    with pytest.raises(UsageError, match="both tasks are done at once"):
        play([BEFORE, DONE], [BEFORE, DONE])


def test_nobody_plays_after_the_stop():
    stop = StopSignal()
    stop.set()
    assert play([DONE], [DONE], stop) == []


class ExpertPolicy:
    """An expert in the place of a trained policy."""

    def __init__(self, side):
        self._expert = TwoWayPointMassExpert(side)

    def begin_episode(self):
        self._expert.reset()

    def act(self, observation, rng, *, deterministic=False):
        return self._expert.action(observation, {})


def test_finished_players_carry_one_point_to_and_fro():
    point, stop = Point(), StopSignal()
    sides = {"forward": "right", "backward": "left"}
    players = {
        name: FinishedTaskPlayer(TwoWayPointMassEnv(side, point), ExpertPolicy(side), stop)
        for name, side in sides.items()
    }
    alternation, places = Alternation(players, stop), []
    for _ in range(6):
        alternation.take()
        places.append(point.position[0])
    assert [place > 0 for place in places] == [True, False] * 3
    assert alternation.active == "forward"


def test_a_finished_player_passes_on_what_is_done_and_stops_when_asked():
    point, stop = Point(), StopSignal()
    env = TwoWayPointMassEnv("left", point)
    player = FinishedTaskPlayer(env, ExpertPolicy("left"), stop)
    point.position[0] = -0.5
    assert player.play() is BEFORE
    point.position[0] = 0.5
    stop.set()
    assert player.play() is OPEN
    assert point.position[0] == 0.5
