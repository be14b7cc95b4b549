"""Curves are drawn for one run and for several."""

from serl_rl.metrics import MetricsRow, MetricsWriter
from serl_rl.plotting import plot_run, plot_runs

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
