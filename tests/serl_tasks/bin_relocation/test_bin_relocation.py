from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from serl_api.enums import Pacing
from serl_client.envs.private_simulator import PrivateSimulator
from serl_client.envs.registration import make_training_env
from serl_tasks.bin_relocation.choice import choose_item
from serl_tasks.bin_relocation.expert import BinRelocationExpert
from serl_tasks.bin_relocation.places import AREA_HALF, BIN_X, BIN_Y, INNER_Y, ITEM_DISTANCE, ITEM_NAMES, ITEMS, Side
from serl_tasks.bin_relocation.task import BIN_FORWARD, OneMoreOver
from simulator.devices.cell import build_cell

SIDES: dict[str, Side] = {"Forward": "right", "Backward": "left"}


@pytest.fixture(scope="module")
def directions():
    with PrivateSimulator("bin-relocation") as simulator:
        address = simulator.address
        envs = {name: make_training_env(f"serl/Bin{name}-v0", address=address) for name in SIDES}
        yield envs
        for env in envs.values():
            env.close()


def test_the_experts_empty_each_bin_and_fill_it_again_for_all_their_noise(directions):
    experts = {name: BinRelocationExpert(side, BIN_FORWARD, noise=0.2, seed=3) for name, side in SIDES.items()}
    counts = []
    for turn, name in enumerate(["Forward"] * 3 + ["Backward"] * 3 + ["Forward"] * 3):
        env, expert = directions[name], experts[name]
        observation, info = env.reset(seed=2, options={"keep_scene": turn > 0, "scene_seed": 2})
        assert turn == 0 or "scene_seed" not in info
        if info["success"]:  # The scene had an item there from the beginning, so that all have been carried over.
            env.unwrapped.release()
            continue
        expert.reset()
        ended = False
        while not ended:
            observation, _, terminated, truncated, info = env.step(expert.action(observation, info))
            ended = terminated or truncated
        assert info["success"]
        counts.append(info["items_there"])
        env.unwrapped.release()
    assert counts[-6:] == [1, 2, 3, 1, 2, 3]


def test_the_inner_box_keeps_fingers_off_the_walls_between_the_bins_and_leads_over_them(directions):
    env = directions["Forward"]
    env.reset(seed=0)
    for action in [(0, 0, -1, 1)] * 2 + [(0, -1, 0, 1)] * 4:
        env.step(np.array(action, np.float32))
        assert abs(env.unwrapped.snapshot.state.external_wrench[1]) < 5.0
    for action in [(0, -1, 1, 1)] * 4 + [(0, -1, -1, 1)] * 4:
        _, _, _, _, info = env.step(np.array(action, np.float32))
    assert info["tcp_pose"][1] < -INNER_Y
    env.unwrapped.release()


def test_items_lie_in_either_bin_with_room_for_fingers_between_and_rest():
    cell = build_cell("bin-relocation", Pacing.LOCKSTEP, 0)
    assert cell.scene is not None
    try:
        places = []
        for seed in range(60):
            cell.scene.reset(seed=seed, start=None, gripper_width=None)
            places.append([item.pose.position for item in cell.scene.tracked_objects()])
        offsets = np.abs(places)[..., :2] - (BIN_X, BIN_Y)
        assert (np.abs(offsets) <= np.array(AREA_HALF) + 1e-9).all()
        gaps = np.diff(np.sort(np.array(places)[..., 0], axis=1), axis=1)
        assert gaps.min() >= ITEM_DISTANCE - 1e-9
        shares = (np.array(places)[..., 1] > 0).mean(axis=0)
        assert (shares > 0.3).all()
        assert (shares < 0.7).all()
        cell.timebase.wait_until(cell.timebase.now_ns() + 500_000_000)
        heights = [item.pose.position[2] for item in cell.scene.tracked_objects()]
        np.testing.assert_allclose(heights, [item.half_size[2] for item in ITEMS], atol=1e-3)
    finally:
        cell.close()


def test_what_is_held_is_chosen_all_the_way_over_and_the_nearest_one_where_nothing_is():
    items = {"cube": np.array((BIN_X, BIN_Y, 0.02)), "bar": np.array((BIN_X + 0.05, -BIN_Y, 0.02))}
    for y in np.linspace(BIN_Y, -BIN_Y, 9):
        held = {**items, "can": np.array((BIN_X + 0.05, y, 0.07))}
        assert choose_item("right", np.array((BIN_X + 0.05, y, 0.08)), held) == "can"
    over_the_bar = items["bar"] + (0.0, 0.1, 0.1)
    assert choose_item("right", over_the_bar, items) == "cube"
    assert choose_item("left", over_the_bar, items) == "bar"


def observed(cube, *, width=0.085, others=BIN_Y) -> Any:
    """Where the cube is, y and z; the others lie in the left bin."""
    places = dict.fromkeys(ITEM_NAMES, (BIN_X, others, 0.02)) | {"cube": (BIN_X, *cube)}
    objects = {name: SimpleNamespace(pose=SimpleNamespace(position=np.array(place))) for name, place in places.items()}
    return SimpleNamespace(tracked_objects=objects, state=SimpleNamespace(gripper=SimpleNamespace(width=width)))


@pytest.mark.parametrize(
    ("now", "success"),
    [
        (observed((-BIN_Y, 0.02)), True),
        (observed((-BIN_Y, 0.02), width=0.04), False),  # Still held.
        (observed((-BIN_Y, 0.08)), False),  # Over the bin.
        (observed((0.0, 0.02)), False),  # Between the bins.
        (observed((BIN_Y, 0.02)), False),
    ],
)
def test_one_item_more_that_lies_there_and_was_let_go_of_is_a_success(now, success):
    assert OneMoreOver(side="right")(observed((BIN_Y, 0.02)), now).success is success


def test_an_item_that_was_there_before_counts_only_where_all_are():
    reward = OneMoreOver(side="right")
    some, every = observed((-BIN_Y, 0.02)), observed((-BIN_Y, 0.02), others=-BIN_Y)
    assert not reward(some, some).success
    assert reward(every, every).success
