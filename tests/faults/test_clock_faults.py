"""A session does not live by the wall clock."""

import pytest

from tests.faults.clock_faults import controlling_while_clocks_jump


@pytest.mark.real_time
def test_control_goes_on_while_the_wall_clock_jumps():
    with controlling_while_clocks_jump() as trial:
        assert max(trial() for _ in range(3)) < 0.5
