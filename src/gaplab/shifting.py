"""Networks whose windows wrap around, and objects in every place: what chapter 2 shifts."""

from __future__ import annotations

import copy
from typing import TypeVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gaplab.data import FRAME, ROOM, place

N = TypeVar("N", bound=nn.Module)

SIDE = 2 * ROOM + 1
"""Places of a small garment along one side of the frame: 13, from `ROOM` px left to `ROOM` px right of the centre."""


class CircularPad(nn.Module):
    """Pad a map with its own opposite border.

    Shapes: ``(N, C, H, W)`` to ``(N, C, H + before + after, W + before + after)``.
    """

    def __init__(self, before: int, after: int) -> None:
        """Pad by ``before`` cells at the top and left, and by ``after`` at the bottom and right."""
        super().__init__()
        self.pads = (before, after, before, after)

    def forward(self, x: Tensor) -> Tensor:
        """Return the padded map."""
        return F.pad(x, self.pads, mode="circular")


def circular(network: N) -> N:
    """Return a copy of a network that has no border: every convolution and max-pool wraps around.

    The weights and the places of the windows stay as they are, so that the copy differs from the network in its
    padding alone. It is exactly equivariant to circular shifts by its total stride.

    Args:
        network: Of square windows, as torchvision's ResNets and timm's EfficientNets have; sides must be divisible by
            the strides. The blur of `gaplab.models.BlurPool` keeps its own padding by reflection.
    """
    network = copy.deepcopy(network)
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Conv2d | nn.MaxPool2d) and (pads := _pads(child)) != (0, 0):
                setattr(parent, name, nn.Sequential(CircularPad(*pads), _unpadded(child)))
    return network


def _pads(window: nn.Conv2d | nn.MaxPool2d) -> tuple[int, int]:
    kernel, stride, padding = (_one(value) for value in (window.kernel_size, window.stride, window.padding))
    # timm's Conv2dSame pads in forward(), as TensorFlow does: what is missing, the odd cell at the far side.
    if type(window).__name__ == "Conv2dSame":
        missing = max(kernel - stride, 0)
        return missing // 2, missing - missing // 2
    return padding, padding


def _unpadded(window: nn.Conv2d | nn.MaxPool2d) -> nn.Module:
    if isinstance(window, nn.MaxPool2d):
        return nn.MaxPool2d(window.kernel_size, window.stride)
    bare = nn.Conv2d(
        window.in_channels,
        window.out_channels,
        cast(tuple[int, int], window.kernel_size),
        cast(tuple[int, int], window.stride),
        groups=window.groups,
        bias=window.bias is not None,
    ).to(window.weight)
    bare.load_state_dict(window.state_dict())
    return bare


def _one(value: int | str | tuple[int, ...]) -> int:
    return value if isinstance(value, int) else int(value[0])


def every_place(garment: Tensor) -> Tensor:
    """Put one small garment to every place in the frame.

    Args:
        garment: ``(1, SMALL, SMALL)`` on a scale where 0 is black.

    Returns:
        ``(SIDE * SIDE, 1, FRAME, FRAME)``, row by row: dy from top to bottom, and in each row dx from left to right.
    """
    moves = range(-ROOM, ROOM + 1)
    return torch.cat([place(garment[None], FRAME, dx, dy) for dy in moves for dx in moves])


def scattered(garments: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """Put each of some small garments to a place of its own, drawn at random.

    Args:
        garments: ``(N, 1, SMALL, SMALL)`` on a scale where 0 is black.
        seed: Of the places.

    Returns:
        The frames, ``(N, 1, FRAME, FRAME)``, and the places, float64 ``(N, 2)``: x and y from the centre in pixels.
    """
    draws = torch.Generator().manual_seed(seed)
    places = torch.randint(-ROOM, ROOM + 1, (len(garments), 2), generator=draws)
    moved = [place(image[None], FRAME, int(dx), int(dy)) for image, (dx, dy) in zip(garments, places, strict=True)]
    return torch.cat(moved), places.double()
