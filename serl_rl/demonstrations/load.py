"""Reads episode files into a replay buffer."""

from __future__ import annotations

from pathlib import Path

from serl_rl.demonstrations.files import check_header, read_nonempty
from serl_rl.errors import UsageError
from serl_rl.protocol.spec import EnvironmentSpec
from serl_rl.replay.buffer import ReplayBuffer
from serl_rl.replay.rows import rows_from_episode


def load_demonstrations(paths: tuple[Path, ...], spec: EnvironmentSpec, frame_stack: int = 1) -> ReplayBuffer | None:
    """Reads episode files into a buffer of their own.

    Args:
        paths: Episode files.
        spec: What a row must hold.
        frame_stack: Images of each camera that a transition has.

    Returns:
        The buffer; None without files.

    Raises:
        UsageError: A file is missing, holds another task, or no episode.
    """
    episodes = []
    for path in paths:
        check_header(path, spec)
        episodes += read_nonempty(path)
    rows = [rows_from_episode(episode, number) for number, episode in enumerate(episodes)]
    if not rows:
        return None
    buffer = ReplayBuffer(spec, max(2, sum(map(len, rows))), frame_stack=frame_stack)
    for batch in rows:
        try:
            buffer.append(batch)
        except ValueError as error:
            raise UsageError(
                f"the demonstrations in {', '.join(map(str, paths))} do not fit the task: {error}"
            ) from error
    return buffer
