"""Changes episodes of a file after they were recorded: all or nothing."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

from serl_api.lifetime.whole_file import sync_folder
from serl_client.episodes.files import Episode, EpisodeWriter, iterate_episodes, read_header
from serl_client.errors import EpisodeFileError


def edit_episodes(path: Path | str, edit: Callable[[int, Episode], Episode | None]) -> int:
    """Writes a file anew, episode by episode, and puts it in the place of the old one at the very end.

    Whatever happens before leaves the old file as it was. Damaged episodes and a torn tail are left out, and a warning
    says so.

    Args:
        path: The file.
        edit: Called with each episode and its number, from 0; gives what to keep in its place, or None to delete it.

    Returns:
        Episodes that the file holds now.

    Raises:
        EpisodeFileError: The file cannot be read, is foreign, or is being written by another process.
        OSError: The disk is full.
    """
    path = Path(path)
    header = read_header(path)
    partial = path.with_name(f"{path.name}.partial")
    kept = 0
    with path.open("rb") as original:
        try:
            fcntl.flock(original, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise EpisodeFileError(f"{path} is being written by another process; edit it when that has ended") from None
        partial.unlink(missing_ok=True)
        try:
            with EpisodeWriter(partial, header) as writer:
                for number, episode in enumerate(iterate_episodes(path)):
                    changed = edit(number, episode)
                    if changed is not None:
                        writer.append(changed)
                        kept += 1
            os.chmod(partial, os.fstat(original.fileno()).st_mode)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        sync_folder(path.parent)
    return kept
