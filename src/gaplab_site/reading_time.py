"""A chapter tells how long it takes to read."""

from __future__ import annotations

import math
import re

from docutils import nodes
from sphinx.application import Sphinx

from gaplab_site.doctrees import chapter_of, lies_in, put_under_title

WORDS_A_MINUTE, SECONDS_A_FIGURE, SECONDS_A_WIDGET = 200, 20, 60

FURTHER = ("Further evidence", "Exercises", "Sources", "What was shown")
"""How the titles of sections begin that a reader in a hurry may pass over."""

UNREAD = (nodes.literal, nodes.literal_block, nodes.raw)
"""Code, and markup, which is counted apart."""


def tell_reading_time(app: Sphinx, doctree: nodes.document) -> None:
    """Put under a chapter's title how long it takes to read: its spine, and the whole with all further evidence."""
    if not chapter_of(app.env.docname):
        return
    whole = seconds_to_read(doctree)
    sections = [part for part in doctree.findall(nodes.section) if part[0].astext().startswith(FURTHER)]
    said = f"{_minutes(whole)} minutes to read"
    if any(section[0].astext().startswith(FURTHER[0]) for section in sections):
        spine = round((whole - sum(map(seconds_to_read, sections))) / 60)
        said = f"{spine} minutes to read, {_minutes(whole)} with all further evidence"
    put_under_title(doctree, said)


def _minutes(seconds: float) -> int:
    """Return whole minutes, five by five: nobody reads by the second."""
    return 5 * math.ceil(seconds / 300)


def seconds_to_read(part: nodes.Element) -> float:
    """Return how long text, figures and widgets take; code and long folded tables are not counted."""
    markup = [text.astext() for text in part.findall(nodes.raw)]
    widgets = [html for html in markup if "data-widget=" in html]
    folded = re.compile(r"(?s)<details(?! class=.gaplab-answer).*?</details>|<[^>]+>")
    tables = [folded.sub(" ", html) for html in markup if html not in widgets]
    prose = [text for text in part.findall(nodes.Text) if not lies_in(text, UNREAD)]
    words = sum(len(text.split()) for text in [*prose, *tables])
    figures = sum(1 for _ in part.findall(nodes.image))
    return 60 * words / WORDS_A_MINUTE + SECONDS_A_FIGURE * figures + SECONDS_A_WIDGET * len(widgets)
