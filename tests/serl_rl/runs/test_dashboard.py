"""What a person sees."""

import dataclasses
import io

from serl.learner.v1 import learner_service_pb2 as pb

from serl_rl.config.train import TrainConfig
from serl_rl.monitoring.metrics import MetricsRow
from serl_rl.runs.dashboard import Dashboard, line, sparkline

ROW = MetricsRow(wall_time_s=12, env_steps=345, critic_updates=1000, policy_updates=250, success=0.75)
EVALUATION = MetricsRow(
    wall_time_s=13,
    env_steps=350,
    critic_updates=1000,
    policy_updates=250,
    evaluation_success=0.96,
    evaluation_episodes=50,
)


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self):
        return True


def test_a_sparkline_shows_the_newest_rates():
    assert sparkline([0.0, 0.5, 1.0, 7.0]) == "▁▅██"
    assert sparkline([1.0] * 5 + [0.0] * 3, width=3) == "▁▁▁"


def test_lines_name_what_they_show():
    assert "success   75%" in line(ROW)
    assert line(EVALUATION) == "evaluation at 350 steps, 13 s: 96% of 50 episodes"


def test_the_share_of_taught_steps_is_shown_where_somebody_taught():
    assert "intervention" not in line(ROW)
    assert "intervention  25%" in line(dataclasses.replace(ROW, intervention_ratio=0.25))


def test_without_a_terminal_there_are_lines_now_and_then():
    stream = io.StringIO()
    with Dashboard("run", TrainConfig(), stream) as dashboard:
        dashboard.note("starting")
        for _ in range(3):
            dashboard.show(ROW, pb.PHASE_TRAINING)
        dashboard.show(EVALUATION)
    assert stream.getvalue().splitlines() == ["starting", line(ROW), line(EVALUATION)]


def test_a_terminal_gets_the_live_view(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    stream = Terminal()
    with Dashboard("my run", TrainConfig(), stream) as dashboard:
        dashboard.show(ROW, pb.PHASE_TRAINING)
        dashboard.show(EVALUATION)
    text = stream.getvalue()
    assert "my run" in text
    assert "training" in text
    assert "96% of 50 episodes" in text


def test_the_title_is_the_phase_and_its_age_is_seen(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    stream = Terminal()
    with Dashboard("my run", TrainConfig(), stream) as dashboard:
        dashboard.show(ROW, pb.PHASE_TRAINING)
        with dashboard.phase("final evaluation", 100) as phase:
            phase.report(40, "success 98%")
            dashboard.refresh()
    text = stream.getvalue()
    assert "my run · final evaluation" in text
    assert "final evaluation: 40 of 100, success 98%" in text


def test_an_evaluation_of_the_actor_is_no_longer_called_training(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    stream = Terminal()
    with Dashboard("my run", TrainConfig(), stream) as dashboard:
        dashboard.show(ROW, pb.PHASE_TRAINING)
        dashboard.show_activity("evaluating policy 12: 37 of 100, success 97%, 12 s, about 20 s left")
        dashboard.refresh()
    assert "my run · evaluating policy 12" in stream.getvalue()
    assert "37 of 100" in stream.getvalue()


def test_without_a_terminal_an_activity_is_a_line_once():
    stream = io.StringIO()
    with Dashboard("run", TrainConfig(), stream) as dashboard:
        for text in ("evaluating policy 12: 37 of 100", "evaluating policy 12: 37 of 100", ""):
            dashboard.show_activity(text)
    assert stream.getvalue() == "evaluating policy 12: 37 of 100\n"


def test_training_says_how_long_it_may_take_at_most():
    stream = io.StringIO()
    steps = TrainConfig().learner.max_env_steps
    with Dashboard("run", TrainConfig(), stream) as dashboard:
        dashboard.show(dataclasses.replace(ROW, env_steps=steps - 400, env_steps_per_s=2.0))
    assert stream.getvalue().endswith("  at most 3 min 20 s left\n")
