from types import SimpleNamespace
from typing import Any

import pytest

from serl_api.enums import Backend, Pacing
from serl_client.envs.sides import require_pair, split_address
from serl_client.errors import TaskMismatchError

FACTS = {"daemon_version": "1.0", "pacing": Pacing.REAL_TIME, "backend": Backend.REAL, "boot_id": "a"}


def client(name, **facts) -> Any:
    return SimpleNamespace(address=f"{name}-pc:50051", info=SimpleNamespace(cell_name=name, **FACTS | facts))


@pytest.mark.parametrize("names", [("left", "right"), ("Left arm", "right-arm"), ("cell 2 left", "cell 2 right")])
def test_names_that_say_the_side_are_a_pair(names):
    require_pair([client(name) for name in names])


@pytest.mark.parametrize(
    ("pair", "sentence"),
    [
        ((client("right"), client("left")), "cell right: left and right are exchanged"),
        ((client("left"), client("left")), "cell left: left and right are exchanged"),
        ((client("left"), client("bench")), "cell bench at bench-pc:50051 does not say whether"),
        ((client("left"), client("left or right")), "does not say whether"),
        ((client("left"), client("right", daemon_version="0.9")), "version 1.0, the right one's of 0.9"),
        ((client("left"), client("right", pacing=Pacing.LOCKSTEP)), "real time, the right one in lockstep"),
        ((client("left"), client("right", backend=Backend.FAKE)), "left arm is real, the right one fake"),
        (
            (client("left", backend=Backend.SIMULATED), client("right", backend=Backend.SIMULATED, boot_id="b")),
            "two simulators",
        ),
    ],
)
def test_what_is_no_pair_is_refused_in_a_sentence(pair, sentence):
    with pytest.raises(TaskMismatchError, match=sentence):
        require_pair(pair)


@pytest.mark.parametrize("text", ["a:1", "a:1,", "a:1,b:2,c:3"])
def test_two_arms_need_two_addresses(text):
    with pytest.raises(ValueError, match="two arms need two addresses"):
        split_address(text)


def test_addresses_are_the_left_ones_first():
    assert split_address("unix:/a, b:2") == ("unix:/a", "b:2")
