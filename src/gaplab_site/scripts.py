"""A page loads the scripts that it uses, and none before it is shown."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

UNUSED = ("doctools.js", "sphinx_highlight.js", "togglebutton.js", "design-tabs.js", "language_data.js")
"""Keys and highlighting of Sphinx's own search, and what turns marked parts into folds and tabs, which no page has."""
FOR_CODE = ("clipboard.min.js", "copybutton.js")
FOR_LIVE = ("live.js",)
THEME = """(({ dataset }) => {
  if (dataset.theme === "auto") dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
})(document.documentElement)"""
"""Stands in the page's head. The theme's own script chooses light or dark when the page is read: until then tables had
no border, and moved when they got one, and the dark page was first painted light."""


def load_few_scripts(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Drop the scripts that nothing on the page uses, or that come from another host, and defer the others.

    In part a patch until Jupyter Book leaves sphinx-thebe out where ``thebe: false`` stands:
    https://github.com/jupyter-book/jupyter-book/issues/1603 is closed, since the large script waits for a click, but
    the two that prepare it are still on every page. The others from another host are MyST-NB's for ipywidgets.
    """
    body = context.get("body", "")
    unused = UNUSED + (() if "<pre" in body else FOR_CODE) + (() if "laboratory" in body else FOR_LIVE)
    kept = []
    for script in context["script_files"]:
        # What stands in the page itself sets up scripts that are dropped; the book's own are files.
        name = str(getattr(script, "filename", script) or "")
        foreign = name.startswith(("http:", "https:", "//")) or "thebe" in name
        if script.attributes.get("body") == THEME:
            kept.append(script)
        elif name and not foreign and not name.endswith(unused):
            script.attributes["defer"] = "defer"
            kept.append(script)
    context["script_files"] = kept
