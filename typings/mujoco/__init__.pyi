"""MuJoCo ships no types for what its C++ modules export; everything in it counts as Any."""

from typing import Any

def __getattr__(name: str) -> Any: ...
