"""Whiteboard: global max pooling, forward and backward."""

from __future__ import annotations

from typing import Any

from gaplab.whiteboard.judging import Draws, Question, array, call, floats, np, same, told

QUESTION = Question(
    level="onsite",
    minutes=8,
    chapter="05_average_vs_max_gradients",
    ask="""
The same for global max pooling in NumPy. `max_pool(x)` takes maps `(N, C, H, W)` and returns the largest value of
each channel, `(N, C)`. `max_pool_backward(grad, x)` takes the gradient at the output, `(N, C)`, and the input; it
returns the gradient at the input. If several cells tie for the maximum, the first of them in reading order (row by
row, left to right) gets all of it.
""",
    follow_up="""
Behind a ReLU many maps are zero everywhere. What do the possible rules for ties do there, and does it matter?
""",
    answer="""
All cells tie at zero. "The first cell" sends the gradient to the corner, sharing spreads it evenly, and a mask `x
== max` without a division multiplies it by the number of cells. None of them matters behind a ReLU, whose gradient
at zero is taken as zero: it stops all of them. It matters where no ReLU stands between, and the mask without a
division is wrong there by a factor of HW.
""",
    why="""
Flattening each map makes the place of the maximum one number, and `argmax` takes the first among equals, as the
question wants.
""",
)


def max_pool(x: Any) -> Any:
    """Return the largest value of each channel, ``(N, C)``."""
    return x.max(axis=(2, 3))


def max_pool_backward(grad: Any, x: Any) -> Any:
    """Send each channel's gradient to the first of its largest cells, ``(N, C, H, W)``."""
    n, c, h, w = x.shape
    first = x.reshape(n, c, h * w).argmax(axis=2)
    back = np.zeros((n, c, h * w), dtype=grad.dtype)
    np.put_along_axis(back, first[..., None], grad[..., None], axis=2)
    return back.reshape(x.shape)


def check(max_pool: Any, max_pool_backward: Any, seed: int = 1) -> None:
    """Compare both functions with loops, on maps that tie, are all negative, or are zero everywhere.

    Raises:
        ReaderError: One sentence about the first thing that is wrong.
    """
    draws = Draws(seed)
    kinds = ("drawn numbers", "negative numbers", "ties", "zeros alone")
    for kind, shape in [(kind, shape) for kind in kinds for shape in draws.shapes()]:
        n, c = shape[:2]
        maps = draws.numbers(*shape)
        for channel in [channel for picture in maps for channel in picture]:
            _alter(channel, kind)
        slopes = draws.numbers(n, c)
        tops = [[max(map(max, channel)) for channel in picture] for picture in maps]
        back = [[_back(maps[i][j], slopes[i][j]) for j in range(c)] for i in range(n)]
        for dtype in floats():
            x, grad = array(maps, dtype), array(slopes, dtype)
            case = f"maps of {told(shape)} in {dtype} with {kind}"
            same(call(max_pool, x, case=case), tops, case, "take the largest of all cells of a channel.", x)
            case = f"the backward pass to maps of {told(shape)} in {dtype} with {kind}"
            hint = "one cell of each channel gets all of its gradient, the first of the largest."
            same(call(max_pool_backward, grad, x, case=case), back, case, hint, grad)


def _alter(channel: list[list[float]], kind: str) -> None:
    """Make a drawn map one of this kind."""
    for row in channel:
        for j, number in enumerate(row):
            if kind == "negative numbers":
                row[j] = -1.0 - abs(number)
            elif kind == "ties":
                row[j] = 1.0 if number > -1.0 else 0.0
            elif kind == "zeros alone":
                row[j] = 0.0
    if kind == "ties" and len(channel) > 1:
        # At the end of the first row and at the beginning of the last: a rule by columns finds another cell.
        channel[0][-1] = channel[-1][0] = 3.0


def _back(channel: list[list[float]], slope: float) -> list[list[float]]:
    top = max(map(max, channel))
    back = [[0.0] * len(row) for row in channel]
    for i, row in enumerate(channel):
        for j, number in enumerate(row):
            if number == top:
                back[i][j] = slope
                return back
    return back
