"""Tables as they are read on a narrow screen."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

ONE = r"[-−+]?\d[\d.,]*(?: ± \d[\d.,]*)?(?: ?%)?"
NUMBER = re.compile(rf"<td>({ONE}(?: / {ONE})?)</td>")
"""A cell that holds one number, perhaps with its spread and unit, or two of them."""


def keep_numbers_whole(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Mark the cells that hold a number or two: one must not break before its spread or its sign of per cent."""
    if "body" in context:
        context["body"] = NUMBER.sub(r'<td class="gaplab-number">\1</td>', context["body"])
