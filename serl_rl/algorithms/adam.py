"""Adam with a warm-up, and with steps of zero gradient where upstream's clock is wanted.

SERL applies the optimisers of all networks in every update; a network whose loss was not asked for gets zero gradients.
Its momentum then goes on moving the weights, and the second moment decays, so that K steps of which one has a gradient
move about sqrt(K) as far as one step alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn


class Adam:
    """Kingma and Ba 2015 (arXiv:1412.6980), algorithm 1: betas 0.9 and 0.999, epsilon 1e-8.

    Args:
        parameters: Parameters by name; changed in place.
        learning_rate: Step size.
        warm_up_steps: Number of steps over which the step size grows linearly from zero; 0 for none.
    """

    def __init__(self, parameters: Mapping[str, nn.Parameter], learning_rate: float, warm_up_steps: int = 0) -> None:
        self._names = list(parameters)
        self._parameters = list(parameters.values())
        self._zeros = [torch.zeros_like(parameter) for parameter in self._parameters]
        self._learning_rate = learning_rate
        self._warm_up_steps = warm_up_steps
        self._step_count = 0
        self._adam = torch.optim.Adam(self._parameters, lr=learning_rate, fused=True)
        self._create_moments()

    @property
    def step_count(self) -> int:
        """Number of steps so far, those of zero gradient included."""
        return self._step_count

    def step(self, gradients: Sequence[Tensor]) -> None:
        """Makes one step. Does not wait for the device.

        Args:
            gradients: One for each parameter, in order.
        """
        if self._warm_up_steps:
            ratio = min(1.0, self._step_count / self._warm_up_steps)
            self._adam.param_groups[0]["lr"] = self._learning_rate * ratio
        for parameter, gradient in zip(self._parameters, gradients, strict=True):
            parameter.grad = gradient
        self._adam.step()
        self._step_count += 1

    def step_without_gradient(self) -> None:
        """Makes one step with gradients of zero."""
        self.step(self._zeros)

    def state_dict(self) -> dict[str, Tensor]:
        """Returns copies of both moments of each parameter, and the number of steps."""
        state = {"step_count": torch.tensor(self._step_count)}
        for name, parameter in zip(self._names, self._parameters, strict=True):
            moments = self._adam.state[parameter]
            state[f"first_moment.{name}"] = moments["exp_avg"].clone()
            state[f"second_moment.{name}"] = moments["exp_avg_sq"].clone()
        return state

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Copies what `state_dict` returned."""
        self._step_count = int(state["step_count"])
        for name, parameter in zip(self._names, self._parameters, strict=True):
            moments = self._adam.state[parameter]
            moments["exp_avg"].copy_(state[f"first_moment.{name}"])
            moments["exp_avg_sq"].copy_(state[f"second_moment.{name}"])
            moments["step"].fill_(self._step_count)

    def _create_moments(self) -> None:
        for parameter in self._parameters:
            self._adam.state[parameter] = {
                "step": torch.zeros((), dtype=torch.float32, device=parameter.device),
                "exp_avg": torch.zeros_like(parameter),
                "exp_avg_sq": torch.zeros_like(parameter),
            }
