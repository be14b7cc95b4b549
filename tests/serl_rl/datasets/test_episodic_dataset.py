import json

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from serl_rl.datasets.augmentation import AugmentationConfig
from serl_rl.datasets.conversion import episodes_of
from serl_rl.datasets.episodic_dataset import ChunkConfig, EpisodicDataset
from serl_rl.datasets.finding import open_episodes
from serl_rl.datasets.lerobot.writing import LeRobotOptions, write_lerobot
from serl_rl.datasets.normalization import Statistics
from serl_rl.errors import DatasetError
from tests.support.aloha_files import CAMERAS, write_aloha_files
from tests.support.episodes import full_episode, write_episodes


@pytest.fixture(scope="module")
def aloha(tmp_path_factory):
    return write_aloha_files(tmp_path_factory.mktemp("aloha"))


def test_shapes_of_the_walk_through(aloha):
    config = ChunkConfig(chunk=32, actions=("action", "base_action"), image_size=(48, 64))
    dataset = EpisodicDataset(open_episodes(aloha), config=config, augmentation=AugmentationConfig())
    assert dataset.cameras == CAMERAS
    batch = next(iter(DataLoader(dataset, batch_size=4)))
    shapes = {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in batch.items()}
    assert shapes == {
        "state": ((4, 14), torch.float32),
        "actions": ((4, 32, 16), torch.float32),
        "is_pad": ((4, 32), torch.bool),
        "images": ((4, 3, 3, 48, 64), torch.float32),
    }
    assert 0.0 <= batch["images"].min() < batch["images"].max() <= 1.0


@pytest.fixture
def episodes():
    return [full_episode(steps=9 + seed, seed=seed) for seed in range(3)]


@pytest.fixture
def own(tmp_path, episodes):
    return open_episodes(write_episodes(tmp_path / "own.episodes", episodes))


def every(source, **changes):
    return EpisodicDataset(source, config=ChunkConfig(**{"chunk": 4, "start": "every"} | changes))


def test_a_sample_is_an_observation_and_the_actions_after_it(own, episodes):
    dataset = every(own, action_scaling="none", state_scaling="none")
    assert len(dataset) == 9 + 10 + 11
    sample = dataset[9 + 3]
    np.testing.assert_array_equal(sample["actions"].numpy(), episodes[1].actions[3:7])
    np.testing.assert_array_equal(sample["state"].numpy(), episodes[1].observations["state"][3])
    assert not sample["is_pad"].any()
    for place, camera in enumerate(dataset.cameras):
        pixels = (sample["images"][place].permute(1, 2, 0) * 255).round().byte().numpy()
        np.testing.assert_array_equal(pixels, episodes[1].observations[camera][3])


def test_what_lies_behind_the_end_is_padding(own, episodes):
    sample = every(own, action_scaling="none")[8]
    assert sample["is_pad"].tolist() == [False, True, True, True]
    np.testing.assert_array_equal(sample["actions"][0].numpy(), episodes[0].actions[8])
    assert not sample["actions"][1:].any()


def test_a_lead_takes_the_actions_of_a_step_before(own, episodes):
    dataset = every(own, action_scaling="none", lead=1)
    for start, first in ((0, 0), (1, 0), (5, 4)):
        np.testing.assert_array_equal(dataset[start]["actions"][0].numpy(), episodes[0].actions[first])


def test_random_starts_cover_each_episode_and_follow_the_seed(own, episodes):
    dataset = EpisodicDataset(own, config=ChunkConfig(chunk=1, action_scaling="none", cameras=()))
    assert len(dataset) == 3

    def drawn():
        torch.manual_seed(3)
        return torch.stack([dataset[0]["actions"][0] for _ in range(200)])

    first = drawn()
    assert {tuple(action) for action in first.tolist()} == {tuple(action) for action in episodes[0].actions.tolist()}
    assert torch.equal(first, drawn())


def test_processes_of_a_loader_read_the_same(own):
    dataset = every(own)
    alone = [batch["images"] for batch in DataLoader(dataset, batch_size=6)]
    beside = [batch["images"] for batch in DataLoader(dataset, batch_size=6, num_workers=1)]
    assert all(torch.equal(one, other) for one, other in zip(alone, beside, strict=True))


def test_the_same_samples_from_every_format(own, tmp_path):
    write_lerobot(tmp_path / "set", own.header, episodes_of(own), LeRobotOptions(images="png"))
    here, there = every(own), every(open_episodes(tmp_path / "set"))
    assert len(here) == len(there)
    for index in (0, 8, 13, 29):
        for name, tensor in here[index].items():
            assert torch.equal(tensor, there[index][name])


def test_statistics_of_a_training_set_scale_the_validation_set(own):
    train = EpisodicDataset(own, [0, 1], ChunkConfig(chunk=4, start="every"))
    kept = json.loads(json.dumps({name: one.as_dict() for name, one in train.statistics.items()}))
    read = {name: Statistics.from_dict(one) for name, one in kept.items()}
    valid = EpisodicDataset(own, [2], ChunkConfig(chunk=4, start="every"), statistics=read)
    raw = EpisodicDataset(own, [2], ChunkConfig(chunk=4, start="every", state_scaling="none"))
    expected = train.state_scaler.scale(raw[5]["state"])
    torch.testing.assert_close(valid[5]["state"], expected)


def test_states_and_actions_are_joined_in_the_order_asked_for(own, episodes):
    dataset = every(
        own, states=("gripper_width", "joint_positions"), actions=("base_action", "action"), state_scaling="none"
    )
    sample = dataset[0]
    joined = np.concatenate([episodes[0].sensors["gripper_width"][0], episodes[0].sensors["joint_positions"][0]])
    np.testing.assert_allclose(sample["state"].numpy(), joined, rtol=1e-6)
    assert sample["actions"].shape == (4, 6)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"states": ("tool",)}, "episode 0 has no 'tool' among its observations and sensors"),
        ({"actions": ("legs",)}, "has no 'legs' among its actions, which are action, base_action"),
        ({"cameras": ("top",)}, "no camera 'top'; the episodes have front, side"),
    ],
)
def test_what_is_not_there_is_named(own, changes, text):
    with pytest.raises(DatasetError, match=text):
        every(own, **changes)


@pytest.mark.parametrize(
    ("episode", "text"),
    [
        (full_episode(actions=np.full((6, 4), np.nan, np.float32)), r"axis 0 of the action is nan in row 0"),
        (full_episode(steps=0), "no episode with a step"),
        (
            full_episode(
                observations={
                    "front": np.zeros((7, 8, 8, 3), np.uint8),
                    "side": np.zeros((7, 8, 9, 3), np.uint8),
                    "state": np.zeros((7, 5), np.float32),
                }
            ),
            "different sizes .*front 8 x 8, side 8 x 9.*image_size",
        ),
    ],
)
def test_data_that_cannot_be_learned_from_is_refused(tmp_path, episode, text):
    with pytest.raises(DatasetError, match=text):
        every(open_episodes(write_episodes(tmp_path / "x", [episode])))


def test_episodes_of_another_width_are_refused(tmp_path):
    other = full_episode(seed=1, actions=np.zeros((6, 3), np.float32))
    with pytest.raises(DatasetError, match="episode 1 has 5 axes of states and 3 of actions"):
        every(open_episodes(write_episodes(tmp_path / "x", [full_episode(), other])))


def test_statistics_of_another_robot_are_refused(own):
    rows = [np.zeros((2, 7))]
    statistics = {"state": Statistics.of(rows, "x"), "action": Statistics.of(rows, "x")}
    with pytest.raises(DatasetError, match="7 axes of the state, but the episodes have 5"):
        EpisodicDataset(own, statistics=statistics)
