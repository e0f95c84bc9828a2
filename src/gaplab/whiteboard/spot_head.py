"""Whiteboard: faults in a classifier's head."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gaplab.whiteboard.judging import Draws, Question, call, same, told

QUESTION = Question(
    level="screen",
    minutes=6,
    chapter="04_variable_input_size",
    ask="""
A colleague's head, in the stub, passed its test: 8 pictures, maps of 7 x 7, shape of the result. The text is right:
*average each channel over all its cells and apply the linear layer `weight` `(K, C)` and `bias` `(K,)`; the result
is `(N, K)` for any number of pictures, channels and cells*. Three things in it are wrong. Mend them, with any
PyTorch that you like but without changing the function's name and arguments.
""",
    follow_up="Which test of three lines would have found all three?",
    answer="""
Compare values, not shapes, with an independent computation, on an input that is special in nothing: one picture, a
map that is not square and not 7 x 7, and not as many classes as channels, filled with random numbers. For example
`logits(x, w, b)` against `F.linear(x.mean((2, 3)), w, b)` for `x = torch.randn(1, 5, 3, 8)` and `w = torch.randn(4,
5)`. A second call with another batch size catches what depends on it.
""",
    why="""
The fixed window became a mean over whatever cells there are, nothing is squeezed, and the weight is transposed;
`view` had only relabelled its numbers.
""",
)


def logits(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Average each channel, and apply the linear layer: ``(N, C, H, W)`` to ``(N, K)``."""
    return x.mean(dim=(2, 3)) @ weight.T + bias


def check(logits: Any, seed: int = 1) -> None:
    """Compare with sums written out, for any number of pictures, channels and cells.

    Raises:
        ReaderError: One sentence about the first thing that is wrong.
    """
    draws = Draws(seed)
    for shape in [*draws.shapes(), (2, 3, 7, 7), (1, 4, 7, 7), (3, 2, 14, 9)]:
        _, c, h, w = shape
        classes = draws.whole(2, 5)
        maps, weights, biases = draws.numbers(*shape), draws.numbers(classes, c), draws.numbers(classes)
        means = [[sum(map(sum, channel)) / (h * w) for channel in picture] for picture in maps]
        wanted = [[sum(weights[k][j] * own[j] for j in range(c)) + biases[k] for k in range(classes)] for own in means]
        for dtype in (torch.float64, torch.float32):
            x, weight, bias = (torch.tensor(each, dtype=dtype) for each in (maps, weights, biases))
            case = f"maps of {told(shape)} in {str(dtype)[6:]} and {classes} classes"
            hint = "which cells are averaged, and which weight meets which channel?"
            same(call(logits, x, weight, bias, case=case), wanted, case, hint, x)
