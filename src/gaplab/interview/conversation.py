"""How a conversation goes: what an interviewer throws in, and how deep one climbs when the answers are good."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gaplab.errors import ReaderError, unknown_name
from gaplab.interview import speech
from gaplab.interview.questions import LEVELS, Question

FOR_EACH_CHAPTER = 3
"""Interruptions a chapter."""
RUNGS = 5
FIRST_DAYS, FACTOR = 1, 2.5
"""A question that was known comes back after so many days, and then each time after so many times as many: as Anki does
with the deck of flashcards, whose own options are these."""


@dataclass(frozen=True)
class Interruption:
    """What an interviewer throws in.

    Attributes:
        chapter: Number of the chapter that answers it.
        says: The interviewer's words.
        recovery: A line to recover with, of at most 40 words.
        at: Ids of the questions at which it fits.
    """

    chapter: int
    says: str
    recovery: str
    at: tuple[str, ...]


@dataclass(frozen=True)
class Ladder:
    """Questions of one chapter, from recall to architecture.

    Attributes:
        chapter: The chapter's number.
        rungs: Ids of the questions, from the lowest rung up.
    """

    chapter: int
    rungs: tuple[str, ...]


def interruptions(book: Path, questions: Sequence[Question]) -> list[Interruption]:
    """Read the interruptions and check them against the bank.

    Raises:
        ReaderError: A rule is broken; the sentence names what is said.
    """
    known = {question.id for question in questions}
    found = []
    for table in _tables(book, "interruption", ("chapter", "says", "recovery", "at")):
        entry = Interruption(**{**table, "at": tuple(table["at"])})
        where = f"interruptions.toml, {entry.says!r}"
        if trouble := speech.problem(entry.recovery, speech.RECOVERY, given=entry.says):
            raise ReaderError(f"{where}: the recovery {trouble}.")
        if not entry.at:
            raise ReaderError(f"{where}: it fits at no question.")
        for id_ in entry.at:
            if id_ not in known:
                raise ReaderError(f"{where}: {unknown_name('question', id_, known)}")
        found.append(entry)
    for chapter, count in Counter(entry.chapter for entry in found).items():
        if count != FOR_EACH_CHAPTER:
            raise ReaderError(f"interruptions.toml, chapter {chapter}: {count} of {FOR_EACH_CHAPTER} interruptions.")
    if len({entry.says for entry in found}) < len(found):
        raise ReaderError("interruptions.toml: two interruptions say the same.")
    return found


def ladders(book: Path, questions: Sequence[Question]) -> list[Ladder]:
    """Read the ladders and check that each climbs.

    Raises:
        ReaderError: A rule is broken; the sentence names the chapter.
    """
    by_id: Mapping[str, Question] = {question.id: question for question in questions}
    found = []
    for table in _tables(book, "ladder", ("chapter", "rungs")):
        ladder = Ladder(table["chapter"], tuple(table["rungs"]))
        where = f"ladders.toml, chapter {ladder.chapter}"
        for id_ in ladder.rungs:
            if id_ not in by_id:
                raise ReaderError(f"{where}: {unknown_name('question', id_, by_id)}")
        if len(set(ladder.rungs)) != RUNGS:
            raise ReaderError(f"{where}: a ladder has {RUNGS} rungs, each another question.")
        climbed = [by_id[id_] for id_ in ladder.rungs]
        heights = [LEVELS.index(question.level) for question in climbed]
        if heights != sorted(heights) or climbed[0].level != LEVELS[0] or climbed[-1].level != LEVELS[-1]:
            raise ReaderError(f"{where}: it does not climb from {LEVELS[0]} to {LEVELS[-1]}.")
        if climbed[-1].kind != "design":
            raise ReaderError(f"{where}: the last rung is architecture, a question of the kind design.")
        found.append(ladder)
    if len({ladder.chapter for ladder in found}) < len(found):
        raise ReaderError("ladders.toml: a chapter has two ladders.")
    return found


def _tables(book: Path, name: str, fields: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    path = book / "interview" / f"{name}s.toml"
    for table in tomllib.loads(path.read_text(encoding="utf-8")).get(name, []):
        if set(table) != set(fields):
            raise ReaderError(f"{path.name}: each entry has {', '.join(fields)}, not {', '.join(table)}.")
        yield table
