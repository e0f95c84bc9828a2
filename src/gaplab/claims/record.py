"""The claims on trial, and the record of what was measured about each of them."""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import statistics
import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from gaplab.errors import ReaderError, unknown_name

VERDICT_MIME = "application/vnd.gaplab.verdict+json"

HOLDS = "holds"
CAVEATS = "holds with caveats"
FAILS = "does not hold as stated"
# A mark beside each verdict, so that it does not rest on colour alone.
MARKS = {HOLDS: "●", CAVEATS: "◐", FAILS: "○"}


@dataclasses.dataclass(frozen=True)
class Claim:
    """One factual claim of the article: its id, the chapter that tries it, its words, and their sense in English.

    Where ``remember`` is true, its number is the one to keep in mind of the chapter.
    """

    id: str
    chapter: int
    zh: str
    en: str
    remember: bool = False


@functools.cache
def claims() -> dict[str, Claim]:
    """Return every claim by id, in the article's order."""
    text = resources.files("gaplab").joinpath("assets/claims.toml").read_text(encoding="utf-8")
    return {id_: Claim(id=id_, **fields) for id_, fields in tomllib.loads(text).items()}


def claim(id_: str) -> Claim:
    """Look up one claim.

    Raises:
        ReaderError: No claim has that id.
    """
    if id_ not in claims():
        raise unknown_name("claim", id_, claims())
    return claims()[id_]


def remembered(chapter: int) -> Claim:
    """Return the claim whose number is the one to keep in mind of a chapter, 1 to 6."""
    (found,) = (c for c in claims().values() if c.chapter == chapter and c.remember)
    return found


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What was measured about a claim, and what follows.

    Attributes:
        claim: The claim's id.
        verdict: One of :data:`HOLDS`, :data:`CAVEATS`, :data:`FAILS`.
        value: The measured number that decides, rounded as it is printed.
        unit: What the number counts, in words that can follow it.
        spread: Sample standard deviation over seeds, in the same unit, rounded alike; 0 for an exact count.
        seeds: The seeds behind the value; empty for an exact count.
        stands_if: The interval that ``value`` plus or minus ``spread`` must lie in for the verdict to stand.
        because: One sentence that ties the number to the verdict.
        cell: The name of the notebook cell that shows the number.
    """

    claim: str
    verdict: str
    value: float
    unit: str
    spread: float
    seeds: tuple[int, ...]
    stands_if: tuple[float, float]
    because: str
    cell: str

    def __post_init__(self) -> None:
        """Round value and spread, for the digits behind the printed ones differ between processors."""
        for name, number in zip(("value", "spread"), rounded(self.value, self.spread), strict=True):
            object.__setattr__(self, name, number)

    @property
    def number(self) -> str:
        """The value, and its spread if there are seeds, as the book prints them."""
        digits = decimals(self.value, self.spread)
        value, spread = (f"{number:,.{digits}f}" for number in (self.value, self.spread))
        return f"{value} ± {spread}" if self.seeds else value

    @property
    def quantity(self) -> str:
        """The number with its unit."""
        return f"{self.number} {self.unit}"

    @property
    def measured(self) -> str:
        """The number with its unit and seeds, as the book prints it."""
        seeds = f" ({len(self.seeds)} seeds)" if self.seeds else ""
        return f"{self.quantity}{seeds}"

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON-ready data (an unbounded side of the interval is ``None``)."""
        data = dataclasses.asdict(self)
        data["seeds"] = list(self.seeds)
        data["stands_if"] = [bound if math.isfinite(bound) else None for bound in self.stands_if]
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Verdict:
        """Read a record back."""
        low, high = data["stands_if"]
        bounds = (-math.inf if low is None else low, math.inf if high is None else high)
        return cls(**{**data, "seeds": tuple(data["seeds"]), "stands_if": bounds})


def decimals(value: float, spread: float) -> int:
    """Return how many decimals the book prints.

    A whole number without a spread has none, another one three significant digits. With a spread, two digits of the
    spread are shown, or one where the value would have over three.
    """
    if not spread:
        return 0 if float(value).is_integer() else max(0, _decimals_of(value, 3))
    fewest, most = _decimals_of(spread, 1), _decimals_of(spread, 2)
    return max(0, fewest, min(most, _decimals_of(max(abs(value), spread), 3)))


def _decimals_of(number: float, digits: int) -> int:
    """Return the decimals that show so many significant digits of a number; negative before the point."""
    return digits - 1 - int(f"{number:e}".partition("e")[2])


def rounded(value: float, spread: float) -> tuple[float, float]:
    """Round value and spread to the decimals that the book prints, so that rounding once more changes nothing."""
    digits = decimals(value, spread)
    again = round(value, digits) + 0.0, round(spread, digits) + 0.0  # + 0.0 makes -0.0 plain
    # Rounded up to a power of ten, a number has a digit more than is printed.
    return again if again == (value, spread) else rounded(*again)


def mean_spread(values: Iterable[float], digits: int = 1) -> str:
    """Write measurements over seeds as their mean and sample standard deviation, for example ``75.3 ± 1.2``."""
    numbers = [float(value) for value in values]
    return f"{statistics.fmean(numbers):.{digits}f} ± {statistics.stdev(numbers):.{digits}f}"


def gather(notebooks: Iterable[Path]) -> dict[str, Verdict]:
    """Collect every verdict that executed notebooks hold, by claim id in the article's order.

    Args:
        notebooks: Paths of executed ``.ipynb`` files.

    Raises:
        ReaderError: A notebook is missing, a claim is recorded twice, an id is unknown, or a chapter (its file's name
            begins with its number, as in ``02_...``) lacks a verdict on one of its claims.
    """
    found: dict[str, Verdict] = {}
    for path in notebooks:
        try:
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        except FileNotFoundError:
            raise ReaderError(f"{path.name} is missing: run `nox -s render -- {path.stem}`.") from None
        for cell in cells:
            for output in cell.get("outputs", []):
                data = output.get("data", {}).get(VERDICT_MIME)
                if data is None:
                    continue
                entry = Verdict.from_json(data)
                claim(entry.claim)
                if entry.claim in found:
                    raise ReaderError(f"Claim {entry.claim} is recorded twice, the second time in {path.name}.")
                found[entry.claim] = entry
        missing = [c.id for c in claims().values() if path.name.startswith(f"{c.chapter:02}_") and c.id not in found]
        if missing:
            raise ReaderError(
                f"{path.name} holds no verdict on {', '.join(missing)}, for its outputs were cleared or its run was "
                "cut short: run all of its cells, save it, and run this page again."
            )
    return {id_: found[id_] for id_ in claims() if id_ in found}
