"""Both success rates, as lines where there is no terminal."""

import io

from serl_rl.monitoring.metrics import MetricsRow
from serl_rl.runs.forward_backward.dashboard import PairDashboard


def row(time_s, **values):
    return MetricsRow(wall_time_s=time_s, env_steps=100, critic_updates=10, policy_updates=5, **values)


def test_lines_say_of_which_direction_they_are():
    stream = io.StringIO()
    with PairDashboard("it", stream) as dashboard:
        dashboard.show("forward", row(1.0, success=0.25))
        dashboard.show("backward", row(1.0, success=0.75))
        dashboard.show("forward", row(2.0, success=0.5))  # Too soon for another line.
        dashboard.show("backward", row(2.0, evaluation_success=1.0, evaluation_episodes=20))
        dashboard.note("done")
    lines = stream.getvalue().splitlines()
    assert [text.split()[0] for text in lines] == ["forward", "backward", "backward", "done"]
    assert "success   25%" in lines[0]
    assert "success   75%" in lines[1]
    assert "100% of 20 episodes" in lines[2]
