"""The interview question bank: plain TOML in, checked questions out, with measured numbers filled in.

A number that a chapter measured is never typed in a question. ``{{P7}}`` stands for the value that the chapter recorded
about claim P7 with its spread, ``{{P7.value}}`` and ``{{P7.unit}}`` for its parts, ``{{P7.because}}`` for the sentence
that ties the number to the verdict, and ``{{P7.finding}}`` for number, unit and that sentence. Texts are Markdown
paragraphs with ``$maths$``; line breaks inside a paragraph mean nothing.
"""

from __future__ import annotations

import dataclasses
import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from gaplab import contents
from gaplab.claims import Verdict, claims, gather
from gaplab.errors import ReaderError, unknown_name
from gaplab.interview import speech

LEVELS = ("screen", "onsite", "expert")
KINDS = ("explain", "compute", "compare", "debug", "design")
FEWEST_WORDS = 30
"""Of a short answer: with fewer it is a slogan. The most, and the most numbers, are :data:`speech.HALF_A_MINUTE`."""
FEWEST = {"topics": 1, "follow_up": 2, "wrong": 3, "rubric": 3}
"""Fewest entries of each list; three wrong answers make a choice of four with the right one."""
MOST_RUBRIC = 5

PUBLISHED = {"16.46", "17.56", "15.99", "22.57", "22.28", "89.20", "91.31", "76.16", "77.04", "85.11", "88.25"} | {
    "37.1", "77.0", "79.0", "8.75", "0.27", "0.6", "76.13", "4.09", "4.62"
}  # fmt: skip
"""Decimals that papers and torchvision's documentation report and that were checked there; these may be typed."""

_ID = re.compile(r"q-[a-z]+-\d{2}")
_PLACEHOLDER = re.compile(r"\{\{(.*?)\}\}")
_DECIMAL = re.compile(r"(?<![\d.,])\d+\.\d+(?![\d.]*\d)")
_OF_THIS_BOOK = re.compile(r"\{\{|\b(?:the|this) book\b|\bour\b|\bwe\b", re.IGNORECASE)
_PLACE_IN_A_PAPER = re.compile(r"\b(?:appendix|section|page|figure|table) [A-Z]?\.?\d|\bquotes?\b", re.IGNORECASE)
_PAPER = re.compile(
    r"^@\w+\{(\w+), author = \{(.+?)\}, title = \{(.+?)\}, (?:\w+ = .*?)?year = \{(\d+)\}", re.MULTILINE
)


@dataclasses.dataclass(frozen=True)
class FollowUp:
    """A question that an interviewer asks next, and its answer.

    Attributes:
        ask: The question.
        answer: Its answer.
        probes: Numbers of the rubric's points, from 1, that it gets at; empty if it goes beyond them.
    """

    ask: str
    answer: str
    probes: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True)
class Wrong:
    """A common wrong answer, and the reason why it is wrong."""

    says: str
    why: str


@dataclasses.dataclass(frozen=True)
class Question:
    """One question of the bank, with every placeholder filled in.

    Attributes:
        id: Stable name, for example ``q-param-01``.
        file: Name of the file that holds it, without suffix: the topic it is filed under.
        chapter: Number of the chapter that proves the answer.
        level: One of :data:`LEVELS`.
        kind: One of :data:`KINDS`.
        topics: Keywords.
        claims: Ids of the claims that it covers; may be empty.
        ask: The question as an interviewer says it.
        right: The right answer in one sentence, to stand among the wrong ones in a choice of four.
        short: The answer that can be spoken in 30 seconds.
        full: The full answer.
        follow_ups: What is asked next.
        wrong: Common wrong answers.
        rubric: Points that an interviewer ticks.
        proof: Chapter and cell that prove the answer, for example ``01_parameter_count#macs``.
        asks: Numbers of the rubric's points, from 1, that the question itself asks for. A point that neither it nor a
            follow-up asks for would fail a good answer.
        measured_here: Whether only this book's measurements answer it; then it is in no quick round.
        sources: Keys of papers in the bibliography.
    """

    id: str
    file: str
    chapter: int
    level: str
    kind: str
    topics: tuple[str, ...]
    claims: tuple[str, ...]
    ask: str
    right: str
    short: str
    full: str
    follow_ups: tuple[FollowUp, ...]
    wrong: tuple[Wrong, ...]
    rubric: tuple[str, ...]
    proof: str
    asks: tuple[int, ...] = ()
    measured_here: bool = False
    sources: tuple[str, ...] = ()


def papers(book: Path) -> dict[str, str]:
    """Return every paper of the bibliography as a source is named, by its key: first author, year and title."""
    path = book / "reference" / "references.bib"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    found = {}
    for key, authors, title, year in _PAPER.findall(text):
        others = " and others" if " and " in authors else ""
        name = f"{authors.partition(',')[0]}{others}, {year}: {title}"
        found[key] = re.sub(r"[{}]|\\\W", "", name)
    return found


def bank(book: Path = Path("..")) -> tuple[list[Question], dict[str, Verdict]]:
    """Read the question bank and the verdicts that fill its numbers in.

    Args:
        book: The book's folder, which a page of the kit has above it.
    """
    verdicts = gather(contents.notebooks(book))
    return load(book / "interview" / "questions", verdicts), verdicts


def load(folder: Path, verdicts: Mapping[str, Verdict]) -> list[Question]:
    """Read every question, check it, and fill in the measured numbers.

    Args:
        folder: The folder of the TOML files, ``book/interview/questions``; the chapters are two levels above it.
        verdicts: What the chapters recorded, from :func:`gaplab.claims.gather`.

    Returns:
        The questions in the order of the files' names and of their places in them.

    Raises:
        ReaderError: A file or a question breaks a rule; the sentence names the file and the question's id.
    """
    files = sorted(folder.glob("*.toml"))
    if not files:
        raise ReaderError(f"There is no question in {folder}: it holds no TOML file.")
    cells = {path.stem: _named_cells(path) for path in contents.notebooks(folder.parents[1])}
    measured = {text: id_ for id_, entry in verdicts.items() for text in measured_texts(entry)}
    named = papers(folder.parents[1])
    questions: dict[str, Question] = {}
    said: dict[str, str] = {}
    for path in files:
        try:
            tables = tomllib.loads(path.read_text(encoding="utf-8")).get("question", [])
        except tomllib.TOMLDecodeError as problem:
            raise ReaderError(f"{path.name} is not TOML: {problem}.") from None
        for number, table in enumerate(tables, start=1):
            question = _Reader(path, number, table, verdicts, measured, cells, named).question()
            if question.id in questions:
                raise ReaderError(f"{path.name}, {question.id}: the id is taken by {questions[question.id].file}.toml.")
            questions[question.id] = question
            for figure in PUBLISHED.intersection(speech.numbers(question.short)):
                if (other := said.setdefault(figure, question.id)) != question.id:
                    raise ReaderError(
                        f"{path.name}, {question.id}: {other} is answered with {figure} too: merge the two questions."
                    )
    return list(questions.values())


def measured_texts(entry: Verdict) -> set[str]:
    """List the ways to type the measured numbers of a verdict by hand.

    They are the value's roundings, and in the sentence the decimals with a spread or of three digits. Whole values are
    counts, which anybody can derive, and what papers report is not ours: neither is listed.
    """
    typed = {f"{abs(entry.value):.{digits}f}" for digits in (1, 2, 3)} if entry.value % 1 else set()
    typed |= {text for text in _DECIMAL.findall(entry.because) if _digits(text) >= 3 or f"{text} ±" in entry.because}
    return {text for text in typed - PUBLISHED if _digits(text) >= 2}


def _digits(number: str) -> int:
    return len(number.replace(".", "").lstrip("0"))


def filled(text: str, verdicts: Mapping[str, Verdict]) -> str:
    """Fill in the placeholders of a text, and join the lines of each of its paragraphs.

    Raises:
        ReaderError: A placeholder names no claim, a claim without a verdict, or no field of one.
    """
    text = "\n\n".join(" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", text.strip()))
    return _PLACEHOLDER.sub(lambda match: _fill(match[1], verdicts), text)


def _fill(name: str, verdicts: Mapping[str, Verdict]) -> str:
    id_, _, field = name.partition(".")
    if id_ not in claims():
        raise unknown_name("claim", id_, claims())
    if id_ not in verdicts:
        raise ReaderError(f"No chapter has recorded a verdict on {id_}: its number is not available.")
    entry = verdicts[id_]
    fields = {
        "": entry.number,
        "value": entry.number.partition(" ± ")[0],
        "unit": entry.unit,
        "verdict": entry.verdict,
        "because": entry.because,
        "finding": f"{entry.quantity}. {entry.because}",
    }
    if field not in fields:
        raise unknown_name(f"field of {{{{{id_}}}}}", field, [name for name in fields if name])
    return fields[field]


def _named_cells(notebook: Path) -> set[str]:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return {cell["metadata"]["name"] for cell in cells if "name" in cell["metadata"]}


class _Reader:
    """Reads one ``[[question]]`` table; every error names the file and the question."""

    def __init__(
        self,
        path: Path,
        number: int,
        table: Mapping[str, Any],
        verdicts: Mapping[str, Verdict],
        measured: Mapping[str, str],
        cells: Mapping[str, set[str]],
        named: Mapping[str, str],
    ) -> None:
        self.file, self.table, self.verdicts, self.measured, self.cells = path.stem, table, verdicts, measured, cells
        self.named = named
        self.where = f"{path.name}, {table.get('id', f'question {number}')}"

    def question(self) -> Question:
        fields = dataclasses.fields(Question)
        self.table = {field.name: field.default for field in fields if field.default is not dataclasses.MISSING} | {
            **self.table
        }
        names = {field.name for field in fields} - {"file", "follow_ups"} | {"follow_up"}
        self._same_names("", self.table, names)
        if not _ID.fullmatch(self._text("id")):
            self._fail(f"the id {self.table['id']!r} is not like 'q-param-01'")
        for field, allowed in (("level", LEVELS), ("kind", KINDS)):
            if self.table[field] not in allowed:
                self._fail(unknown_name(field, self.table[field], allowed))
        topics, covered, rubric = (tuple(self._texts(field)) for field in ("topics", "claims", "rubric"))
        for id_ in covered:
            if id_ not in claims():
                self._fail(unknown_name("claim", id_, claims()))
        if len(rubric) > MOST_RUBRIC:
            self._fail(f"rubric has {len(rubric)} entries: at most {MOST_RUBRIC} are allowed")
        if (words := len(self._text("short").split())) < FEWEST_WORDS:
            self._fail(f"short has {words} words: at least {FEWEST_WORDS} make an answer")
        if trouble := speech.problem(self._text("short"), speech.HALF_A_MINUTE, given=self._text("ask")):
            self._fail(f"short {trouble}")
        follow_ups = tuple(self._follow_ups(len(rubric)))
        wrong = tuple(Wrong(**entry) for entry in self._entries("wrong", self.table["wrong"], ("says", "why")))
        self._nothing_of_this_book(wrong)
        return Question(
            id=self.table["id"],
            file=self.file,
            chapter=self._chapter(),
            level=self.table["level"],
            kind=self.table["kind"],
            follow_ups=follow_ups,
            wrong=wrong,
            asks=self._asks(rubric, follow_ups),
            measured_here=self.table["measured_here"],
            sources=self._sources(),
            proof=self.table["proof"],
            topics=topics,
            claims=covered,
            ask=self._text("ask"),
            right=self._text("right"),
            short=self._text("short"),
            full=self._text("full"),
            rubric=rubric,
        )

    def _fail(self, problem: object) -> NoReturn:
        raise ReaderError(f"{self.where}: {str(problem).rstrip('.')}.")

    def _same_names(self, owner: str, table: Mapping[str, Any], names: set[str]) -> None:
        place = f"{owner} " if owner else ""
        if missing := sorted(names - set(table)):
            self._fail(f"{place}lacks {', '.join(missing)}")
        if extra := sorted(set(table) - names):
            self._fail(f"{place}has the unknown field {', '.join(extra)}: allowed are {', '.join(sorted(names))}")

    def _chapter(self) -> int:
        chapter, _, cell = self._text("proof").partition("#")
        if cell not in self.cells.get(chapter, ()):
            self._fail(f"the proof {self.table['proof']!r} is no named cell of a chapter (NN_name#cell)")
        if self.table["chapter"] != int(chapter[:2]):
            self._fail(f"chapter is {self.table['chapter']!r}, but the proof is in {chapter}")
        return int(chapter[:2])

    def _asks(self, rubric: Sequence[str], follow_ups: Sequence[FollowUp]) -> tuple[int, ...]:
        asks = self.table["asks"]
        if not isinstance(asks, list | tuple) or not set(asks) <= set(range(1, len(rubric) + 1)):
            self._fail(f"asks is {asks!r}: list numbers of the rubric's points, from 1 to {len(rubric)}")
        asked = {*asks, *(point for follow_up in follow_ups for point in follow_up.probes)}
        for number, point in enumerate(rubric, start=1):
            if number not in asked:
                self._fail(f"nobody asks for the rubric's point {number}, {point!r}: name it in asks or in probes")
            if _PLACE_IN_A_PAPER.search(point):
                self._fail(f"the rubric's point {point!r} asks to recall a place in a paper, not to understand it")
        return tuple(asks)

    def _nothing_of_this_book(self, wrong: Sequence[Wrong]) -> None:
        """Refuse a choice of four that only this book's reader can make, unless it is marked so."""
        here = self.table["measured_here"]
        if not isinstance(here, bool):
            self._fail(f"measured_here is {here!r}: true or false")
        if here and self.table["level"] == LEVELS[0]:
            self._fail(
                f"a question of the level {LEVELS[0]} must be answerable from the literature: measured_here is set"
            )
        texts = [self.table["ask"], self.table["right"], *(entry.says for entry in wrong)]
        if self.table["level"] == LEVELS[0]:
            texts += self.table["rubric"]
        for text in () if here else texts:
            if found := _OF_THIS_BOOK.search(text):
                self._fail(f"{text!r} has {found[0]!r}, which only this book's reader can know: set measured_here")

    def _sources(self) -> tuple[str, ...]:
        for key in self.table["sources"]:
            if key not in self.named:
                self._fail(unknown_name("paper", key, self.named))
        return tuple(self.table["sources"])

    def _text(self, field: str) -> str:
        return self._checked(field, self.table[field])

    def _texts(self, field: str) -> list[str]:
        entries = self.table[field]
        if not isinstance(entries, list) or len(entries) < FEWEST.get(field, 0):
            self._fail(f"{field} must be a list of at least {FEWEST.get(field, 0)}")
        return [self._checked(field, entry) for entry in entries]

    def _follow_ups(self, points: int) -> Iterator[FollowUp]:
        tables = [dict(table) for table in self.table["follow_up"]]
        probed = [table.pop("probes", []) for table in tables]
        for entry, probes in zip(self._entries("follow_up", tables, ("ask", "answer")), probed, strict=True):
            if not isinstance(probes, list) or not set(probes) <= set(range(1, points + 1)):
                self._fail(f"follow_up.probes is {probes!r}: list numbers of the rubric's points, from 1 to {points}")
            yield FollowUp(**entry, probes=tuple(probes))

    def _entries(self, field: str, entries: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[dict[str, str]]:
        if len(entries) < FEWEST[field]:
            self._fail(f"{field} has {len(entries)} entries: at least {FEWEST[field]} are needed")
        for entry in entries:
            self._same_names(field, entry, set(names))
        return [{name: self._checked(f"{field}.{name}", text) for name, text in entry.items()} for entry in entries]

    def _checked(self, field: str, text: object) -> str:
        if not isinstance(text, str) or not text.strip():
            self._fail(f"{field} must be a text that is not empty")
        for number in _DECIMAL.findall(text):
            if number in self.measured:
                id_ = self.measured[number]
                self._fail(f"{field} repeats {number}, which was measured for {id_}: write {{{{{id_}}}}} instead")
        try:
            return filled(text, self.verdicts)
        except ReaderError as problem:
            self._fail(problem)
