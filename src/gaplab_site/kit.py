"""The interview's pages in one file that needs nothing else: to send to oneself, and open in the train."""

from __future__ import annotations

import base64
import json
import posixpath
import re
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from bs4 import BeautifulSoup
from bs4.filter import SoupStrainer
from docutils import nodes
from sphinx.application import Sphinx

from gaplab_editions import KIT_FILE as FILE
from gaplab_site.doctrees import put_under_title
from gaplab_site.styles import SHEET

LEFT_OUT = ("interview/index", "interview/whiteboard")
"""The list of what the file holds, and the page whose judge and notebook are no part of a file."""
OFFERED = ("interview/index", "interview/say_aloud", "interview/mock")
THEME = """
const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => { document.documentElement.dataset.theme = dark.matches ? "dark" : "light"; };
dark.addEventListener("change", follow);
follow();
"""
"""What the theme's scripts do on the site's pages: the colours are those that the reader's system asks for."""


def offer_kit(app: Sphinx, doctree: nodes.document) -> None:
    """Put a link to the file under the titles of the pages that are practised most."""
    if app.env.docname in OFFERED:
        link = f'<a href="{posixpath.basename(FILE)}" download>One file with all questions and the mock interview</a>'
        put_under_title(doctree, f"{link}, to send to yourself: it opens without a network.")


def words(title: str) -> dict[str, str]:
    """Return what the file says of itself.

    Args:
        title: The book's title.
    """
    return {
        "language": "en",
        "title": f"The interview, from “{title}”",
        "description": "All interview questions, lines to say and the mock interview in one file.",
        "contents": "Contents",
    }


def write_kit(site: Path, home: Path, documents: list[str], said: Mapping[str, str], base: str) -> None:
    """Join pages to one file, with style, fonts and widgets in it.

    Args:
        site: The folder of the built site.
        home: The folder in it of the edition whose pages are joined.
        documents: The pages' names, in their order, such as ``interview/mock``.
        said: What the file says of itself, as `words` has it.
        base: The address of the published site, to which links to other pages lead, or nothing: then they are text.
    """
    articles = [_article(home, name, _links(documents, name, base)) for name in documents]
    entries = "".join(
        f'<li><a href="#{_place(name)}">{escape(head)}</a></li>'
        for name, (head, _) in zip(documents, articles, strict=True)
    )
    head = escape(said["title"])
    (home / FILE).write_text(
        f'<!DOCTYPE html>\n<html lang="{said["language"]}" data-theme="light"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="description" content="{escape(said["description"])}">'
        '<link rel="icon" href="data:,">'  # none: else a browser asks the server for one
        f"<title>{head}</title><script>{THEME}{_script(site)}</script><style>{_style(site)}</style></head>\n"
        f'<body><main class="bd-main"><div class="bd-content"><div class="bd-article-container">'
        f'<article class="bd-article"><nav aria-label="{escape(said["contents"])}"><p>{head}</p>'
        f"<ul>{entries}</ul></nav>\n"
        f"{''.join(text for _, text in articles)}</article>"
        "</div></div></main></body></html>\n",
        encoding="utf-8",
    )


def _place(name: str, fragment: str = "") -> str:
    """Return a place's id in the file: a question's own, which is the only one of its name, else with the page's."""
    stem = posixpath.basename(name)
    return fragment if fragment.startswith("q-") else f"{stem}-{fragment}" if fragment else stem


def _links(documents: list[str], name: str, base: str) -> Callable[[str], str]:
    """Make the function that says where a page's link leads in the file: nowhere, if it returns nothing."""

    def lead(link: str) -> str:
        parts = urlsplit(link)
        if parts.scheme:
            return link
        path = posixpath.normpath(posixpath.join(posixpath.dirname(name), parts.path)) if parts.path else f"{name}.html"
        if (document := path.removesuffix(".html")) in documents:
            return f"#{_place(document, parts.fragment)}"
        return urljoin(base, path) + (f"#{parts.fragment}" if parts.fragment else "") if base else ""

    return lead


def _article(home: Path, name: str, lead: Callable[[str], str]) -> tuple[str, str]:
    """Return a page's title and its text, with ids and links as they are in the file."""
    text = (home / f"{name}.html").read_text(encoding="utf-8")
    article = BeautifulSoup(text, "html.parser", parse_only=SoupStrainer("article")).article
    assert article is not None
    assert article.h1 is not None
    for gone in article.select(".headerlink, .gaplab-reading"):
        gone.decompose()
    for placed in article.find_all(id=True):
        placed["id"] = _place(name, str(placed["id"]))
    for link in article.find_all("a", href=True):
        if target := lead(str(link["href"])):
            link["href"] = target
        else:
            link.unwrap()
    for script in article.find_all("script", type="application/json"):
        payload = json.loads(script.string or "{}", object_hook=lambda part: _led(part, lead))
        script.string = json.dumps(payload, ensure_ascii=False).replace("</", "<\\/")
    return article.h1.get_text(), f'<div id="{_place(name)}">{article.decode_contents()}</div>'


def _led(part: dict[str, Any], lead: Callable[[str], str]) -> dict[str, Any]:
    """Lead the links in a widget's state to their places in the file."""
    return part | {key: lead(part[key]) for key in ("href", "proof") if isinstance(part.get(key), str)}


def _script(site: Path) -> str:
    """Return the script with which the keyboard reaches what scrolls."""
    return (site / "_static" / "scrolling.js").read_text(encoding="utf-8")


def _style(site: Path) -> str:
    """Return the site's style sheet with its fonts in it."""
    sheet = site / SHEET

    def held(address: re.Match[str]) -> str:
        content = base64.b64encode((sheet.parent / address[1]).read_bytes()).decode()
        return f"url(data:font/woff2;base64,{content})"

    text = re.sub(r"url\(([\w/-]+\.woff2)\)", held, sheet.read_text(encoding="utf-8"))
    return re.sub(r"url\((?![\"']?data:)[^)]*\)", "none", text)  # icons of lists that the file does not have
