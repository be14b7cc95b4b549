import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from serl_api.errors.robot import RobotError
from serl_client.envs.registration import make_training_env
from serl_client.episodes.files import read_episodes, read_header
from serl_client.episodes.recording import (
    DISCARDED,
    SUCCESS_LABELS,
    EpisodeRecorder,
    bridged_labels,
    episode_header,
    record_demonstrations,
    record_episodes,
    run_episode,
)
from serl_tasks.pick_cube.expert import PickCubeExpert
from serl_tasks.pick_cube.task import PICK_CUBE


class CoinEnv(gymnasium.Env):
    """An episode of two steps; succeeds every second time."""

    observation_space = spaces.Dict({"state": spaces.Box(-9, 9, (1,), np.float32)})
    action_space = spaces.Box(-1, 1, (1,), np.float32)

    def __init__(self, *, lucky):
        self.episodes = 0
        self.lucky = lucky

    def reset(self, *, seed=None, options=None):
        self.episodes += 1
        self.steps = 0
        return self.observe(), {"scene_seed": self.episodes}

    def step(self, action):
        self.steps += 1
        done = self.steps == 2
        success = done and self.lucky and self.episodes % 2 == 0
        return self.observe(), float(success), success, done and not success, {"success": success}

    def observe(self):
        return {"state": np.full(1, self.steps, np.float32)}


class NoOpExpert:
    def reset(self):
        pass

    def action(self, observation, info):
        return np.zeros(1, np.float32)


def test_only_successes_are_kept(tmp_path):
    path = tmp_path / "file"
    seen = []
    episodes = record_demonstrations(CoinEnv(lucky=True), NoOpExpert(), 2, path, seen.append)
    assert [(progress.attempts, progress.recorded, progress.kept) for progress in seen] == [
        (1, 0, False),
        (2, 1, True),
        (3, 1, False),
        (4, 2, True),
    ]
    stored = read_episodes(path)
    assert len(stored) == len(episodes) == 2
    assert stored[0].observations["state"].ravel().tolist() == [0, 1, 2]
    assert stored[0].interventions.all()
    assert (stored[0].terminated, stored[0].truncated) == (True, False)
    assert stored[0].metadata == {"scene_seed": 2, SUCCESS_LABELS: [False, False, True]}


class CorrectedEnv(CoinEnv):
    """A teacher takes over at the first step; the second step costs the gripper something and is discarded."""

    discards = False

    def step(self, action):
        observation, reward, terminated, truncated, info = super().step(action)
        if self.steps == 1:
            info |= {"intervention": True, "intervention_action": np.full(1, 0.5, np.float32), "grasp_penalty": 0.0}
        else:
            info |= {"intervention": False, "grasp_penalty": -0.02, "success_label": True, DISCARDED: self.discards}
        return observation, reward, terminated, truncated, info


@pytest.mark.trap
def test_stored_is_what_was_executed():
    episode = run_episode(CorrectedEnv(lucky=False), NoOpExpert())
    assert episode.actions.tolist() == [[0.5], [0.0]]
    assert episode.interventions.tolist() == [True, False]
    assert episode.grasp_penalties.tolist() == pytest.approx([0.0, -0.02])


def test_a_persons_label_goes_before_the_environments_word():
    episode = run_episode(CorrectedEnv(lucky=False), NoOpExpert())
    assert episode.metadata[SUCCESS_LABELS] == [False, False, True]
    assert episode.success


class JudgedEnv(CoinEnv):
    """The task is done on the way, and then a person ends the episode as a failure."""

    def step(self, action):
        observation, _, _, _, info = super().step(action)
        done = self.steps == 2
        info |= {"success": False, "judged": "failure"} if done else {"success": True}
        return observation, 0.0, done, False, info


def test_what_a_person_ends_as_a_failure_is_no_success():
    assert not run_episode(JudgedEnv(lucky=False), NoOpExpert()).success


class SeenEnv(CoinEnv):
    """A person says at the fifth step that the task is done."""

    def step(self, action):
        self.steps += 1
        done = self.steps == 5
        return self.observe(), float(done), done, False, {"success": done} | ({"judged": "success"} if done else {})


def test_frames_just_before_a_person_says_success_are_labelled_as_neither():
    episode = run_episode(SeenEnv(lucky=False), NoOpExpert())
    assert episode.metadata[SUCCESS_LABELS] == [False, False, False, None, None, True]
    assert episode.success


def label(pressed, period_s=0.1):
    stamps = np.arange(len(pressed)) * round(period_s * 1e9)
    return [{True: "+", False: "-", None: "?"}[one] for one in bridged_labels([key == "+" for key in pressed], stamps)]


@pytest.mark.parametrize(
    ("pressed", "labels"),
    [
        ("--++----++++-", "--++????++++-"),  # One press, and its repeats after half a second.
        ("--++--------++", "--++--------++"),  # Two presses.
        ("------", "------"),
        ("+-+", "+?+"),
    ],
)
def test_a_key_that_a_terminal_repeats_late_labels_no_failure(pressed, labels):
    assert "".join(label(pressed)) == labels


def test_without_stamps_every_label_stays():
    assert "".join(label("+--+", period_s=0.0)) == "+--+"


class HeldEnv(CoinEnv):
    """A person holds the label key through ten observations, of which a terminal tells the first and the last."""

    def step(self, action):
        self.steps += 1
        info = {"stamp_ns": self.steps * 50_000_000, "success_label": self.steps in (1, 10)}
        return self.observe(), 0.0, False, self.steps == 10, info


def test_recorded_labels_are_bridged():
    episode = run_episode(HeldEnv(lucky=False), NoOpExpert())
    assert episode.metadata[SUCCESS_LABELS] == [False, True, *[None] * 8, True]
    assert episode.success


def record_all(env, path, count):
    with EpisodeRecorder(path, episode_header(env)) as recorder:
        record_episodes(
            env, NoOpExpert(), recorder, is_done=lambda attempts: attempts == count, keeps=lambda episode: True
        )
    return read_episodes(path)


def test_what_is_discarded_is_never_kept(tmp_path):
    env = CorrectedEnv(lucky=True)
    env.discards = True
    assert record_all(env, tmp_path / "file", 3) == []


def test_failures_are_kept_when_they_are_wanted(tmp_path):
    assert [episode.success for episode in record_all(CoinEnv(lucky=True), tmp_path / "file", 4)] == [
        False,
        True,
        False,
        True,
    ]


def test_the_last_episode_is_taken_back(tmp_path):
    env = CoinEnv(lucky=True)
    with EpisodeRecorder(tmp_path / "file", episode_header(env)) as recorder:
        assert not recorder.take_back()
        for _ in range(2):
            recorder.add(run_episode(env, NoOpExpert()))
        assert recorder.take_back()
        assert len(recorder.episodes) == 1
    assert [episode.metadata["scene_seed"] for episode in read_episodes(tmp_path / "file")] == [1]


def test_an_expert_that_always_fails_is_given_up(tmp_path):
    with pytest.raises(RobotError, match="0 of 6 episodes"):
        record_demonstrations(CoinEnv(lucky=False), NoOpExpert(), 2, tmp_path / "file")


def test_a_count_below_one_is_refused(tmp_path):
    with pytest.raises(ValueError, match="at least 1"):
        record_demonstrations(CoinEnv(lucky=True), NoOpExpert(), 0, tmp_path / "file")


def test_demonstrations_of_the_simulator(simulator_address, tmp_path):
    path = tmp_path / "demonstrations.serl"
    env = make_training_env("serl/PickCube-v0", address=simulator_address)
    record_demonstrations(env, PickCubeExpert(PICK_CUBE, noise=0.2, seed=0), 3, path, seed=0)
    env.close()
    header = read_header(path)
    assert header.task == "serl/PickCube-v0"
    assert header.specification["state_components"] == list(env.component_names)
    assert header.specification["gripper_action"] == env.get_wrapper_attr("gripper_action") == "absolute"
    for episode in read_episodes(path):
        assert episode.observations["state"].shape == (len(episode) + 1, 13)
        assert episode.rewards.tolist() == [0.0] * (len(episode) - 1) + [1.0]
        assert (np.diff(episode.stamps_ns) == 100_000_000).all()
        assert episode.control_rate_hz == 10.0
        assert {name: array.shape[1] for name, array in episode.sensors.items()} == {
            "joint_positions": 7,
            "joint_velocities": 7,
            "joint_torques": 7,
            "gripper_width": 1,
        }
        np.testing.assert_array_equal(episode.sensor_stamps_ns["arm"], episode.stamps_ns)
