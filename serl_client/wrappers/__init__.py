"""Wrappers of environments, each small and in its own file."""

from serl_client.wrappers.chunking import Chunking
from serl_client.wrappers.episode_statistics import EpisodeStatistics
from serl_client.wrappers.flatten_state import FlattenState, StateComponent
from serl_client.wrappers.relative_frame import RelativeFrame

__all__ = ["Chunking", "EpisodeStatistics", "FlattenState", "RelativeFrame", "StateComponent"]
