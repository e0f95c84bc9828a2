"""Whiteboard: generalised mean pooling with a learned exponent."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from gaplab.errors import ReaderError
from gaplab.whiteboard.judging import Draws, Question, call, same, told

QUESTION = Question(
    level="onsite",
    minutes=8,
    chapter="05_average_vs_max_gradients",
    ask="""
Write generalised mean pooling (GeM) as an `nn.Module`, `GeM(p=3.0, eps=1e-6)`. It takes maps `(N, C, H, W)`, raises
every value from below to `eps`, and returns (mean over the cells of value^p)^(1/p) for each channel, `(N, C)`. The
exponent is one number for all channels, and it is learned: it has to be a parameter, the only one.
""",
    follow_up="What are the limits in p, and what can go wrong when p is learned in half precision?",
    answer="""
p = 1 is the average, and p to infinity the maximum; between them the gradient concentrates on large cells. In half
precision the power overflows: float16 ends at 65,504, so a value of 10 to the power 5 is already too large, and
small values to the power p underflow to zero, whose root has an infinite slope. Compute the pool in float32, divide
by the channel's maximum before the power and multiply after it, and keep p in a range, or learn its logarithm.
""",
    why="""
The clamp comes before the power, since a negative number to a learned power is NaN and zero's root has an infinite
slope.
""",
)


class GeM(nn.Module):
    """Generalised mean pooling (Radenović et al., 2018), one exponent for all channels."""

    def __init__(self, p: float = 3.0, eps: float = 1e-6) -> None:
        """Start from the exponent ``p``; values below ``eps`` are raised to it."""
        super().__init__()
        self.p = nn.Parameter(torch.tensor(p))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Pool maps (N, C, H, W) to (N, C)."""
        return x.clamp(min=self.eps).pow(self.p).mean(dim=(2, 3)).pow(1 / self.p)


def check(GeM: Any, seed: int = 1) -> None:  # noqa: N803 a class is handed over
    """Compare values and the input's gradient with powers written out, and the exponent's with a difference.

    Raises:
        ReaderError: One sentence about the first thing that is wrong.
    """
    draws = Draws(seed)
    start = draws.number(2.0, 4.0)
    for shape, eps, dtype in zip(
        draws.shapes(), (1e-6, 0.1, 1e-6, 1e-3, 0.2), [torch.float64, torch.float32] * 3, strict=False
    ):
        case = f"maps of {told(shape)} in {str(dtype)[6:]}, p = {start:.2f}, eps = {eps}"
        pool = call(GeM, start, eps, case=case)
        if not isinstance(pool, nn.Module):
            raise ReaderError("GeM(p, eps) is no nn.Module.")
        pool = pool.to(dtype)
        learned = list(pool.parameters())
        if len(learned) != 1 or learned[0].numel() != 1 or not learned[0].requires_grad:
            raise ReaderError(
                "GeM has to have exactly one learned parameter, the exponent, and it has to be one number."
            )
        (p,) = learned
        if abs(float(p.detach()) - start) > 1e-6 * start:
            raise ReaderError(
                f"GeM({start:.2f}) starts with the parameter {float(p.detach()):.2f}: start from the p that is given."
            )
        x = torch.tensor(draws.numbers(*shape), dtype=dtype, requires_grad=True)
        exact = x.detach().double().requires_grad_()
        for power in (start, 1.0, draws.number(1.2, 6.0)):
            here = f"{case}, with the parameter set to {power:.2f}"
            with torch.no_grad():
                p.fill_(power)
            found = call(pool, x.clone(), case=here)  # no leaf: one may write into those by mistake
            tolerance = 1e-4 if dtype == torch.float32 else 1e-6
            same(
                found,
                _mean(x, float(p.detach()), eps).tolist(),
                here,
                "clamp, power, mean over all cells, root, in this order.",
                x,
                tolerance,
            )
            if not found.requires_grad:
                raise ReaderError(f"For {here}, the result does not depend on a parameter that is learned.")
            p.grad = x.grad = exact.grad = None
            torch.autograd.backward(found.sum())
            torch.autograd.backward(_mean(exact, float(p.detach()), eps).sum())
            if x.grad is None or not torch.allclose(x.grad.double(), exact.grad, rtol=1e-3, atol=1e-5):
                raise ReaderError(f"For {here}, the gradient at the input is wrong: the layers before it learn too.")
            step = 1e-4
            with torch.no_grad():
                rise = _mean(exact, power + step, eps).sum() - _mean(exact, power - step, eps).sum()
            slope = p.grad if p.grad is not None else torch.zeros(1)
            tolerance = 2e-2 if dtype == torch.float32 else 1e-4
            wanted = float(rise) / (2 * step)
            if not abs(float(slope) - wanted) <= tolerance * max(0.1, abs(wanted)):
                raise ReaderError(f"For {here}, the exponent's gradient is wrong: it acts twice, as power and as root.")


def _mean(x: Tensor, p: float, eps: float) -> Tensor:
    """Compute the generalised mean from logarithms."""
    cells = torch.where(x > eps, x, torch.full_like(x, eps)).flatten(2).log() * p
    return ((torch.logsumexp(cells, dim=2) - torch.tensor(float(cells.shape[2])).log()) / p).exp()
