import pytest
import torch

from serl_rl.models.temperature import Temperature


@pytest.mark.parametrize("initial", [1e-4, 0.01, 1.0])
def test_temperature_starts_at_its_first_value(initial):
    assert Temperature(initial)().item() == pytest.approx(initial, rel=1e-4)


def test_temperature_stays_positive():
    temperature = Temperature(0.01)
    with torch.no_grad():
        temperature.raw.sub_(20)
    assert temperature().item() > 0
