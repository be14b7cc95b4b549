"""Compiles the scene of one task, which one or two arms share, and draws it anew."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from simulator.model.arm_table import ArmTable
from simulator.physics.physics import Physics
from simulator.physics.rendering import Renderer
from simulator.physics.timebase import Agenda
from simulator.scene.finding import find_scene
from simulator.scene.scene import new_scene
from simulator.scene.task_scene import TwoArmScene

_SEED_RANGE = 2**63


class Placed(Protocol):
    """Puts an arm to its start as a scene is drawn. Called with the physics' lock held, in this order."""

    def place(self) -> None:
        """Writes the positions of arm and gripper."""
        ...

    def take_posture(self) -> None:
        """Takes the start for the arm's posture."""
        ...

    def hold(self) -> None:
        """Holds the arm where it is."""
        ...

    def begin(self) -> None:
        """Forgets what was before."""
        ...

    def look(self, elapsed_s: float) -> None:
        """Looks at the arm between physics steps."""
        ...

    def agenda(self) -> Agenda:
        """Says what is due at the arm as time passes."""
        ...


class Stage:
    """Holds the compiled scene of a task.

    Args:
        scene: Name of the scene to load, or "package.module:class".
        table: Which arm, or of which kind two are.

    Raises:
        NotFoundError: No scene has that name.
        PluginError: The scene cannot be used.
    """

    def __init__(self, scene: str, table: ArmTable) -> None:
        self.scene = find_scene(scene)
        self.right = self.scene.right_arm if isinstance(self.scene, TwoArmScene) else None
        """Where the right arm stands; None where there is one arm."""
        spec = new_scene(table, self.right)
        self.scene.add_props(spec)
        self.physics = Physics(spec.compile())
        self.renderer = Renderer(self.physics)
        self.scene_seed = 0
        """Seed that the present scene was drawn from."""
        self._arms: list[Placed] = []
        self.set_seed(0)

    def add(self, arm: Placed) -> None:
        """Takes in an arm of the scene."""
        self._arms.append(arm)
        self.physics.between_steps = arm.look if len(self._arms) == 1 else self._look

    def set_seed(self, seed: int) -> None:
        """Seeds the stream of scenes that drawing without a seed goes on with."""
        self._stream = np.random.default_rng([seed % 2**64, 1])

    def draw(self, seed: int | None) -> None:
        """Draws a scene and places all arms; None draws the scene's seed from the stream."""
        if seed is not None:
            self.set_seed(seed)
        self.scene_seed = int(self._stream.integers(_SEED_RANGE)) if seed is None else seed
        physics = self.physics
        with physics.lock:
            physics.restart()
            for arm in self._arms:
                arm.place()
            rng = np.random.default_rng(self.scene_seed % 2**64)
            self.scene.place_props(physics.model, physics.data, rng)
            for arm in self._arms:
                arm.take_posture()
            physics.settle_state()
            for arm in self._arms:
                arm.hold()
            physics.settle_state()
            for arm in self._arms:
                arm.begin()

    def steps_until_next(self, steps: int) -> int:
        """Returns how many of the next physics steps pass before something is due at an arm; at least 1."""
        return min(arm.agenda().steps_until_next(steps) for arm in self._arms)

    def time_passed(self) -> None:
        """Carries out what is due at the arms."""
        for arm in self._arms:
            arm.agenda().time_passed()

    def close(self) -> None:
        """Frees what is shared. Safe to repeat."""
        self.renderer.close()

    def _look(self, elapsed_s: float) -> None:
        for arm in self._arms:
            arm.look(elapsed_s)
