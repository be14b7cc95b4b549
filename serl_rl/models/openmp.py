"""Chooses how OpenMP's threads wait for each other; must run before torch is imported.

OpenMP's default is to spin for milliseconds, which costs a factor of ten where actor and simulator share the cores.
Sleeping at once costs a sixth of the speed where they do not. So threads spin for about ten microseconds, then sleep:
docs/results.md has the figures.
"""

import os

SPIN_COUNT = 10_000
"""Turns of GNU OpenMP's waiting loop."""


def choose_waiting() -> None:
    """Sets the policy for this process, unless the user has set one."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", str(SPIN_COUNT))
