"""Imports what foreign formats need, and says in one sentence which extra has it where it is missing."""

from __future__ import annotations

import importlib
from typing import Any

from serl_rl.errors import DatasetError


def library(name: str) -> Any:  # noqa: ANN401 - modules have no types.
    """Imports a module of the extra `datasets`, such as "pyarrow.parquet".

    Raises:
        DatasetError: It is not installed.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = (error.name or name).partition(".")[0]
        raise DatasetError(
            f"{missing} is not installed, which this format needs; run pip install 'serl-robot[datasets]'"
        ) from None
