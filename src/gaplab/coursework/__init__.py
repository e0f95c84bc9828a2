"""Instant checks of the coursework, one module for each problem set, and the seed that its tests draw from."""

from __future__ import annotations

import hashlib
import os
import secrets
from typing import TypeVar

from gaplab.errors import ReaderError

SEED_VARIABLE = "GAPLAB_GRADING_SEED"
VARIANT_VARIABLE = "GAPLAB_VARIANT"

T = TypeVar("T")


def fresh_seed() -> int:
    """Return the seed of this grading: from ``GAPLAB_GRADING_SEED``, else a new one from the operating system.

    The grading machinery sets the variable and records it with the grades, so that a grade can be reproduced.
    """
    return int(os.environ.get(SEED_VARIABLE) or secrets.randbits(32))


def variant(name: str, usual: T, *others: T) -> T:
    """Return what this student's task is about: the usual value, or one of the others, drawn from the student's id.

    Where a course hands out variants, nobody gets the usual value, for the book's own solution answers that one. The
    same id draws the same value in the notebook and at grading.

    Args:
        name: What is drawn, such as ``"ps1 classes"``; two names are drawn independently.
        usual: The value where no id is set.
        *others: What is drawn from.
    """
    student = os.environ.get(VARIANT_VARIABLE, "")
    if not student or not others:
        return usual
    drawn = hashlib.sha256(f"{student}\0{name}".encode()).digest()
    return others[int.from_bytes(drawn[:8], "big") % len(others)]


def set_variant(student: str) -> None:
    """Draw the numbers of this notebook from a student's id.

    Raises:
        ReaderError: There is no id.
    """
    known = same_id(student)
    if not known:
        raise ReaderError("Write your id between the quotation marks: the numbers of your tasks are drawn from it.")
    os.environ[VARIANT_VARIABLE] = known
    print(f"The numbers below are those of {known}.")


def same_id(student: str) -> str:
    """Return an id without what people write in two ways: capitals and spaces."""
    return "".join(str(student).split()).casefold()
