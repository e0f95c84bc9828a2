"""Whiteboard: the mean over each picture's own cells in a padded batch."""

from __future__ import annotations

from typing import Any

from gaplab.whiteboard.judging import Draws, Question, array, call, floats, np, same, told

QUESTION = Question(
    level="onsite",
    minutes=8,
    chapter="04_variable_input_size",
    ask="""
Pictures of different sizes lie in one batch of maps `(N, C, H, W)`; each fills the upper left corner of its map,
and the rest is padding. Write `masked_mean(x, sizes)`: `sizes` holds each picture's own height and width in cells,
`(N, 2)`, whole numbers of at least 1; the result `(N, C)` is the mean of each channel over the picture's own cells
alone. The padding was never written, so it may hold anything, NaN included.
""",
    follow_up="""
The sizes are known in pixels, not in cells of the last map, which has a stride of 32. Which cells do you count, and
is the mean then that of the picture alone?
""",
    answer="""
Follow the size through the layers by the same arithmetic as the map's: each layer of stride 2 with its padding
makes ceil(side/2). That counts every cell whose centre is on the picture. The mean is still not that of the picture
alone: cells at the border have receptive fields that reach into the padding, and convolutions mix it in. To be
exact the padding has to be set to zero again behind every layer, as the zero padding of a lone picture would be;
and batch norm in training mode has to leave it out of its statistics.
""",
    why="""
The padding is replaced, not multiplied by zero, because zero times NaN is NaN; and each picture has its own count
to divide by.
""",
)


def masked_mean(x: Any, sizes: Any) -> Any:
    """Return the mean over each picture's own cells, ``(N, C)``."""
    rows, columns = np.arange(x.shape[2]), np.arange(x.shape[3])
    inside = (rows < sizes[:, :1])[:, None, :, None] & (columns < sizes[:, 1:])[:, None, None, :]
    total = np.where(inside, x, 0).sum(axis=(2, 3))
    return total / sizes.prod(axis=1, keepdims=True).astype(x.dtype)


def check(masked_mean: Any, seed: int = 1) -> None:
    """Compare with sums written out; the padding holds numbers, NaN or infinity.

    Raises:
        ReaderError: One sentence about the first thing that is wrong.
    """
    draws = Draws(seed)
    for padding in ("numbers", "NaN", "infinity"):
        for shape in draws.shapes():
            n, _, height, width = shape
            own = [[draws.whole(1, height), draws.whole(1, width)] for _ in range(n)]
            own[0] = [height, max(1, width - 1)]
            own[-1] = [max(1, height - 1), width]
            maps, wanted = draws.numbers(*shape), []
            for i, (h, w) in enumerate(own):
                means = []
                for channel in maps[i]:
                    means.append(sum(channel[a][b] for a in range(h) for b in range(w)) / (h * w))
                    for a, b in [(a, b) for a in range(height) for b in range(width) if a >= h or b >= w]:
                        channel[a][b] = 5.0 + abs(channel[a][b]) if padding == "numbers" else float(padding)
                wanted.append(means)
            for dtype in floats():
                x = array(maps, dtype)
                case = f"maps of {told(shape)} in {dtype} with {padding} in the padding"
                hint = "count each picture's own cells and no others."
                same(call(masked_mean, x, array(own, "int64"), case=case), wanted, case, hint, x)
