"""The book in another language, made of the built English pages, so that both show the same outputs and numbers.

- `messages`: a sentence as a message, whose numbers are slots, and what a translation must keep.
- `markup`, `scripts`: the words of a page, and of the widgets' modules, as messages, and back.
- `catalogues`: the translations, one ``.po`` file a page, and the gate that holds them to the English.
- `pages`: an edition's pages.
- ``python -m gaplab_site.translation``, which is ``nox -s translate``: brings the catalogues up to the pages.

A page that ``edition.toml`` does not list as translated stays English in the edition, and says so.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from gaplab_site.translation.catalogues import KIT, SITE, Edition
from gaplab_site.translation.pages import SCRIPTS, Maker

LANGUAGE = "zh"
"""The edition's folder, in the site and among the catalogues."""
SHOWN = 40
"""Faults that a failed build names."""
HELP = "Run `nox -s translate`, and look at what it says; translations/zh/README.md tells how."


def folder(root: Path) -> Path:
    """Return where the edition's catalogues lie: beside the book."""
    return root / "translations" / LANGUAGE


def target(site: Path) -> Path:
    """Return where the edition's pages lie in the site."""
    return site / LANGUAGE


def offer_editions(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Tell readers and search engines a page's other edition."""
    if not folder(Path(app.srcdir).parent).is_dir():
        return
    file = f"{page}.html"
    up = "../" * page.count("/")
    context["gaplab_other"] = f"{up}{LANGUAGE}/{file}"
    base = app.config.html_baseurl or up
    alternates = {"en": file, "zh-CN": f"{LANGUAGE}/{file}", "x-default": file}
    context["metatags"] = context.get("metatags", "") + "".join(
        f'<link rel="alternate" hreflang="{code}" href="{base}{address}">\n' for code, address in alternates.items()
    )


def write_edition(site: Path, root: Path, english: Iterable[Path]) -> list[Path]:
    """Write the Chinese edition beside the English pages.

    Args:
        site: The folder of the built site.
        root: The folder in which the catalogues' folder lies.
        english: The built pages.

    Returns:
        The edition's pages; none where there are no catalogues.

    Raises:
        ExtensionError: A page that is listed as translated is not, or not as its English is.
    """
    if not folder(root).is_dir():
        return []
    maker = Maker(Edition.read(folder(root)), site, english)
    home = target(site)
    shutil.rmtree(home, ignore_errors=True)
    written = [_write(home / page, maker.page(page, maker.is_whole(page))) for page in maker.pages]
    for script in SCRIPTS:
        _write(home / script, maker.script(script))
    if faults := list(maker.faults()):
        more = [f"... and {len(faults) - SHOWN} more"] if len(faults) > SHOWN else []
        raise ExtensionError("\n".join(["The translation is not as the book is:", *faults[:SHOWN], *more, HELP]))
    return written


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


__all__ = ["KIT", "SITE", "Edition", "Maker", "folder", "offer_editions", "write_edition"]
