"""How large each experiment is: once in full, and once so small that it only proves the path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Numbers that the experiments share."""

    network: str
    """The network whose behaviour is measured."""
    small_network: str
    """A cheaper one of the same family and with the same 7x7x64 map, for grids of many runs."""
    seeds: tuple[int, ...]
    grid_seeds: Mapping[int, tuple[int, ...]]
    """Seeds of the head-by-data grid, by training size."""
    grid_epochs: Mapping[int, int]
    grid_targets: Mapping[int, float]
    """Test accuracy whose first epoch is noted, by training size."""
    train_size: int
    """Training images of the networks that are kept."""
    test_size: int
    epochs: int
    small_epochs: int
    """Epochs of the networks for small garments."""
    tuning_size: int
    tuning_epochs: int
    tuning_seeds: tuple[int, ...]
    tuning_rates: tuple[float, ...]
    validation_size: int
    validation_from: int
    """Training images of each class before those on which learning rates are chosen; no run learns from the latter."""
    shift_images: int
    """Test images moved over all positions."""
    sizes: tuple[int, ...]
    """Sides of scaled images in pixels."""
    canvases: tuple[int, ...]
    """Sides of canvases in pixels, the garment staying at 28 px."""
    size_images: int
    refit_images: int
    """Training images that the remedies see at the new size."""
    depths: tuple[int, ...]
    gradient_seeds: tuple[int, ...]
    gradient_images: int
    stability_depths: tuple[int, ...]
    stability_size: int
    stability_epochs: int
    stability_rates: tuple[float, ...]
    rescaled_rates: Mapping[int, tuple[float, ...]]
    """Learning rates of the heads with a rescaled pool, by depth."""
    position_images: int
    control_seeds: tuple[int, ...]
    control_rates: tuple[float, ...]


FULL = Settings(
    network="resnet20",
    small_network="resnet8",
    seeds=(0, 1, 2),
    grid_seeds={500: (0, 1, 2, 3, 4), 2000: (0, 1, 2), 10000: (0, 1, 2)},
    grid_epochs={500: 20, 2000: 12, 10000: 4},
    grid_targets={500: 0.7, 2000: 0.75, 10000: 0.85},
    train_size=10000,
    test_size=10000,
    epochs=5,
    small_epochs=3,
    tuning_size=2000,
    tuning_epochs=8,
    tuning_seeds=(100, 101),
    tuning_rates=(0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
    validation_size=2000,
    validation_from=1000,
    shift_images=200,
    sizes=(16, 20, 24, 28, 32, 40, 48, 56, 64),
    canvases=(28, 32, 40, 48, 56, 64),
    size_images=1000,
    refit_images=1000,
    depths=(20, 56, 110),
    gradient_seeds=(0, 1, 2, 3, 4),
    gradient_images=64,
    stability_depths=(20, 56),
    stability_size=1000,
    stability_epochs=3,
    stability_rates=(0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0),
    rescaled_rates={20: (0.003, 0.01, 0.03, 0.1, 0.3), 56: (0.03,)},
    position_images=1000,
    control_seeds=(0, 1, 2, 3, 4),
    control_rates=(0.0003, 0.001, 0.003, 0.01, 0.03, 0.1),
)

QUICK = Settings(
    network="resnet8",
    small_network="resnet8",
    seeds=(0,),
    grid_seeds={50: (0,), 100: (0,)},
    grid_epochs={50: 1, 100: 1},
    grid_targets={50: 0.1, 100: 0.1},
    train_size=100,
    test_size=100,
    epochs=1,
    small_epochs=1,
    tuning_size=100,
    tuning_epochs=1,
    tuning_seeds=(100,),
    tuning_rates=(0.03, 0.1),
    validation_size=100,
    validation_from=150,
    shift_images=10,
    sizes=(20, 28),
    canvases=(28, 32),
    size_images=50,
    refit_images=50,
    depths=(8, 20),
    gradient_seeds=(0,),
    gradient_images=8,
    stability_depths=(8,),
    stability_size=100,
    stability_epochs=1,
    stability_rates=(0.1, 3.0),
    rescaled_rates={8: (0.1,)},
    position_images=50,
    control_seeds=(0,),
    control_rates=(0.01, 0.1),
)
