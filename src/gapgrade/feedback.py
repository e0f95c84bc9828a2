"""The page of feedback that a student gets: safe in any browser, and with or without the hidden tests."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterable, Iterator
from typing import Any

import bleach
from jinja2 import pass_context
from nbconvert.exporters import HTMLExporter
from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbformat import NotebookNode
from nbgrader.converters import GenerateFeedback
from nbgrader.preprocessors import GetGrades, NbGraderPreprocessor
from traitlets import default

from gapgrade.cells import is_test

KINDS = {
    "full": "with the hidden tests and whole error messages",
    "sealed": "without the hidden tests: it says in words what failed",
}
"""What a page of feedback may show."""

TAGS = [
    "a",
    "abbr",
    "b",
    "blockquote",
    "br",
    "caption",
    "code",
    "dd",
    "del",
    "details",
    "div",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "kbd",
    "li",
    "ol",
    "p",
    "pre",
    "s",
    "samp",
    "small",
    "span",
    "strong",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "u",
    "ul",
    "var",
]
ATTRIBUTES = ("alt", "align", "class", "colspan", "height", "id", "name", "rowspan", "title", "width")
HIDDEN = re.compile(r"### BEGIN HIDDEN TESTS\n.*?(### END HIDDEN TESTS\n?|\Z)", re.DOTALL)
LONG = 16
"""Letters of a line of hidden tests that is also covered where a student's program has printed it."""


def clean(text: object) -> str:
    """Return HTML without anything that runs or loads: no script, style, event, frame or form."""
    plain = text.decode() if isinstance(text, bytes) else str(text)
    # bleach leaves the text of what it strips.
    plain = re.sub(r"(?is)<(script|style)\b.*?(</\1\s*>|\Z)", "", plain)
    protocols = {"http", "https", "mailto", "data"}
    return str(bleach.clean(plain, tags=TAGS, attributes=_may_stay, protocols=protocols, strip=True))


def _may_stay(tag: str, name: str, value: str) -> bool:
    if name == "href":
        return tag == "a" and not value.lower().lstrip().startswith("data:")
    if name == "src":
        return tag == "img" and value.startswith("data:image/")
    return name in ATTRIBUTES


class Page(HTMLExporter):
    """nbgrader's page, with everything that a student wrote made clean."""

    @default("sanitize_html")
    def _clean_outputs_too(self) -> bool:
        return True

    def default_filters(self) -> Iterator[tuple[str, Any]]:
        """Put the filters for a student's HTML and Markdown in the place of nbconvert's."""
        yield from super().default_filters()  # type: ignore[no-untyped-call]
        yield "clean_html", clean
        yield "markdown2html", self._markdown

    @pass_context
    def _markdown(self, context: Any, source: str) -> str:
        try:
            return clean(self.markdown2html(context, source))
        except Exception:  # whatever a student has written: it is shown as it stands
            return f"<pre>{html.escape(source)}</pre>"


class Harmless(NbGraderPreprocessor):  # type: ignore[misc]
    """Leaves of each output what is text or a picture."""

    def preprocess_cell(self, cell: NotebookNode, resources: Any, _index: int) -> tuple[NotebookNode, Any]:
        """Clean one cell's outputs."""
        for output in cell.get("outputs", ()):
            if "data" in output:
                output.metadata = NotebookNode()
                output.data = NotebookNode(_harmless(output.data))
        return cell, resources


def _harmless(data: dict[str, Any]) -> dict[str, Any]:
    safe = {}
    for kind, content in data.items():
        if kind in ("image/png", "image/jpeg", "image/gif"):
            if re.fullmatch(r"[A-Za-z0-9+/=\s]*", str(content)):
                safe[kind] = content
        elif kind == "image/svg+xml":
            # As a picture, not as a part of the page, it runs no script.
            picture = base64.b64encode("".join(content).encode()).decode()
            safe.setdefault("text/html", f'<img src="data:image/svg+xml;base64,{picture}">')
        elif kind in ("text/plain", "text/html", "text/markdown"):
            safe[kind] = content
    return safe


class Sealed(NbGraderPreprocessor):  # type: ignore[misc]
    """Takes the hidden tests out: from the tests' cells, from errors, and from what a student's program printed."""

    def preprocess(self, notebook: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        """Seal every cell."""
        secret = set(_hidden_lines(notebook.cells))
        for cell in notebook.cells:
            if is_test(cell):
                cell.source = HIDDEN.sub("# More tests, with other numbers, ran here.\n", cell.source).rstrip()
            for output in cell.get("outputs", ()):
                if is_test(cell) and output.output_type == "error":
                    output.traceback = [_in_words(output.ename, output.evalue)]
                _cover(output, secret)
        return notebook, resources


def _hidden_lines(cells: Iterable[NotebookNode]) -> Iterator[str]:
    for cell in cells:
        for match in HIDDEN.finditer(cell.source) if is_test(cell) else ():
            yield from (line.strip() for line in match[0].splitlines() if len(line.strip()) >= LONG)


def _in_words(name: str, message: str) -> str:
    """Say what failed; an error's kind says something only where it is not a test's own."""
    if name in ("AssertionError", "ReaderError", "Stopped"):
        return message or "A test failed."
    return f"{name}: {message}"


def _cover(output: NotebookNode, secret: set[str]) -> None:
    def covered(value: Any) -> Any:
        if isinstance(value, str):
            for line in secret:
                value = value.replace(line, "(a hidden test)").replace(repr(line)[1:-1], "(a hidden test)")
            return value
        if isinstance(value, list):
            return [covered(one) for one in value]
        return {key: covered(one) for key, one in value.items()} if isinstance(value, dict) else value

    for key in ("text", "data", "traceback", "evalue"):
        if key in output:
            found = covered(output[key])
            output[key] = NotebookNode(found) if isinstance(found, dict) else found


def converter(kind: str) -> type:
    """Return nbgrader's step that writes a page of one of the `KINDS`."""
    steps = [Sealed, Harmless] if kind == "sealed" else [Harmless]

    class Feedback(GenerateFeedback):  # type: ignore[misc]
        def start(self) -> None:
            self.preprocessors = [*steps, GetGrades, CSSHTMLHeaderPreprocessor]
            self.exporter_class = Page
            super().start()

    return Feedback


def with_names(page: str) -> str:
    """Name the cells in a page's index, where nbgrader only says what kind they are."""
    index = r'(<a href="#(?:comment-)?([^"]+)">)(Test cell|Coding free-response|Written response|Comment)(?=</a>)'
    return re.sub(index, r"\1\2: \3", page)


def plain_page(title: str, sentence: str, rows: Iterable[tuple[str, float, float, str]]) -> str:
    """Return a page with the marks alone: name, score, points and comment; for work that cannot be shown."""
    cells = "".join(
        f"<tr><td>{html.escape(name)}</td><td>{score:g} / {points:g}</td><td>{html.escape(comment)}</td></tr>"
        for name, score, points, comment in rows
    )
    head = f'<!DOCTYPE html><html><head><meta charset="utf-8"><title>{html.escape(title)}</title></head>'
    return (
        f"{head}<body><h1>{html.escape(title)}</h1><p>{html.escape(sentence)}</p><table>{cells}</table></body></html>\n"
    )
