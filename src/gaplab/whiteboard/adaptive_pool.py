"""Whiteboard: adaptive average pooling with its window rule."""

from __future__ import annotations

from typing import Any

from gaplab.whiteboard.judging import Draws, Question, array, call, floats, np, same, told

QUESTION = Question(
    level="onsite",
    minutes=12,
    chapter="04_variable_input_size",
    ask="""
Write `adaptive_pool(x, size)`: average pooling of maps `(N, C, H, W)` to `(N, C, h, w)` with `size = (h, w)`, for
any H and W and any h ≤ H and w ≤ W, also where they do not divide. Use the rule of PyTorch's `AdaptiveAvgPool2d`:
output row i averages the input rows from floor(i·H/h) up to, but not including, ceil((i+1)·H/h); columns alike.
""",
    follow_up="For which sizes do the windows overlap, and what is odd about the pool's gradient then?",
    answer="""
Where h does not divide H. Then a window can end one row after the next one begins, so that the row is counted in
both, and windows can differ in length: from 7 rows to 3 the windows are rows 0-2, 2-4 and 4-6. A row in two windows
gets gradient from both, and a cell of a longer window a smaller share, so the gradient of the sum of all outputs is
uneven over the map. It is also why some exporters and backends take adaptive pools only where the sizes divide.
""",
    why="""
Both ends come from whole-number arithmetic: floor(a/b) is `a // b`, and ceil(a/b) is `-(-a // b)`, so no rounding
of a float can move a window.
""",
)


def adaptive_pool(x: Any, size: tuple[int, int]) -> Any:
    """Average each window of the rule, ``(N, C, h, w)``."""
    (height, width), (h, w) = x.shape[2:], size
    out = np.empty((x.shape[0], x.shape[1], h, w), dtype=x.dtype)
    for i in range(h):
        top, bottom = i * height // h, -(-(i + 1) * height // h)
        for j in range(w):
            left, right = j * width // w, -(-(j + 1) * width // w)
            out[:, :, i, j] = x[:, :, top:bottom, left:right].mean(axis=(2, 3))
    return out


def check(adaptive_pool: Any, seed: int = 1) -> None:
    """Compare with sums over windows found by trial, for sizes that divide and that do not.

    Raises:
        ReaderError: One sentence about the first thing that is wrong.
    """
    draws = Draws(seed)
    # 7 rows to 3: windows overlap; 8 to 5: their lengths differ; the rest is drawn.
    fixed = [((2, 3, 7, 4), (3, 2)), ((1, 2, 4, 8), (4, 5)), ((3, 1, 7, 5), (1, 1)), ((1, 1, 1, 1), (1, 1))]
    drawn = [(shape, (draws.whole(1, shape[2]), draws.whole(1, shape[3]))) for shape in draws.shapes()]
    for shape, size in fixed + drawn:
        n, c, height, width = shape
        maps = draws.numbers(*shape)
        rows, columns = _windows(height, size[0]), _windows(width, size[1])
        wanted = [[[[_mean(maps[i][j], r, q) for q in columns] for r in rows] for j in range(c)] for i in range(n)]
        for dtype in floats():
            x = array(maps, dtype)
            case = f"maps of {told(shape)} in {dtype} to {told(size)}"
            hint = "where does each window begin and end, by rows and by columns?"
            same(call(adaptive_pool, x, size, case=case), wanted, case, hint, x)


def _windows(side: int, out: int) -> list[list[int]]:
    """List the cells that overlap each of ``out`` equal parts of a side, as whole numbers."""
    return [[k for k in range(side) if k * out < (i + 1) * side and (k + 1) * out > i * side] for i in range(out)]


def _mean(channel: list[list[float]], rows: list[int], columns: list[int]) -> float:
    return sum(channel[i][j] for i in rows for j in columns) / (len(rows) * len(columns))
