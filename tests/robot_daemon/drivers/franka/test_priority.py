import os
import threading

import pytest

from robot_daemon.drivers.franka.priority import HIGHEST, inherited, restored

OTHER = (os.SCHED_OTHER, 0)
FIFO = (os.SCHED_FIFO, HIGHEST)


def policy():
    return os.sched_getscheduler(0), os.sched_getparam(0).sched_priority


def may_be_realtime():
    """Asked of a thread, which may die of the answer."""
    answers = []

    def ask():
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(HIGHEST))
        except PermissionError:
            answers.append(False)
        else:
            answers.append(True)

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    return answers[0]


def heirs(realtime):
    """Policies of a thread made within and after, and of this thread afterwards."""
    found = []

    def note():
        found.append(policy())

    def run():
        with inherited(realtime):
            within = threading.Thread(target=note)
            within.start()
        within.join()
        note()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return found


def test_ignore_never_takes_priority():
    assert heirs("ignore") == [OTHER, OTHER]


@pytest.mark.parametrize("realtime", ["prefer", "enforce"])
def test_threads_made_within_inherit_what_the_maker_gives_back(realtime):
    if not may_be_realtime():
        pytest.skip("this user may not have real-time priority")
    assert heirs(realtime) == [FIFO, OTHER]


def test_what_connecting_did_to_a_thread_is_taken_back():
    if not may_be_realtime():
        pytest.skip("this user may not have real-time priority")
    found = []

    def run():
        with restored():
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(HIGHEST))
        found.append(policy())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [OTHER]


def test_a_thread_that_asks_for_less_than_normal_keeps_that():
    found = []

    def run():
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        with restored():
            pass
        found.append(policy())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [(os.SCHED_IDLE, 0)]
