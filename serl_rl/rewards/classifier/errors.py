"""Defines the error of classifiers and their examples."""

from __future__ import annotations

from serl_rl.errors import RunError


class ClassifierError(RunError, ValueError):
    """Raised for examples that nothing can be learned from, or a saved classifier that cannot be used."""
