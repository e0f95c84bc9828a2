"""Highlighted code has a span for each stretch of a colour, not for each token: pages have half the nodes."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

PLAIN = ("n", "nn", "p", "w", "o", "mi", "mf")
"""Kinds of tokens with the colour of plain text in both of the theme's styles; operators and numbers need none."""
ALIKE = ("s2", "s1", "sa", "sd", "se", "si")
"""Kinds that share a colour in both: the parts of strings."""

_COLOURLESS = re.compile(rf'<span class="(?:{"|".join(PLAIN)})">([^<]*)</span>|<span></span>')
_PART = rf'<span class="(?:{"|".join(ALIKE)})">'
_RUN = re.compile(rf"(?:{_PART}[^<]*</span>){{2,}}")


def join_tokens(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Drop the spans that colour nothing, and join neighbours of one colour, in all code of a page."""
    if "body" in context:
        context["body"] = re.sub(r"(?s)<pre>.*?</pre>", lambda code: joined(code[0]), context["body"])


def joined(code: str) -> str:
    """Join the tokens of one piece of highlighted code, as HTML; its text stays."""
    first = f'<span class="{ALIKE[0]}">'

    def join(run: re.Match[str]) -> str:
        return first + re.sub(rf"{_PART}|</span>", "", run[0]) + "</span>"

    return _RUN.sub(join, _COLOURLESS.sub(r"\1", code))
