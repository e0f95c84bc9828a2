"""A chapter begins with its answer, in the words and numbers in which it stands further down."""

from __future__ import annotations

import html
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from gaplab import claims
from gaplab_site.doctrees import chapter_of, put_below

SPOKEN = "In 30 seconds."
"""How the paragraph begins that a chapter says, as a cell's output, in its section on the interview."""


def answer_first(app: Sphinx, doctree: nodes.document) -> None:
    """Put under a chapter's title its verdicts, what to say in half a minute, and one number with its proof.

    Raises:
        ExtensionError: The chapter does not say what to answer, or the cell that says it was not executed.
    """
    page = app.env.docname
    if not (chapter := chapter_of(page)):
        return
    paragraphs = doctree.findall(nodes.paragraph)
    answer = next((part for part in paragraphs if part.astext().startswith(SPOKEN)), None)
    if answer is None:
        raise ExtensionError(f"{page}: no paragraph begins with {SPOKEN!r}: render the chapter again.")
    verdicts = claims.gather([Path(app.srcdir) / f"{page}.ipynb"])
    claim = claims.remembered(chapter)
    entry = verdicts[claim.id]
    standing = f'<p><a href="#verdicts">{len(verdicts)} claims</a>: {claims.standing(verdicts.values())}.</p>\n'
    share = " %" if entry.unit.startswith("%") else ""
    rest = html.escape(entry.measured.removeprefix(entry.number + share))
    number = (
        f"<p>“{html.escape(claim.en)}” {claims.label(entry.verdict, ':')} <b>{entry.number}{share}</b>{rest}.</p>\n"
        f'<p><a href="#{entry.cell}">How it was measured</a> · '
        '<a href="#say-it-in-the-interview">Say it in two minutes</a></p>\n'
    )
    parts = (nodes.raw("", standing, format="html"), answer.deepcopy(), nodes.raw("", number, format="html"))
    put_below(doctree, nodes.container("", *parts, classes=["gaplab-first"]))
