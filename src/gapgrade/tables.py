"""Tables as CSV: written so that every spreadsheet reads them, and read as every spreadsheet writes them."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from gapgrade import CourseworkError

LARGEST = 2**31 - 1
"""Characters of a field; Python's own limit is 131,072, less than a picture has as text."""


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Format rows as CSV; a text that a spreadsheet would run as a formula is made plain text by a mark before it."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([_plain(cell) for cell in row] for row in rows)
    return out.getvalue()


def _plain(cell: object) -> object:
    runs = isinstance(cell, str) and cell.startswith(tuple("=+-@\t\r")) and cell != "-"
    return f"'{cell}" if runs else cell


def for_spreadsheets(text: str) -> bytes:
    """Encode a table so that Excel sees UTF-8: with a mark before it."""
    return codecs.BOM_UTF8 + text.encode()


def read_csv(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Read a table that a spreadsheet has saved: commas, semicolons or tabs; UTF-8, UTF-16 or Windows' letters.

    Args:
        path: The file.
        columns: Columns that it has to have; others are read too.

    Raises:
        CourseworkError: A column is missing.
    """
    text = _decoded(path.read_bytes())
    start, _, rest = text.partition("\n")
    if start.strip().strip('"').lower().startswith("sep="):
        text = rest
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    csv.field_size_limit(LARGEST)
    rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, restval=""))
    have = {name.strip() for name in (rows[0] if rows else next(csv.reader([head], delimiter=delimiter), [])) if name}
    if missing := [name for name in columns if name not in have]:
        raise CourseworkError(f"{path.name} has no column {', '.join(missing)}: it has {', '.join(sorted(have))}.")
    return [{name.strip(): value or "" for name, value in row.items() if name} for row in rows]


def _decoded(content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def read_ids(path: Path) -> list[str]:
    """Read the first column of a table of students, whose first row is the columns' names.

    Raises:
        CourseworkError: There is no such file, or it names nobody.
    """
    if not path.is_file():
        raise CourseworkError(f"There is no file called {path}.")
    rows = read_csv(path, [])
    found = [next(iter(row.values())).strip() for row in rows]
    if not any(found):
        raise CourseworkError(f"{path} names nobody: below a row of names, the first column has to hold the ids.")
    return [one for one in dict.fromkeys(found) if one]
