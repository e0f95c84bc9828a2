"""What is made of the pages when all of them are written."""

from __future__ import annotations

from pathlib import Path

from sphinx.application import Sphinx

from gaplab import contents
from gaplab_site import keeping, kit, live, pictures, search, styles


def finish(app: Sphinx, failure: Exception | None) -> None:
    """Drop unseen pictures; write the style sheet, the search's texts, the kit, the live networks, and what keeps all.

    Each needs what the ones before it wrote.
    """
    # Where nothing changed, Sphinx wrote no page, and named no sheets: all stands as it was finished before.
    if failure or app.builder.format != "html" or not app.config.gaplab_sheets:
        return
    site = Path(app.outdir)
    written = built_pages(site)
    pictures.drop_unused(site, [page.read_text(encoding="utf-8") for page in written])
    styles.write_sheet(site, app.config.gaplab_sheets, written)
    search.write_texts(site, written)
    named = [name for name in contents.pages(Path(app.srcdir)) if name.startswith("interview/")]
    interview = [name for name in named if name in app.env.found_docs and name not in kit.LEFT_OUT]
    if interview:
        kit.write_kit(site, interview, app.config.html_title, app.config.html_baseurl)
    live.write_networks(site)
    keeping.keep_site(site, written, app.config.html_title)


def built_pages(site: Path) -> list[Path]:
    """List a built site's pages: the interview's one file repeats some, folders with an underscore hold parts."""
    pages = (page.relative_to(site).as_posix() for page in site.rglob("*.html"))
    return [site / page for page in sorted(pages) if not page.startswith("_") and page != kit.FILE]
