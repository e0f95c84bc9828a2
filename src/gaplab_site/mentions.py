"""The first mention of a term or a paper on a page leads to the glossary or the bibliography."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from docutils import nodes
from pybtex.richtext import Text
from sphinx.application import Sphinx

from gaplab_site.doctrees import lies_in

GLOSSARY, BIBLIOGRAPHY = "reference/glossary", "reference/bibliography"
UNLINKED = (
    nodes.title,
    nodes.reference,
    nodes.literal,
    nodes.literal_block,
    nodes.math,
    nodes.raw,
    nodes.caption,
)


_LINK_TAG = re.compile(r"<(/?)a\b", re.IGNORECASE)


class Mention(NamedTuple):
    """What a page may mention, and where that leads."""

    pattern: re.Pattern[str]
    page: str
    anchor: str


def link_mentions(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Link the first mention of each term and paper on a page."""
    glossaries = GLOSSARY in app.env.found_docs and docname not in (GLOSSARY, BIBLIOGRAPHY)
    if app.builder.format != "html" or not glossaries:
        return
    addresses = {page: app.builder.get_relative_uri(docname, page) for page in (GLOSSARY, BIBLIOGRAPHY)}
    waiting = [*_terms(app), *_papers(app)]
    for text in list(_outside_links(doctree)):
        parts: list[nodes.Node] = []
        at = 0
        for mention, hit in _find(text, waiting):
            address = f"{addresses[mention.page]}#{mention.anchor}"
            link = nodes.reference("", hit[0], internal=True, refuri=address, classes=["gaplab-mention"])
            parts += [nodes.Text(text[at : hit.start()]), link]
            at = hit.end()
            waiting = [other for other in waiting if other[1:] != mention[1:]]
        if parts:
            text.parent.replace(text, [*parts, nodes.Text(text[at:])])


def _outside_links(doctree: nodes.document) -> Iterator[nodes.Text]:
    """List the texts that may hold a link: none of a title or of code, nor any between a raw ``<a>`` and ``</a>``.

    What a cell writes as HTML comes as one raw node for each tag, beside the text that it wraps.
    """
    linked = False
    for node in doctree.findall(lambda node: isinstance(node, (nodes.Text, nodes.raw))):
        if isinstance(node, nodes.raw):
            for closes in _LINK_TAG.findall(node.astext()):
                linked = not closes
        elif isinstance(node, nodes.Text) and not linked and not lies_in(node, UNLINKED):
            yield node


def _terms(app: Sphinx) -> list[Mention]:
    """List the glossary's terms, longest first."""
    objects = app.env.get_domain("std").get_objects()
    terms = [(name, anchor) for name, _, kind, page, anchor, _ in objects if (kind, page) == ("term", GLOSSARY)]
    found = []
    for name, anchor in sorted(terms, key=lambda term: -len(term[0])):
        pattern = rf"(?<![\w-]){re.escape(name)}s?(?![\w-])"
        found.append(Mention(re.compile(pattern, re.IGNORECASE if name.islower() else 0), GLOSSARY, anchor))
    return found


def _papers(app: Sphinx) -> Iterator[Mention]:
    """List the papers of the bibliography, by first author and year."""
    bibliography: Any = app.env.get_domain("cite")  # sphinxcontrib-bibtex's
    for key, entry in bibliography.bibdata.data.entries.items():
        name = re.escape(str(Text.from_latex(" ".join(entry.persons["author"][0].last_names))))
        year = entry.fields["year"]
        others = r"(?: and others| et al\.|(?:, [A-Z]\w+)*(?:,? and (?:van )?[A-Z]\w+)?)"
        pattern = rf"\b{name}{others}(?:,? {year}\b|(?=,? \({year}\b))"
        yield Mention(re.compile(pattern), BIBLIOGRAPHY, key)


def _find(text: str, waiting: Iterable[Mention]) -> Iterator[tuple[Mention, re.Match[str]]]:
    """Find what a text mentions, in the order in which it does; of what overlaps, the longer."""
    hits = [(mention, hit) for mention in waiting if (hit := mention.pattern.search(text))]
    at = 0
    for mention, hit in sorted(hits, key=lambda pair: (pair[1].start(), -pair[1].end())):
        if hit.start() >= at:
            yield mention, hit
            at = hit.end()
