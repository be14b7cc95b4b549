"""Wraps environments, each wrapper in its own file."""

from serl_client.wrappers.chunking import Chunking
from serl_client.wrappers.episode_statistics import EpisodeStatistics
from serl_client.wrappers.flatten_state import FlattenState, StateComponent
from serl_client.wrappers.gripper_penalty import GripperPenalty
from serl_client.wrappers.human_reward import HumanReward
from serl_client.wrappers.intervention import Intervention
from serl_client.wrappers.leader_start import LeaderStart
from serl_client.wrappers.pace import Pace
from serl_client.wrappers.pause import Pause
from serl_client.wrappers.recording_keys import RecordingKeys
from serl_client.wrappers.relative_frame import RelativeFrame

__all__ = [
    "Chunking",
    "EpisodeStatistics",
    "FlattenState",
    "GripperPenalty",
    "HumanReward",
    "Intervention",
    "LeaderStart",
    "Pace",
    "Pause",
    "RecordingKeys",
    "RelativeFrame",
    "StateComponent",
]
