"""How a Chinese text is set: what stays together on its line, and which part of an emphasised text bears dots."""

from __future__ import annotations

import re

from bs4 import BeautifulSoup
from bs4.element import NavigableString, Tag

WHOLE = "gaplab-whole"
"""The class of what holds a formula or a verdict, and the signs beside it."""
LATIN = "gaplab-latin"
"""The class of what is not Chinese in an emphasised text."""
OPENING = re.compile(r"[（《“]+$")
CLOSING = re.compile(r"[。，、；：？！）》”…]+|[ \N{NO-BREAK SPACE}]?%")
LETTERS = "[!-~\N{LATIN CAPITAL LETTER A WITH GRAVE}-\N{GREEK SMALL LETTER OMEGA}]+"
FOREIGN = re.compile(rf"({LETTERS}(?: {LETTERS})*)")
UNDOTTED = ("code", "a", "svg")


def set_chinese(body: BeautifulSoup) -> None:
    """Set a page's text."""
    for apart in body.select("span.math, .gaplab-verdict"):
        _keep_together(apart, body)
    for emphasised in body.find_all("em"):
        if not emphasised.find_parent(class_="citation"):
            for text in [text for text in emphasised.find_all(string=FOREIGN) if not _undotted(text)]:
                _mark_foreign(text, body)


def _keep_together(apart: Tag, soup: BeautifulSoup) -> None:
    """Hold an element and the signs beside it in another: browsers break lines beside what is a block in a line."""
    before, after = apart.previous_sibling, apart.next_sibling
    opening = OPENING.search(before) if isinstance(before, NavigableString) else None
    closing = CLOSING.match(after) if isinstance(after, NavigableString) else None
    if not (opening or closing):
        return
    whole = apart.wrap(soup.new_tag("span", attrs={"class": WHOLE}))
    if opening:
        assert isinstance(before, NavigableString)
        whole.insert(0, NavigableString(opening[0]))
        before.replace_with(NavigableString(before[: opening.start()]))
    if closing:
        assert isinstance(after, NavigableString)
        whole.append(NavigableString(closing[0]))
        after.replace_with(NavigableString(after[closing.end() :]))


def _undotted(text: NavigableString) -> bool:
    return text.find_parent(UNDOTTED) is not None or text.find_parent(class_="math") is not None


def _mark_foreign(text: NavigableString, soup: BeautifulSoup) -> None:
    """Mark the letters and numbers in a text, for dots stand under Chinese alone."""
    parts: list[NavigableString | Tag] = []
    for part in filter(None, FOREIGN.split(text)):
        if FOREIGN.fullmatch(part):
            parts.append(soup.new_tag("span", attrs={"class": LATIN}, string=part))
        else:
            parts.append(NavigableString(part))
    text.replace_with(*parts)
