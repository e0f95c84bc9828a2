"""What can be said aloud: how many words and numbers a spoken answer may have.

Nobody can say, and nobody can keep, an answer of a hundred words with twenty figures. A figure counts as a number; what
is written in words does not, nor do names (ResNet-50), shapes (7 x 7, 3 by 3) and what the question itself gives.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Limit(NamedTuple):
    """The most that can be said in some time."""

    name: str
    words: int
    numbers: int


HALF_A_MINUTE = Limit("half a minute", 60, 2)
TWO_MINUTES = Limit("two minutes", 180, 5)
RECOVERY = Limit("a recovery", 40, 2)
"""After an interruption: one or two sentences."""

_NAME_OR_SHAPE = re.compile(r"[A-Za-z]+-?\d[\w.]*|\d+(?: (?:x|by) \d+)+")
_NUMBER = re.compile(r"\d(?:[\d,./]*\d)?")


def numbers(text: str) -> list[str]:
    """List the figures in a text that a listener would have to keep."""
    return _NUMBER.findall(_NAME_OR_SHAPE.sub(" ", text))


def problem(text: str, limit: Limit, given: str = "") -> str:
    """Say why a text cannot be spoken in some time; nothing if it can.

    Args:
        text: What is said.
        limit: How much may be said.
        given: The question, whose own numbers need not be kept.
    """
    if (words := len(text.split())) > limit.words:
        return f"has {words} words: at most {limit.words} can be said in {limit.name}"
    if "±" in text:
        return "has a plus-minus, which nobody says: write {{...value}}"
    known = set(re.findall(_NUMBER, given))
    if len(kept := [number for number in numbers(text) if number not in known]) > limit.numbers:
        return f"has the numbers {', '.join(kept)}: at most {limit.numbers} can be kept in {limit.name}"
    return ""
