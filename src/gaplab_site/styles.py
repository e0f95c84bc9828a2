"""One style sheet for the whole site, of the rules that its pages can use.

The theme and its extensions bring eleven sheets of 600 kB, most of it for parts that this book does not have.
"""

from __future__ import annotations

import posixpath
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import tinycss2
from docutils import nodes
from sphinx.application import Sphinx

SHEET = "_static/book-style.css"
THEME = ("_static/styles/theme.css", "_static/styles/pydata-sphinx-theme.css")
"""The sheets that the theme puts before all others, by a macro that the book's own template leaves out."""
WORD = re.compile(r"[A-Za-z_][\w-]*")
MADE = ("bs-",)
"""How names begin that a script puts together, as Bootstrap's ``bs-tooltip-auto``."""


def use_one_sheet(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Let a page load the one sheet, and keep the list of those that it stands for."""
    sheets = [str(getattr(sheet, "filename", sheet)) for sheet in context["css_files"]]
    if sheets != [SHEET]:
        app.config["gaplab_sheets"] = [*THEME, *sheets]
    context["css_files"] = [SHEET]


def write_sheet(site: Path, sheets: Iterable[str], pages: Iterable[Path]) -> None:
    """Join the sheets, drop the rules of what occurs on no page, and tell each page the sheet's digest.

    A browser that keeps the old sheet must not show a new page with it.
    """
    texts = {page: page.read_text(encoding="utf-8") for page in pages}
    scripts = [script.read_text(encoding="utf-8") for script in loaded_scripts(site, texts.values())]
    words = {word for text in [*texts.values(), *scripts] for word in WORD.findall(text)}
    style = "".join(_pruned(site, sheet, words) for sheet in dict.fromkeys(map(_path, sheets)))
    (site / SHEET).write_text(style, encoding="utf-8")
    stamp = f"{SHEET}?v={zlib.crc32(style.encode()):08x}"
    for page, text in texts.items():
        stamped = re.sub(rf"{re.escape(SHEET)}(\?v=\w*)?", stamp, text)
        if stamped != text:
            page.write_text(stamped, encoding="utf-8")


def loaded_scripts(site: Path, texts: Iterable[str]) -> list[Path]:
    """List the theme's and the book's scripts that pages load."""
    found = {hit for text in texts for hit in re.findall(r'<script\b[^>]* src="(?:\.\./)*(_static/[^"?]+)', text)}
    return [site / name for name in sorted(found)]


def _path(sheet: str) -> str:
    return urlsplit(sheet).path


def _pruned(site: Path, sheet: str, words: set[str]) -> str:
    """Return a sheet's rules that can apply."""
    rules = tinycss2.parse_stylesheet(_read(site, sheet), skip_comments=True, skip_whitespace=True)
    return "".join(_used(rules, words))


def _read(site: Path, sheet: str) -> str:
    """Read a sheet and those that it imports, with addresses as they are beside the one sheet."""
    folder = PurePosixPath(sheet).relative_to("_static").parent
    text = (site / sheet).read_text(encoding="utf-8")

    def moved(address: re.Match[str]) -> str:
        target = address[1].strip("\"'")
        return address[0] if re.match(r"data:|#|\w+:", target) else f"url({folder / target})"

    text = re.sub(r"""url\(((?!["']?data:)[^)]*)\)""", moved, text)

    def imported(rule: re.Match[str]) -> str:
        return _read(site, posixpath.normpath(f"_static/{folder}/{rule[1]}"))

    return re.sub(r'@import "([^"]+)";', imported, text)


def _used(rules: Iterable[Any], words: set[str]) -> Iterator[str]:
    """Write the rules whose classes and ids all occur, and go into blocks such as ``@media``."""
    for rule in rules:
        if rule.type == "qualified-rule":
            selectors = [part for part in _split(rule.prelude) if _occurs(part, words)]
            if selectors:
                yield f"{','.join(map(_compact, selectors))}{{{_compact(rule.content)}}}\n"
        elif rule.type == "at-rule" and rule.lower_at_keyword in ("media", "supports"):
            inner = tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True)
            if kept := "".join(_used(inner, words)):
                yield f"@{rule.at_keyword} {_compact(rule.prelude)}{{{kept}}}\n"
        elif rule.type == "at-rule" and rule.lower_at_keyword != "charset":
            face = rule.lower_at_keyword == "font-face"
            # The theme's icon font is 157 kB; icons.css draws the few icons that the pages show.
            if not (face and re.search("awesome", tinycss2.serialize(rule.content), re.IGNORECASE)):
                # KaTeX's sheet also names older formats, whose files the book leaves out.
                yield re.sub(r",url\([^)]*\.(woff|ttf)\) ?format\([^)]*\)", "", _compact([rule])) + "\n"


def _split(prelude: list[Any]) -> Iterator[list[Any]]:
    """Split a rule's selectors at their commas."""
    part: list[Any] = []
    for token in prelude:
        if token == ",":
            yield part
            part = []
        else:
            part.append(token)
    yield part


def _occurs(selector: list[Any], words: set[str]) -> bool:
    """Tell whether every class and id occurs; what stands in ``:not(...)`` and the like is not asked."""
    before = None
    for token in selector:
        named = token.type == "hash" or (token.type == "ident" and before == ".")
        if named and token.value not in words and not token.value.startswith(MADE):
            return False
        before = token
    return True


def _compact(tokens: list[Any]) -> str:
    """Write tokens without comments, and with single blanks."""
    kept = [token for token in tokens if token.type != "comment"]
    return re.sub(r"\s*\n\s*", " ", tinycss2.serialize(kept)).strip()
