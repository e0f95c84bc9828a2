"""Tables as they are read on a narrow screen."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

NUMBER = re.compile(r"<td>([-−+]?\d[\d.,]*(?: ± \d[\d.,]*)?(?: ?%)?)</td>")
"""A cell that holds one number, perhaps with its spread and unit."""


def keep_numbers_whole(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Mark the cells that hold one number: it must not break before its spread or its sign of per cent."""
    if "body" in context:
        context["body"] = NUMBER.sub(r'<td class="gaplab-number">\1</td>', context["body"])
