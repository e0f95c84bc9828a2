"""Sphinx extension of the site: what Jupyter Book and its theme leave open, a module for each job.

Jobs of the book's own:

- `verdicts`: a claim without a verdict fails the build.
- `answers`: a chapter begins with its answer, its verdicts and the number to remember.
- `reading_time`: a chapter says how long it takes to read.
- `problem_sets`: a problem set says what it takes and offers its notebook.
- `mentions`: the first mention of a term or a paper on a page leads to the glossary or the bibliography.
- `live`: the scripts of the networks that pages can run stand beside the pages.
- `publishing`: the address of the repository turns on all that needs one.
- `search`: the whole book is searched in the page, from the disk too.
- `kit`: the interview's pages in one file, to send to oneself.
- `keeping`: a published site is kept on the reader's device after one visit.
- `editions`: the Chinese edition, made of the built pages, and each edition in a file to carry.
- `styles`, `scripts`, `code`: a page loads one style sheet and the scripts that it uses, and its code has few nodes.
- `tables`: a number in a table stays on its line.

Patches, each of which says what it waits for: `cells`, `offline`, `pictures`, `accessibility`, a part of `scripts`.
"""

from __future__ import annotations

import zlib
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

from gaplab_site import (
    accessibility,
    answers,
    cells,
    code,
    editions,
    finishing,
    kit,
    mentions,
    offline,
    pictures,
    problem_sets,
    publishing,
    reading_time,
    scripts,
    search,
    styles,
    tables,
    verdicts,
)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Connect every job to the step of the build at which it is done."""
    offline.use_packaged_node()
    app.add_config_value("gaplab_repository", "", "html", [str])
    app.add_config_value("gaplab_sheets", [], "", [list])
    app.add_directive("problem-sets", problem_sets.ProblemSets)
    app.add_transform(cells.NameCells)
    app.connect("config-inited", publishing.publish)
    app.connect("builder-inited", verdicts.require_verdicts)
    app.connect("builder-inited", search.leave_search_to_the_book)
    app.connect("doctree-read", reading_time.tell_reading_time)
    app.connect("doctree-read", answers.answer_first)  # after it: what is said twice is read once
    app.connect("doctree-read", problem_sets.tell_problem_set)
    app.connect("doctree-read", kit.offer_kit)
    app.connect("doctree-read", editions.offer_epub)
    app.connect("doctree-resolved", mentions.link_mentions)
    app.add_js_file(None, body=scripts.THEME)
    app.connect("html-page-context", scripts.load_few_scripts, priority=900)
    app.connect("html-page-context", styles.use_one_sheet, priority=900)
    app.connect("html-page-context", code.join_tokens)
    app.connect("html-page-context", tables.keep_numbers_whole)
    app.connect("html-page-context", pictures.hold_pictures)
    app.connect("html-page-context", accessibility.satisfy_checkers)
    app.connect("html-page-context", editions.offer_editions)
    app.connect("build-finished", offline.leave_room_for_katex, priority=0)
    # Last: the theme itself writes the colours of code when all is built.
    app.connect("build-finished", finishing.finish, priority=900)
    # Sphinx keeps the pages that it has read: where this package, the book's style or a translation changes, it must
    # read them again.
    house, book = Path(__file__).parent, Path(app.srcdir)
    modules = [*sorted(house.glob("*.py")), *sorted((house.parent / "gaplab_editions").glob("*.py"))]
    modules += [*sorted((book / "_assets").glob("*.*s")), *sorted(editions.catalogues(app).rglob("*.*o*"))]
    return {
        "env_version": zlib.crc32(b"".join(module.read_bytes() for module in modules)),
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
