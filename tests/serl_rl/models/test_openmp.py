import os

from serl_rl.models.openmp import SPIN_COUNT, choose_waiting


def test_threads_spin_shortly_then_sleep(monkeypatch):
    monkeypatch.setattr(os, "environ", {})
    choose_waiting()
    assert os.environ == {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": str(SPIN_COUNT)}


def test_a_choice_of_the_user_is_kept(monkeypatch):
    chosen = {"OMP_WAIT_POLICY": "ACTIVE", "GOMP_SPINCOUNT": "7"}
    monkeypatch.setattr(os, "environ", dict(chosen))
    choose_waiting()
    assert os.environ == chosen
