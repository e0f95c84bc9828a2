"""What is made of the pages when all of them are written."""

from __future__ import annotations

from pathlib import Path

from sphinx.application import Sphinx

from gaplab import contents
from gaplab_site import epub, keeping, kit, search, styles, translation


def finish(app: Sphinx, failure: Exception | None) -> None:
    """Write the Chinese edition, the style sheet, the texts of the search, the files to carry, and what keeps the site.

    Each needs what the ones before it wrote.
    """
    if failure or app.builder.format != "html":
        return
    site, book = Path(app.outdir), Path(app.srcdir)
    english = built_pages(site)
    chinese = translation.write_edition(site, book.parent, english)
    styles.write_sheet(site, app.config.gaplab_sheets, [*english, *chinese])
    editions = {site: english} | ({translation.target(site): chinese} if chinese else {})
    for home, pages in editions.items():
        search.write_texts(home, pages)
        if app.config.root_doc == "index":
            epub.tell_size(pages, epub.write_epub(home, app.config.author, app.config.copyright))
    named = [name for name in contents.pages(book) if name.startswith("interview/")]
    interview = [name for name in named if name in app.env.found_docs and name != "interview/index"]
    if interview:
        kit.write_kit(site, interview, app.config.html_title, app.config.html_baseurl)
    keeping.keep_site(site, [*english, *chinese], app.config.html_title)


def built_pages(site: Path) -> list[Path]:
    """List a built site's English pages: the interview's one file repeats some, other folders hold other things."""
    pages = (page.relative_to(site).as_posix() for page in site.rglob("*.html"))
    apart = ("_", f"{translation.LANGUAGE}/")
    return [site / page for page in sorted(pages) if not page.startswith(apart) and page != kit.FILE]
