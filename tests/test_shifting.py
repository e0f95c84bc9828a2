"""Chapter 2's plumbing: copies without a border are exactly equivariant, places are what they say, probes read them."""

import numpy as np
import pytest
import torch
from torch import nn

from gaplab import ReaderError, data, models, shifting, weights
from gaplab.device import device


@pytest.fixture(autouse=True)
def no_grad():
    with torch.no_grad():
        yield


def ring_error(network, images, stride, cells=1):
    """Largest difference between the map of a shifted image and the shifted map, in parts of the map's deviation."""
    network.eval()
    still = models.parts(network, images).feature_map
    moved = models.parts(network, images.roll((stride * cells, stride * cells), dims=(2, 3))).feature_map
    return ((moved - still.roll((cells, cells), dims=(2, 3))).abs().max() / still.std()).item()


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_a_torchvision_resnet_without_border_is_equivariant_to_its_total_stride(name):
    images = torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(0)).to(device())
    network = shifting.calibrate(models.torchvision_resnet(name), images)
    ring = shifting.circular(network)
    assert ring_error(ring, images, 32) < 1e-3
    assert ring_error(network, images, 32) > 0.1  # its own zero padding sees the border
    assert ring_error(ring, images, 16) > 0.1  # half a stride is no multiple


def test_the_max_pool_is_part_of_the_border():
    images = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)).to(device())
    ring = shifting.circular(shifting.calibrate(models.torchvision_resnet("resnet18"), images))
    ring.maxpool = nn.MaxPool2d(3, 2, 1)
    assert ring_error(ring, images, 32) > 1e-2


def test_the_photograph_network_with_tensorflow_padding_is_covered():
    images = data.photograph("chelsea", 96).tensor
    ring = shifting.circular(weights.photo_network())
    assert ring_error(ring, images, 32) < 1e-3


def test_the_cifar_family_is_covered():
    images = torch.randn(2, 1, 28, 28, generator=torch.Generator().manual_seed(0)).to(device())
    network = shifting.calibrate(models.resnet8(), images)
    assert ring_error(shifting.circular(network), images, 4) < 1e-3
    assert ring_error(network, images, 4) > 0.1


def test_a_circular_copy_shares_nothing_and_keeps_the_inner_cells():
    images = torch.randn(1, 1, 28, 28, generator=torch.Generator().manual_seed(0)).to(device())
    network = shifting.calibrate(models.resnet8(), images)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    ring = shifting.circular(network)
    first, first_ring = network.conv1(images), ring.conv1(images)
    torch.testing.assert_close(first[..., 1:-1, 1:-1], first_ring[..., 1:-1, 1:-1])
    assert not torch.allclose(first, first_ring)
    for parameter in ring.parameters():
        parameter.zero_()
    for key, value in network.state_dict().items():
        assert torch.equal(value, before[key]), key


def test_calibration_gives_every_batch_norm_unit_outputs():
    images = torch.randn(8, 1, 28, 28, generator=torch.Generator().manual_seed(0)).to(device())
    network = shifting.calibrate(models.resnet8(), images)
    assert not network.training
    out = network.bn1(network.conv1(images))
    torch.testing.assert_close(out.mean(dim=(0, 2, 3)), torch.zeros(16, device=device()), atol=1e-4, rtol=0)
    torch.testing.assert_close(out.std(dim=(0, 2, 3)), torch.ones(16, device=device()), atol=1e-2, rtol=0)


def test_calibration_on_one_cell_gives_one_sentence():
    picture = data.photograph("coffee", 32).tensor  # a last map of 1 x 1
    with pytest.raises(ReaderError, match="give two images or more"):
        shifting.calibrate(models.torchvision_resnet("resnet18"), picture)


def test_every_place_is_row_by_row_and_loses_nothing():
    garment = torch.arange(1.0, 257.0).view(1, 16, 16)
    frames = shifting.every_place(garment)
    assert frames.shape == (169, 1, 28, 28)
    for place, (dy, dx) in {0: (-6, -6), 1: (-6, -5), 84: (0, 0), 168: (6, 6), 13: (-5, -6)}.items():
        top, left = 6 + dy, 6 + dx
        assert torch.equal(frames[place, :, top : top + 16, left : left + 16], garment)
        assert frames[place].sum() == garment.sum()


def test_scattered_garments_are_where_their_places_say():
    garments = torch.rand(20, 1, 16, 16, generator=torch.Generator().manual_seed(1)) + 0.1
    frames, places = shifting.scattered(garments, seed=3)
    for frame, garment, (dx, dy) in zip(frames, garments, places.long().tolist(), strict=True):
        assert torch.equal(frame[:, 6 + dy : 22 + dy, 6 + dx : 22 + dx], garment)
    again, _ = shifting.scattered(garments, seed=3)
    other, _ = shifting.scattered(garments, seed=4)
    assert torch.equal(frames, again)
    assert not torch.equal(frames, other)


def test_the_probe_equals_ridge_regression_and_finds_nothing_in_noise():
    draws = torch.Generator().manual_seed(0)
    train, test = torch.randn(80, 5, generator=draws), torch.randn(40, 5, generator=draws)
    truth = torch.randn(5, 2, generator=draws).double()
    places = train.double() @ truth + 3
    x = (train.double() - train.double().mean(dim=0)) / train.double().std(dim=0)
    y = (test.double() - train.double().mean(dim=0)) / train.double().std(dim=0)
    primal = torch.linalg.solve(x.T @ x + 2.0 * torch.eye(5).double(), x.T @ (places - places.mean(dim=0)))
    expected = y @ primal + places.mean(dim=0)
    torch.testing.assert_close(shifting.linear_probe(train, places, test, strength=2.0), expected, atol=1e-4, rtol=1e-4)
    nearly = shifting.linear_probe(train, places, test, strength=1e-6)
    torch.testing.assert_close(nearly, test.double() @ truth + 3, atol=1e-3, rtol=1e-3)
    unrelated = torch.randn(80, 2, generator=draws).double()
    assert (shifting.linear_probe(train, unrelated, test) - unrelated.mean(dim=0)).abs().mean() < 0.5


def test_a_photograph_comes_back_as_the_picture_it_was():
    photograph = data.photograph("coffee", 64)
    assert np.array_equal(shifting.as_picture(photograph.tensor), photograph.picture)
