"""What the checks of the problem sets share: comparing tensors and numbers, each in one clear sentence."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from gaplab.device import device
from gaplab.errors import ReaderError


def passed(what: str) -> None:
    """Tell the student that an answer went through every check."""
    print(f"{what}: every check passed.")


def slack() -> float:
    """Return by how much a tolerance grows where the book computes: not on the CPU, tenfold on a GPU.

    A GPU rounds otherwise each time, and in a deep or untrained network a class that stands on the fence then moves.
    """
    return 1.0 if device().type == "cpu" else 10.0


def run(function: Callable[..., Any], *arguments: Any, case: str) -> Any:
    """Call a student's function.

    Args:
        function: The student's.
        *arguments: What it is called with.
        case: The arguments in words.

    Raises:
        ReaderError: It raised; the sentence holds the error and the case.
    """
    try:
        return function(*arguments)
    except Exception as problem:
        lines = str(problem).splitlines() or ["no message"]
        raise ReaderError(f"For {case} your code stops with {type(problem).__name__}: {lines[0]}") from None


def same_tensor(given: object, wanted: Tensor, case: str, hint: str, tolerance: float = 1e-6, scale: float = 0) -> None:
    """Compare every element of a student's tensor.

    Args:
        given: What the student's code returned.
        wanted: What it should be.
        case: For which input, in words.
        hint: Where to look if the values differ.
        tolerance: Allowed difference, relative to the largest element.
        scale: Size of the numbers that it was computed from, where that is larger.

    Raises:
        ReaderError: It is no tensor, or its shape, type or any element differs.
    """
    if not isinstance(given, Tensor):
        raise ReaderError(f"For {case} a tensor is wanted, but {type(given).__name__} came back.")
    if given.shape != wanted.shape:
        raise ReaderError(f"For {case} the shape is {tuple(given.shape)}, but {tuple(wanted.shape)} is wanted.")
    if given.dtype != wanted.dtype:
        raise ReaderError(f"For {case} the type is {given.dtype}, but {wanted.dtype} went in: do not change it.")
    difference = (given.detach() - wanted.detach()).abs()
    allowed = tolerance * max(1e-30, scale, float(wanted.detach().abs().max()))
    wrong = int((~(difference <= allowed)).sum())  # not(<=) also catches NaN
    if wrong:
        raise ReaderError(f"For {case} {wrong} of {wanted.numel()} numbers differ: {hint}")


def untouched(before: Tensor, after: Tensor, what: str) -> None:
    """Refuse an answer that changed its input.

    Raises:
        ReaderError: The tensors differ.
    """
    if not torch.equal(before, after):
        raise ReaderError(f"Your code changed {what} that it was given: work on a copy.")


def gradient(pooled: Tensor, maps: Tensor) -> Tensor:
    """Send ones back through what a student's pool returned, to the maps.

    Raises:
        ReaderError: No gradient reaches the maps.
    """
    found = torch.autograd.grad(pooled.sum(), maps, allow_unused=True)[0] if pooled.requires_grad else None
    if found is None:
        raise ReaderError("No gradient flows back through your pool: a network could not be trained with it.")
    return found


class Kept:
    """What a module is like before a student's code gets it, for the comparison with what it is like afterwards.

    Args:
        module: What the code gets.
        gradients: Whether the gradients in its weights have to stay as they are, too.
    """

    def __init__(self, module: nn.Module, gradients: bool = False) -> None:
        """Copy every number, and note modes, hooks and what is trained."""
        self.module, self.gradients = module, gradients
        self.before = self._look()

    def _look(self) -> tuple[Any, ...]:
        module = self.module
        grads = [p.grad.clone() if p.grad is not None else None for p in module.parameters()] if self.gradients else []
        return (
            str(module),
            [part.training for part in module.modules()],
            {name: value.detach().clone() for name, value in module.state_dict().items()},
            [p.requires_grad for p in module.parameters()],
            sum(len(part._forward_hooks) + len(part._forward_pre_hooks) + len(part._backward_hooks)
                for part in module.modules()),
            grads,
        )  # fmt: skip

    def check(self, what: str = "the network") -> None:
        """Compare.

        Args:
            what: The module, as the sentence names it.

        Raises:
            ReaderError: It is not as it was.
        """
        text, modes, values, trained, hooks, grads = self.before
        now = self._look()
        if now[0] != text or set(now[2]) != set(values):
            raise ReaderError(f"Your code changed the layers of {what} that it was given: leave it as it was.")
        if now[1] != modes:
            raise ReaderError(f"Your code leaves {what} in another mode than it found it: put it back.")
        if not all(_same(value, now[2][name]) for name, value in values.items()):
            raise ReaderError(
                f"Your code changed numbers of {what}, weights or batch norm's statistics: measure in evaluation mode, "
                "take no step, and work on copies."
            )
        if now[3] != trained:
            raise ReaderError(f"Your code changed which parameters of {what} take a gradient: leave them as they were.")
        if now[4] != hooks:
            raise ReaderError(f"A hook is still attached to {what} after your code has run: remove it.")
        if not all(_same(old, new) for old, new in zip(grads, now[5], strict=True)):
            raise ReaderError(f"Your code changed the gradients that the weights of {what} hold: leave them alone.")


def _same(old: Tensor | None, new: Tensor | None) -> bool:
    if old is None or new is None:
        return old is new
    # Bit for bit as far as numbers go: nan stays nan.
    return (
        old.dtype == new.dtype and old.shape == new.shape and bool(((old == new) | (old.isnan() & new.isnan())).all())
    )


def whole(value: object, case: str) -> int:
    """Return a whole number, Python's or NumPy's.

    Raises:
        ReaderError: It is none.
    """
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Integral):
        raise ReaderError(f"For {case} a whole number (int) is wanted, but {value!r} came back.")
    return int(value)


def real(value: object, case: str) -> float:
    """Return a plain float, Python's or NumPy's double.

    Raises:
        ReaderError: It is none.
    """
    if not isinstance(value, float):
        raise ReaderError(f"For {case} a plain number (float) is wanted, but {value!r} came back.")
    return float(value)


def answered(value: object, wanted: bool) -> bool:
    """Tell whether an answer is the wanted truth value: Python's, NumPy's, or a tensor with one."""
    if isinstance(value, Tensor) and value.dim() == 0 and value.dtype == torch.bool:
        value = value.item()
    return isinstance(value, bool | np.bool_) and bool(value) is wanted


def predicted(given: object, names: Iterable[str]) -> dict[str, float]:
    """Return predicted numbers as floats, whatever kind of number they were given as.

    What is right is not handed to this function, nor to any other: each check compares for itself, so that there is
    nothing here to be listened to.

    Args:
        given: The student's dictionary.
        names: What has to be predicted.

    Raises:
        ReaderError: It is no dictionary with these names, or holds something that is no number.
    """
    if not isinstance(given, dict) or set(given) != set(names):
        raise ReaderError("Keep the dictionary with the names that it has, and replace every None by your number.")
    said = {}
    for name, value in given.items():
        number = value.item() if isinstance(value, Tensor) and value.dim() == 0 else value
        if isinstance(number, bool | np.bool_) or not isinstance(number, numbers.Real):
            raise ReaderError(f"The prediction {name!r} is {value!r}: give one number.")
        said[name] = float(number)
    return said


def off(names: list[str], total: int) -> None:
    """Name the predictions that are off, without saying in which direction.

    Raises:
        ReaderError: There are any.
    """
    if names:
        raise ReaderError(f"{total - len(names)} of {total} predictions hold. Think again about: {'; '.join(names)}.")


def frame(given: object, columns: Mapping[str, tuple[float, float] | None], what: str) -> pd.DataFrame:
    """Check the form of a student's table.

    Args:
        given: What should be a data frame.
        columns: The columns that it must have, each with the interval of its numbers, or ``None`` for text.
        what: The table's name.

    Raises:
        ReaderError: It is no data frame, a column or a number is missing, or a number is outside its interval.

    Returns:
        A copy of it, in which these columns hold numbers, also where they were written as text.
    """
    if not isinstance(given, pd.DataFrame) or given.empty:
        raise ReaderError(f"{what} has to be a pandas DataFrame with at least one row.")
    table = given.copy()
    for name, interval in columns.items():
        if name not in given:
            raise ReaderError(f"{what} has no column {name!r}: its columns are {', '.join(map(str, given.columns))}.")
        if given[name].isna().any():
            raise ReaderError(f"{what} has empty places in the column {name!r}: measure every row.")
        if interval is None:
            continue
        column = pd.to_numeric(given[name], errors="coerce")
        if column.isna().any():
            raise ReaderError(f"The column {name!r} of {what} has to hold numbers.")
        low, high = interval
        if not column.between(low, high).all():
            raise ReaderError(
                f"The column {name!r} of {what} leaves the interval from {low:g} to {high:g}: check its unit."
            )
        table[name] = column
    return table
