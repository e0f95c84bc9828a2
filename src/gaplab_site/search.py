"""The book's own search: texts for a library in the page, in a script, for no page from the disk may fetch a file."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from bs4 import BeautifulSoup, Tag
from bs4.filter import SoupStrainer
from sphinx.application import Sphinx
from sphinx.builders.html import StandaloneHTMLBuilder

from gaplab_editions import UNTRANSLATED

TEXTS = "search-texts.js"
UNSEEN = (
    "script",
    "style",
    ".headerlink",
    ".katex-mathml",
    ".gaplab-reading",
    f".{UNTRANSLATED}",
    ".gaplab-first.docutils",
    "details.hide > summary",
)
BLOCKS = ("p", "li", "td", "th", "dt", "dd", "figcaption", "caption", "summary", "pre", "div")


class Passage(NamedTuple):
    """A part of a page to which a search can lead: a section, or a question of the interview."""

    page: str
    """The page's address, from the site's root."""
    title: str
    """The page's title."""
    place: str
    """The part's id."""
    heading: str
    text: str
    """All that the part says, less the parts within it."""


def leave_search_to_the_book(app: Sphinx) -> None:
    """Let Sphinx write the page that searches, but no index.

    Its search finds neither numbers nor parts of Chinese text, which has no blanks, and fetches what its results
    quote, which no browser allows from disk.
    """
    if isinstance(app.builder, StandaloneHTMLBuilder):
        app.builder.search = False
        app.config.html_additional_pages["search"] = "search.html"


def read_texts(home: Path, pages: Iterable[Path], known: Mapping[str, list[Passage]]) -> dict[str, list[Passage]]:
    """Read an edition's passages, by page.

    Args:
        home: The edition's folder in the site.
        pages: Its pages.
        known: The passages of the edition from which it is translated, for pages that are not.
    """
    texts = {}
    for page in pages:
        address = page.relative_to(home).as_posix()
        same = address in known and UNTRANSLATED in page.read_text(encoding="utf-8")
        texts[address] = known[address] if same else read_passages(address, page)
    return texts


def write_texts(home: Path, texts: Mapping[str, list[Passage]]) -> None:
    """Write an edition's passages for ``search.js``."""
    passages = list(itertools.chain.from_iterable(texts.values()))
    text = json.dumps(passages, ensure_ascii=False, separators=(",", ":"))
    (home / TEXTS).write_text(f"globalThis.searchTexts = {text};\n", encoding="utf-8")


def read_passages(address: str, page: Path) -> list[Passage]:
    """Read the passages of a built page, in their order."""
    article = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser", parse_only=SoupStrainer("article"))
    for unseen in article.select(", ".join(UNSEEN)):
        unseen.decompose()
    for block in article.find_all(BLOCKS):
        block.append(" ")
    if (top := article.h1) is None:
        return []
    title = _said(top)
    return [Passage(address, title, *rest) for rest in reversed(list(_parts(article)))]


def _parts(article: Tag) -> Iterator[tuple[str, str, str]]:
    """Take the parts out of an article, the inner ones first: id, heading and what is left of each."""
    for part in reversed(article.find_all(("section", "details"), id=True)):
        part.extract()
        head = part.find(("h1", "h2", "h3", "h4", "h5", "h6", "summary"))
        heading = _said(head.extract()) if isinstance(head, Tag) else ""
        yield str(part["id"]), heading, _said(part)


def _said(part: Tag) -> str:
    return " ".join(part.get_text().split())
