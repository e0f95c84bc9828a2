"""Whiteboard: batch norm in training mode, forward and backward."""

from __future__ import annotations

from typing import Any

from gaplab.whiteboard.judging import Draws, Question, array, call, floats, parts, same, told

QUESTION = Question(
    level="expert",
    minutes=20,
    chapter="04_variable_input_size",
    ask="""
Write batch norm for maps in training mode, in NumPy. `batch_norm(x, gamma, beta, eps)` normalises maps `(N, C, H,
W)` channel by channel with the mean and the biased variance (divided by the count) over pictures, rows and columns,
adds `eps` to the variance under the root, and then scales by `gamma` and shifts by `beta`, both `(C,)`.
`batch_norm_backward(grad, x, gamma, eps)` takes the gradient at the output, `(N, C, H, W)`, and returns the three
gradients `(dx, dgamma, dbeta)` of shapes `(N, C, H, W)`, `(C,)`, `(C,)`. Mean and variance depend on `x` as well. A
channel has at least two numbers. No running averages here.
""",
    follow_up="""
What does the backward pass remove from the gradient, and what remains of it with one picture and a map of one cell?
""",
    answer="""
Per channel it removes the gradient's mean and its part along the normalised input: the output cannot change if a
constant is added to the input or, up to eps, if the input is scaled, so nothing flows in these two directions. With
one number per channel the normalised input is zero, the gradient less its own mean is zero, and so `dx` is zero:
the layers below learn nothing. Frameworks refuse that case in training mode; a branch that pools globally and then
normalises, as in DeepLab's pyramid, meets it with a batch of one.
""",
    why="""
Written with the normalised input, the three paths of the chain rule (through x, mean and variance) shrink to one
line: gradient, less its mean, less its part along the normalised input.
""",
)


def batch_norm(x: Any, gamma: Any, beta: Any, eps: float) -> Any:
    """Normalise each channel over pictures and cells, then scale and shift."""
    mean, variance = x.mean(axis=(0, 2, 3), keepdims=True), x.var(axis=(0, 2, 3), keepdims=True)
    return gamma[:, None, None] * (x - mean) / (variance + eps) ** 0.5 + beta[:, None, None]


def batch_norm_backward(grad: Any, x: Any, gamma: Any, eps: float) -> Any:
    """Return the gradients at the input, the scale and the shift."""
    cells = (0, 2, 3)
    deviation = (x.var(axis=cells, keepdims=True) + eps) ** 0.5
    normal = (x - x.mean(axis=cells, keepdims=True)) / deviation
    dgamma, dbeta = (grad * normal).sum(axis=cells), grad.sum(axis=cells)
    centred = grad - grad.mean(axis=cells, keepdims=True)
    along = normal * (grad * normal).mean(axis=cells, keepdims=True)
    return gamma[:, None, None] * (centred - along) / deviation, dgamma, dbeta


def check(batch_norm: Any, batch_norm_backward: Any, seed: int = 1) -> None:
    """Compare both functions with the chain rule written out for one channel, with a small and a large eps.

    Raises:
        ReaderError: One sentence about the first thing that is wrong.
    """
    draws = Draws(seed)
    shapes = draws.shapes()
    for shape, eps in [(shape, eps) for shape in shapes for eps in (1e-5, 0.5)]:
        n, c, h, w = shape
        if n * h * w == 1:
            continue
        maps, slopes, scale, shift = draws.numbers(*shape), draws.numbers(*shape), draws.numbers(c), draws.numbers(c)
        forward, back = draws.numbers(*shape), draws.numbers(*shape)  # of the right shape; every number is replaced
        dscale, dshift = [], []
        for j in range(c):
            values = [maps[i][j][a][b] for i in range(n) for a in range(h) for b in range(w)]
            slope = [slopes[i][j][a][b] for i in range(n) for a in range(h) for b in range(w)]
            out, into, along, total = _channel(values, slope, scale[j], shift[j], eps)
            dscale.append(along)
            dshift.append(total)
            for place, (y, dx) in enumerate(zip(out, into)):  # noqa: B905
                i, a, b = place // (h * w), place // w % h, place % w
                forward[i][j][a][b], back[i][j][a][b] = y, dx
        for dtype in floats():
            x, grad, gamma, beta = (array(each, dtype) for each in (maps, slopes, scale, shift))
            case = f"maps of {told(shape)} in {dtype}, eps {eps}"
            hint = "one mean and one biased variance a channel, over pictures, rows and columns; eps under the root."
            same(call(batch_norm, x, gamma, beta, eps, case=case), forward, case, hint, x)
            case = f"the backward pass of {told(shape)} in {dtype}, eps {eps}"
            result = call(batch_norm_backward, grad, x, gamma, eps, case=case)
            dx, dgamma, dbeta = parts(result, 3, "dx, dgamma and dbeta", case)
            tolerance = 1e-3 if dtype == "float32" else 1e-8
            same(dbeta, dshift, f"dbeta in {case}", "beta is added to every cell.", grad, tolerance)
            same(dgamma, dscale, f"dgamma in {case}", "gamma multiplies the normalised input.", grad, tolerance)
            hint = "x acts on the output itself, by the mean and by the variance: three paths."
            same(dx, back, f"dx in {case}", hint, grad, tolerance)


def _channel(x: list[float], grad: list[float], gamma: float, beta: float, eps: float) -> Any:
    """Return output, input gradient, dgamma and dbeta of one channel, path by path."""
    count = len(x)
    mean = sum(x) / count
    variance = sum((each - mean) ** 2 for each in x) / count
    root = (variance + eps) ** 0.5
    normal = [(each - mean) / root for each in x]
    dnormal = [gamma * each for each in grad]
    dvariance = sum(d * (each - mean) for d, each in zip(dnormal, x)) * -0.5 / root**3  # noqa: B905
    dmean = -sum(dnormal) / root  # the variance's own slope at the mean is zero
    into = [d / root + dvariance * 2 * (each - mean) / count + dmean / count for d, each in zip(dnormal, x)]  # noqa: B905
    along = sum(d * each for d, each in zip(grad, normal))  # noqa: B905
    return [gamma * each + beta for each in normal], into, along, sum(grad)
