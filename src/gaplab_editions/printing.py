"""An edition on one page for a browser to print, and the problem sets as handouts: ``nox -s pdf``.

``python -m gaplab_editions.printing SITE FOLDER`` writes ``book-en.html``, ``book-zh.html`` and ``problem-sets.html``.
"""

from __future__ import annotations

import argparse
import html
import posixpath
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from bs4 import BeautifulSoup, Tag

from gaplab_editions import LANGUAGE, epub

STYLE = (
    epub.STYLE
    + """
@page { size: A4; margin: 20mm 16mm 18mm; @bottom-center { content: counter(page); font-size: 9pt; color: #555; } }
body { font: 10pt/1.45 "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", system-ui, sans-serif; color: #111; }
section.page { break-before: page; } .title { margin-top: 35vh; font-size: 24pt; text-align: center; }
.contents p { font-weight: 600; margin-bottom: 0; } .contents ul { margin-top: .2em; list-style: none; }
a { color: inherit; text-decoration-color: #999; } p { orphans: 3; widows: 3; }
figure { break-before: avoid; } figure img { max-height: 115mm; object-fit: contain; }
.room { border: 1px solid #999; height: 70mm; margin: .6em 0 1.2em; break-inside: avoid; }
"""
)
TO_DO = "raise NotImplementedError"
"""What stands in a problem set where students write."""


def page_to_print(home: Path, pages: Sequence[tuple[str, str]], title: str, language: str, room: bool = False) -> str:
    """Return pages of an edition as one, with a title, contents, and running heads.

    Args:
        home: The edition's folder in the site.
        pages: Addresses, with their titles; an address that is empty makes a caption of its title.
        title: What stands on the front.
        language: As pages name it.
        room: Whether to leave room for writing behind code that is to be completed.
    """
    bodies = {page: epub.read_article(home / page) for page, _ in pages if page}
    ids = {page: {str(tag["id"]) for tag in body.find_all(id=True)} for page, body in bodies.items()}
    sections, heads = [], []
    for number, (page, body) in enumerate(bodies.items()):
        _lead(body, page, ids)
        for image, path in epub.pictures(body, page, home):
            image["src"] = path.as_uri()
        if room:
            _leave_room(body)
        head = re.sub(r'["\\\n]', " ", body.h1.get_text(strip=True) if body.h1 else title)
        # A named page for each section, since that is how a running head knows where it is.
        heads.append(
            f'@page s{number} {{ @top-center {{ content: "{head}"; font-size: 9pt; color: #555; }} }}'
            f" #{_slug(page)} {{ page: s{number}; }}"
        )
        sections.append(f'<section class="page" id="{_slug(page)}">{body.decode(formatter="minimal")}</section>')
    listed = "".join(
        f'<li><a href="#{_slug(page)}">{html.escape(words)}</a></li>'
        if page
        else f"</ul><p>{html.escape(words)}</p><ul>"
        for page, words in pages
    )
    return (
        f'<!DOCTYPE html>\n<html lang="{language}"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f'<style>{STYLE}{"".join(heads)}</style></head><body><p class="title">{html.escape(title)}</p>'
        f'<section class="page contents"><ul>{listed}</ul></section>{"".join(sections)}</body></html>\n'
    )


def _slug(page: str, anchor: str = "") -> str:
    return "-".join(filter(None, ("p", re.sub(r"\W+", "-", page.removesuffix(".html")), anchor)))


def _lead(body: Tag, page: str, ids: dict[str, set[str]]) -> None:
    """Lead links to their places on the one page, and give each id its page's name, for pages share some."""
    here = posixpath.dirname(page)
    for link in body.find_all("a", href=True):
        path, _, anchor = str(link["href"]).partition("#")
        if re.match(r"https?:|mailto:", path):
            continue
        target = posixpath.normpath(posixpath.join(here, path)) if path else page
        if target in ids:
            link["href"] = f"#{_slug(target, anchor if anchor in ids[target] else '')}"
        else:
            link.unwrap()
    for tag in body.find_all(id=True):
        tag["id"] = _slug(page, str(tag["id"]))


def _leave_room(body: Tag) -> None:
    """Leave room for writing behind code that students complete."""
    soup = BeautifulSoup("", "html.parser")
    for code in body.find_all("pre"):
        if TO_DO in code.get_text():
            code.insert_after(soup.new_tag("div", attrs={"class": "room"}))


def main(arguments: list[str] | None = None) -> int:
    """Write the pages to print."""
    parser = argparse.ArgumentParser(
        prog="python -m gaplab_editions.printing", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("site", type=Path)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    homes = {"en": options.site, LANGUAGE: options.site / LANGUAGE}
    for language, home in homes.items():
        if not home.is_dir():
            continue
        title, parts = epub.read_parts(home)
        kept = [
            (part.caption, [each for each in part.pages if not epub.APART.match(each[0].removesuffix(".html"))])
            for part in parts
        ]
        pages = [each for caption, some in kept if some for each in ([("", caption)] if caption else []) + some]
        text = page_to_print(home, pages, title, language)
        (options.folder / f"book-{language}.html").write_text(text, encoding="utf-8")
    title, parts = epub.read_parts(options.site)
    sets = [each for part in parts for each in part.pages if re.match(r"coursework/ps\d", each[0])]
    if sets:
        text = page_to_print(options.site, sets, f"{title}: problem sets", "en", room=True)
        (options.folder / "problem-sets.html").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
