"""The book's table of contents, read in one place: its pages in their order, and the chapters among them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import yaml

from gaplab.errors import ReaderError

DRAWINGS = "_drawings"
"""The folder beside notebooks with the drawings of their figures, which the rendering step writes."""


class Chapter(NamedTuple):
    """A chapter's title without its number, and the name of its page."""

    title: str
    page: str


def pages(book: Path) -> dict[str, str]:
    """Return every page's name, such as ``interview/index``, and its title there or nothing; the front page is first.

    Args:
        book: The book's folder; ``_toc.yml`` lies beside it.

    Raises:
        ReaderError: It does not.
    """
    path = book.resolve().parent / "_toc.yml"
    try:
        toc = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ReaderError(
            f"There is no _toc.yml beside {book.resolve().name}, and this needs the whole book: "
            "use the book's own folder, which `nox -s lab` opens a copy of."
        ) from None
    listed = [entry for part in toc["parts"] for entry in part["chapters"]]
    return {toc["root"]: ""} | {entry["file"]: entry.get("title", "") for entry in listed}


def chapters(book: Path) -> dict[int, Chapter]:
    """Return the chapters by number.

    Args:
        book: As in `pages`.
    """
    return {
        int(name[:2]): Chapter(title.split(". ", 1)[1], name) for name, title in pages(book).items() if name[:1] == "0"
    }


def notebooks(book: Path) -> list[Path]:
    """List the chapters' notebooks.

    Args:
        book: As in `pages`.
    """
    return [book / f"{chapter.page}.ipynb" for chapter in chapters(book).values()]
