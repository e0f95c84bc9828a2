"""The words in a script: its string literals that a reader sees."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from typing import NamedTuple

from gaplab_editions import messages

Look = Callable[[str], str]
BEFORE_REGEX = re.compile(r"(?:^|[(,=:\[!&|?{};<>+*-]|\breturn|=>)\s*$")
SENTENCE = re.compile(
    r"[A-Za-z]{2,}[’'”),.:;]* +[A-Za-z“({⟨]|\}[ ,;:.%]+[A-Za-z]{2,}|[A-Za-z]{2,}[,:;]? +\{"
    r"|^[ ,]*[A-Z][a-z-]+[.:]? *$|[a-z]\.$|^\d+ [a-z]+$"
)
"""How a literal looks that readers see: two words, a word beside an expression, or one word with a capital."""
CODE = re.compile(
    r"(?s)(?:import|export|async|return|class)\b.*|.*(?:\n|\\n) *\w+ .*|\S*/\S*|.*:is\(.*|Enter|Escape"
    r"|\d+px .*|[a-z-]+: ?(?:\{\d+\}(?:%|px)|url\(.*)|repeat\(.*"
)
"""How a literal looks that is a program or a selector in itself, a path, a key, a font, or a line of a style."""
CHOICE = re.compile(r"[?:] $")
"""What stands before a small word that is chosen within a sentence: ``${n} px ${n > 0 ? "right" : "left"}``."""
READ = re.compile(r'(?:\btextContent = |"aria-(?:label|valuetext)", )(?:[^;`]*(?:[?:]|\|\|)\s+)?$')
"""What stands before a small word that is a text or a label, or one of two: ``textContent = x ? "a" : "b"``."""
JOINED = re.compile(r"\.join\($")
"""What stands before the mark between the parts of a list that readers see: ``seen.join(", ")``."""
MARKS = (", ", "; ")
MARKED = re.compile(r"(?=.*(?:\}[,:;.] |[,:;.] ?$| \())(?:[{}\d ×%,:;.()]|px|ms)*\}(?:[{}\d ×%,:;.()]|px|ms)*")
"""How a template looks that has no words of its own but a mark that readers see: ``${layer}, ${height} × ${width}``."""
END = tuple("、。，！：；？）》”…")
"""Chinese punctuation, which brings its own blank: none is written behind it."""
CLASSES = re.compile(
    r"[\s\w-]*\b(?:gl|gaplab|bs|data|aria)-[\s\w{}-]*|[.#\[:-].*|[a-z]+(?: [a-z]+)?(?: \{\d\})?|[0-9a-f ]{20,}"
)
"""Names of classes, selectors, colours, and one or two small words, mostly classes too: the listed ones are not."""
TEXTS = re.compile(r"(?<=>)([^<>]+)(?=<)|(?<=aria-label=\")([^\"]+)(?=\")|(?<=placeholder=\")([^\"]+)(?=\")")


PLURAL = re.compile(r'.*\? "" : "s"|.*\? "s" : ""')
"""An expression that makes a plural, of which Chinese has none: no message holds it."""


def is_mark(text: str) -> bool:
    """Tell whether a message is no more than the mark between the parts of a list, which Chinese writes otherwise."""
    return text in (",", ";") or bool(MARKED.fullmatch(text))


class Literal(NamedTuple):
    """A string literal: what stands between its quotes, its expressions as ``{1}``, and where it stands."""

    start: int
    end: int
    text: str
    expressions: list[str]
    quote: str


def literals(source: str, start: int = 0, end: int | None = None) -> Iterator[Literal]:
    """List a script's string literals, those within the expressions of templates before the templates."""
    at, end = start, len(source) if end is None else end
    while at < end:
        sign = source[at]
        if source.startswith("//", at):
            at = _until(source, "\n", at, end)
        elif source.startswith("/*", at):
            at = _until(source, "*/", at + 2, end)
        elif sign == "/" and BEFORE_REGEX.search(source[max(start, at - 20) : at]):
            found = re.compile(r"/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+/").match(source, at)
            at = found.end() if found else at + 1
        elif sign in "\"'":
            at_end = at + 1
            while source[at_end] != sign:
                at_end += 2 if source[at_end] == "\\" else 1
            yield Literal(at + 1, at_end, source[at + 1 : at_end], [], sign)
            at = at_end + 1
        elif sign == "`":
            at = yield from _template(source, at)
        else:
            at += 1


def _until(source: str, mark: str, at: int, end: int) -> int:
    found = source.find(mark, at)
    return end if found < 0 else found + len(mark)


def _template(source: str, start: int) -> Generator[Literal, None, int]:
    """List the literals of a template, itself the last, and return where it ends."""
    at, text, expressions = start + 1, "", []
    while source[at] != "`":
        if source[at] == "\\":
            text += source[at : at + 2]
            at += 2
        elif source.startswith("${", at):
            close = _closing(source, at + 2)
            yield from literals(source, at + 2, close)
            expressions.append(source[at + 2 : close])
            text += f"{{{len(expressions)}}}"
            at = close + 1
        else:
            text += source[at]
            at += 1
    yield Literal(start + 1, at, text, expressions, "`")
    return at + 1


def _closing(source: str, at: int) -> int:
    """Find the brace that ends an expression, past the strings and templates in it."""
    depth = 0
    while depth or source[at] != "}":
        if source[at] in "\"'":
            quote = source[at]
            at += 1
            while source[at] != quote:
                at += 2 if source[at] == "\\" else 1
        elif source[at] == "`":
            walk = _template(source, at)
            try:
                while True:
                    next(walk)
            except StopIteration as end:
                at = end.value
                continue
        else:
            depth += {"{": 1, "}": -1}.get(source[at], 0)
        at += 1
    return at


def translate(source: str, look: Look, spoken: frozenset[str] = frozenset()) -> str:
    """Return a script with its words looked up.

    Args:
        source: The script.
        look: Takes an English text and returns what stands in its place.
        spoken: Small words that readers see although they look like names.
    """

    def rewritten(start: int, end: int, chosen: bool = False) -> str:
        outer: list[Literal] = []
        for literal in sorted(literals(source, start, end), key=lambda each: (each.start, -each.end)):
            if not outer or literal.start >= outer[-1].end:
                outer.append(literal)
        out, at = [], start
        for literal in outer:
            before = source[max(literal.start - 160, 0) : literal.start - 1]
            choice = chosen and bool(CHOICE.search(before)) and literal.text.islower() and literal.text != "s"
            choice = choice or bool(READ.search(before) and CLASSES.fullmatch(literal.text))
            choice = choice or bool(JOINED.search(before) and literal.text in MARKS)
            out += [source[at : literal.start], written(literal, choice)]
            at = literal.end
        return "".join([*out, source[at:end]])

    def written(literal: Literal, choice: bool) -> str:
        text = _spoken(literal, look, spoken | {literal.text.strip()} if choice else spoken)
        places = _expressions(literal, source)
        parts = [rewritten(*place, chosen=literal.text.startswith("{1} ")) for place in places]
        text = messages.UNIT.sub("\N{NO-BREAK SPACE}", text)
        return re.sub(r"\{(\d+)\}", lambda found: f"${{{parts[int(found[1]) - 1]}}}", text) if parts else text

    return rewritten(0, len(source))


def _expressions(literal: Literal, source: str) -> list[tuple[int, int]]:
    """Say where a template's expressions stand."""
    places, at = [], literal.start
    for expression in literal.expressions:
        at = source.index("${" + expression + "}", at) + 2
        places.append((at, at + len(expression)))
        at += len(expression)
    return places


def _spoken(literal: Literal, look: Look, spoken: frozenset[str]) -> str:
    """Return a literal's text as readers of the edition see it."""
    text = literal.text
    for number, expression in enumerate(literal.expressions, 1):
        if PLURAL.fullmatch(expression):
            text = text.replace(f"{{{number}}}", "")

    def safe(words: str) -> str:
        before, core, after = re.fullmatch(r"(?s)(\s*)(.*?)(\s*)", words).groups()  # type: ignore[union-attr]
        said = look(" ".join(core.split())) if core else core
        if said == " ".join(core.split()):
            return words
        return (
            before
            + re.sub(rf"(?<!\\){re.escape(literal.quote)}", rf"\\{literal.quote}", said)
            + ("" if said.endswith(END) else after)
        )

    def said(words: str) -> str:
        found = safe(words)
        return literal.text if found == words else found

    if "</" in text:
        return TEXTS.sub(lambda found: safe(found[0]) if re.search(r"[A-Za-z]{2,}", found[0]) else found[0], text)
    if text.strip() in spoken:
        return said(text)
    if (
        CLASSES.fullmatch(text)
        or CODE.fullmatch(text)
        or not (SENTENCE.search(text.strip()) or MARKED.fullmatch(text))
        or re.match(r"[a-z]+[-(]\S*(?:\(|$)", text)
    ):
        return literal.text
    return said(text)
