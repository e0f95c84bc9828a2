"""Other published answers to the article's question: what each asserts, and the claims and numbers that decide it.

The answers are data, ``assets/answers.toml``. An assertion is tied to claims of the book, and its verdict is then the
strictest one that chapters recorded about them, or says why it differs. One without claims is decided by a source of
the bibliography, or is not tested here. No number of the book is typed (see :mod:`gaplab.interview.questions`).
"""

from __future__ import annotations

import dataclasses
import html
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, NoReturn

from gaplab import contents, figures, markup
from gaplab.claims import CAVEATS, FAILS, HOLDS, MARKS, Verdict, claim, claims, gather, label
from gaplab.errors import ReaderError, unknown_name
from gaplab.interview.questions import filled, measured_texts

NOT_TESTED = "not tested here"
STRICTNESS = (HOLDS, CAVEATS, FAILS)
"""The three verdicts, the strictest last."""
LANGUAGES = {"zh": "Chinese", "en": "English"}

_TEXTS = ("id", "title", "kind", "language", "date", "read", "address", "about")
_ID = re.compile(r"answer-[a-z0-9-]+")
_DECIMAL = re.compile(r"\d+\.\d+")
_REFERENCE = re.compile(r"^@\w+\{(\w+), author = \{([^,}]+)(.*?)\}, title.*?year = \{(\d{4})\}", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Assertion:
    """One assertion of a published answer, in our own words.

    Attributes:
        says: What is asserted.
        verdict: One of the three verdicts, or :data:`NOT_TESTED`.
        why: What decides, with measured numbers filled in.
        claims: Ids of the claims that decide it; may be empty.
        differs: Why the verdict is not the strictest one of the claims; empty if it is.
        sources: Keys of the bibliography.
    """

    says: str
    verdict: str
    why: str
    claims: tuple[str, ...] = ()
    differs: str = ""
    sources: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Answer:
    """A published answer.

    Attributes:
        id: Stable name, for example ``answer-d2l``.
        title: Its title and where it stands.
        kind: What it is, such as ``textbook``.
        language: A key of :data:`LANGUAGES`.
        date: What the copy that was read says about its date.
        read: How much of it was read.
        address: Its address.
        about: What it answers.
        assertions: What it asserts.
    """

    id: str
    title: str
    kind: str
    language: str
    date: str
    read: str
    address: str
    about: str
    assertions: tuple[Assertion, ...]


def answers(book: Path = Path("..")) -> tuple[list[Answer], dict[str, Verdict]]:
    """Read the published answers and the verdicts that decide them.

    Args:
        book: The book's folder, which a page of the kit has above it.
    """
    verdicts = gather(contents.notebooks(book))
    text = resources.files("gaplab").joinpath("assets/answers.toml").read_text(encoding="utf-8")
    return load(text, verdicts, references(book)), verdicts


def references(book: Path) -> dict[str, str]:
    """Return the bibliography's keys and what they are cited as, such as ``Lin and others (2014)``."""
    text = (book / "reference" / "references.bib").read_text(encoding="utf-8")
    return {
        key: f"{first}{' and others' if ' and ' in rest else ''} ({year})"
        for key, first, rest, year in _REFERENCE.findall(text)
    }


def load(text: str, verdicts: Mapping[str, Verdict], cited: Mapping[str, str]) -> list[Answer]:
    """Read answers, check them, and fill in the measured numbers.

    Args:
        text: TOML with one ``[[answer]]`` an answer and one ``[[answer.assertion]]`` an assertion.
        verdicts: What the chapters recorded, from :func:`gaplab.claims.gather`.
        cited: The bibliography, from `references`.

    Raises:
        ReaderError: An answer breaks a rule; the sentence names it.
    """
    reader = _Reader(verdicts, cited)
    found = [reader.answer(number, table) for number, table in enumerate(tomllib.loads(text)["answer"], start=1)]
    for field in ("id", "address"):
        values = [getattr(answer, field) for answer in found]
        if doubles := sorted({value for value in values if values.count(value) > 1}):
            raise ReaderError(f"Two answers have the {field} {doubles[0]}: list each once.")
    return found


class _Reader:
    """Reads answers; every error names the answer and the assertion."""

    def __init__(self, verdicts: Mapping[str, Verdict], cited: Mapping[str, str]) -> None:
        self.verdicts = verdicts
        self.cited = cited
        self.measured = {text: id_ for id_, entry in verdicts.items() for text in measured_texts(entry)}
        self.where = ""

    def answer(self, number: int, table: Mapping[str, Any]) -> Answer:
        self.where = str(table.get("id", f"answer {number}"))
        self._fields(table, {*_TEXTS, "assertion"}, set())
        texts = {name: self._text(name, table[name]) for name in _TEXTS}
        if not _ID.fullmatch(texts["id"]):
            self._fail(f"the id {texts['id']!r} is not like answer-d2l")
        if texts["language"] not in LANGUAGES:
            self._fail(unknown_name("language", texts["language"], LANGUAGES))
        if not texts["address"].startswith(("https://", "http://")):
            self._fail(f"the address {texts['address']!r} is none of the web")
        assertions = []
        for place, entry in enumerate(table["assertion"], start=1):
            self.where = f"{texts['id']}, assertion {place}"
            assertions.append(self._assertion(entry))
        return Answer(**texts, assertions=tuple(assertions))

    def _assertion(self, table: Mapping[str, Any]) -> Assertion:
        self._fields(table, {"says", "verdict", "why"}, {"claims", "differs", "sources"})
        ids, sources = tuple(table.get("claims", ())), tuple(table.get("sources", ()))
        for id_ in ids:
            if id_ not in self.verdicts:
                self._fail(unknown_name("claim with a verdict", id_, claims()))
        for key in sources:
            if key not in self.cited:
                self._fail(unknown_name("source in the bibliography", key, self.cited))
        texts = {name: self._text(name, table[name]) for name in ("says", "why", "differs") if name in table}
        self._verdict(table["verdict"], ids, sources, "differs" in table)
        return Assertion(verdict=table["verdict"], claims=ids, sources=sources, **texts)

    def _verdict(self, verdict: str, ids: Sequence[str], sources: Sequence[str], differs: bool) -> None:
        """Check that a verdict follows from the claims, or says why not."""
        if verdict not in (*STRICTNESS, NOT_TESTED):
            self._fail(unknown_name("verdict", verdict, (*STRICTNESS, NOT_TESTED)))
        if not ids:
            if differs:
                self._fail("it differs from no claim: name the claims, or leave differs out")
            if not sources and verdict != NOT_TESTED:
                self._fail(f"nothing decides '{verdict}': name claims or sources, or say '{NOT_TESTED}'")
            return
        strictest = max((self.verdicts[id_].verdict for id_ in ids), key=STRICTNESS.index)
        if verdict == NOT_TESTED:
            self._fail(f"{', '.join(ids)} tested it: give a verdict, or leave the claims out")
        if (verdict != strictest) != differs:
            self._fail(
                f"the claims {', '.join(ids)} say '{strictest}': "
                + (f"say so, or say in differs why it is '{verdict}'" if not differs else "leave differs out")
            )

    def _fields(self, table: Mapping[str, Any], needed: set[str], allowed: set[str]) -> None:
        if missing := sorted(needed - set(table)):
            self._fail(f"lacks {', '.join(missing)}")
        if extra := sorted(set(table) - needed - allowed):
            self._fail(f"has the unknown field {', '.join(extra)}")

    def _text(self, name: str, text: object) -> str:
        if not isinstance(text, str) or not text.strip():
            self._fail(f"{name} must be a text that is not empty")
        for number in _DECIMAL.findall(text):
            if number in self.measured:
                self._fail(f"{name} repeats {number}, which was measured for {self.measured[number]}: write a slot")
        return filled(text, self.verdicts)

    def _fail(self, problem: object) -> NoReturn:
        raise ReaderError(f"{self.where}: {str(problem).rstrip('.')}.")


def overview(found: Sequence[Answer]) -> None:
    """Show all answers at a glance: a line an answer, a mark an assertion."""
    rows, plain = [], []
    for answer in found:
        marks = " ".join(_mark(a.verdict) for a in answer.assertions)
        name = f'<a href="#{answer.id}">{html.escape(answer.title)}</a>'
        rows.append(markup.row(name, f"{LANGUAGES[answer.language]}, {html.escape(answer.kind)}", marks))
        plain.append(f"{answer.title}: {', '.join(a.verdict for a in answer.assertions)}")
    markup.show(markup.table("gaplab-claims", ("Answer", "What it is", "Its assertions"), rows), "\n".join(plain))


def trial(answer: Answer, verdicts: Mapping[str, Verdict], book: Path = Path("..")) -> None:
    """Show an answer's assertions, each with its verdict, what decides it, and the numbers behind that.

    Args:
        answer: One of `answers`.
        verdicts: What the chapters recorded.
        book: The book's folder, which a page of the kit has above it.
    """
    pages = {number: f"../{chapter.page}.html" for number, chapter in contents.chapters(book).items()}
    cited = references(book)
    parts = [
        f"**[{answer.title}]({answer.address})** ({LANGUAGES[answer.language]}, {answer.kind}). {answer.about}",
        f'<p class="gaplab-tags">Date: {html.escape(answer.date)}. Read: {html.escape(answer.read)}.</p>',
    ]
    for assertion in answer.assertions:
        decided = [f"  - {_number(verdicts[id_], pages)}" for id_ in assertion.claims]
        decided += [
            f'  - <a href="../reference/bibliography.html#{key}">{html.escape(cited[key])}</a>'
            for key in assertion.sources
        ]
        reason = f"{assertion.differs} {assertion.why}".strip()
        parts.append("\n".join([f"- *{assertion.says}* {_label(assertion.verdict)}. {reason}", *decided]))
    figures.say(f'<span id="{answer.id}"></span>\n\n' + "\n\n".join(parts))


def tally(found: Iterable[Answer]) -> dict[str, int]:
    """Count the assertions by verdict, in the order of strictness."""
    given = [assertion.verdict for answer in found for assertion in answer.assertions]
    return {verdict: given.count(verdict) for verdict in (*STRICTNESS, NOT_TESTED)}


def _number(entry: Verdict, pages: Mapping[int, str]) -> str:
    """Write a claim with its verdict and its number, which leads to the cell that computed it."""
    own = claim(entry.claim)
    link = f'<a href="{pages[own.chapter]}#{entry.cell}">{html.escape(entry.measured)}</a>'
    return f"{entry.claim}, “{html.escape(own.en.rstrip('.'))}”, {label(entry.verdict)}: {link}."


def _mark(verdict: str) -> str:
    return f'<span role="img" aria-label="{verdict}" title="{verdict}">{MARKS.get(verdict, "–")}</span>'


def _label(verdict: str) -> str:
    return label(verdict) if verdict in MARKS else f"<b>{verdict}</b>"
