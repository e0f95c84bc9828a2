"""What the checks of the whiteboard share: seeded draws, and answers compared in one clear sentence.

This module and those of the questions that need no PyTorch also run in the page, on MicroPython, where there is no
NumPy: arrays are nested lists there. They therefore use plain Python, and nothing of the library but `typing`.
"""

from __future__ import annotations

from typing import Any

from gaplab.errors import ReaderError

try:
    import numpy as np
except ImportError:  # in the page
    np = None  # type: ignore[assignment]

FLOATS = ("float64", "float32")
"""The types that every question about arrays is tried with; the page has the first alone."""


class Question:
    """What is said about a question beside its check; a plain class, for MicroPython has no dataclasses.

    Attributes:
        level: ``screen``, ``onsite`` or ``expert``, as in the question bank.
        minutes: How long a candidate has for it.
        chapter: The page of the book that it belongs to.
        ask: The question as an interviewer puts it, with all that the check takes for granted.
        follow_up: The question behind it that separates candidates.
        answer: A good answer to the follow-up.
        why: What is worth saying about the model solution.
    """

    def __init__(
        self,
        *,
        level: str,
        minutes: int,
        chapter: str,
        ask: str,
        follow_up: str,
        answer: str,
        why: str,
    ) -> None:
        """Keep every text as it was given."""
        self.level, self.minutes, self.chapter = level, minutes, chapter
        self.ask, self.follow_up = ask.strip(), follow_up.strip()
        self.answer, self.why = answer.strip(), why.strip()


class Draws:
    """Numbers drawn from a seed, the same on every Python: a linear congruential generator (Knuth's MMIX)."""

    def __init__(self, seed: int) -> None:
        """Start from the seed, mixed so that neighbouring seeds begin far apart."""
        self._state = (seed * 0x9E3779B97F4A7C15 + 1) % 2**64
        for _ in range(4):
            self._next()

    def _next(self) -> int:
        self._state = (self._state * 6364136223846793005 + 1442695040888963407) % 2**64
        return self._state >> 33

    def whole(self, low: int, high: int) -> int:
        """Draw a whole number from ``low`` to ``high``, both included."""
        return low + self._next() % (high - low + 1)

    def number(self, low: float = -2.0, high: float = 2.0) -> float:
        """Draw a number between two others."""
        return low + (high - low) * self._next() / 2**31

    def numbers(self, *shape: int, low: float = -2.0, high: float = 2.0) -> Any:
        """Draw nested lists of numbers of this shape."""
        if len(shape) == 1:
            return [self.number(low, high) for _ in range(shape[0])]
        return [self.numbers(*shape[1:], low=low, high=high) for _ in range(shape[0])]

    def shapes(self) -> list[tuple[int, int, int, int]]:
        """Draw shapes (N, C, H, W) of maps: tall, wide, one picture, one channel, one cell."""
        many, channels, height, width = (self.whole(2, 4) for _ in range(4))
        return [
            (many, channels, height + width, width),
            (many, channels, height, height + width),
            (1, channels, height, height + 1),
            (many, 1, height + 1, height),
            (1, 1, 1, 1),
        ]


def array(nested: Any, dtype: str = FLOATS[0]) -> Any:
    """Return nested lists as a NumPy array, and where there is no NumPy as a copy of themselves."""
    return np.array(nested, dtype=dtype) if np is not None else _copied(nested)


def floats() -> tuple[str, ...]:
    """Return the types to try: both with NumPy, and one where numbers are Python's own."""
    return FLOATS if np is not None else FLOATS[:1]


def plain(value: Any) -> Any:
    """Return an array, a tensor or nested lists as nested lists."""
    if hasattr(value, "detach"):
        value = value.detach()
    if hasattr(value, "tolist"):
        return value.tolist()
    return [plain(each) for each in value] if isinstance(value, (list, tuple)) else value


def _copied(value: Any) -> Any:
    return [_copied(each) for each in value] if isinstance(value, (list, tuple)) else value


def shape_of(nested: Any, case: str = "") -> tuple[int, ...]:
    """Return the shape of nested lists.

    Raises:
        ReaderError: Lists beside one another have different lengths.
    """
    if not isinstance(nested, list):
        return ()
    inner = [shape_of(each, case) for each in nested]
    if any(each != inner[0] for each in inner):
        raise ReaderError(f"For {case}, lists of different lengths came back, which are no array.")
    return (len(nested),) + (inner[0] if inner else ())


def flat(nested: Any) -> list[Any]:
    """Return the numbers of nested lists in one list."""
    if not isinstance(nested, list):
        return [nested]
    return [number for each in nested for number in flat(each)]


def told(shape: tuple[int, ...]) -> str:
    """Return a shape in words: ``2 x 3 x 5 x 4``."""
    return " x ".join(str(side) for side in shape) if shape else "one number"


def call(function: Any, *arguments: Any, case: str) -> Any:
    """Call an answer, and see that it leaves what it was given as it was.

    Args:
        function: The candidate's.
        *arguments: What it is called with.
        case: The arguments in words.

    Raises:
        ReaderError: It is no function, it raised, it returned nothing, or it changed an argument.
    """
    if not callable(function):
        raise ReaderError(f"A function is wanted here, not {function!r}.")
    before = [_remembered(each) for each in arguments]
    try:
        result = function(*arguments)
    except ReaderError:
        raise
    except Exception as problem:
        lines = str(problem).split("\n")
        said = f": {lines[0]}" if lines[0] else ""
        raise ReaderError(f"For {case}, your code stops with {type(problem).__name__}{said}") from None
    if result is None:
        raise ReaderError(f"For {case}, nothing came back: is it not written yet, or does a return miss?")
    if any(was is not None and was != repr(plain(now)) for was, now in zip(before, arguments)):  # noqa: B905
        raise ReaderError(f"For {case}, your code changed what it was given: work on a copy.")
    return result


def _remembered(value: Any) -> str | None:
    """Return the numbers of an argument as text, in which NaN equals itself; nothing for a function."""
    return None if callable(value) else repr(plain(value))


def same(given: Any, wanted: Any, case: str, hint: str, like: Any = None, tolerance: float = 0.0) -> None:
    """Compare every number of an answer.

    Args:
        given: An array, a tensor or nested lists.
        wanted: Nested lists of what it should be.
        case: For which input, in words.
        hint: Where to look if the numbers differ.
        like: What the numbers were computed from: an array that comes back has its type, and errors may be as large as
            its rounding.
        tolerance: Allowed difference relative to the largest number, where the type's own is not enough.

    Raises:
        ReaderError: The shape, the type or any number differs.
    """
    kind = str(getattr(like, "dtype", FLOATS[0]))
    if hasattr(like, "dtype") and hasattr(given, "dtype") and given.dtype != like.dtype:
        raise ReaderError(f"For {case}, the type is {given.dtype}, but {like.dtype} went in: keep it.")
    found = plain(given)
    shape, right = shape_of(found, case), shape_of(wanted)
    if shape != right:
        raise ReaderError(f"For {case}, the shape is {told(shape)}, but {told(right)} is wanted.")
    numbers, targets = flat(found), flat(wanted)
    if any(isinstance(each, bool) or not isinstance(each, (int, float)) for each in numbers):
        raise ReaderError(f"For {case}, something came back that is no number.")
    allowed = (tolerance or (1e-4 if kind.endswith("32") else 1e-9)) * max([1e-3] + [abs(each) for each in targets])
    # not(<=) also catches NaN; zip has no `strict` in MicroPython.
    wrong = sum(not abs(a - b) <= allowed for a, b in zip(numbers, targets))  # noqa: B905
    if wrong:
        raise ReaderError(f"For {case}, {wrong} of {len(targets)} numbers differ: {hint}")


def is_whole(value: Any) -> bool:
    """Whether an answer is a whole number, Python's own or NumPy's."""
    kinds = (int,) if np is None else (int, np.integer)
    return isinstance(value, kinds) and not isinstance(value, bool)


def parts(given: Any, count: int, names: str, case: str) -> Any:
    """Return the parts of an answer that has several.

    Raises:
        ReaderError: It has not as many.
    """
    if not isinstance(given, (tuple, list)) or len(given) != count:
        raise ReaderError(f"For {case}, {names} are wanted, in this order.")
    return given
