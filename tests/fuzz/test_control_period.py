"""Control goes on in its time while its daemon is fuzzed; `python -m tests.fuzz --control` measures it for longer."""

import numpy as np
import pytest

from tests.fuzz.control_period import PERIOD_S, WINDOW_S, measure


@pytest.mark.real_time
def test_an_arm_is_controlled_at_its_rate_while_its_daemon_is_fuzzed():
    found = measure(seed=1, seconds=WINDOW_S)
    assert found.messages > 100
    assert len(found.fuzzed_ms) > 0.8 * WINDOW_S / PERIOD_S
    assert np.median(found.fuzzed_ms) < PERIOD_S * 1e3 / 2
