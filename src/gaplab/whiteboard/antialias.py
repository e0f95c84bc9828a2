"""Whiteboard: a strided convolution made anti-aliased."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gaplab.whiteboard.blur_pool import blur_pool, blurred
from gaplab.whiteboard.judging import Draws, Question, call, same, told

QUESTION = Question(
    level="expert",
    minutes=8,
    chapter="02_translation_invariance",
    ask="""
A downsampling layer computes `relu(conv2d(x, weight, bias, stride=2, padding=1))` with a 3x3 `weight` `(K, C, 3,
3)` and a `bias` `(K,)`. Write `antialiased(x, weight, bias)`: the same layer with the same weights, so changed that
nothing is subsampled before it was blurred, in Zhang's order: what makes high frequencies comes first, and the blur
stands directly before the subsampling. `blur(x, stride)`, the model solution of the question before, is there for
you. The result has the shape of the original layer's, and H and W are at least 2.
""",
    follow_up="Why not blur the input of the strided convolution, which would be four times cheaper?",
    answer="""
That filters before the layer that makes new high frequencies: the convolution may be an edge filter and the ReLU
adds harmonics, and its output is then subsampled without a filter. It also takes fine detail away that the
convolution was to read. The price of the right order is real: the convolution runs on every place, four times the
products of this layer. Cheaper ways are to do it in a few of the strided layers alone, and to measure what the
others still do, or to fold blur and convolution into one larger strided kernel where no ReLU stands between.
""",
    why="""
Dense convolution, ReLU, then blur with the stride: the same layer at stride 1, read through a low-pass filter.
""",
)


def antialiased(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Convolve every place, rectify, blur, and only then subsample (Zhang, 2019)."""
    return blur_pool(F.relu(F.conv2d(x, weight, bias, padding=1)), stride=2)


def check(antialiased: Any, seed: int = 1) -> None:
    """Compare with the dense layer, blurred cell by cell and subsampled.

    Raises:
        ReaderError: One sentence about the first thing that is wrong.
    """
    draws = Draws(seed)
    many, channels, out = draws.whole(2, 3), draws.whole(2, 3), draws.whole(2, 4)
    for shape in ((many, channels, 5, 8), (1, channels, 6, 7), (many, 1, 8, 6), (1, 1, 3, 2)):
        for dtype in (torch.float64, torch.float32):
            x = torch.tensor(draws.numbers(*shape), dtype=dtype)
            weight = torch.tensor(draws.numbers(out, shape[1], 3, 3, low=-1.0, high=1.0), dtype=dtype)
            bias = torch.tensor(draws.numbers(out, low=-1.0, high=1.0), dtype=dtype)
            dense = F.conv2d(x, weight, bias, padding=1).clamp(min=0)
            case = f"maps of {told(shape)} in {str(dtype)[6:]}, {out} channels out"
            hint = "which of convolution, ReLU, blur and subsampling comes when?"
            same(call(antialiased, x, weight, bias, case=case), blurred(dense.tolist(), 2), case, hint, x)
