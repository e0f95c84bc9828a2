"""Whiteboard: a class activation map whose mean is the logit."""

from __future__ import annotations

from typing import Any

from gaplab.whiteboard.judging import Draws, Question, array, call, floats, same, told

QUESTION = Question(
    level="screen",
    minutes=6,
    chapter="03_nin_lineage",
    ask="""
A network ends in global average pooling and one linear layer with `weight` `(K, C)` and `bias` `(K,)`. Write
`class_map(x, weight, bias, k)`: from the last maps `(N, C, H, W)` and the number `k` of one class, what each cell
says for this class, `(N, H, W)`, such that the mean of a picture's map is exactly the logit of class `k`, bias
included.
""",
    follow_up="""
Does the same map exist for a head of global max pooling, or of average pooling with two linear layers behind it?
""",
    answer="""
Not as an exact decomposition. It exists because pool and layer are both linear and commute. The maximum takes each
channel from one cell, so a picture's logit is a sum over at most C cells and changes its cells with the picture.
With a ReLU between two linear layers the logit is no sum over cells; Grad-CAM replaces the weights by gradients,
averaged over the cells, and for the linear head alone it is the class activation map, up to a constant factor, its
final ReLU and the bias.
""",
    why="One sum over channels gives all cells at once; the bias is added to every cell, so the mean keeps it whole.",
)


def class_map(x: Any, weight: Any, bias: Any, k: int) -> Any:
    """Return what each cell says for class ``k``, ``(N, H, W)``."""
    return (x * weight[k][:, None, None]).sum(axis=1) + bias[k]


def check(class_map: Any, seed: int = 1) -> None:
    """Compare every cell with its weighted sum, for a first, a middle and a last class.

    Raises:
        ReaderError: One sentence about the first thing that is wrong.
    """
    draws = Draws(seed)
    for shape in draws.shapes():
        n, c, h, w = shape
        classes = c + draws.whole(2, 4)
        maps, weights, biases = draws.numbers(*shape), draws.numbers(classes, c), draws.numbers(classes, low=1.0)
        for k in (0, draws.whole(1, classes - 2), classes - 1):
            wanted = [
                [
                    [sum(weights[k][j] * maps[i][j][a][b] for j in range(c)) + biases[k] for b in range(w)]
                    for a in range(h)
                ]
                for i in range(n)
            ]
            for dtype in floats():
                x, weight, bias = array(maps, dtype), array(weights, dtype), array(biases, dtype)
                case = f"maps of {told(shape)} in {dtype} and class {k} of {classes}"
                hint = "each cell is the class's weighted sum over channels, and the mean has to hold the bias once."
                same(call(class_map, x, weight, bias, k, case=case), wanted, case, hint, x)
