"""Whiteboard: faults in the running statistics of batch norm."""

from __future__ import annotations

from typing import Any

from gaplab.whiteboard.judging import Draws, Question, array, call, floats, parts, same, told

QUESTION = Question(
    level="onsite",
    minutes=8,
    chapter="04_variable_input_size",
    ask="""
A colleague keeps the running statistics of batch norm with the function in the stub, and in evaluation mode the
network is far worse than in training mode. The text is right: *`update(mean, var, x, momentum)` takes running mean
and variance `(C,)` and a batch of maps `(N, C, H, W)`, and returns the new pair `(mean, var)`. The new value is
`momentum` times the batch's plus `1 - momentum` times the old, as PyTorch defines it; the variance that is stored
is the unbiased one (divided by the count less one), over pictures, rows and columns; the old arrays stay as they
are.* A batch has at least two numbers a channel. Mend every fault.
""",
    follow_up="""
A ResNet is fine-tuned with two pictures a batch and does badly in evaluation mode alone. What do you do about its
batch norm?
""",
    answer="""
Each step's mean and variance are those of two pictures, so they are noisy, and pictures that lie together in a
batch make them biased as well. Keep the pretrained statistics: batch norm in evaluation mode during fine-tuning,
with its scale and shift trained or not. Or measure the statistics anew at the end, over many pictures with the
weights fixed; or take group norm, which knows no batch, if you train long enough to adapt to it. Gradient
accumulation does not help: each small batch still makes its own statistics.
""",
    why="""
Three faults: the two factors were exchanged, the variance was divided by the whole count, and the new values were
written into the arrays that came in.
""",
)


def update(mean: Any, var: Any, x: Any, momentum: float) -> Any:
    """Return the new running mean and variance, both ``(C,)``."""
    cells = (0, 2, 3)
    new_mean = (1 - momentum) * mean + momentum * x.mean(axis=cells)
    new_var = (1 - momentum) * var + momentum * x.var(axis=cells, ddof=1)
    return new_mean, new_var


def check(update: Any, seed: int = 1) -> None:
    """Compare with sums written out, for several momenta.

    Raises:
        ReaderError: One sentence about the first thing that is wrong.
    """
    draws = Draws(seed)
    for shape in draws.shapes():
        n, c, h, w = shape
        count = n * h * w
        if count < 2:
            continue
        old_mean, old_var = draws.numbers(c), draws.numbers(c, low=0.5)
        maps, momentum = draws.numbers(*shape), draws.number(0.05, 0.3)
        means, variances = [], []
        for j in range(c):
            values = [maps[i][j][a][b] for i in range(n) for a in range(h) for b in range(w)]
            own = sum(values) / count
            spread = sum((each - own) ** 2 for each in values) / (count - 1)
            means.append(old_mean[j] + momentum * (own - old_mean[j]))
            variances.append(old_var[j] + momentum * (spread - old_var[j]))
        for dtype in floats():
            mean, var, x = array(old_mean, dtype), array(old_var, dtype), array(maps, dtype)
            case = f"maps of {told(shape)} in {dtype}, momentum {momentum:.2f}"
            new = parts(call(update, mean, var, x, momentum, case=case), 2, "the new mean and variance", case)
            hint = "how much of the batch and how much of the old one?"
            same(new[0], means, f"the mean of {case}", hint, x)
            hint = "which count divides the variance that is kept?"
            same(new[1], variances, f"the variance of {case}", hint, x)
