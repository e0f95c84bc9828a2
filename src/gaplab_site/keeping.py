"""A published site is kept whole on the reader's device after one visit, and can be put on its home screen."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from gaplab_site import live
from gaplab_site.search import TEXTS
from gaplab_site.styles import SHEET, loaded_scripts

MANIFEST, WORKER = "manifest.webmanifest", "service-worker.js"
ICON = "_static/favicon.svg"
PARTS = (
    "_images/*",
    "_static/katex/fonts/*",
    "_static/micropython/micropython.js",
    "*/_static/*.js",
    f"*/{TEXTS}",
)
"""What pages show or load besides their text and scripts, as patterns of files; the last two are an edition's own."""


def keep_site(site: Path, pages: Iterable[Path], title: str) -> None:
    """Write the manifest, and the service worker with the list of all that the pages need.

    Notebooks to download are left out: they are as large as all pages, and run on a computer. The worker is 40 lines
    of the book's own, for Workbox wants Node.js to make its list, and brings five scripts to do the same.
    """
    manifest = {
        "name": title,
        "short_name": "Average pooling",
        "start_url": "index.html",
        "scope": "./",
        "display": "minimal-ui",
        "background_color": "#ffffff",
        "theme_color": "#ffffff",
        "icons": [{"src": ICON, "sizes": "any", "type": "image/svg+xml"}],
    }
    (site / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    scripts = loaded_scripts(site, (page.read_text(encoding="utf-8") for page in pages))
    parts = (path for pattern in PARTS for path in site.glob(pattern))
    files = {*pages, *scripts, *parts, *(site / name for name in (SHEET, TEXTS, ICON, MANIFEST))}
    held = {path.relative_to(site).as_posix(): path.read_bytes() for path in sorted(files)}
    # What a reader may never ask for, and what is large, is kept from the first time that it is asked for.
    later = {path.relative_to(site).as_posix(): path.read_bytes() for path in sorted((site / live.FOLDER).glob("*.js"))}
    lists = {"FILES": {name: _digest(content) for name, content in held.items()}, "BYTES": sum(map(len, held.values()))}
    lists["LATER"] = {name: _digest(content) for name, content in later.items()}
    own = Path(__file__).with_name("worker.js").read_text(encoding="utf-8")
    (site / WORKER).write_text(f"Object.assign(self, {json.dumps(lists)});\n{own}", encoding="utf-8")


def _digest(content: bytes) -> str:
    """Return a digest as browsers check it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(content).digest()).decode()
