"""A pytest plugin that gives every test the same noise, in whatever order and process it runs."""

import random
import sys

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup():
    """Seeds the generators that belong to nobody, before any fixture draws from them."""
    random.seed(0)
    if (torch := sys.modules.get("torch")) is not None:
        torch.manual_seed(0)
