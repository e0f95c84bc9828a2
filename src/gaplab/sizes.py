"""Side and channels of the map after each stage of a network, as measured; `gaplab.shapes` has the arithmetic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import nn

from gaplab.counting import last_map, on_meta, run_shapes, training_size
from gaplab.errors import unknown_name
from gaplab.models import hooked
from gaplab.shapes import RESNET20 as RESNET20
from gaplab.shapes import Stretch
from gaplab.shapes import sides as sides

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


def stages(name: str) -> tuple[Stretch, ...]:
    """Cut a torchvision network's path to its last map into stages.

    Args:
        name: A name of `STAGES`.

    Raises:
        ReaderError: The network is not among them.
    """
    if name not in STAGES:
        raise unknown_name("network with known stages", name, STAGES)
    network, size = on_meta(name), training_size(name)
    with watch(network, STAGES[name]) as shapes:
        run_shapes(network, size)
    rest, found, side = list(last_map(name).path), [], size
    for label, (channels, _, end) in shapes.items():
        steps = []
        while side != end:  # at this size every layer of the path changes the side
            steps.append(rest.pop(0))
            side = steps[-1].side(side)
        found.append(Stretch(label, channels, tuple(steps)))
    return tuple(found)
