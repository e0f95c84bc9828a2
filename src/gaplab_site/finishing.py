"""What is made of the pages when all of them are written."""

from __future__ import annotations

from pathlib import Path

from sphinx.application import Sphinx

from gaplab import contents
from gaplab_editions import built_pages, epub
from gaplab_site import editions, keeping, kit, live, pictures, search, styles


def finish(app: Sphinx, failure: Exception | None) -> None:
    """Drop unseen pictures; write the other edition, style, searches' texts, files to carry, networks, what keeps all.

    Each needs what the ones before it wrote.
    """
    # Where nothing changed, Sphinx wrote no page, and named no sheets: all stands as it was finished before.
    if failure or app.builder.format != "html" or not app.config.gaplab_sheets:
        return
    site = Path(app.outdir)
    english = built_pages(site)
    homes = {site: english} | editions.write_chinese(app, english)
    written = [page for pages in homes.values() for page in pages]
    pictures.drop_unused(site, [page.read_text(encoding="utf-8") for page in written])
    styles.write_sheet(site, app.config.gaplab_sheets, written)
    texts: dict[str, list[search.Passage]] = {}
    for home, pages in homes.items():
        texts = search.read_texts(home, pages, known=texts)
        search.write_texts(home, texts)
        if app.config.root_doc == "index":
            epub.tell_size(pages, epub.write_epub(home, app.config.author, app.config.copyright))
    named = [name for name in contents.pages(Path(app.srcdir)) if name.startswith("interview/")]
    interview = [name for name in named if name in app.env.found_docs and name not in kit.LEFT_OUT]
    base = app.config.html_baseurl
    if interview:
        kit.write_kit(site, site, interview, kit.words(app.config.html_title), base)
    for home, said in editions.kit_words(app, interview).items():
        kit.write_kit(site, home, interview, said, base and f"{base}{home.name}/")
    live.write_networks(site)
    keeping.keep_site(site, written, app.config.html_title)
