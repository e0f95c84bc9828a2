"""Puts a submission back into the assignment's shape."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from gapgrade.cells import facts, is_answer
from gapgrade.intake import Submission, names_of


@dataclass
class _Found:
    """What of a submission belongs to the release, and what is the student's own."""

    texts: dict[str, str] = field(default_factory=dict)
    """Texts of the release's cells, by name: the first cell that goes by it counts."""
    own: dict[str, list[NotebookNode]] = field(default_factory=dict)
    """The student's own cells, by the name of the known cell that they followed; nothing for those before the first."""


def restore(release: NotebookNode, submission: Submission) -> NotebookNode:
    """Put a submission back into the assignment's shape: the release's cells in their order, the student's answers.

    Given cells and tests are the release's. A student's own cells stay behind the cell that they followed. What was
    edited, deleted, moved or copied costs nothing by that. A submission that cannot be read becomes the untouched
    release.

    Returns:
        The notebook to grade. Notes on what was put back are added to the submission.
    """
    known = {cell.id: cell for cell in release.cells}
    found = _sort(submission, known)
    result = NotebookNode(copy.deepcopy(release), cells=found.own.get("", []))
    for given in release.cells:
        result.cells += _restored(given, found)
    if submission.notebook is None:
        note = "**Nothing could be graded.** " + "; ".join(submission.notes) + "."
        result.cells.insert(0, new_markdown_cell(note))
    else:
        submission.notes += _notes(release, found)
    for position, cell in enumerate(result.cells):
        if cell.id not in known:
            cell.id = f"own-{position:03d}"
    return result


def _sort(submission: Submission, known: dict[str, NotebookNode]) -> _Found:
    """Tell the release's cells from the student's own."""
    found = _Found()
    behind = ""
    for cell in submission.notebook.cells if submission.notebook is not None else ():
        name = next((name for name in names_of(cell) if name in known), "")
        if name and name not in found.texts:
            found.texts[name], behind = cell.source, name
        elif cell.source.strip():
            # A copy of a known cell, or one of the student's own: it runs where it stands.
            new: Any = new_code_cell if cell.cell_type == "code" else new_markdown_cell
            found.own.setdefault(behind, []).append(new(cell.source))
    return found


def _restored(given: NotebookNode, found: _Found) -> list[NotebookNode]:
    """Return a cell of the release, filled in if it is an answer, and the student's own cells behind it."""
    cell, extra = copy.deepcopy(given), found.own.get(given.id, [])
    if not is_answer(given) or given.id not in found.texts:
        return [cell, *extra]
    cell.source = found.texts[given.id]
    if cell.cell_type == "markdown":
        # Words that were written below the cell, instead of in it, are the answer too.
        texts = [cell.source] if cell.source.strip() != given.source.strip() else []
        texts += [one.source for one in extra if one.cell_type == "markdown"]
        cell.source = "\n\n".join(texts) or given.source
        extra = [one for one in extra if one.cell_type == "code"]
    return [cell, *extra]


def _notes(release: NotebookNode, found: _Found) -> list[str]:
    """Say which cells were put back: those that were missing, and given ones that were changed."""
    missing = [cell.id for cell in release.cells if facts(cell) and cell.id not in found.texts]
    changed = [
        cell.id
        for cell in release.cells
        if facts(cell).get("locked") and not is_answer(cell)
        if cell.id in found.texts and found.texts[cell.id].rstrip() != cell.source.rstrip()
    ]
    causes = {"cells that were missing": missing, "given cells that were changed": changed}
    return [f"{cause} and were put back: {', '.join(names)}" for cause, names in causes.items() if names]
