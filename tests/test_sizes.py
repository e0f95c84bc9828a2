"""The stages' arithmetic against the real networks, and their hooks."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gaplab import counting, models, sizes
from gaplab.errors import ReaderError
from gaplab.shapes import Step, Stretch


@pytest.mark.parametrize("name", ["alexnet", "vgg16", "resnet18", "resnet50"])
def test_stages_are_the_real_ones(name: str) -> None:
    network, stages = counting.on_meta(name), sizes.stages(name)
    smallest = counting.last_map(name).smallest_size()
    for size in (smallest, 97, 224, 225, 300, 511, 640):
        with sizes.watch(network, sizes.STAGES[name]) as shapes:
            counting.run_shapes(network, size)
        sides = sizes.sides(stages, size)
        wanted = {stage.name: (stage.channels, side, side) for stage, side in zip(stages, sides, strict=True)}
        assert shapes == wanted, f"{name} at {size} px"


@pytest.mark.parametrize("name", sizes.STAGES)
def test_stages_together_are_the_path_to_the_last_map(name: str) -> None:
    stages, last = sizes.stages(name), counting.last_map(name)
    assert [stage.name for stage in stages] == list(sizes.STAGES[name])
    assert tuple(step for stage in stages for step in stage.steps) == last.path
    assert stages[-1].channels == last.channels
    assert all(sizes.sides(stages, size)[-1] == last.side(size) for size in range(1, 641))


def test_a_window_that_does_not_fit_ends_the_map() -> None:
    stages = (Stretch("a", 8, (Step(2, 2, 0),)), Stretch("b", 8, (Step(3, 2, 0),)), Stretch("c", 8, ()))
    assert sizes.sides(stages, 6) == [3, 1, 1]
    assert sizes.sides(stages, 4) == [2, 0, 0]
    assert sizes.sides(stages, 1) == [0, 0, 0]


def test_hooks_detach_even_after_an_error() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Linear(5, 5))
    with pytest.raises(RuntimeError), sizes.watch(network, {"conv": "0", "linear": "1"}) as shapes:
        network(torch.zeros(1, 1, 6, 6))
    assert shapes == {"conv": (2, 4, 4)}
    assert not any(module._forward_hooks for module in network)


def test_an_unknown_network_gets_one_sentence() -> None:
    with pytest.raises(ReaderError, match="no network with known stages called 'resnet51': did you mean resnet50"):
        sizes.stages("resnet51")


def test_resnet20_is_the_real_one() -> None:
    network = models.resnet20().eval()
    for size in (1, 2, 27, 28, 29, 64):
        with sizes.watch(network, {stage.name: stage.name for stage in sizes.RESNET20}) as shapes:
            counting.run_shapes(network, size, channels=1)
        sides = sizes.sides(sizes.RESNET20, size)
        wanted = {stage.name: (stage.channels, side, side) for stage, side in zip(sizes.RESNET20, sides, strict=True)}
        assert shapes == wanted, f"{size} px"
