"""What a task adds to the bare cell: props, where they may stand, which of them observations track.

Success and reward are defined by the client's environments, the one place for them; the simulator reports ground truth.
"""

from typing import Protocol, runtime_checkable

import mujoco
import numpy as np

from simulator.model.mount import Mount


@runtime_checkable
class TaskScene(Protocol):
    """The MuJoCo side of a task. A package offers its class, which takes no argument, under `serl.scenes`."""

    @property
    def text(self) -> str:
        """One sentence for people."""
        ...

    @property
    def tracked_objects(self) -> tuple[str, ...]:
        """Bodies whose poses observations carry."""
        ...

    def add_props(self, spec: mujoco.MjSpec) -> None:
        """Adds the props to a scene under construction."""
        ...

    def place_props(self, model: mujoco.MjModel, data: mujoco.MjData, rng: np.random.Generator) -> None:
        """Draws the props' positions and writes them to `data.qpos`. All randomness comes from `rng`."""
        ...


@runtime_checkable
class TwoArmScene(TaskScene, Protocol):
    """The MuJoCo side of a task of two arms: the left one's base is the world's frame."""

    @property
    def right_arm(self) -> Mount:
        """Where the right arm stands; its prefix is "right/"."""
        ...
