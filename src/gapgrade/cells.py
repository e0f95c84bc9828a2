"""What nbgrader's metadata says of a cell."""

from __future__ import annotations

from typing import Any

from nbformat import NotebookNode


def facts(cell: NotebookNode) -> dict[str, Any]:
    """Return a cell's nbgrader metadata; nothing where it has none, or where an editor has spoilt it."""
    found = cell.metadata.get("nbgrader")
    return found if isinstance(found, dict) else {}


def earns_points(cell: NotebookNode) -> bool:
    """Tell whether a cell is a test, or an answer in words."""
    return bool(facts(cell).get("grade"))


def is_answer(cell: NotebookNode) -> bool:
    """Tell whether a student fills a cell in."""
    return bool(facts(cell).get("solution"))


def is_test(cell: NotebookNode) -> bool:
    """Tell whether a cell tests the answer above it."""
    return earns_points(cell) and not is_answer(cell)
