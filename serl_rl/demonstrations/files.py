"""Reads demonstrations and checks that they fit one another and the experiment, without a robot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from serl_api.settings import shown
from serl_client.envs.joint_actions import joint_state
from serl_client.envs.task_finding import is_task
from serl_client.envs.wrench_actions import WrenchActions
from serl_client.episodes.files import Episode, EpisodeHeader, read_episodes, read_header
from serl_client.episodes.recording import ACTION_BOUNDS
from serl_client.wrappers.plugin import find_wrappers
from serl_rl.envs.config import EnvironmentConfig
from serl_rl.envs.factory import make_environment, spec_of, task_of
from serl_rl.errors import UsageError
from serl_rl.protocol.spec import ArraySpec, EnvironmentSpec, SpecError, difference
from serl_rl.replay.buffer import ReplayBuffer
from serl_rl.replay.rows import rows_from_episode

NO_GOALS = (
    "vice needs goals, and there is no demonstration to take them from; give --demonstrations FILE with at least one "
    "episode"
)
"""What whoever gives no demonstration is told where vice learns."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Demonstrations:
    """Holds the episodes of one task."""

    spec: EnvironmentSpec
    """What they observe and do."""
    episodes: tuple[Episode, ...]
    """In the order of the files."""
    failures: int
    """Episodes without success that were left out."""


def read_demonstrations(
    paths: Sequence[Path], config: EnvironmentConfig, *, keeps_failures: bool = False
) -> Demonstrations:
    """Reads episode files and compares them with the experiment.

    Args:
        paths: Episode files.
        config: The task.
        keeps_failures: Whether episodes without success are wanted too.

    Raises:
        UsageError: There is no file or no episode in them, or one is of another task, action or observation.
        EpisodeFileError: A file cannot be read.
        InvalidRowsError: An action is outside [-1, 1], or a value is NaN.
    """
    if not paths:
        raise UsageError("there is nothing to imitate; give --demonstrations FILE")
    spec: EnvironmentSpec | None = None
    episodes: list[Episode] = []
    for path in paths:
        own = spec_of_header(_header_of(path), config, path)
        if spec is not None and (found := difference(spec, own)) is not None:
            raise UsageError(
                f"{path} differs from {paths[0]}: {found[0]} is {found[2]}, not {found[1]}; give files of one set-up"
            )
        spec = own
        found_episodes = read_nonempty(path)
        for number, episode in enumerate(found_episodes):
            rows_from_episode(episode, number).check(spec)
        episodes += found_episodes
    assert spec is not None
    kept = [episode for episode in episodes if episode.success or keeps_failures]
    if not kept:
        raise UsageError(
            f"none of the {len(episodes)} episodes says that it succeeded; mark those that did with "
            "`serl-train label-success`, or add --bc.keeps-failures"
        )
    return Demonstrations(spec=spec, episodes=tuple(kept), failures=len(episodes) - len(kept))


def read_nonempty(path: Path) -> list[Episode]:
    """Reads the episodes of a file that was given to be learned from.

    Raises:
        UsageError: It holds none: whoever gave it would believe that they were used.
        EpisodeFileError: It cannot be read.
    """
    found = read_episodes(path)
    if not found:
        raise UsageError(f"{path} holds no episode; record some with `serl-train record-demos --append`")
    return found


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


def check_files(paths: Sequence[Path], config: EnvironmentConfig) -> None:
    """Compares the headers of files with the experiment; reads no episode.

    Args:
        paths: Episode files.
        config: The task.

    Raises:
        UsageError: One is missing, or of another task, action or observation.
        EpisodeFileError: A file cannot be read.
    """
    for path in paths:
        spec_of_header(_header_of(path), config, path)


def check_header(path: Path, spec: EnvironmentSpec) -> None:
    """Compares a file's header with an environment; what the header lacks is not compared.

    Args:
        path: Episode file.
        spec: What the actors observe and do.

    Raises:
        UsageError: The file is missing or of another task, its actions have another size, or its vectors other
            components.
        EpisodeFileError: It cannot be read.
    """
    header = _header_of(path)
    _compare_names(header, spec.environment, path)
    arm = header.specification.get("arm", "")
    if arm != spec.arm:
        raise UsageError(
            f"{path} holds joint positions of {arm or 'no arm'}, but the actors drive {spec.arm or 'the TCP'}; record "
            "with the same arm and --environment.control"
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


def spec_of_header(header: EpisodeHeader, config: EnvironmentConfig, path: Path) -> EnvironmentSpec:
    """Derives the spec of a file's episodes, compared with the experiment's task.

    Raises:
        UsageError: It is of another task, action or observation.
    """
    _compare_names(header, config.id, path)
    gripper = header.specification.get("gripper_action", config.gripper_action)
    if gripper != config.gripper_action:
        raise UsageError(
            f"{path} holds gripper actions that are {gripper}, but environment.gripper_action is "
            f"{config.gripper_action}; give --environment.gripper-action {gripper}, or record again"
        )
    control = header.specification.get("control", "tcp")
    if control != config.control:
        raise UsageError(
            f"{path} holds actions of the {control}, but environment.control is {config.control}; give "
            f"--environment.control {control}, or record again"
        )
    try:
        given = header.specification
        names = {"state": tuple(given.get("state_components", ()))}
        spec = EnvironmentSpec(
            environment=config.id,
            observation=tuple(
                ArraySpec(name=name, dtype=np.dtype(dtype), shape=tuple(shape), component_names=names.get(name, ()))
                for name, (shape, dtype) in given["observations"].items()
            ),
            action=ArraySpec(
                name="action",
                dtype=np.dtype(given["action"][1]),
                shape=tuple(given["action"][0]),
                component_names=tuple(given.get("action_components", ())) if control != "tcp" else (),
            ),
            arm=given.get("arm", ""),
        )
    except (KeyError, TypeError, ValueError, SpecError) as error:
        raise UsageError(f"the header of {path} does not say what its episodes hold: {error}") from error
    _compare_wrappers(header, config, path)
    if is_task(config.id) and not config.wrappers:
        compare = _compare_task if task_of(config).environment is None else _compare_all
        compare(spec, config, path)
    if control == "wrench" and is_task(config.id):
        _compare_wrenches(header, config, path)
    return spec


def _header_of(path: Path) -> EpisodeHeader:
    if not path.exists():
        raise UsageError(f"there is no demonstration file {path}; record one with `serl-train record-demos`")
    header = read_header(path)
    for name, is_valid in _SPECIFICATION.items():
        value = header.specification.get(name)
        if value is not None and not is_valid(value):
            raise UsageError(f"the header of {path} does not say what its episodes hold: {name} is {shown(value)}")
    return header


def _is_array(value: object) -> bool:
    """Whether it is a shape and the name of a type."""
    if not isinstance(value, list) or len(value) != 2 or not isinstance(value[0], list):
        return False
    return isinstance(value[1], str) and all(isinstance(size, int) and size >= 0 for size in value[0])


def _is_list_of_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


_SPECIFICATION: dict[str, Callable[[Any], bool]] = {
    "action": _is_array,
    "observations": lambda value: isinstance(value, dict) and all(map(_is_array, value.values())),
    "state_components": _is_list_of_texts,
    "wrappers": _is_list_of_texts,
    "gripper_action": lambda value: isinstance(value, str),
    "arm": lambda value: isinstance(value, str),
    "action_components": _is_list_of_texts,
    "control": lambda value: value in ("tcp", "joint", "wrench"),
}
"""What a header may say, each by how it is recognised."""


def _compare_names(header: EpisodeHeader, environment: str, path: Path) -> None:
    """Refuses a file of another task, which may look alike, such as carrying a cube to the right and to the left.

    Their shapes fit, and one would teach the other nonsense.
    """
    registered = environment.rpartition(":")[2]  # Gymnasium imports what stands before it.
    if header.task and registered and header.task not in (environment, registered):
        raise UsageError(
            f"{path} holds episodes of {header.task}, but the experiment is {environment}; give files that were "
            f"recorded in it, or choose the other --preset or --environment.id {header.task}"
        )


def _compare_wrappers(header: EpisodeHeader, config: EnvironmentConfig, path: Path) -> None:
    """Actions of another frame have the same shape; so a file says which wrappers changed what it holds."""
    held = tuple(header.specification.get("wrappers", ()))
    wanted = tuple(found.text for found in find_wrappers(config.wrappers) if not found.plugin.keeps_spaces)
    if held != wanted:
        raise UsageError(
            f"{path} was recorded with the wrappers {' '.join(held) or 'none'}, but environment.wrappers are "
            f"{' '.join(wanted) or 'none'}; record again, or give the same --environment.wrappers"
        )


def _compare_wrenches(header: EpisodeHeader, config: EnvironmentConfig, path: Path) -> None:
    """Refuses pushes of another strength, whose actions look alike."""
    scale = task_of(config).wrench_scale
    own = [] if scale is None else WrenchActions(scale=scale).bounds[1].tolist()
    held = header.specification.get(ACTION_BOUNDS)
    if isinstance(held, list) and len(held) == 2 and held[1][: len(own)] != own:
        raise UsageError(
            f"{path} holds wrenches whose action of 1 means {shown(held[1])}, but {config.id} has {own}, N and Nm; "
            "record again"
        )


def _compare_all(spec: EnvironmentSpec, config: EnvironmentConfig, path: Path) -> None:
    env = make_environment(config)
    try:
        found = difference(spec_of(env, config), spec)
    finally:
        env.close()
    if found is not None:
        raise UsageError(f"{path} does not fit {config.id}: {found[0]} is {found[2]}, not {found[1]}")


def _compare_task(spec: EnvironmentSpec, config: EnvironmentConfig, path: Path) -> None:
    """Compares with what a task says of itself; only the sizes of its images depend on the cell."""
    task = task_of(config)
    pushing = task.wrench_scale if config.control == "wrench" else None
    turns = config.rotation if pushing is None else max(pushing[3:]) > 0.0
    size = (6 if config.rotation else 3) * (len(task.arms) or 1) + task.gripper_count
    if pushing is not None:
        size = len(WrenchActions(scale=pushing).axes) + task.gripper_count
    joints = spec.action_size - task.gripper_count if config.control == "joint" else 0
    if not joints and spec.action_size != size:
        raise UsageError(
            f"{path} holds actions of {spec.action_size} components, but {config.id} takes {size} with "
            f"environment.rotation {config.rotation}; give --environment.rotation as when it was recorded"
        )
    held = {array.name for array in spec.observation}
    for camera in task.cameras:
        if camera not in held:
            found = ", ".join(sorted(held))
            raise UsageError(f"{path} has no camera {camera!r}, which {config.id} sees with; it holds {found}")
    components = task.components(rotation=turns or joints > 0)
    if joints:
        components = (joint_state(joints), *components)
    expected = tuple(f"{part.name}.{index}" for part in components for index in range(len(part.indices)))
    state = next((array for array in spec.vectors if array.name == "state"), None)
    if state is None or (state.component_names and state.component_names != expected):
        found = "none" if state is None else ", ".join(state.component_names)
        raise UsageError(f"{path} holds the state components {found}, but {config.id} has {', '.join(expected)}")
