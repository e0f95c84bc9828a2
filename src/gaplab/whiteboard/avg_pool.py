"""Whiteboard: global average pooling, forward and backward."""

from __future__ import annotations

from typing import Any

from gaplab.whiteboard.judging import Draws, Question, array, call, floats, same, told

QUESTION = Question(
    level="screen",
    minutes=5,
    chapter="05_average_vs_max_gradients",
    ask="""
Write global average pooling in NumPy, without a framework, and its backward pass. `avg_pool(x)` takes maps `(N, C,
H, W)` and returns the mean of each channel of each picture, `(N, C)`. `avg_pool_backward(grad, shape)` takes the
gradient of the loss at the output, `(N, C)`, and the input's shape, the tuple `(N, C, H, W)`; it returns the
gradient at the input, an array of that shape.
""",
    follow_up="""
How large is the gradient that one cell gets, and does that make the layers below learn more slowly on larger maps?
""",
    answer="""
Each cell gets 1/(HW) of the channel's gradient. A weight of the convolution below is used at all HW cells, and its
gradient is the sum over them: if the cells' contributions agree, the factor 1/(HW) and the HW terms cancel. So a
small gradient at one cell says nothing yet about the gradient of a weight.
""",
    why="""
The mean is linear, so its backward pass needs no stored input: only the shape, to know by how many cells to divide.
""",
)


def avg_pool(x: Any) -> Any:
    """Return the mean of each channel, ``(N, C)``."""
    return x.mean(axis=(2, 3))


def avg_pool_backward(grad: Any, shape: tuple[int, int, int, int]) -> Any:
    """Give every cell the same part of its channel's gradient, ``(N, C, H, W)``."""
    n, c, h, w = shape
    part = grad / (h * w)
    return part.reshape(n, c, 1, 1).repeat(h, axis=2).repeat(w, axis=3)


def check(avg_pool: Any, avg_pool_backward: Any, seed: int = 1) -> None:
    """Compare both functions with sums written out, for every form of map and both types.

    Raises:
        ReaderError: One sentence about the first thing that is wrong.
    """
    draws = Draws(seed)
    for shape in draws.shapes():
        n, c, h, w = shape
        maps, slopes = draws.numbers(*shape), draws.numbers(n, c)
        means = [[sum(map(sum, channel)) / (h * w) for channel in picture] for picture in maps]
        back = [[[[slope / (h * w)] * w for _ in range(h)] for slope in picture] for picture in slopes]
        for dtype in floats():
            x, grad = array(maps, dtype), array(slopes, dtype)
            case = f"maps of {told(shape)} in {dtype}"
            same(call(avg_pool, x, case=case), means, case, "take the mean over rows and columns, of all cells.", x)
            case = f"the backward pass to {told(shape)} in {dtype}"
            hint = "by how much does a mean change if one of its cells does?"
            same(call(avg_pool_backward, grad, shape, case=case), back, case, hint, grad)
