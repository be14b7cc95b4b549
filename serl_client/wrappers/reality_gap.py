"""Puts the delays of a real cell into a simulated one, so that a policy meets them before the arm does."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Annotated, Any

import gymnasium

from serl_api.settings import AT_LEAST_0, check_fields, require
from serl_client.simulator import SimulatorClient
from serl_client.wrappers.plugin import WrapperPlugin

logger = logging.getLogger(__name__)

MAX_DELAY_S = 0.5
"""Longest delay that a simulator keeps, mean and jitter together, s."""


@dataclass(frozen=True, kw_only=True)
class RealityGapOptions:
    """Configures the delays; 0 is none."""

    observation_delay_s: Annotated[float, AT_LEAST_0] = 0.0
    """Mean age of an observation, s: with cameras about one frame and its transport, 0.03 to 0.08."""
    observation_jitter_s: Annotated[float, AT_LEAST_0] = 0.0
    """Half width of the uniform jitter about it, s."""
    action_delay_s: Annotated[float, AT_LEAST_0] = 0.0
    """Mean time until a target takes effect, s."""
    action_jitter_s: Annotated[float, AT_LEAST_0] = 0.0
    """Half width of the uniform jitter about it, s."""
    target_time_constant_s: Annotated[float, AT_LEAST_0] = 0.0
    """Time constant of the low-pass on poses, s: `target_time_constant_s` of the cell's arm, 0.05 by default."""

    def __post_init__(self) -> None:
        check_fields(self)
        for name in ("observation", "action"):
            delay_s, jitter_s = getattr(self, f"{name}_delay_s"), getattr(self, f"{name}_jitter_s")
            require(f"{name}_jitter_s", jitter_s, jitter_s <= delay_s, f"at most the delay, {delay_s}")
            longest_s = delay_s + jitter_s
            require(f"{name}_delay_s", delay_s, longest_s <= MAX_DELAY_S, f"at most {MAX_DELAY_S}, with its jitter")
        constant_s = self.target_time_constant_s
        require("target_time_constant_s", constant_s, constant_s <= MAX_DELAY_S, f"at most {MAX_DELAY_S}")


class RealityGap(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Delays a simulator's observations and actions, and smooths its targets; a real cell is left alone.

    Each reset asks for the delays again, so that a simulator that was started anew has them as well.

    Args:
        env: Environment of a robot cell.
        options: The delays.

    Raises:
        ValueError: The environment is not one of a robot cell.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], options: RealityGapOptions) -> None:
        super().__init__(env)
        if not hasattr(env.unwrapped, "simulator"):
            raise ValueError("a reality gap needs an environment of a robot cell; leave it away")
        self._options = options
        if self._simulator is None:
            logger.info("the cell is real and has its own delays; none are added")

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begins an episode, with the delays in force from its first step."""
        result = self.env.reset(seed=seed, options=options)  # First: it reconnects where that is needed.
        simulator, wanted = self._simulator, self._options
        if simulator is not None:
            if wanted.observation_delay_s > 0.0:
                simulator.delay_observations(wanted.observation_delay_s, jitter_s=wanted.observation_jitter_s)
            if wanted.action_delay_s > 0.0:
                simulator.delay_actions(wanted.action_delay_s, jitter_s=wanted.action_jitter_s)
            if wanted.target_time_constant_s > 0.0:
                simulator.filter_targets(wanted.target_time_constant_s)
        return result

    @property
    def _simulator(self) -> SimulatorClient | None:
        return getattr(self.env.unwrapped, "simulator", None)


REALITY_GAP = WrapperPlugin(options=RealityGapOptions, build=RealityGap, place="raw", keeps_spaces=True)
"""For policies that are to drive an arm whose observations and actions are late."""
