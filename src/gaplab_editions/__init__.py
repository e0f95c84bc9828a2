"""Editions of the book, made of its built English pages: the same outputs, numbers and places.

In another language:

- `messages`: a sentence as a message, whose numbers are slots, and what a translation must keep.
- `markup`, `scripts`: the words of a page, and of the widgets' modules, as messages, and back.
- `setting`: a Chinese text's lines and its emphasis.
- `catalogues`: the translations, one ``.po`` file a page, and the gate that holds them to the English.
- `pages`: an edition's pages. One that ``edition.toml`` does not list as translated stays English, and says so.
- ``python -m gaplab_editions``, which is ``nox -s translate``: brings the catalogues up to the pages.

- `cards`: the flashcards, once the question bank is translated.

To carry: `epub`, a file for readers of books, and `printing`, one page to print.

Nothing here needs Sphinx; `gaplab_site.editions` calls it at the end of a build.
"""

from __future__ import annotations

from pathlib import Path

LANGUAGE = "zh"
"""The Chinese edition's folder, in the site and among the catalogues."""
UNTRANSLATED = "gaplab-untranslated"
"""The class of the line that says that a page is not translated."""
KIT_FILE = "interview/interview-kit.html"
"""The interview's one file, which repeats pages."""


def built_pages(site: Path) -> list[Path]:
    """List a built site's English pages: other folders hold parts of them, or an edition."""
    pages = (page.relative_to(site).as_posix() for page in site.rglob("*.html"))
    apart = ("_", f"{LANGUAGE}/")
    return [site / page for page in sorted(pages) if not page.startswith(apart) and page != KIT_FILE]


def alternates(base: str, file: str) -> str:
    """Tell search engines a page's editions, by whole addresses: they take a page with others for faulty.

    Args:
        base: The site's address, which ends in a slash.
        file: The English page's path in it.
    """
    pages = {"en": file, "zh-CN": f"{LANGUAGE}/{file}", "x-default": file}
    return "".join(f'<link rel="alternate" hreflang="{code}" href="{base}{page}">\n' for code, page in pages.items())
