"""Opens Matplotlib for files and saves figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def open_pyplot() -> Any:  # noqa: ANN401
    """Opens Matplotlib's pyplot, which draws to files only."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot

    return pyplot


def save_figure(figure: Any, output: Path) -> None:  # noqa: ANN401
    """Writes a figure as PNG, makes its folder if need be, and forgets it."""
    output.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(output, dpi=120)
    open_pyplot().close(figure)
