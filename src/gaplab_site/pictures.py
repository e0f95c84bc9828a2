"""Pictures hold their place while they load.

A patch until Sphinx writes the size of pictures and lets them load late: https://github.com/sphinx-doc/sphinx/issues/6706.
"""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import imagesize
from docutils import nodes
from sphinx.application import Sphinx


def hold_pictures(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Give pictures their size, so that nothing moves when they arrive, and let all but the first wait until near."""
    sources = {name: source for source, name in app.builder.images.items()}
    earlier = itertools.count()

    def complete(tag: re.Match[str]) -> str:
        name = re.search(r'src="[^"]*_images/([^"]+)"', tag[0])
        if not name or name[1] not in sources:
            return tag[0]
        width, height = imagesize.get(Path(app.srcdir) / sources[name[1]])
        lazy = ' loading="lazy"' if next(earlier) else ""
        plain = re.sub(r' style="[^"]*"', "", tag[0])
        return plain.replace("<img", f'<img width="{width // 2}" height="{height // 2}"{lazy}', 1)

    context["body"] = re.sub(r"<img\b[^>]*>", complete, context.get("body", ""))
