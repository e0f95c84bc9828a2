"""How large each experiment is: once in full, and once so small that it only proves the path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Numbers that the experiments share. Sizes count images, sides are in pixels, rates are learning rates."""

    network: str
    """The network whose behaviour is measured."""
    small_network: str
    """A cheaper one of the same family and with the same 7x7x64 map, for grids of many runs."""
    seeds: tuple[int, ...]
    more_seeds: tuple[int, ...]
    """Where differences are small."""
    rates: tuple[float, ...]
    """Learning rates that every network and head gets."""
    grid_rates: tuple[float, ...]
    """Those of the head-by-data grid; the average's best lies high there."""
    low_rates: tuple[float, ...]
    """Those of networks without batch norm, which bear less."""
    train_size: int
    test_size: int
    validation_size: int
    validation_from: int
    """Training images of each class before those on which learning rates are chosen; no run learns from the latter,
    but for the networks that are kept, whose rates are chosen before."""
    epochs: int
    """Passes over ``train_size`` images."""
    whole_size: int
    """Training images of the networks that the book keeps."""
    whole_epochs: int
    grid: Mapping[int, tuple[int, tuple[int, ...]]]
    """Epochs and seeds of the head-by-data grid, by training size."""
    shift_epochs: int
    shift_images: int
    """Test images moved over all positions."""
    position_images: int
    sizes: tuple[int, ...]
    """Sides of scaled images."""
    canvases: tuple[int, ...]
    """Sides of canvases, the garment staying at 28 px."""
    size_images: int
    refit_images: int
    """Training images that the remedies see at the new size."""
    jitter: tuple[int, ...]
    """Sides that garments are scaled to in training."""
    jitter_epochs: int
    digits: tuple[int, ...]
    """Handwritten digits that a network is transferred to."""
    digit_epochs: int
    penalties: tuple[float, ...]
    """Those of a classifier that is fitted to a frozen network's vectors."""
    scene_size: int
    """Training scenes."""
    scene_epochs: int
    scene_images: int
    """Test scenes of each kind."""
    depths: tuple[int, ...]
    gradient_images: int
    brief_size: int
    brief_epochs: int
    brief_rates: tuple[float, ...]
    brief_factors: tuple[float, ...]
    """Of the classifier's learning rate."""
    rescaled_depths: tuple[int, ...]
    rescaled_rates: tuple[float, ...]
    degradation_depths: tuple[int, ...]
    degradation_size: int
    degradation_epochs: int
    slower_rates: tuple[float, ...]
    """Those of longer runs whose classifier learns more slowly; they go below ``rates``."""
    slower_factors: tuple[float, ...]
    """Of the classifier's learning rate there."""
    control_epochs: int
    nin_epochs: int


FULL = Settings(
    network="resnet20",
    small_network="resnet8",
    seeds=(0, 1, 2),
    more_seeds=(0, 1, 2, 3, 4),
    rates=(0.01, 0.03, 0.1, 0.3, 1.0),
    grid_rates=(0.01, 0.03, 0.1, 0.3, 1.0, 3.0),
    low_rates=(0.001, 0.003, 0.01, 0.03, 0.1),
    train_size=10000,
    test_size=10000,
    validation_size=2000,
    validation_from=1000,
    epochs=10,
    whole_size=60000,
    whole_epochs=15,
    grid={500: (60, (0, 1, 2, 3, 4)), 2000: (30, (0, 1, 2, 3, 4))},
    shift_epochs=12,
    shift_images=200,
    position_images=1000,
    sizes=(16, 20, 24, 28, 32, 40, 48, 56, 64),
    canvases=(28, 32, 40, 48, 56, 64),
    size_images=1000,
    refit_images=1000,
    jitter=(20, 24, 28, 32, 40, 48),
    jitter_epochs=12,
    digits=(50, 500),
    digit_epochs=30,
    penalties=(1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0),
    scene_size=3000,
    scene_epochs=15,
    scene_images=1000,
    depths=(20, 56, 110),
    gradient_images=64,
    brief_size=2000,
    brief_epochs=3,
    brief_rates=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3),
    brief_factors=(1.0, 1 / 7, 1 / 49, 1 / 343),
    rescaled_depths=(20, 56),
    rescaled_rates=(0.01, 0.03, 0.1, 0.3),
    degradation_depths=(20, 56),
    degradation_size=5000,
    degradation_epochs=8,
    slower_rates=(0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
    slower_factors=(1 / 7, 1 / 49, 1 / 343),
    control_epochs=20,
    nin_epochs=10,
)

QUICK = Settings(
    network="resnet8",
    small_network="resnet8",
    seeds=(0,),
    more_seeds=(0,),
    rates=(0.03, 0.1),
    grid_rates=(0.03, 0.1),
    low_rates=(0.01, 0.1),
    train_size=100,
    test_size=100,
    validation_size=100,
    validation_from=150,
    epochs=1,
    whole_size=100,
    whole_epochs=1,
    grid={50: (1, (0,))},
    shift_epochs=1,
    shift_images=10,
    position_images=50,
    sizes=(20, 28),
    canvases=(28, 32),
    size_images=50,
    refit_images=50,
    jitter=(20, 28),
    jitter_epochs=1,
    digits=(50,),
    digit_epochs=1,
    penalties=(1e-3, 1e-2),
    scene_size=100,
    scene_epochs=1,
    scene_images=50,
    depths=(8,),
    gradient_images=8,
    brief_size=100,
    brief_epochs=1,
    brief_rates=(0.1,),
    brief_factors=(1.0, 1 / 49),
    rescaled_depths=(8,),
    rescaled_rates=(0.1,),
    degradation_depths=(8,),
    degradation_size=100,
    degradation_epochs=1,
    slower_rates=(0.01, 0.03),
    slower_factors=(1 / 49,),
    control_epochs=1,
    nin_epochs=1,
)
