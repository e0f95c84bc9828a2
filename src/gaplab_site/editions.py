"""The Chinese edition beside the English one, and each in a file to carry; `gaplab_editions` makes them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from gaplab_editions import LANGUAGE, alternates, epub
from gaplab_editions.catalogues import Edition
from gaplab_editions.pages import Maker
from gaplab_site.doctrees import put_under_title

SHOWN = 40
"""Faults that a failed build names."""
HELP = "Run `nox -s translate`, and look at what it says; translations/zh/README.md tells how."


def catalogues(app: Sphinx) -> Path:
    """Return where the edition's catalogues lie: beside the book."""
    return Path(app.srcdir).parent / "translations" / LANGUAGE


def offer_editions(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Tell readers a page's other edition, and search engines, which want whole addresses, where one is set."""
    if not catalogues(app).is_dir():
        return
    file, up = f"{page}.html", "../" * page.count("/")
    context["gaplab_other"] = f"{up}{LANGUAGE}/{file}"
    if base := app.config.html_baseurl:
        context["metatags"] = context.get("metatags", "") + alternates(base, file)


def offer_epub(app: Sphinx, doctree: nodes.document) -> None:
    """Put a link to the file to carry under the front page's title; its size is written when it is there."""
    if app.env.docname == app.config.root_doc == "index":
        link = f'<a href="{epub.FILE}" download>The whole book in one file (EPUB)</a>'
        size = f'<span class="{epub.SIZE}">0.0</span> MB'
        put_under_title(doctree, f"{link}, {size}, for phones, tablets and e-book readers.")


def write_chinese(app: Sphinx, english: Sequence[Path]) -> dict[Path, list[Path]]:
    """Write the Chinese edition beside the English pages.

    Returns:
        Its folder and its pages; nothing where there are no catalogues.

    Raises:
        ExtensionError: A page that is listed as translated is not, or not as its English is.
    """
    if not catalogues(app).is_dir():
        return {}
    site = Path(app.outdir)
    home = site / LANGUAGE
    shutil.rmtree(home, ignore_errors=True)
    maker = Maker(Edition.read(catalogues(app)), site, english)
    written = [_write(home / page, maker.page(page, maker.is_whole(page))) for page in maker.pages]
    for address, script in maker.scripts().items():
        _write(home / address, script)
    if faults := list(maker.faults()):
        more = [f"... and {len(faults) - SHOWN} more"] if len(faults) > SHOWN else []
        raise ExtensionError("\n".join(["The translation is not as the book is:", *faults[:SHOWN], *more, HELP]))
    return {home: written}


def kit_words(app: Sphinx, interview: Sequence[str]) -> dict[Path, dict[str, str]]:
    """Return the folder of the Chinese edition, and what its file of the interview says of itself.

    Nothing, where a page of the interview is not translated yet.
    """
    if not interview or not catalogues(app).is_dir():
        return {}
    edition = Edition.read(catalogues(app))
    if not set(interview) <= set(edition.translated):
        return {}
    said = {name: edition.lines[f"kit_{name}"] for name in ("title", "description", "contents")}
    return {Path(app.outdir) / LANGUAGE: {"language": edition.language, **said}}


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
