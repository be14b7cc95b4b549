"""Implements Adam with a warm-up, and with steps of zero gradient as upstream takes them.

SERL applies the optimisers of all networks in every update; a network whose loss was not asked for gets zero gradients.
Its momentum then goes on moving the weights, and the second moment decays, so that K steps of which one has a gradient
move about sqrt(K) as far as one step alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor


class Adam:
    """Optimises as Kingma and Ba 2015 (arXiv:1412.6980), algorithm 1: betas 0.9 and 0.999, epsilon 1e-8.

    Args:
        parameters: Parameters by name, without gradient; changed in place.
        learning_rate: Step size.
        warm_up_steps: Number of steps over which the step size grows linearly from zero; 0 for none.
    """

    def __init__(self, parameters: Mapping[str, Tensor], learning_rate: float, warm_up_steps: int = 0) -> None:
        self._names = list(parameters)
        self._parameters = list(parameters.values())
        self._first_moments = [torch.zeros_like(parameter) for parameter in self._parameters]
        self._second_moments = [torch.zeros_like(parameter) for parameter in self._parameters]
        self._zeros = [torch.zeros_like(parameter) for parameter in self._parameters]
        self._learning_rate = learning_rate
        self._warm_up_steps = warm_up_steps
        self.step_count = 0
        """Steps so far, those of zero gradient included."""
        # The kernel reads the number of steps on the device; all parameters share one.
        self._device_count = torch.zeros((), device=self._parameters[0].device)

    def step(self, gradients: Sequence[Tensor]) -> None:
        """Makes one step. Does not wait for the device.

        Args:
            gradients: One for each parameter, in order.
        """
        ratio = min(1.0, self.step_count / self._warm_up_steps) if self._warm_up_steps else 1.0
        self.step_count += 1
        self._device_count += 1
        torch._fused_adam_(  # pyright: ignore[reportPrivateImportUsage] - torch.optim adds 0.3 ms a step around it.
            self._parameters,
            list(gradients),
            self._first_moments,
            self._second_moments,
            [],
            [self._device_count] * len(self._parameters),
            lr=self._learning_rate * ratio,
            beta1=0.9,
            beta2=0.999,
            weight_decay=0.0,
            eps=1e-8,
            amsgrad=False,
            maximize=False,
        )

    def step_without_gradient(self) -> None:
        """Makes one step with gradients of zero."""
        self.step(self._zeros)

    def state_dict(self) -> dict[str, Tensor]:
        """Returns copies of both moments of each parameter, and the number of steps."""
        state = {"step_count": torch.tensor(self.step_count)}
        for name, first, second in zip(self._names, self._first_moments, self._second_moments, strict=True):
            state |= {f"first_moment.{name}": first.clone(), f"second_moment.{name}": second.clone()}
        return state

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Copies what `state_dict` returned."""
        self.step_count = int(state["step_count"])
        self._device_count.fill_(self.step_count)
        for name, first, second in zip(self._names, self._first_moments, self._second_moments, strict=True):
            first.copy_(state[f"first_moment.{name}"])
            second.copy_(state[f"second_moment.{name}"])
