"""Pages are as accessibility checkers and search engines want them."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from gaplab_site.mentions import BIBLIOGRAPHY


def satisfy_checkers(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Describe the search page, and drop the roles of bibliographies that ARIA has given up.

    The second is a patch until docutils leaves ``doc-biblioentry`` and the list around it out of its HTML:
    https://github.com/w3c/dpub-aria/pull/22 gave the role up, docutils 0.21 still writes it.
    """
    if page == "search":
        context["metatags"] = context.get("metatags", "") + (
            '<meta name="description" content="Search the whole book, without a network.">'
        )
    if page == BIBLIOGRAPHY:
        context["body"] = re.sub(r' role="(list|doc-biblioentry)"', "", context["body"])
