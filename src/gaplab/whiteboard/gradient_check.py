"""Whiteboard: a numerical gradient check that catches a wrong pool."""

from __future__ import annotations

from math import exp, log
from typing import Any

from gaplab.errors import ReaderError
from gaplab.whiteboard.judging import Draws, Question, call

QUESTION = Question(
    level="onsite",
    minutes=10,
    chapter="05_average_vs_max_gradients",
    ask="""
Write `is_gradient(pool, slope)`. `pool(cells)` takes a list of floats, the cells of one channel, and returns one
float. `slope(cells)` claims to return its gradient, a list as long as `cells`. Return `True` if the claim is right
and `False` if it is wrong, by calling both at points that you choose: lists of any length from 2 to 20 with numbers
between -3 and 3. A wrong claim may be off by as little as three percent, in one cell alone, or for all even or all
odd lengths alone; at nearly every point of those lengths it is wrong. A right one is right to about twelve digits
wherever the pool is differentiable; a maximum is not where two cells are equal. Ordinary double precision.
""",
    follow_up="""
You check a whole network in float32 in this way and it fails, though the code is right. What do you change before
you loosen the tolerance?
""",
    answer="""
Go to float64: a central difference loses about as many digits as its step has zeros, and float32 has seven. Choose
the step near the cube root of the precision and compare relative to the size of the gradient. Step away from kinks:
a ReLU or a maximum near a tie changes its branch within the step. Fix the randomness, such as dropout, and put
batch norm into one mode. Look at single coordinates or random directions, not at the sum alone: a wrong pool can
have the right sum.
""",
    why="""
A central difference in each single cell, at random points where no two cells are equal, compared relative to its
size: the sum would not do, for average and maximum have the same.
""",
)


def is_gradient(pool: Any, slope: Any) -> bool:
    """Tell whether ``slope`` is the gradient of ``pool``, by central differences in single cells."""
    step = 1e-5
    for n in range(2, 10):
        for shift in range(6):
            # Spread over (-3, 3) without equals: multiples of an irrational number, by their fractions.
            cells = [6 * ((i * n + shift + 1) * 0.6180339887498949 % 1) - 3 for i in range(n)]
            claimed = slope(list(cells))
            if len(claimed) != n:
                return False
            for i in range(n):
                above, below = list(cells), list(cells)
                above[i] += step
                below[i] -= step
                measured = (pool(above) - pool(below)) / (2 * step)
                if not abs(measured - claimed[i]) <= 1e-6 * max(1.0, abs(measured)) + 1e-3 * abs(measured):
                    return False
    return True


def _mean(cells: list[float]) -> float:
    return sum(cells) / len(cells)


def _mean_slope(cells: list[float]) -> list[float]:
    return [1 / len(cells)] * len(cells)


def _max_slope(cells: list[float]) -> list[float]:
    top = cells.index(max(cells))
    return [1.0 if i == top else 0.0 for i in range(len(cells))]


def _weights(cells: list[float], sharp: float) -> list[float]:
    powers = [exp(sharp * each) for each in cells]
    return [each / sum(powers) for each in powers]


def _claims(draws: Draws) -> list[tuple[str, Any, Any, bool]]:
    """Return pools with what is claimed of them, and whether the claim is right."""
    sharp, scale, off = draws.number(0.5, 1.5), draws.number(20.0, 50.0), draws.number(1.03, 1.06)

    def soft(cells: list[float]) -> float:
        return log(sum(exp(sharp * each) for each in cells) / len(cells)) / sharp

    def soft_slope(cells: list[float]) -> list[float]:
        return _weights(cells, sharp)

    def softmax_mean(cells: list[float]) -> float:
        return sum(w * each for w, each in zip(_weights(cells, sharp), cells))  # noqa: B905

    def softmax_slope(cells: list[float]) -> list[float]:
        mean = softmax_mean(cells)
        return [w * (1 + sharp * (each - mean)) for w, each in zip(_weights(cells, sharp), cells)]  # noqa: B905

    def nearly(cells: list[float]) -> list[float]:
        return [off * each for each in soft_slope(cells)]

    def last_wrong(cells: list[float]) -> list[float]:
        right = soft_slope(cells)
        return right[:-1] + [1.5 * right[-1]]  # noqa: RUF005

    def first_off(cells: list[float]) -> list[float]:
        right = soft_slope(cells)
        return [off * right[0]] + right[1:]  # noqa: RUF005

    def to_the_last(cells: list[float]) -> list[float]:
        return [0.0] * (len(cells) - 1) + [1.0]

    def odd_halved(cells: list[float]) -> list[float]:
        return [each / (2 if len(cells) % 2 else 1) for each in _mean_slope(cells)]

    def even_halved(cells: list[float]) -> list[float]:
        return [each / (1 if len(cells) % 2 else 2) for each in _mean_slope(cells)]

    def backwards(cells: list[float]) -> list[float]:
        return soft_slope(cells)[::-1]

    def scaled(cells: list[float]) -> float:
        return scale * _mean(cells)

    def scaled_slope(cells: list[float]) -> list[float]:
        return [scale * each for each in _mean_slope(cells)]

    return [
        ("an average and its gradient", _mean, _mean_slope, True),
        ("a maximum and its gradient", max, _max_slope, True),
        ("log-sum-exp pooling and its gradient", soft, soft_slope, True),
        ("a softmax-weighted mean and its gradient", softmax_mean, softmax_slope, True),
        (f"{scale:.1f} times an average and its gradient", scaled, scaled_slope, True),
        ("a maximum with an average's gradient", max, _mean_slope, False),
        ("an average with a maximum's gradient", _mean, _max_slope, False),
        ("an average with the gradient of a sum", _mean, lambda x: [1.0] * len(x), False),
        ("an average whose gradient is zero", _mean, lambda x: [0.0] * len(x), False),
        ("a maximum with a minimum's gradient", max, lambda x: _max_slope([-each for each in x]), False),
        ("log-sum-exp pooling with a gradient that is a few percent too large", soft, nearly, False),
        ("log-sum-exp pooling whose gradient is wrong in the last cell", soft, last_wrong, False),
        ("log-sum-exp pooling with a few percent too much gradient in the first cell", soft, first_off, False),
        ("a maximum whose gradient goes to the last cell", max, to_the_last, False),
        ("log-sum-exp pooling with its gradient in reverse order", soft, backwards, False),
        ("a softmax-weighted mean whose gradient takes the weights as constants", softmax_mean, soft_slope, False),
        ("an average whose gradient is halved for odd lengths", _mean, odd_halved, False),
        ("an average whose gradient is halved for even lengths", _mean, even_halved, False),
    ]  # fmt: skip


def check(is_gradient: Any, seed: int = 1) -> None:
    """Let the test judge right and wrong claims about averages, maxima and smooth pools.

    Raises:
        ReaderError: One sentence about the first claim that it judges wrongly.
    """
    for what, pool, slope, right in _claims(Draws(seed)):
        given = call(is_gradient, pool, slope, case=what)
        if given not in (True, False):
            raise ReaderError(f"For {what}, {given!r} came back: return True or False.")
        if bool(given) != right:
            raise ReaderError(f"Your test {'refuses' if right else 'lets pass'} {what}.")
