"""HTML that the book shows: tables, folded answers, and the one way to display them beside their plain text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from IPython.display import display


def show(html: str, plain: str, **others: Any) -> None:
    """Display HTML, for the page and JupyterLab, and the same in plain text; ``others`` are further MIME types."""
    display_raw({**others, "text/html": html, "text/plain": plain})


def display_raw(bundle: dict[str, Any], **metadata: Any) -> None:
    """Display a bundle of MIME types as it stands."""
    display(bundle, raw=True, metadata=metadata)  # type: ignore[no-untyped-call]


def table(kind: str, columns: Iterable[str], rows: Iterable[str], caption: str = "") -> str:
    """Write a table.

    Args:
        kind: Its class in the style sheet.
        columns: Headers, as HTML.
        rows: From `row`.
        caption: As HTML; none if empty.
    """
    head = "".join(f'<th scope="col">{name}</th>' for name in columns)
    above = f"<caption>{caption}</caption>" if caption else ""
    return f'<table class="{kind}">{above}<thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'


def row(name: str, *cells: str) -> str:
    """Write a row that begins with its name, all as HTML."""
    return f'<tr><th scope="row">{name}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def fold(summary: str, body: str, name: str = "") -> str:
    """Write an answer that unfolds on a click.

    Args:
        summary: What is seen first, as HTML.
        body: What unfolds, as HTML.
        name: An id to link to, if any.
    """
    named = f' id="{name}"' if name else ""
    return f'<details class="gaplab-answer"{named}><summary>{summary}</summary>{body}</details>'
