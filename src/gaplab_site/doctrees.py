"""What several jobs do with a page's tree of nodes."""

from __future__ import annotations

from docutils import nodes


def put_under_title(doctree: nodes.document, line: str) -> None:
    """Put a quiet line of HTML under the first title of a page; cards of links to the page leave it out."""
    title = next(iter(doctree.findall(nodes.title)))
    markup = nodes.raw("", f'<p class="gaplab-reading">{line}</p>\n', format="html")
    title.parent.insert(title.parent.index(title) + 1, markup)


def lies_in(node: nodes.Node, kinds: tuple[type[nodes.Node], ...]) -> bool:
    """Tell whether a node lies, at any depth, in a node of one of these kinds."""
    while node.parent is not None:
        node = node.parent
        if isinstance(node, kinds):
            return True
    return False
