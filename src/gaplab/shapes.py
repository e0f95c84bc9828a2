"""The arithmetic of a map's side, layer by layer: no network and no tensor, so that a page may use it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple


class Step(NamedTuple):
    """One layer that changes the side of the map: a convolution or a pool.

    Attributes:
        kernel: Side of the window in pixels, dilation included.
        stride: Step of the window in pixels.
        padding: Pixels added on each side.
        ceil_mode: Whether a last, incomplete window counts, as in GoogLeNet's pools.
    """

    kernel: int
    stride: int
    padding: int
    ceil_mode: bool = False

    def side(self, side: int) -> int:
        """Return the side of the output map for an input map of ``side``; 0 or less if the window does not fit."""
        room = side + 2 * self.padding - self.kernel
        out = (-(-room // self.stride) if self.ceil_mode else room // self.stride) + 1
        # PyTorch drops a last window that would begin in the padding on the far side.
        return out - 1 if self.ceil_mode and (out - 1) * self.stride >= side + self.padding else out

    @property
    def keeps_side(self) -> bool:
        """Whether the output has the input's side, whatever that is."""
        return self.stride == 1 and 2 * self.padding == self.kernel - 1


class LastMap(NamedTuple):
    """The last feature map of a network before pooling or flattening.

    Attributes:
        channels: C, its channels.
        path: The layers on the main path that change the side of the map, in order.
    """

    channels: int
    path: tuple[Step, ...]

    def side(self, size: int) -> int:
        """Return the map's side H = W for a square input of ``size`` pixels; 0 if some window does not fit."""
        side = size
        for step in self.path:
            side = step.side(side)
            if side < 1:
                return 0
        return side

    def smallest_size(self) -> int:
        """Return the side in pixels of the smallest square input that leaves a map at all."""
        return next(size for size in itertools.count(1) if self.side(size))


class Stretch(NamedTuple):
    """A stretch of a network that ends in a map.

    Attributes:
        name: As in `gaplab.sizes.STAGES`.
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


def sides(stages: Sequence[Stretch], size: int) -> list[int]:
    """Return the side of the map after each stage for a square input of ``size`` pixels, by arithmetic.

    From the first stage on whose windows do not fit, the sides are 0.
    """
    found, side = [], size
    for stage in stages:
        side = stage.side(side)
        found.append(side)
    return found


RESNET20 = (
    Stretch("layer1", 16, ()),
    Stretch("layer2", 32, (Step(3, 2, 1),)),
    Stretch("layer3", 64, (Step(3, 2, 1),)),
)
"""Stretchs of the book's ResNet-20 (`gaplab.models.resnet20`), whose total stride is 4."""
