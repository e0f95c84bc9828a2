"""What is made of the pages when all of them are written."""

from __future__ import annotations

from pathlib import Path

from sphinx.application import Sphinx

from gaplab import contents
from gaplab_editions import built_pages, epub
from gaplab_site import editions, keeping, kit, search, styles


def finish(app: Sphinx, failure: Exception | None) -> None:
    """Write the Chinese edition, the style sheet, the searches' texts, the files to carry, and what keeps the site.

    Each needs what the ones before it wrote.
    """
    if failure or app.builder.format != "html":
        return
    site = Path(app.outdir)
    english = built_pages(site)
    homes = {site: english} | editions.write_chinese(app, english)
    written = [page for pages in homes.values() for page in pages]
    styles.write_sheet(site, app.config.gaplab_sheets, written)
    texts: dict[str, list[search.Passage]] = {}
    for home, pages in homes.items():
        texts = search.read_texts(home, pages, known=texts)
        search.write_texts(home, texts)
        if app.config.root_doc == "index":
            epub.tell_size(pages, epub.write_epub(home, app.config.author, app.config.copyright))
    named = [name for name in contents.pages(Path(app.srcdir)) if name.startswith("interview/")]
    interview = [name for name in named if name in app.env.found_docs and name != "interview/index"]
    if interview:
        kit.write_kit(site, interview, app.config.html_title, app.config.html_baseurl)
    keeping.keep_site(site, written, app.config.html_title)
