"""Defines the interface of an algorithm, through which the learner, the actor and evaluation use it.

A package offers an `Algorithm` under the entry-point group `serl.algorithms`; an experiment names it as
`algorithm = "name"` or `algorithm = "package.module:object"`.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from serl_api.plugins import load_plugin
from serl_rl.protocol.spec import EnvironmentSpec

if TYPE_CHECKING:
    from torch import Tensor

    from serl_rl.models.vision.config import VisionConfig
    from serl_rl.models.vision.image_preprocessor import ImagePreprocessor
    from serl_rl.replay.update_batch import UpdateBatch

GROUP = "serl.algorithms"


class PolicyError(ValueError):
    """Raised for arrays that are no policy for this environment."""


class RunnablePolicy(Protocol):
    """Defines what an actor needs of a policy."""

    def load(self, state: Mapping[str, np.ndarray | Tensor]) -> None:
        """Takes over the arrays of a policy.

        Raises:
            PolicyError: They do not fit.
        """
        ...

    def begin_episode(self) -> None:
        """Clears the state of the last episode."""
        ...

    def act(
        self, observation: Mapping[str, np.ndarray], rng: np.random.Generator, *, deterministic: bool = False
    ) -> np.ndarray:
        """Chooses an action in [-1, 1], float32 of shape (A,); one drawn uniformly before the first `load`."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class ActionValues:
    """Holds the action values that the critics predict."""

    arm: npt.NDArray[np.floating]
    """Q of each critic. Shape (N,)."""
    grasp: float | None = None
    """Q of the gripper's choice, where a critic of its own chooses; else None."""

    @property
    def mean(self) -> float:
        """Returns the mean over the critics."""
        return float(self.arm.mean())

    @property
    def spread(self) -> float:
        """Returns the standard deviation over the critics."""
        return float(self.arm.std())


class ActionCritic(Protocol):
    """Evaluates actions with the critics of a checkpoint, for visualization."""

    def begin_episode(self) -> None:
        """Clears the state of the last episode."""
        ...

    def values(self, observation: Mapping[str, np.ndarray], action: np.ndarray) -> ActionValues:
        """Predicts the values of an action, (A,), after the next observation of the episode."""
        ...


class Agent(abc.ABC):
    """Holds networks with their optimisers. One thread at a time may call it."""

    preprocessor: ImagePreprocessor | None = None
    """Prepares images, where the agent sees."""

    @abc.abstractmethod
    def update(self, batch: UpdateBatch) -> Mapping[str, Tensor]:
        """Learns from one batch; need not wait for the device.

        Args:
            batch: U minibatches of B transitions, as `Algorithm.batch_shape` asks for.

        Returns:
            Scalars by name; those in `Algorithm.metrics` are written down.
        """

    @abc.abstractmethod
    def policy_arrays(self) -> Mapping[str, Tensor]:
        """Returns what an actor needs, by name and always in one order; not copied."""

    @abc.abstractmethod
    def state_dict(self) -> Mapping[str, Any]:
        """Returns copies of everything that training goes on from: tensors, numbers, text; dicts and lists of them."""

    @abc.abstractmethod
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from what `state_dict` returned.

        Raises:
            ValueError: It is of an agent with other settings; nothing was changed.
        """

    def policy_state(self) -> dict[str, Tensor]:
        """Returns copies of the policy's arrays on the CPU."""
        return {name: value.detach().cpu().clone() for name, value in self.policy_arrays().items()}

    def start_from(self, policy: Mapping[str, Tensor]) -> None:
        """Takes over a policy that was learned elsewhere, as `policy_state` returned it.

        Raises:
            ValueError: It does not fit, or this algorithm cannot begin with one.
        """
        raise ValueError(f"{type(self).__name__} cannot begin with a policy; leave --initial-policy away")

    def prepare(self, *, kept_maps: bool = False) -> None:  # noqa: B027 - the default has nothing to compile.
        """Compiles what `update` needs; changes no state.

        Args:
            kept_maps: Whether batches will hold feature maps that were kept instead of images.
        """


class Algorithm(abc.ABC):
    """Makes an agent and the policies of its actors. Importing its module should not import torch."""

    config_type: ClassVar[type[Any]]
    """Frozen dataclass of its settings, all with defaults; actor and learner must share the fields that are marked
    `serl_api.settings.SHARED`."""
    metrics: ClassVar[tuple[str, ...]] = ()
    """What of `Agent.update` is written down; names beyond those of `MetricsRow` become columns of their own."""

    @abc.abstractmethod
    def batch_shape(self, config: Any) -> tuple[int, int]:  # noqa: ANN401
        """Returns minibatches U of one update, each of which counts as one critic update, and transitions B of each."""

    @abc.abstractmethod
    def make_agent(
        self,
        spec: EnvironmentSpec,
        config: Any,  # noqa: ANN401
        *,
        vision: VisionConfig | None,
        seed: int,
        device: str,
    ) -> Agent:
        """Makes a fresh agent.

        Args:
            spec: What the environment observes and takes.
            config: Of `config_type`.
            vision: How it sees; None where the observation has no images.
            seed: Seed of the initial weights and of all noise.
            device: Where the networks live.

        Raises:
            SpecError: The agent cannot read such observations.
            WeightsError: The backbone's weight file cannot be used.
        """

    @abc.abstractmethod
    def make_policy(self, spec: EnvironmentSpec, config: Any, *, vision: VisionConfig | None) -> RunnablePolicy:  # noqa: ANN401
        """Makes what an actor runs, without arrays; see `make_agent`."""

    def make_critic(
        self,
        spec: EnvironmentSpec,
        config: Any,  # noqa: ANN401
        *,
        vision: VisionConfig | None,
        arrays: Callable[[str], dict[str, Tensor]],
    ) -> ActionCritic | None:
        """Makes the critics of a checkpoint for visualization; None where there are none.

        Args:
            spec: What the environment observes and takes.
            config: Of `config_type`.
            vision: How it sees; None where the observation has no images.
            arrays: Reads the tensors of `Agent.state_dict` whose names begin with a prefix, which is cut off.

        Raises:
            ValueError: The arrays do not fit the settings.
        """
        return None

    def preload(self) -> None:  # noqa: B027 - the default has nothing to import.
        """Imports slow modules before the environment is known."""


def load_algorithm(name: str) -> Algorithm:
    """Finds an algorithm.

    Args:
        name: Name of an entry point under `serl.algorithms`, or "package.module:object".

    Raises:
        PluginError: There is none of that name, or it cannot be used.
    """
    return load_plugin(GROUP, name, Algorithm, "an Algorithm, see serl_rl.algorithms.algorithm")
