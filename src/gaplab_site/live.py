"""Beside the pages stand the scripts of the live network, which a page loads when its reader asks."""

from __future__ import annotations

from pathlib import Path

from gaplab.live import shipped

FOLDER = "_live"


def write_networks(site: Path) -> None:
    """Write the engine's script and the weights' scripts into the finished site, 8 MB in all."""
    shipped.write_scripts(site / FOLDER)
