"""Whiteboard: BlurPool, a filter before the stride."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gaplab.whiteboard.judging import Draws, Question, call, same, told

QUESTION = Question(
    level="onsite",
    minutes=8,
    chapter="02_translation_invariance",
    ask="""
Write `blur_pool(x, stride=2)` for maps `(N, C, H, W)` with H and W of at least 2: every channel for itself is
filtered with the 3x3 binomial kernel, the outer product of (1, 2, 1) with itself, divided so that a constant map
stays as it is, and then every `stride`-th row and column is kept, the first one included. At the border the map is
mirrored by one cell without repeating the edge (PyTorch's `reflect`), so that with stride 1 the map keeps its size.
""",
    follow_up="Does a blur make the network invariant to shifts, and what does it cost?",
    answer="""
It makes the subsampled map change less when the picture moves by a part of the stride, since the blur takes away
frequencies that the stride would fold. Exactly invariant it is not: a 3x3 binomial is a weak low-pass filter, the
ReLU and the maximum make high frequencies again, and the zero padding of the convolutions still writes the position
into the map. It costs few multiply-adds and no parameters, but if the convolution before it is made dense, that
layer costs four times as much at stride 2.
""",
    why="""
A depthwise convolution with one fixed kernel: `groups=C` keeps the channels apart, and the stride of the
convolution skips what would be thrown away.
""",
)


def blur_pool(x: Tensor, stride: int = 2) -> Tensor:
    """Filter each channel with the binomial kernel, and subsample (Zhang, 2019)."""
    line = torch.tensor([1.0, 2.0, 1.0], dtype=x.dtype, device=x.device) / 4
    kernel = torch.outer(line, line).expand(x.shape[1], 1, 3, 3)
    return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), kernel, stride=stride, groups=x.shape[1])


def blurred(maps: list[list[list[list[float]]]], stride: int) -> Any:
    """Return what a blurred and subsampled map has to be, cell by cell, as nested lists."""
    return [[_filtered(channel, stride) for channel in picture] for picture in maps]


def _filtered(channel: list[list[float]], stride: int) -> list[list[float]]:
    height, width = len(channel), len(channel[0])

    def at(place: int, side: int) -> int:
        return abs(place) if place < side else 2 * side - 2 - place

    return [
        [
            sum(
                (2 - abs(a)) * (2 - abs(b)) * channel[at(i + a, height)][at(j + b, width)] / 16
                for a in (-1, 0, 1)
                for b in (-1, 0, 1)
            )
            for j in range(0, width, stride)
        ]
        for i in range(0, height, stride)
    ]


def check(blur_pool: Any, seed: int = 1) -> None:
    """Compare with sums over mirrored cells for strides 1, 2 and 3.

    Raises:
        ReaderError: One sentence about the first thing that is wrong.
    """
    draws = Draws(seed)
    many, channels = draws.whole(2, 3), draws.whole(2, 4)
    shapes = [(many, channels, 5, 8), (many, channels, 6, 3), (1, channels, 4, 7), (many, 1, 7, 5), (1, 1, 2, 2)]
    for shape in shapes:
        maps = draws.numbers(*shape)
        for stride in (2, 1, 3):
            wanted = blurred(maps, stride)
            for dtype in (torch.float64, torch.float32):
                x = torch.tensor(maps, dtype=dtype)
                case = f"maps of {told(shape)} in {str(dtype)[6:]}, stride {stride}"
                hint = "are channels kept apart, do the weights add up to one, and is the border mirrored?"
                same(call(blur_pool, x, stride, case=case), wanted, case, hint, x)
