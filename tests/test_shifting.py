"""Copies without a border are exactly equivariant, and places are what they say."""

import pytest
import torch
from torch import nn

from gaplab import data, models, shifting, training, weights
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
    network = training.calibrate(models.torchvision_resnet(name), images)
    ring = shifting.circular(network)
    assert ring_error(ring, images, 32) < 1e-3
    assert ring_error(network, images, 32) > 0.1  # its own zero padding sees the border
    assert ring_error(ring, images, 16) > 0.1  # half a stride is no multiple


def test_the_max_pool_is_part_of_the_border():
    images = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)).to(device())
    ring = shifting.circular(training.calibrate(models.torchvision_resnet("resnet18"), images))
    ring.maxpool = nn.MaxPool2d(3, 2, 1)
    assert ring_error(ring, images, 32) > 1e-2


def test_the_photograph_network_with_tensorflow_padding_is_covered():
    images = data.photograph("chelsea", 96).tensor
    ring = shifting.circular(weights.photo_network())
    assert ring_error(ring, images, 32) < 1e-3


def test_the_cifar_family_is_covered():
    images = torch.randn(2, 1, 28, 28, generator=torch.Generator().manual_seed(0)).to(device())
    network = training.calibrate(models.resnet8(), images)
    assert ring_error(shifting.circular(network), images, 4) < 1e-3
    assert ring_error(network, images, 4) > 0.1


def test_a_circular_copy_shares_nothing_and_keeps_the_inner_cells():
    images = torch.randn(1, 1, 28, 28, generator=torch.Generator().manual_seed(0)).to(device())
    network = training.calibrate(models.resnet8(), images)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    ring = shifting.circular(network)
    first, first_ring = network.conv1(images), ring.conv1(images)
    torch.testing.assert_close(first[..., 1:-1, 1:-1], first_ring[..., 1:-1, 1:-1])
    assert not torch.allclose(first, first_ring)
    for parameter in ring.parameters():
        parameter.zero_()
    for key, value in network.state_dict().items():
        assert torch.equal(value, before[key]), key


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
