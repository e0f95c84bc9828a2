"""What the checks of the problem sets share: comparing tensors and numbers, each in one clear sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from gaplab.errors import ReaderError


def passed(what: str) -> None:
    """Tell the student that an answer went through every check."""
    print(f"{what}: every check passed.")


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


def predictions(given: object, wanted: Mapping[str, float], tolerance: Mapping[str, float] | None = None) -> None:
    """Compare predicted numbers with measured ones, and name those that are off without saying in which direction.

    Args:
        given: The student's dictionary.
        wanted: Measured numbers by name.
        tolerance: Allowed relative difference by name; whole numbers without one have to be exact.

    Raises:
        ReaderError: It is no dictionary with these names and numbers, or a number is off.
    """
    if not isinstance(given, dict) or set(given) != set(wanted):
        raise ReaderError("Keep the dictionary with the names that it has, and replace every None by your number.")
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ReaderError(f"The prediction {name!r} is {value!r}: give one number.")
    allowed = tolerance or {}
    off = [name for name in wanted if not abs(given[name] - wanted[name]) <= allowed.get(name, 0.0) * abs(wanted[name])]
    if off:
        raise ReaderError(
            f"{len(wanted) - len(off)} of {len(wanted)} predictions hold. Think again about: {'; '.join(off)}."
        )


def frame(given: object, columns: Mapping[str, tuple[float, float] | None], what: str) -> pd.DataFrame:
    """Check the form of a student's table.

    Args:
        given: What should be a data frame.
        columns: The columns that it must have, each with the interval of its numbers, or ``None`` for text.
        what: The table's name.

    Raises:
        ReaderError: It is no data frame, a column or a number is missing, or a number is outside its interval.
    """
    if not isinstance(given, pd.DataFrame) or given.empty:
        raise ReaderError(f"{what} has to be a pandas DataFrame with at least one row.")
    for name, interval in columns.items():
        if name not in given:
            raise ReaderError(f"{what} has no column {name!r}: its columns are {', '.join(map(str, given.columns))}.")
        if given[name].isna().any():
            raise ReaderError(f"{what} has empty places in the column {name!r}: measure every row.")
        if interval is None:
            continue
        if not pd.api.types.is_numeric_dtype(given[name]):
            raise ReaderError(f"The column {name!r} of {what} has to hold numbers.")
        low, high = interval
        if not given[name].between(low, high).all():
            raise ReaderError(
                f"The column {name!r} of {what} leaves the interval from {low:g} to {high:g}: check its unit."
            )
    return given
