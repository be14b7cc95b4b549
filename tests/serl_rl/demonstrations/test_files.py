"""Files that cannot be imitated get one sentence each, without a robot or a simulator."""

from dataclasses import replace

import numpy as np
import pytest

from serl_client.episodes.files import EpisodeHeader, EpisodeWriter
from serl_rl.demonstrations.files import check_files, check_header, load_demonstrations, read_demonstrations
from serl_rl.envs.config import EnvironmentConfig
from serl_rl.errors import UsageError
from serl_rl.replay.errors import InvalidRowsError
from serl_tasks.pick_cube.task import PICK_CUBE, PICK_CUBE_VISION

POINT = EnvironmentConfig(id="serl/PointMass-v0")
CUBE = EnvironmentConfig(id="serl/PickCube-v0")
CUBE_VISION = EnvironmentConfig(id="serl/PickCubeVision-v0")
STATE = {"state": [[2], "float32"]}


def components_of(task):
    parts = task.components(rotation=False)
    return tuple(f"{part.name}.{index}" for part in parts for index in range(len(part.indices)))


COMPONENTS, SEEING = components_of(PICK_CUBE), components_of(PICK_CUBE_VISION)
CUBE_STATE, SEEING_STATE = ({"state": [[len(names)], "float32"]} for names in (COMPONENTS, SEEING))


def point(make_episode, steps=3, **changes):
    episode = make_episode(steps, **changes)
    return replace(episode, observations={"state": episode.observations["state"]})


@pytest.fixture
def refused():
    def refusing(paths, config=POINT, **kwargs):
        with pytest.raises(UsageError) as error:
            read_demonstrations(paths, config, **kwargs)
        return str(error.value)

    return refusing


def test_successes_are_read_and_failures_left_out(make_episode, write):
    episodes = [point(make_episode, number=n, success=n != 1) for n in range(3)]
    path = write("a", episodes, observations=STATE, components=("position.x", "position.y"))
    found = read_demonstrations([path, path], POINT)
    assert (len(found.episodes), found.failures) == (4, 2)
    assert found.spec.vector_size == 2
    assert found.spec.vectors[0].component_names == ("position.x", "position.y")
    assert len(read_demonstrations([path], POINT, keeps_failures=True).episodes) == 3


def test_no_file_and_a_missing_one(refused, tmp_path):
    assert "give --demonstrations FILE" in refused([])
    assert "there is no demonstration file" in refused([tmp_path / "gone.episodes"])


def test_an_empty_file(refused, write):
    path = write("a", [], observations=STATE, components=("position.x", "position.y"))
    assert f"{path} holds no episode; record some" in refused([path])


def test_another_task(refused, write):
    path = write("a", [], task="serl/PegInsert-v0", observations=STATE)
    said = refused([path], CUBE)
    assert "holds episodes of serl/PegInsert-v0, but the experiment is serl/PickCube-v0" in said
    assert "--environment.id serl/PegInsert-v0" in said


def test_a_task_of_ones_own_is_what_its_file_says(make_episode, write):
    path = write("a", [point(make_episode)], task="lab/Stack-v3", observations=STATE)
    for name in ("lab/Stack-v3", "lab.stacking:lab/Stack-v3"):
        assert read_demonstrations([path], EnvironmentConfig(id=name)).spec.environment == name


def test_the_other_meaning_of_a_gripper_action(refused, write):
    kind = {"observations": CUBE_STATE, "action": ((4,), "float32"), "components": COMPONENTS}
    path = write("a", [], gripper_action="binary", **kind)
    said = refused([path], CUBE)
    assert "holds gripper actions that are binary, but environment.gripper_action is absolute" in said
    assert "give --environment.gripper-action binary" in said
    assert "holds no episode" in refused([path], replace(CUBE, gripper_action="binary"))


def test_another_action_space(refused, write):
    path = write("a", [], observations=CUBE_STATE, action=((7,), "float32"), components=COMPONENTS)
    said = refused([path], CUBE)
    assert "actions of 7 components, but serl/PickCube-v0 takes 4 with environment.rotation False" in said
    path = write("b", [], observations=STATE, action=((3,), "float32"), components=("position.x", "position.y"))
    assert "action.shape is (3,), not (2,)" in refused([path])


def test_a_missing_camera(refused, write):
    observations = SEEING_STATE | {"front": [[128, 128, 3], "uint8"]}
    path = write("a", [], observations=observations, action=((4,), "float32"), components=SEEING)
    assert "has no camera 'wrist', which serl/PickCubeVision-v0 sees with; it holds front, state" in refused(
        [path], CUBE_VISION
    )


def test_another_state(refused, write):
    path = write("a", [], observations=STATE, action=((4,), "float32"), components=("joint.0", "joint.1"))
    assert "holds the state components joint.0, joint.1, but serl/PickCube-v0 has" in refused([path], CUBE)


def test_files_that_differ_from_one_another(refused, make_episode, write):
    cameras = [{"front": [[side, side, 3], "uint8"], "wrist": [[128, 128, 3], "uint8"]} for side in (64, 128)]
    images = {"wrist": np.zeros((3, 128, 128, 3), np.uint8), "state": np.zeros((3, len(SEEING)), np.float32)}
    paths = []
    for name, extra in zip("ab", cameras, strict=True):
        side = extra["front"][0][0]
        own = images | {"front": np.zeros((3, side, side, 3), np.uint8)}
        episode = replace(make_episode(2, observations=own), actions=np.zeros((2, 4), np.float32))
        held = SEEING_STATE | extra
        paths.append(write(name, [episode], observations=held, action=((4,), "float32"), components=SEEING))
    assert "observation.front.shape is (128, 128, 3), not (64, 64, 3); give files of one set-up" in refused(
        paths, CUBE_VISION
    )


def test_only_failures(refused, make_episode, write):
    path = write(
        "a",
        [point(make_episode, success=False)],
        observations=STATE,
        components=("position.x", "position.y"),
    )
    assert "none of the 1 episodes says that it succeeded" in refused([path])


def test_an_action_outside_its_range(make_episode, write):
    episode = replace(point(make_episode), actions=np.full((3, 2), 1.5, np.float32))
    path = write("a", [episode], observations=STATE, components=("position.x", "position.y"))
    with pytest.raises(InvalidRowsError, match=r"is 1.5, outside \[-1, 1\]"):
        read_demonstrations([path], POINT)


def test_a_header_that_says_nothing(refused, tmp_path):
    from serl_client.episodes.files import EpisodeHeader, EpisodeWriter

    with EpisodeWriter(tmp_path / "a", EpisodeHeader(task="")):
        pass
    assert "does not say what its episodes hold" in refused([tmp_path / "a"])


def test_a_learner_refuses_a_file_without_episodes(make_episode, write, spec):
    full, empty = write("full", [make_episode(2)]), write("empty", [])
    assert load_demonstrations((full,), spec) is not None
    with pytest.raises(UsageError, match="empty holds no episode; record some"):
        load_demonstrations((full, empty), spec)


@pytest.mark.parametrize(
    "specification",
    [
        {"action": 5},
        {"action": [2, "float32"]},
        {"observations": []},
        {"observations": {"state": [["2"], "float32"]}},
        {"state_components": 3},
        {"wrappers": [1]},
        {"gripper_action": {}},
    ],
)
def test_a_header_that_is_wrong_in_content_is_one_sentence(specification, tmp_path, spec):
    path = tmp_path / "wrong"
    EpisodeWriter(path, EpisodeHeader(task="", specification=specification)).close()
    (name,) = specification
    for check in (lambda: check_header(path, spec), lambda: check_files([path], EnvironmentConfig(id="test/Look-v0"))):
        with pytest.raises(UsageError, match=f"does not say what its episodes hold: {name} is "):
            check()
