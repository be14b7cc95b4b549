"""Inspects an episode file: its header, how many episodes of which kind, and what is damaged."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from serl_client.episodes.editing import edit_episodes
from serl_client.episodes.files import EpisodeFileWarning, iterate_episodes, read_header
from serl_client.errors import EpisodeFileError
from serl_rl.inspection.report import Repair, Report, keep_original


def inspect_episodes(path: Path, report: Report) -> dict[str, Any]:
    """Describes the episodes of a file; damage goes into the report."""
    try:
        header = read_header(path)
    except EpisodeFileError as error:
        report.add(path, str(error))
        return {}
    count = steps = successes = interventions = 0
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", EpisodeFileWarning)
        for episode in iterate_episodes(path):
            count, steps, successes = count + 1, steps + len(episode), successes + episode.success
            interventions += int(episode.interventions.sum())
    repair = Repair(
        text=f"write its {count} whole episodes anew, and keep what was there beside it", run=lambda: _rewrite(path)
    )
    for warning in caught:
        if issubclass(warning.category, EpisodeFileWarning):
            report.add(path, str(warning.message).removeprefix(f"{path}: ").removeprefix(f"{path} "), repair)
            repair = None  # One repair mends them all.
    if not count:
        report.add(path, "holds no episode", is_damage=False)
    return {
        "task": header.task,
        "episodes": count,
        "steps": steps,
        "successes": successes,
        "intervention_steps": interventions,
    }


def _rewrite(path: Path) -> None:
    keep_original(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EpisodeFileWarning)
        edit_episodes(path, lambda _number, episode: episode)
