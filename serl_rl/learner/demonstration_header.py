"""Whether a file of demonstrations is of the task that is learned, before its episodes are read."""

from __future__ import annotations

from pathlib import Path

from serl_client.episodes import read_header
from serl_rl.errors import UsageError
from serl_rl.spec import EnvironmentSpec


def check_header(path: Path, spec: EnvironmentSpec) -> None:
    """Compares what a file says of itself with the environment; what it does not say is not compared.

    Two tasks may look alike and have the same actions, such as carrying a cube to the right and back to the left:
    their shapes fit, and one would teach the other nonsense.

    Args:
        path: Episode file.
        spec: What the actors observe and do.

    Raises:
        UsageError: The file is of another task, its actions have another size, or its vectors other components.
        EpisodeFileError: It cannot be read.
    """
    header = read_header(path)
    if header.task and spec.environment and header.task != spec.environment:
        raise UsageError(
            f"{path} holds demonstrations of {header.task}, but what is learned is {spec.environment}; give files that "
            "were recorded in it"
        )
    action = header.specification.get("action")
    if action and tuple(action[0]) != spec.action.shape:
        raise UsageError(
            f"{path} holds actions of shape {tuple(action[0])}, but {spec.environment} takes {spec.action.shape}; "
            "record with the same --environment.rotation and gripper"
        )
    names = tuple(header.specification.get("state_components", ()))
    state = next((array for array in spec.vectors if array.name == "state"), None)
    if names and state is not None and state.component_names and state.component_names != names:
        raise UsageError(
            f"{path} holds the state components {', '.join(names)}, but {spec.environment} has "
            f"{', '.join(state.component_names)}"
        )
