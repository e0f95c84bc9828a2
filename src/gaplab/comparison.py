"""How an executed notebook is compared with the stored one: a pytest plug-in beside nbval (``-p gaplab.comparison``).

nbval compares every output strictly. Before it does, a *measured* number that moved by one unit of its last printed
digit is set back to the stored one, for processors round differently. What is measured shows where it is printed: in
chapters 1 to 5, a number that has decimals, or a percent sign behind it. Whole numbers (parameters, shapes, seeds) are
exact, and so are words, order, signs, the count of decimals, markup, all of a cell tagged ``exact``, and every other
page, for those repeat what the chapters stored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from nbformat import NotebookNode
from nbval.plugin import IPyNbCell

from gaplab.claims import VERDICT_MIME, Verdict
from gaplab.conditions import KERNEL, PROCESSORS

EXACT = "exact"
"""Tag of a cell whose decimals are counted and not measured."""
TOLERANCE = 1
"""Units of the last printed digit by which a measured number may differ."""
MEASURING = re.compile(r"0[1-5]_")
"""How the names of notebooks begin that measure."""

MARKUP = re.compile(r"(<style.*?</style>|<script(?! type=.application/json).*?</script>|</?[a-z][^>]*>)", re.DOTALL)
MEASURED = re.compile(
    r"""(?<![\w.])                        # not inside of a name, an address or a version
    ( (?:\d{1,3}(?:,\d{3})+|\d+)          # thousands may be separated
      (?: \.\d+(?:e[-+]\d+)? | (?=\s?%) ) # decimals, or a percent sign behind a whole number
    )(?!\.?\w)                            # no length such as 0.5rem
    """,
    re.VERBOSE,
)


def moves(stored: str, fresh: str) -> list[tuple[str, str, Decimal]] | None:
    """List the measured numbers that differ, each with the units of its last printed digit by which it does.

    Returns:
        ``(stored, fresh, units)`` for each; units are infinite where the count of decimals differs. ``None`` if
        anything else than measured numbers differs.
    """
    (before, old_numbers), (after, new_numbers) = _parts(stored), _parts(fresh)
    if before != after:
        return None
    return [(old, new, _units(old, new)) for old, new in zip(old_numbers, new_numbers, strict=True) if old != new]


def _parts(text: str) -> tuple[list[str], list[str]]:
    """Take a text apart into what must be equal and measured numbers."""
    exact, numbers = [], []
    # Split by a pattern with one group, text and what it found take turns.
    for place, piece in enumerate(MARKUP.split(text)):
        around, found = ([piece], []) if place % 2 else (MEASURED.split(piece)[::2], MEASURED.findall(piece))
        exact += around
        numbers += found
    return exact, numbers


def _units(old: str, new: str) -> Decimal:
    (first, places), (second, others) = (_value(text) for text in (old, new))
    return abs(first - second).scaleb(-places[0]) if places == others else Decimal("Infinity")


def _value(text: str) -> tuple[Decimal, tuple[int, str, bool]]:
    """Return a number and how it is written: the place of its last digit, its exponent, and marks of thousands."""
    number = Decimal(text.replace(",", ""))
    return number, (int(number.as_tuple().exponent), text.partition("e")[2], "," in text or number < 1000)


def settle(stored: Any, fresh: Any, moved: list[str]) -> Any:
    """Set measured numbers of a fresh output back to the stored ones, where all of them are near enough.

    Args:
        stored: The output in the notebook: text, or JSON data that holds texts.
        fresh: The output of this run.
        moved: A line is added for each number that differs, near or not.
    """
    if isinstance(stored, dict) and isinstance(fresh, dict):
        return NotebookNode({key: settle(stored.get(key), value, moved) for key, value in fresh.items()})
    if not isinstance(stored, str) or not isinstance(fresh, str):
        return fresh
    found = moves(stored, fresh) or []
    moved += [f"{old} is {new} here, {units} unit{'s' * (units != 1)} away" for old, new, units in found]
    return stored if found and all(units <= TOLERANCE for _, _, units in found) else fresh


def _printed(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Write the number of a verdict's record as the book prints it; all else of a record is exact."""
    printed = []
    for output in outputs:
        data = output.get("data", {})
        if VERDICT_MIME in data:
            record = data[VERDICT_MIME]
            record = {**record, "value": Verdict.from_json(record).number, "spread": record["spread"] > 0}
            output = NotebookNode({**output, "data": NotebookNode({**data, VERDICT_MIME: record})})
        printed.append(output)
    return printed


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--processor``."""
    said = "execute notebooks as this processor would"
    parser.addoption("--processor", choices=list(PROCESSORS), default="native", help=f"{said} (default: %(default)s)")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let a notebook's cell settle its measured numbers before nbval compares it."""
    if not isinstance(item, IPyNbCell) or not MEASURING.match(item.path.name):
        return
    if EXACT in item.cell.metadata.get("tags", []):
        return
    strictly = item.compare_outputs

    def compare(fresh: list[NotebookNode], stored: list[NotebookNode]) -> bool:
        fresh, stored = _printed(fresh), _printed(stored)
        moved: list[str] = []
        settled = [settle(old, new, moved) for old, new in zip(stored, fresh, strict=False)]
        item.user_properties += [("moved", f"{item.cell.get('id', item.name)}: {line}") for line in moved]
        return bool(strictly(settled + fresh[len(stored) :], stored))

    item.compare_outputs = compare


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """Start a notebook's kernel under the conditions of the render step, but as the chosen processor."""
    with pytest.MonkeyPatch.context() as patch:
        if isinstance(item, IPyNbCell):
            for name, value in (KERNEL | PROCESSORS[item.config.option.processor]).items():
                patch.setenv(name, value)
        yield


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print every number that moved."""
    reports = [report for group in terminalreporter.stats.values() for report in group if hasattr(report, "nodeid")]
    lines = {
        f"{report.nodeid.partition('::')[0]} {text}": None
        for report in reports
        for key, text in getattr(report, "user_properties", ())
        if key == "moved"
    }
    if lines:
        terminalreporter.section("measured numbers that moved")
        for line in lines:
            terminalreporter.write_line(line)
