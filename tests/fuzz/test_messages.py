"""Every method of every server takes whatever bytes come, from those it lets in and from others."""

import contextlib

import pytest

from tests.fuzz.campaign import Campaign, fuzz
from tests.fuzz.targets import start

INSIDE = {"daemon": 5000, "simulator": 1500, "learner": 4000}
OUTSIDE = {"daemon": 4000, "simulator": 1500, "learner": 4000}
"""Messages to each server; 20,000 in all. `make fuzz` sends more."""


@pytest.mark.parametrize("name", INSIDE)
def test_a_server_bears_whatever_its_peers_send(name):
    target = start(name)
    with contextlib.closing(target):
        campaign = Campaign(target, seed=1)
        fuzz(target, campaign, INSIDE[name])
    assert {"OK", "INVALID_ARGUMENT"} <= campaign.statuses.keys()


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_server_parses_nothing_of_those_it_does_not_let_in(name, tmp_path):
    token_file = tmp_path / "token"
    token_file.write_text("open sesame")
    target = start(name, token_file)
    with contextlib.closing(target):
        target.methods = [method for method in target.methods if "/grpc.health" not in method]
        campaign = Campaign(target, seed=2)
        fuzz(target, campaign, OUTSIDE[name])
    assert campaign.statuses.keys() == {"UNAUTHENTICATED"}
