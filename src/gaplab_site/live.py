"""Beside the pages stand the scripts of the live network, which a page loads when its reader asks."""

from __future__ import annotations

from pathlib import Path

from sphinx.application import Sphinx

from gaplab.live import shipped

FOLDER = "_live"


def write_networks(app: Sphinx, exception: Exception | None) -> None:
    """Write the engine's script and the weights' scripts into the finished site, 8 MB in all."""
    if exception is None and app.builder.format == "html":
        shipped.write_scripts(Path(app.outdir) / FOLDER)
