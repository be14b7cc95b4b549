"""Carry a cube over and back: two tasks, each of which sets the scene of the other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from serl_api.values import Observation
from serl_client.envs.reset_plan import ResetPlan
from serl_client.envs.rewards import NoReward, lift
from serl_client.envs.task import Outcome, Reach, Task
from serl_client.wrappers.flatten_state import PROPRIOCEPTION
from serl_tasks.pick_cube.places import CUBE
from serl_tasks.pick_cube.task import ABOVE_CUBE, CUBE_STATE
from serl_tasks.relocate_cube.expert import RelocateCubeExpert


@dataclass(frozen=True, kw_only=True)
class Relocated:
    """1 and the end once an object lies on one side of the table and was let go of, else 0."""

    side: Literal["left", "right"]
    """Where to: left is y above 0."""
    relocated_object: str = CUBE
    """Name of the object."""
    margin: float = 0.06
    """Distance of the object's middle from y = 0 that counts, m."""
    lying_height: float = 0.01
    """Largest height above where it lay at the start, m."""
    open_width: float = 0.06
    """Opening from which the gripper has let go, m."""

    @property
    def tracked_objects(self) -> tuple[str, ...]:
        """The object."""
        return (self.relocated_object,)

    def __call__(self, start: Observation, now: Observation) -> Outcome:
        """Judges by where the object lies now, and by the gripper."""
        offset = float(now.tracked_objects[self.relocated_object].pose.position[1])
        beyond = offset if self.side == "left" else -offset
        is_lying = lift(self.relocated_object, start, now) <= self.lying_height
        gripper = now.state.gripper
        is_free = gripper is None or gripper.width >= self.open_width
        success = beyond >= self.margin and is_lying and is_free
        return Outcome(
            reward=float(success),
            terminated=success,
            success=success,
            facts={"distance_to_go": max(0.0, self.margin - beyond)},
        )


RELOCATE_FORWARD = Task(
    name="relocate-forward",
    scene="relocate-cube",
    rewards={"sparse": Relocated(side="right"), "none": NoReward()},
    state=CUBE_STATE,
    tracked_objects=(CUBE,),
    reset_plan=ResetPlan(retreats=(ABOVE_CUBE,), gripper_first=True),
    reach=Reach(names=(CUBE,), areas=(((0.22, -0.32), (0.58, 0.32)),)),
    expert=partial(RelocateCubeExpert, "right"),
    opposite="serl/RelocateBackward-v0",
    max_episode_steps=80,
)
"""Carry the cube of pick-cube to the right half of the table, y below 0, and let go of it there."""

RELOCATE_BACKWARD = replace(
    RELOCATE_FORWARD,
    name="relocate-backward",
    rewards={"sparse": Relocated(side="left"), "none": NoReward()},
    expert=partial(RelocateCubeExpert, "left"),
    opposite="serl/RelocateForward-v0",
)
"""Carry it back to the left half: each of the two sets the scene of the other."""

RELOCATE_FORWARD_VISION, RELOCATE_BACKWARD_VISION = (
    replace(
        task,
        name=f"{task.name}-vision",
        state=PROPRIOCEPTION,
        tracked_objects=(),
        cameras=("front", "wrist"),
        opposite=task.opposite.replace("-v0", "Vision-v0"),
    )
    for task in (RELOCATE_FORWARD, RELOCATE_BACKWARD)
)
"""The same from two cameras; the cube's pose serves the reward alone."""
