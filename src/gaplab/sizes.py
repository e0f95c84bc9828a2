"""Side and channels of the map after each stage of a network, for any input size: by arithmetic and as measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import nn

from gaplab.counting import Step, classifier, last_map, run_shapes
from gaplab.errors import unknown_name
from gaplab.models import hooked

RESNET = {"conv1": "conv1", "maxpool": "maxpool"} | {f"layer{i}": f"layer{i}" for i in (1, 2, 3, 4)}
STAGES: dict[str, dict[str, str]] = {
    "alexnet": {
        "conv1": "features.0",
        "pool1": "features.2",
        "pool2": "features.5",
        "pool3": "features.12",
    },
    "vgg16": {f"pool{i}": f"features.{place}" for i, place in enumerate((4, 9, 16, 23, 30), 1)},
    **{f"resnet{depth}": RESNET for depth in (18, 34, 50, 101, 152)},
}
"""The stages of each network that is followed here: label to the module that ends the stage."""


class Stage(NamedTuple):
    """A stretch of a network that ends in a map.

    Attributes:
        name: As in `STAGES`.
        channels: Channels of the map at its end.
        steps: The layers in it that change the side of the map, in order; none where the side is kept.
    """

    name: str
    channels: int
    steps: tuple[Step, ...]

    def side(self, side: int) -> int:
        """Return the side of the map at its end for a map of ``side`` at its start; 0 if some window does not fit."""
        for step in self.steps:
            side = step.side(side) if side else 0
            if side < 1:
                return 0
        return side


def sides(stages: Sequence[Stage], size: int) -> list[int]:
    """Return the side of the map after each stage for a square input of ``size`` pixels, by arithmetic.

    From the first stage on whose windows do not fit, the sides are 0.
    """
    found, side = [], size
    for stage in stages:
        side = stage.side(side)
        found.append(side)
    return found


@contextmanager
def watch(network: nn.Module, modules: Mapping[str, str]) -> Iterator[dict[str, tuple[int, ...]]]:
    """Note the shapes ``(C, H, W)`` that leave some modules while a network runs; the hooks always detach.

    Args:
        network: Any network.
        modules: Label to the dotted name of a module.

    Yields:
        Label to shape, filled as the network runs; a module that never ran is missing.
    """
    seen: dict[str, tuple[int, ...]] = {}
    labels = {network.get_submodule(name): label for label, name in modules.items()}

    def note(module: nn.Module, _: object, output: torch.Tensor) -> None:
        seen[labels[module]] = tuple(output.shape[1:])

    with hooked(labels, note):
        yield seen


def stages(name: str) -> tuple[Stage, ...]:
    """Cut a torchvision network's path to its last map into stages.

    Args:
        name: A name of `STAGES`.

    Raises:
        ReaderError: The network is not among them.
    """
    if name not in STAGES:
        raise unknown_name("network with known stages", name, STAGES)
    network, size = classifier(name), 224
    with watch(network, STAGES[name]) as shapes:
        run_shapes(network, size)
    rest, found, side = list(last_map(name).path), [], size
    for label, (channels, _, end) in shapes.items():
        steps = []
        while side != end:  # at 224 px every layer of the path changes the side
            steps.append(rest.pop(0))
            side = steps[-1].side(side)
        found.append(Stage(label, channels, tuple(steps)))
    return tuple(found)


RESNET20 = (
    Stage("layer1", 16, ()),
    Stage("layer2", 32, (Step(3, 2, 1),)),
    Stage("layer3", 64, (Step(3, 2, 1),)),
)
"""Stages of the book's ResNet-20 (`gaplab.models.resnet20`), whose total stride is 4."""
