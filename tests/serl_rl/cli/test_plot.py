"""Curves of runs from the command line."""

import json

import pytest

from serl_rl.__main__ import main
from serl_rl.monitoring.metrics import MetricsRow, MetricsWriter


@pytest.fixture
def runs(tmp_path):
    """Folders of two runs."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        writer = MetricsWriter(tmp_path / name, tensorboard=False)
        for step in (1, 2, 3):
            writer.write(
                MetricsRow(wall_time_s=step, env_steps=10 * step, critic_updates=0, policy_updates=0, success=0.5)
            )
        writer.close()
    return [tmp_path / "a", tmp_path / "b"]


def plot(*arguments):
    with pytest.raises(SystemExit) as ended:
        main(["plot", *map(str, arguments)])
    return ended.value.code


def test_a_run_is_drawn_into_its_folder_and_its_latest_figures_are_printed(runs, capsys):
    assert plot(runs[0]) == 0
    assert (runs[0] / "curves.png").read_bytes().startswith(b"\x89PNG")
    figures = json.loads(capsys.readouterr().out)[str(runs[0])]
    assert (figures["env_steps"], figures["success"], figures["q_mean"]) == (30, 0.5, None)


def test_several_runs_are_drawn_together_where_they_are_told(runs, capsys):
    output = runs[0].parent / "pictures" / "both.png"
    assert plot(*runs, "--output", output) == 0
    assert output.read_bytes().startswith(b"\x89PNG")
    assert set(json.loads(capsys.readouterr().out)) == {str(run) for run in runs}
    assert plot(*runs) == 2
    assert "say where to draw several runs" in capsys.readouterr().err


def test_a_folder_that_is_no_run_is_named(tmp_path, capsys):
    assert plot(tmp_path) == 2
    assert f"there are no metrics in {tmp_path}" in capsys.readouterr().err
