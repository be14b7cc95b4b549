"""Scenes that are kept, lost, drawn and drawn again."""

import itertools
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from serl_api.enums import Backend
from serl_api.values import Pose
from serl_client.envs.episode_start import EpisodeStart
from serl_client.envs.registration import make_training_env
from serl_client.envs.reset_plan import ResetPlan
from serl_client.envs.task import Reach
from serl_client.errors import MotionFailedError
from serl_tasks.relocate_cube.task import RELOCATE_FORWARD


@pytest.fixture(scope="module")
def forward():
    pytest.importorskip("mujoco")
    env = make_training_env("serl/RelocateForward-v0")
    yield env
    env.close()


def test_a_drawn_scene_is_never_done_already(forward):
    seeds = []
    for seed in range(12):
        _, info = forward.reset(seed=seed)
        assert info["cube_position"][1] > 0
        assert not info["success"]
        seeds.append(info["scene_seed"])
    assert len(set(seeds)) == 12
    _, again = forward.reset(seed=11)
    assert again["scene_seed"] == seeds[-1]


def test_a_named_scene_is_taken_as_it_is(forward):
    done = 0
    for scene_seed in range(12):
        _, info = forward.reset(options={"scene_seed": scene_seed})
        assert info["scene_seed"] == scene_seed
        assert info["success"] is bool(info["cube_position"][1] < 0)
        done += info["success"]
    assert 0 < done < 12


def test_a_kept_scene_stays_and_the_arm_comes_back(forward):
    _, first = forward.reset(seed=5)
    for _ in range(4):
        forward.step(np.array((0.5, -0.5, 0.5, -1.0), np.float32))
    _, second = forward.reset(seed=6, options={"keep_scene": True})
    assert "scene_seed" not in second
    np.testing.assert_allclose(second["cube_position"], first["cube_position"], atol=1e-3)
    np.testing.assert_allclose(second["tcp_pose"][:3], first["tcp_pose"][:3], atol=0.01)
    assert second["gripper_width"] > 0.08  # It opens on the way.


STRAIGHT = replace(RELOCATE_FORWARD, reset_plan=ResetPlan(retreats=(), attempts=1, compliance=None))
"""A plan of nothing but the way to the start."""
HAND = SimpleNamespace(max_width=0.08)


class Daemon:
    """A link to a cell with a cube; a simulator draws it within reach, and a kept scene leaves it where it is."""

    def __init__(self, backend, cube, *, fails=False, gripper=HAND):
        self.client = SimpleNamespace(info=SimpleNamespace(backend=backend, gripper=gripper), get_state=self._state)
        self.resets = []
        self.widths = []
        self._cube = cube
        self._fails = fails

    def open_session(self):
        return self

    def _state(self):
        return SimpleNamespace(gripper=None, tcp_pose=Pose(np.array((0.4, 0.0, 0.2)), np.array((1.0, 0.0, 0.0, 0.0))))

    def reset(self, *, seed, keep_scene, speed_ratio, gripper_width, **_):
        self.widths.append(gripper_width)
        self.resets.append(("keep" if keep_scene else "draw", speed_ratio))
        if keep_scene and self._fails:
            raise MotionFailedError("the cube is in the way")
        if not keep_scene and self.client.info.backend is Backend.SIMULATED:
            self._cube = (0.4, 0.1)
        pose = Pose(np.array((*self._cube, 0.02)), np.array((0.0, 0.0, 0.0, 1.0)))
        return SimpleNamespace(tracked_objects={"cube": SimpleNamespace(pose=pose)})


def begin(daemon, **options):
    """Begins an episode of the forward task; seeds count up from 0."""
    start = EpisodeStart(STRAIGHT, daemon, lambda observation: False)
    observation, about = start.begin(options, itertools.count().__next__)
    return observation.tracked_objects["cube"].pose.position[:2].tolist(), about


def test_a_simulator_draws_anew_what_is_out_of_reach(caplog):
    daemon = Daemon(Backend.SIMULATED, cube=(0.4, 0.33))
    assert begin(daemon, keep_scene=True) == ([0.4, 0.1], {"scene_seed": 0})
    assert daemon.resets == [("keep", 0.4), ("draw", 0.4)]
    assert "cube out of reach; the scene is drawn anew" in caplog.text


def test_a_simulator_draws_anew_where_the_arm_cannot_go_back(caplog):
    daemon = Daemon(Backend.SIMULATED, cube=(0.4, 0.0), fails=True)
    assert begin(daemon, keep_scene=True)[1] == {"scene_seed": 0}
    assert "the cube is in the way" in caplog.text


def test_a_real_cell_goes_on_and_says_where_the_object_belongs(caplog):
    daemon = Daemon(Backend.REAL, cube=(0.4, 0.33))
    assert begin(daemon, keep_scene=True) == ([0.4, 0.33], {})
    assert daemon.resets == [("keep", 0.5)]
    assert "put cube back between x 0.22 and 0.58 m, y -0.32 and 0.32 m" in caplog.text


def test_a_real_arm_that_cannot_go_back_is_not_kept_secret():
    with pytest.raises(MotionFailedError):
        begin(Daemon(Backend.REAL, cube=(0.4, 0.0), fails=True), keep_scene=True)


def test_a_real_cell_draws_nothing_again():
    daemon = Daemon(Backend.REAL, cube=(0.4, 0.0))
    start = EpisodeStart(STRAIGHT, daemon, lambda observation: True)
    start.begin({}, lambda: 7)
    assert daemon.resets == [("draw", 0.5)]


@pytest.mark.parametrize(("gripper", "width"), [(HAND, 0.01), (None, None)])
def test_fingers_start_as_the_task_says_where_there_are_any(gripper, width):
    daemon = Daemon(Backend.REAL, cube=(0.4, 0.0), gripper=gripper)
    task = replace(STRAIGHT, has_gripper=False, start_gripper_width=0.01)
    EpisodeStart(task, daemon, lambda observation: False).begin({}, lambda: 7)
    assert daemon.widths == [width]


def test_an_object_that_nobody_tracks_is_not_lost():
    assert not RELOCATE_FORWARD.reach.lost(SimpleNamespace(tracked_objects={}))


def test_an_object_may_be_in_any_area_and_only_lost_ones_are_named():
    places = {"here": (0.1, 0.1), "there": (0.1, -0.1), "between": (0.1, 0.0), "elsewhere": (0.3, 0.1)}
    objects = {name: SimpleNamespace(pose=SimpleNamespace(position=np.array((*xy, 0)))) for name, xy in places.items()}
    reach = Reach(names=tuple(places), areas=(((0.0, 0.05), (0.2, 0.2)), ((0.0, -0.2), (0.2, -0.05))))
    assert reach.lost(SimpleNamespace(tracked_objects=objects)) == ("between", "elsewhere")
