"""Keeps tests that share an expensive daemon in one process of xdist, where `--dist loadscope` splits them.

A process takes the tests of a file together, for the sake of the file's fixtures. The conformance suite starts each
daemon once for all its files, so there the tests of one daemon stay together instead.
"""

import re

import pytest

DAEMON = re.compile(r"^tests/conformance/.*[\[-](?P<name>\w+-real-time)\b")


def group_of(nodeid):
    """What must stay together with a test: its daemon, or its file."""
    daemon = DAEMON.match(nodeid)
    return daemon["name"] if daemon else nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Makes the scheduler of `--dist loadscope`; others stay what they are."""
    if config.getoption("dist") != "loadscope":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class DaemonScheduling(LoadScopeScheduling):
        """Scopes are daemons and files."""

        def _split_scope(self, nodeid):
            return group_of(nodeid)

    return DaemonScheduling(config, log)
