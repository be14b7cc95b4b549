"""What is wrong with an arm on purpose: off by default, seeded, and felt by whoever drives it."""

import argparse

import numpy as np
import pytest

from serl_api.settings import ConfigError
from simulator.model.arm_table import FR3
from simulator.virtual.fci.controller.estimation import ExternalForces
from simulator.virtual.fci.controller.plant import Plant
from simulator.virtual.fci.controller.settings import initial_settings
from simulator.virtual.fci.injection import LATEST_CYCLES, Disturbances
from simulator.virtual.imperfections import (
    NASTY,
    PERFECT,
    Imperfections,
    add_imperfections,
    chosen_imperfections,
)


def parsed(*words):
    parser = argparse.ArgumentParser()
    add_imperfections(parser)
    return chosen_imperfections(parser.parse_args(words))


@pytest.mark.parametrize("imperfections", [PERFECT, NASTY, Imperfections(loss=0.25, refuse_settings=("reflex",))])
def test_the_command_line_says_the_same(imperfections):
    assert parsed(*imperfections.words()) == imperfections


def test_nothing_is_wrong_unless_it_is_asked_for():
    assert parsed() == PERFECT
    assert PERFECT.words() == []


def test_nasty_is_all_of_it_and_one_may_be_changed():
    assert parsed("--nasty") == NASTY
    assert parsed("--nasty", "--loss", "0") == Imperfections(**(vars(NASTY) | {"loss": 0.0}))


def test_a_share_that_cannot_be_is_refused():
    with pytest.raises(ConfigError, match=r"loss is 1\.5"):
        parsed("--loss", "1.5")


def spoiled(seed=0, task="none", **imperfect):
    plant = Plant(FR3, task, seed)
    plant.spoil(Imperfections(**imperfect))
    return plant


def travel(plant, torque, cycles=300):
    """How far joint 1 turns under a torque, rad."""
    start = plant.positions[0]
    for _ in range(cycles):
        plant.step(np.array([torque, 0, 0, 0, 0, 0, 0.0]))
    return plant.positions[0] - start


def test_friction_holds_a_small_torque_and_gives_way_to_a_larger_one():
    assert abs(travel(spoiled(), 0.5)) > 0.01
    assert abs(travel(spoiled(friction=1.0), 0.5)) < 0.003
    assert 0.01 < travel(spoiled(friction=1.0), 3.0) < 0.9 * travel(spoiled(), 3.0)


def test_torques_lag():
    sudden, late = spoiled(), spoiled(torque_lag_ms=10.0)
    assert 0.0 < travel(late, 5.0, cycles=5) < 0.5 * travel(sudden, 5.0, cycles=5)


def felt(plant, forces, cycles=300):
    """The wrench that an arm at rest estimates, averaged over the last cycles, and how much it trembles."""
    settings, wrenches = initial_settings(plant), []
    held = plant.positions.copy()
    for _ in range(cycles):
        plant.step(500.0 * (held - plant.positions) - 20.0 * plant.velocities)
        forces.update(plant, settings)
        wrenches.append(forces.base_wrench.copy())
    return np.mean(wrenches[-100:], axis=0), np.std(wrenches[-100:], axis=0).max()


def test_a_weight_that_nobody_was_told_of_is_felt_and_outlives_a_push():
    plant = spoiled(unknown_payload_kg=0.5)
    plant.push((0.0, 0.0, -5.0), (0.0, 0.0, 0.0))
    plant.push((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    assert felt(plant, ExternalForces())[0][2] == pytest.approx(0.5 * 9.81, abs=0.3)  # What the robot exerts.


def test_the_estimate_is_off_by_the_bias_and_trembles():
    forces = ExternalForces()
    forces.spoil(Imperfections(wrench_bias_n=4.0, torque_noise_nm=0.3), np.random.default_rng(1))
    mean, tremble = felt(spoiled(), forces)
    assert np.linalg.norm(mean[:3]) == pytest.approx(4.0, abs=0.7)
    assert tremble > 0.05
    assert felt(spoiled(), ExternalForces())[1] < 1e-6


def test_lost_and_late_datagrams_are_as_many_as_was_said_and_outlive_clearing():
    network = Disturbances(Imperfections(loss=0.1, late=0.2), np.random.default_rng(3))
    network.drop(1.0, "both")
    network.clear()
    assert np.mean([network.loses_state() for _ in range(2000)]) == pytest.approx(0.1, abs=0.03)
    assert np.mean([network.loses_command() for _ in range(2000)]) == pytest.approx(0.1, abs=0.03)
    delays = [network.delay_cycles() for _ in range(2000)]
    assert np.mean(np.array(delays) > 0) == pytest.approx(0.2, abs=0.04)
    assert set(delays) == set(range(LATEST_CYCLES + 1))
    perfect = Disturbances()
    assert not any(perfect.loses_state() or perfect.delay_cycles() for _ in range(1000))
