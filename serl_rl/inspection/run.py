"""Inspects the folder of a run, with everything in it, and says how to go on with it."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

from serl_api.settings import ConfigError
from serl_rl.artifacts.run_directory import RunDirectory
from serl_rl.config.train import from_dict
from serl_rl.errors import UsageError
from serl_rl.inspection.checkpoints import inspect_checkpoints
from serl_rl.inspection.episode_files import inspect_episodes
from serl_rl.inspection.replay_files import inspect_replay
from serl_rl.inspection.report import Report
from serl_rl.inspection.spool_files import find_spools, inspect_spool
from serl_rl.monitoring.metrics import FILE_NAME, MetricsRow, MetricsTail
from serl_rl.runs.forward_backward.task_pair import DIRECTIONS

_FINISHED = "PHASE_FINISHED"
_OPTIONAL = ("curves", "video", "result")


def inspect(path: Path) -> list[Report]:
    """Inspects whatever a path is: a run, a pair of runs, an actor's spool, or an episode file.

    Raises:
        UsageError: There is nothing there, or nothing of this kind.
    """
    if path.is_file():
        report = Report(path=path, kind="episodes")
        report.contents = inspect_episodes(path, report)
        return [report]
    if not path.is_dir():
        raise UsageError(f"there is no {path}; give the folder of a run, a spool, or an episode file")
    pair = [path / direction for direction in DIRECTIONS if (path / direction / "config.json").exists()]
    if pair:
        return [_inspect_run(RunDirectory(folder), shared_spool=path / "spool") for folder in pair]
    directory = RunDirectory(path)
    if directory.config.exists() or directory.run.exists() or directory.replay.is_dir():
        return [_inspect_run(directory)]
    return _inspect_folder(path)


def _inspect_folder(path: Path) -> list[Report]:
    """Inspects a folder that is no run: the spools or the episode files in it."""
    reports = []
    for folder in find_spools(path):
        reports.append(report := Report(path=folder, kind="spool"))
        report.contents = inspect_spool(folder, report)
    for file in sorted(path.glob("*.episodes")):
        reports.append(report := Report(path=file, kind="episodes"))
        report.contents = inspect_episodes(file, report)
    if not reports:
        raise UsageError(f"{path} holds neither a run, nor a spool, nor episode files; give the folder of one")
    return reports


def _inspect_run(directory: RunDirectory, shared_spool: Path | None = None) -> Report:
    report = Report(path=directory.path, kind="run")
    identity = _read(directory.run, report)
    contents: dict[str, Any] = {"run_id": identity.get("run_id"), "config": _config(directory, report)}
    contents["checkpoints"] = inspect_checkpoints(directory, report)
    contents["replay"] = inspect_replay(directory.replay, report)
    contents["spools"] = _spools(shared_spool or directory.path / "spool", contents, report)
    files = sorted(
        {*map(Path, identity.get("demonstrations", ())), *directory.demonstrations.parent.glob("*.episodes")}
    )
    contents["demonstrations"] = {str(file): inspect_episodes(file, report) for file in files}
    contents["metrics"] = _metrics(directory, report)
    contents["files"] = {name: getattr(directory, name).exists() for name in _OPTIONAL}
    report.contents = contents
    report.resume = _resume(directory, contents)
    return report


def _read(path: Path, report: Report) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text())
        return values if isinstance(values, dict) else {}
    except FileNotFoundError:
        text = f"there is no {path.name}: no learner has begun to train here"
        report.add(path, text, is_damage=False)
    except (OSError, ValueError) as error:
        report.add(path, f"cannot be read ({error}); the run cannot be resumed")
    return {}


def _config(directory: RunDirectory, report: Report) -> dict[str, Any] | None:
    try:
        config = from_dict(json.loads(directory.config.read_text()))
    except FileNotFoundError:
        report.add(directory.config, "is missing; give a preset when you resume", is_damage=False)
        return None
    except (OSError, ValueError, TypeError, ConfigError) as error:
        report.add(directory.config, f"cannot be used: {error}")
        return None
    return {"environment": config.environment.id, "algorithm": config.algorithm, "seed": config.seed}


def _spools(folder: Path, contents: dict[str, Any], report: Report) -> dict[str, Any]:
    """Describes the spools beside a run; of those that belong to it, how many rows its replay has not."""
    spools: dict[str, Any] = {}
    actors = (contents["replay"] or {}).get("actors", {})
    for path in find_spools(folder) if folder.is_dir() else ():
        entry = inspect_spool(path, report)
        run_id, _, actor = str(entry.get("owner", "")).partition("/")
        if run_id == contents["run_id"] and "last" in entry:
            acknowledged = actors.get(actor, {}).get("acknowledged", 0)
            entry["waiting"] = max(0, entry["last"] - acknowledged)
            if acknowledged + 1 < entry["first"] and entry["waiting"]:
                text = f"the rows {acknowledged + 1} to {entry['first'] - 1} of actor {actor!r} are in no file any more"
                report.add(path, text)
        spools[str(path)] = entry
    return spools


def _metrics(directory: RunDirectory, report: Report) -> dict[str, Any]:
    tail = MetricsTail(directory.path)
    rows = tail.read_new()
    if tail.unreadable:
        text = f"{tail.unreadable} lines cannot be read, and are left out of curves"
        report.add(directory.path / FILE_NAME, text, is_damage=False)
    if not rows:
        return {"rows": 0}
    last = rows[-1]
    figures = {"rows": len(rows), "env_steps": last.env_steps, "critic_updates": last.critic_updates}
    return figures | {
        "wall_time_s": last.wall_time_s,
        "evaluations": [_evaluation(row) for row in rows if row.evaluation_episodes],
    }


def _evaluation(row: MetricsRow) -> dict[str, float]:
    return {"env_steps": row.env_steps, "success": row.evaluation_success, "episodes": row.evaluation_episodes}


def _resume(directory: RunDirectory, contents: dict[str, Any]) -> str | None:
    """Says by which command to go on: training, or evaluation once it has finished."""
    where = shlex.quote(str(directory.path))
    newest = contents["checkpoints"][-1] if contents["checkpoints"] else {}
    if newest.get("phase") == _FINISHED:
        return f"serl-train evaluate --checkpoint {where}"
    if contents["run_id"] is None or (contents["replay"] or {}).get("in_use"):
        return None
    return f"serl-train learner --run-directory {where} --resume"
