"""What several jobs do with a page's tree of nodes."""

from __future__ import annotations

import re

from docutils import nodes


def chapter_of(page: str) -> int:
    """Return the number of the chapter that a page is, or 0 if it is none."""
    numbered = re.match(r"(\d\d)_", page)
    return int(numbered[1]) if numbered else 0


def put_below(doctree: nodes.document, part: nodes.Node) -> None:
    """Put a part of a page right under the page's title, before what was put there earlier."""
    title = next(iter(doctree.findall(nodes.title)))
    title.parent.insert(title.parent.index(title) + 1, part)


def put_under_title(doctree: nodes.document, line: str) -> None:
    """Put a quiet line of HTML under the first title of a page; cards of links to the page leave it out."""
    put_below(doctree, nodes.raw("", f'<p class="gaplab-reading">{line}</p>\n', format="html"))


def lies_in(node: nodes.Node, kinds: tuple[type[nodes.Node], ...]) -> bool:
    """Tell whether a node lies, at any depth, in a node of one of these kinds."""
    while node.parent is not None:
        node = node.parent
        if isinstance(node, kinds):
            return True
    return False
