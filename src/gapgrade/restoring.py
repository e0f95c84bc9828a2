"""Puts a submission back into the assignment's shape."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from gapgrade.assignments import is_variant
from gapgrade.cells import facts, is_answer
from gapgrade.intake import Submission, names_of

ATTACHED = re.compile(r"attachment:([^\s)\"'>]+)")
"""A picture that lies in its cell, as Markdown and HTML refer to it."""


@dataclass
class _Found:
    """What of a submission belongs to the release, and what is the student's own."""

    known: dict[str, NotebookNode] = field(default_factory=dict)
    """What was made of the release's cells, by name: the first cell that goes by it counts."""
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
        if cell.cell_type == "markdown":
            submission.notes += _without_lost_pictures(cell)
    return result


def _sort(submission: Submission, known: dict[str, NotebookNode]) -> _Found:
    """Tell the release's cells from the student's own."""
    found = _Found()
    behind = ""
    for cell in submission.notebook.cells if submission.notebook is not None else ():
        name = next((name for name in names_of(cell) if name in known), "")
        if name and name not in found.known:
            found.known[name], behind = cell, name
        elif is_variant(cell):
            continue  # the grade draws the numbers from the same id
        elif cell.source.strip():
            # A copy of a known cell, or one of the student's own: it runs where it stands.
            new: Any = new_code_cell if cell.cell_type == "code" else new_markdown_cell
            own = new(cell.source)
            if own.cell_type == "markdown":
                own.attachments = _pictures(cell)
            found.own.setdefault(behind, []).append(own)
    return found


def _restored(given: NotebookNode, found: _Found) -> list[NotebookNode]:
    """Return a cell of the release, filled in if it is an answer, and the student's own cells behind it."""
    cell, extra = copy.deepcopy(given), found.own.get(given.id, [])
    if not is_answer(given) or given.id not in found.known:
        return [cell, *extra]
    mine = found.known[given.id]
    cell.source = mine.source
    if cell.cell_type == "markdown":
        # Words that were written below the cell, instead of in it, are the answer too.
        parts = [mine] if mine.source.strip() != given.source.strip() else []
        parts += [one for one in extra if one.cell_type == "markdown"]
        cell.source, cell.attachments = _joined(parts)
        cell.source = cell.source or given.source
        extra = [one for one in extra if one.cell_type == "code"]
    return [cell, *extra]


def _pictures(cell: NotebookNode) -> NotebookNode:
    """Return a cell's attachments, those that are whole: ``{name: {type: content}}``."""
    given = cell.get("attachments")
    return NotebookNode(
        {
            str(name): content
            for name, content in (given.items() if isinstance(given, dict) else ())
            if isinstance(content, dict) and content and all(isinstance(one, str) for one in content.values())
        }
    )


def _joined(parts: list[NotebookNode]) -> tuple[str, NotebookNode]:
    """Make one text of several cells; pictures that share a name, as pasted ones do, are given names of their own."""
    texts, pictures = [], NotebookNode()
    for number, part in enumerate(parts, start=1):
        text = part.source
        for name, content in _pictures(part).items():
            new = name
            if pictures.get(name, content) != content:
                new = f"{number}-{name}"
                link = f"attachment:{new}".replace("\\", r"\\")
                text = re.sub(f"attachment:{re.escape(name)}(?![^\\s)\"'>])", link, text)
            pictures[new] = content
        texts.append(text)
    return "\n\n".join(texts), pictures


def _without_lost_pictures(cell: NotebookNode) -> list[str]:
    """Leave of a cell's pictures those that are there, and say in its text which is not; return a note for each."""
    lost: list[str] = []

    def there(match: re.Match[str]) -> str:
        name = match[1]
        if name in cell.attachments:
            return match[0]
        if unquote(name) in cell.attachments:
            cell.attachments[name] = cell.attachments[unquote(name)]
            return match[0]
        lost.append(name)
        return f"lost-picture:{name}"

    cell.attachments = _pictures(cell)
    cell.source = ATTACHED.sub(there, cell.source)
    if not cell.attachments:
        del cell["attachments"]
    return [f"the picture {name} is not in the file, only its name" for name in dict.fromkeys(lost)]


def _notes(release: NotebookNode, found: _Found) -> list[str]:
    """Say which cells were put back: those that were missing, and given ones that were changed."""
    missing = [cell.id for cell in release.cells if facts(cell) and cell.id not in found.known]
    changed = [
        cell.id
        for cell in release.cells
        if facts(cell).get("locked") and not is_answer(cell)
        if cell.id in found.known and found.known[cell.id].source.rstrip() != cell.source.rstrip()
    ]
    causes = {"cells that were missing": missing, "given cells that were changed": changed}
    return [f"{cause} and were put back: {', '.join(names)}" for cause, names in causes.items() if names]
