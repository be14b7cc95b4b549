"""Curves are drawn for one run and for several."""

from serl_rl.monitoring.curves import plot_groups, plot_run, plot_runs
from serl_rl.monitoring.figures import open_pyplot
from serl_rl.monitoring.metrics import MetricsRow, MetricsWriter

_PNG = b"\x89PNG"


def write_run(directory):
    directory.mkdir()
    writer = MetricsWriter(directory, tensorboard=False)
    for step in range(1, 20):
        values = {"evaluation_success": step / 20, "evaluation_episodes": 50} if step % 5 == 0 else {}
        writer.write(
            MetricsRow(
                wall_time_s=step,
                env_steps=100 * step,
                critic_updates=400 * step,
                policy_updates=100 * step,
                success=step / 20,
                critic_loss=1 / step,
                temperature=0.01,
                q_mean=step / 20,
                **values,
            )
        )
    writer.close()
    return directory


def test_one_run(tmp_path):
    plot_run(write_run(tmp_path / "a"), tmp_path / "curves.png", "a")
    assert (tmp_path / "curves.png").read_bytes().startswith(_PNG)


def test_several_runs(tmp_path):
    runs = [write_run(tmp_path / name) for name in ("seed-0", "seed-1")]
    plot_runs(runs, tmp_path / "all.png", "seeds")
    assert (tmp_path / "all.png").read_bytes().startswith(_PNG)


def test_variants_have_a_colour_each_and_one_entry_in_the_legend(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr("serl_rl.monitoring.curves.save_figure", lambda figure, _output: drawn.append(figure))
    runs = [write_run(tmp_path / name) for name in ("a-0", "a-1", "b-0")]
    plot_groups({"without": runs[:2], "with": runs[2:]}, tmp_path / "variants.png")
    for axis in drawn[0].axes:
        assert axis.get_legend_handles_labels()[1] == ["without", "with"]
        colours = [line.get_color() for line in axis.get_lines() if line.get_color().startswith("C")]
        assert colours == ["C0", "C0", "C0", "C0", "C1", "C1"]
    open_pyplot().close(drawn[0])
