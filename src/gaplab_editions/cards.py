"""The flashcards of an edition, from the catalogues of the interview's pages: ``python -m gaplab_editions.cards SITE``.

They are written when every text of the question bank is translated, and not before: half a deck would be learnt twice.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gaplab import files
from gaplab.interview import flashcards
from gaplab.interview.questions import Question, bank
from gaplab_editions import LANGUAGE
from gaplab_editions.catalogues import Edition

SPOKEN = ("ask", "right", "short", "full", "follow_ups", "wrong", "rubric")
"""What of a question is said; the rest are names."""


class Bank:
    """Says questions in the language of an edition, and counts what it cannot say."""

    def __init__(self, edition: Edition) -> None:
        """Take the edition."""
        self.edition = edition
        self.missing: list[str] = []

    def say(self, text: str) -> str:
        """Say a text, paragraph by paragraph as the pages do."""
        return "\n\n".join(self._paragraph(" ".join(part.split())) for part in text.split("\n\n"))

    def _paragraph(self, text: str) -> str:
        said = self.edition.say(text)
        if said == text and self.edition.is_words(text):
            self.missing.append(text)
        return said

    def around(self, text: str) -> str:
        """Say what a card has besides its question: its labels, its figure, the papers, whose titles stay."""
        return self.edition.say(text).replace(" and others, ", f" {self.edition.lines['others']}, ")

    def question(self, question: Question) -> Question:
        """Say a question with its answers."""
        return dataclasses.replace(question, **{name: self._part(getattr(question, name)) for name in SPOKEN})

    def _part(self, part: Any) -> Any:
        """Say each text in a part of a question."""
        if isinstance(part, str):
            return self.say(part)
        if isinstance(part, tuple):
            return tuple(map(self._part, part))
        if dataclasses.is_dataclass(part) and not isinstance(part, type):
            held = {field.name: self._part(getattr(part, field.name)) for field in dataclasses.fields(part)}
            return type(part)(**held)
        return part


def write(questions: Sequence[Question], edition: Edition, book: Path, folder: Path) -> list[str]:
    """Write deck and table into a folder, if every text is translated.

    Returns:
        The texts that are not.
    """
    speaker = Bank(edition)
    said = [speaker.question(question) for question in questions]
    if not speaker.missing:
        stamp = flashcards.last_change(book)
        files.write(folder / flashcards.DECK, flashcards.deck(said, book, stamp, LANGUAGE, speaker.around))
        files.write(folder / flashcards.TABLE, flashcards.table(said))
    return speaker.missing


def main(arguments: list[str] | None = None) -> int:
    """Write an edition's flashcards beside its interview's pages."""
    parser = argparse.ArgumentParser(
        prog="python -m gaplab_editions.cards", description="Write an edition's flashcards."
    )
    parser.add_argument("site", type=Path)
    parser.add_argument("--book", type=Path, default=Path("book"))
    parser.add_argument("--catalogues", type=Path, default=Path("translations") / LANGUAGE)
    options = parser.parse_args(arguments)
    questions = bank(options.book)[0]
    folder = options.site / LANGUAGE / "interview"
    if missing := write(questions, Edition.read(options.catalogues), options.book, folder):
        print(f"The flashcards stay English: {len(missing)} texts of the question bank are not translated.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
