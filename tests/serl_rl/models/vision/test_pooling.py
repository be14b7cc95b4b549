import numpy as np
import pytest
import torch

from serl_rl.models.vision.pooling import AveragePooling, MaxPooling, SpatialLearnedEmbeddings, SpatialSoftmax
from tests.support.rounding import sum_bound

SHAPE = (5, 3, 4)


@pytest.fixture
def maps():
    return torch.randn(2, *SHAPE, generator=torch.Generator().manual_seed(1)) * 3


@pytest.mark.trap
def test_learned_embeddings_agree_with_numpy(generator, maps):
    pooling = SpatialLearnedEmbeddings(SHAPE, 6, generator)
    x, kernel = maps.numpy(), pooling.kernel.detach().numpy()
    expected = np.zeros((2, 5, 6))
    for b, c, f in np.ndindex(2, 5, 6):
        expected[b, c, f] = sum(x[b, c, h, w] * kernel[c, h, w, f] for h in range(3) for w in range(4))
    np.testing.assert_allclose(pooling(maps).detach().numpy(), expected.reshape(2, 30), atol=1e-5)


@pytest.mark.trap
def test_learned_embeddings_have_upstream_size_and_variance(generator):
    pooling = SpatialLearnedEmbeddings((512, 4, 4), 8, generator)
    assert pooling.kernel.numel() == 65_536
    assert pooling.kernel.std().item() == pytest.approx((512 * 16) ** -0.5, rel=0.02)


def test_spatial_softmax_agrees_with_numpy(maps):
    x = maps.numpy()
    expected = np.zeros((2, 10))
    for b, c in np.ndindex(2, 5):
        weights = np.exp(x[b, c] - x[b, c].max())
        weights /= weights.sum()
        expected[b, c] = (weights * np.linspace(-1, 1, 4)[None, :]).sum()
        expected[b, 5 + c] = (weights * np.linspace(-1, 1, 3)[:, None]).sum()
    np.testing.assert_allclose(SpatialSoftmax(SHAPE)(maps).numpy(), expected, atol=1e-5)


def test_spatial_softmax_points_at_the_peak():
    maps = torch.zeros(1, 1, 3, 4)
    maps[0, 0, 2, 0] = 100
    torch.testing.assert_close(SpatialSoftmax((1, 3, 4))(maps), torch.tensor([[-1.0, 1.0]]))


def test_average_and_maximum(maps):
    bound = sum_bound(maps[0, 0].numel() + 1, maps.abs().mean((2, 3)).max())
    np.testing.assert_allclose(AveragePooling()(maps).numpy(), maps.numpy().mean((2, 3)), rtol=0, atol=bound)
    np.testing.assert_array_equal(MaxPooling()(maps).numpy(), maps.numpy().max((2, 3)))
