import numpy as np
import pytest

from serl_client.envs.registration import make_training_env
from serl_client.episodes.recording import run_episode
from serl_tasks.usb_insert.expert import UsbInsertExpert
from serl_tasks.usb_insert.places import HOLDER_CLEARANCE, HOLDER_PLACE
from serl_tasks.usb_insert.task import USB_INSERT


@pytest.fixture(scope="module")
def env():
    env = make_training_env("serl/UsbInsert-v0")
    yield env
    env.close()


def steps_of(env, expert, change=lambda action: action):
    """Runs an episode with changed actions, and returns the infos."""
    expert.reset()
    observation, info = env.reset(seed=4)
    infos, ended = [], False
    while not ended:
        observation, _, terminated, truncated, info = env.step(change(expert.action(observation, info)))
        infos.append(info)
        ended = terminated or truncated
    return infos


def test_the_expert_fetches_inserts_and_lets_go_for_all_its_noise(env):
    episodes = [run_episode(env, UsbInsertExpert(USB_INSERT, noise=0.2, seed=seed), seed=seed) for seed in range(10)]
    assert all(episode.success for episode in episodes)


def test_a_stick_that_is_inserted_but_held_is_no_success(env):
    def held(action):
        return np.append(action[:-1], -1.0) if expert.is_letting_go else action

    expert = UsbInsertExpert(USB_INSERT)
    infos = steps_of(env, expert, held)
    assert infos[-1]["depth"] > 0.009
    assert not any(info["success"] for info in infos)


def test_a_stick_that_the_fingers_missed_is_fetched_again(env):
    missed = []

    def miss(action):
        if action[-1] < 0.0 and len(missed) < 10:
            missed.append(action)
            return np.append(action[:-1], 1.0)
        return action

    assert steps_of(env, UsbInsertExpert(USB_INSERT), miss)[-1]["success"]
    assert len(missed) == 10


def test_the_stick_stands_in_its_holder_and_a_kept_scene_puts_it_back(env):
    spread = []
    for seed in range(8):
        _, info = env.reset(seed=seed)
        spread.append(info["usb_position"][:2] - np.array(HOLDER_PLACE))
    assert np.abs(spread).max() <= HOLDER_CLEARANCE
    assert np.ptp(spread) > HOLDER_CLEARANCE
    assert steps_of(env, UsbInsertExpert(USB_INSERT))[-1]["success"]
    _, info = env.reset(options={"keep_scene": True})
    assert np.abs(info["usb_position"][:2] - np.array(HOLDER_PLACE)).max() <= HOLDER_CLEARANCE
