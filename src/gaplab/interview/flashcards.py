"""Flashcards from the question bank: ``python -m gaplab.interview.flashcards FOLDER`` writes a deck for Anki and a CSV.

A card keeps its identity while its question keeps its id: an import of a newer deck changes the card and leaves what
was learnt. Anki takes the newer text only if it is dated later, so the cards bear the date of the last commit that
touched what they are made of, code that prints numbers included. Same sources, same bytes.
"""

from __future__ import annotations

import argparse
import base64
import csv
import hashlib
import html
import io
import itertools
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import genanki

from gaplab import contents, files
from gaplab.errors import ReaderError
from gaplab.interview.questions import Question, bank, papers

DECK = "gaplab-flashcards.apkg"
TABLE = "gaplab-flashcards.csv"
TITLE = "Why ResNet ends in average pooling"
MODEL_ID, DECK_ID = 1_607_392_319, 2_059_400_110
"""Drawn once and never changed: Anki knows the note type and the deck by them."""
FIELDS = ("Question", "Short", "Full", "Rubric", "FollowUps", "Wrong", "Figure", "Proof")
COLUMNS = (
    *("id", "chapter", "level", "kind", "topics", "claims", "question", "short", "full", "rubric", "proof"),
    *("measured_here", "sources"),
)

_FRONT = '<p class="question">{{Question}}</p>'
_BACK = """{{FrontSide}}<hr id="answer">
{{Short}}
{{#Figure}}<div class="figure">{{Figure}}</div>{{/Figure}}
<details><summary>Full answer</summary>{{Full}}</details>
<details><summary>What an interviewer ticks</summary>{{Rubric}}</details>
<details><summary>Follow-up:</summary>{{FollowUps}}</details>
<details><summary>Wrong answers, and why</summary>{{Wrong}}</details>
<p class="proof">{{Proof}}</p>"""
_STYLE = """.card { max-width: 40rem; margin: 0 auto; font: 1.1rem/1.45 system-ui, sans-serif; text-align: left; }
.question { font-weight: 600; }
summary { padding: .4rem 0; cursor: pointer; }
.figure img { max-width: 100%; background: #fff; }
.proof { opacity: .75; font-size: .9em; }"""


def deck(
    questions: Sequence[Question], book: Path, stamp: int, edition: str = "", say: Callable[[str], str] = str
) -> bytes:
    """Make the deck for Anki, an ``.apkg`` file.

    Args:
        questions: The question bank.
        book: The book's folder, whose notebooks hold the figures.
        stamp: The cards' date, in seconds since 1970.
        edition: The short name of another language, whose cards are no newer form of the English ones.
        say: How the deck's own words are said in it.
    """
    fields = [{"name": name} for name in FIELDS]
    back = re.sub(r"(?<=<summary>)[^<]+", lambda label: say(label[0]), _BACK)
    templates = [{"name": "Card", "qfmt": _FRONT, "afmt": back}]
    # Another edition's ids are the next ones, so that both decks can be learnt side by side.
    other = 1 if edition else 0
    model = genanki.Model(MODEL_ID + other, "gaplab question", fields=fields, templates=templates, css=_STYLE)
    made = genanki.Deck(DECK_ID + other, say("Why ResNet Ends in Average Pooling") if edition else TITLE)
    media: dict[str, bytes] = {}
    named = papers(book)
    for question in questions:
        name, picture, alt = figure_of(question, book)
        if name:
            media[name] = picture
        tags = [f"gaplab::chapter-{question.chapter}", f"gaplab::{question.level}", f"gaplab::{question.kind}"]
        if question.measured_here:
            tags.append("gaplab::measured-in-this-book")
        figure = f'<img src="{name}" alt="{html.escape(say(alt))}">' if name else ""
        texts = _texts(question, figure, [say(named[key]) for key in question.sources])
        made.add_note(_Note(f"{edition}{question.id}", model=model, fields=texts, tags=tags))
    return _package(made, media, stamp)


class _Note(genanki.Note):  # type: ignore[misc]
    """A note whose ids, and its card's, follow from the question's id alone."""

    def __init__(self, name: str, **given: Any) -> None:
        super().__init__(guid=genanki.guid_for("gaplab", name), **given)
        # Anki reads an id as milliseconds since 1970: these lie between 2015 and 2018, far from a learner's own.
        self._id = 1_420_000_000_000 + int(hashlib.sha256(name.encode()).hexdigest(), 16) % 10**11

    def write_to_db(self, cursor: sqlite3.Cursor, timestamp: float, deck_id: int, _: Iterator[int]) -> None:
        super().write_to_db(cursor, timestamp, deck_id, itertools.count(self._id))


def _package(made: genanki.Deck, media: dict[str, bytes], stamp: int) -> bytes:
    """Pack as genanki does, but with dates of 1980 in the archive, so that the same deck is the same bytes."""
    with tempfile.TemporaryDirectory() as folder:
        collection = Path(folder) / "collection.anki2"
        connection = sqlite3.connect(collection)
        genanki.Package(made).write_to_db(connection.cursor(), stamp, itertools.count(1))
        connection.commit()
        connection.close()
        files = {"collection.anki2": collection.read_bytes()}
    names = sorted(media)
    files["media"] = json.dumps({str(i): name for i, name in enumerate(names)}).encode()
    files |= {str(i): media[name] for i, name in enumerate(names)}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _texts(question: Question, figure: str, read: Sequence[str]) -> list[str]:
    follow_ups = "".join(f"<p><b>{_inline(f.ask)}</b> {_inline(f.answer)}</p>" for f in question.follow_ups)
    wrong = "".join(f"<p><i>{_inline(w.says)}</i> {_inline(w.why)}</p>" for w in question.wrong)
    rubric = "".join(f"<li>{_inline(point)}</li>" for point in question.rubric)
    chapter, _, cell = question.proof.partition("#")
    return [
        _inline(question.ask),
        _paragraphs(question.short),
        _paragraphs(question.full),
        f"<ul>{rubric}</ul>",
        follow_ups,
        wrong,
        figure,
        f"{''.join(f'{html.escape(paper)}. ' for paper in read)}<code>{chapter}.ipynb#{cell}</code>. {question.id}",
    ]


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{_inline(paragraph)}</p>" for paragraph in text.split("\n\n"))


def _inline(text: str) -> str:
    r"""Write a text as HTML, its ``$maths$`` as Anki's ``\(maths\)`` and its code as ``<code>``."""
    safe = html.escape(text, quote=False)
    parts = re.split(r"\$(.+?)\$", safe)
    parts[1::2] = [rf"\({part}\)" for part in parts[1::2]]
    parts[::2] = [re.sub(r"`(.+?)`", r"<code>\1</code>", part) for part in parts[::2]]
    return "".join(parts)


def figure_of(question: Question, book: Path) -> tuple[str, bytes, str]:
    """Find the figure that belongs to a question's proof: the first one from its cell to the end of its section.

    Args:
        question: The question.
        book: The book's folder.

    Returns:
        The figure's file name, PNG and alternative text; empty if the proof is not drawn.
    """
    chapter, _, name = question.proof.partition("#")
    cells = json.loads((book / f"{chapter}.ipynb").read_text(encoding="utf-8"))["cells"]
    first = next(i for i, cell in enumerate(cells) if cell["metadata"].get("name") == name)
    for cell in cells[first:]:
        if cell["cell_type"] == "markdown" and "".join(cell["source"]).startswith("#"):
            break
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "image/png" in data:
                picture = base64.b64decode("".join(data["image/png"]))
                return f"gaplab-{chapter[:2]}-{cell['id']}.png", picture, cell["metadata"]["mystnb"]["image"]["alt"]
    return "", b"", ""


def table(questions: Sequence[Question]) -> bytes:
    """Make the CSV file: one line a question, texts as in the bank, with ``$maths$``."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for q in questions:
        lists = ("; ".join(q.topics), " ".join(q.claims))
        texts = (q.ask, q.short, q.full, "\n".join(q.rubric))
        writer.writerow(
            (q.id, q.chapter, q.level, q.kind, *lists, *texts, q.proof, q.measured_here, " ".join(q.sources))
        )
    return text.getvalue().encode("utf-8-sig")  # so that Excel, too, reads it as what it is


def last_change(book: Path) -> int:
    """Return when the cards' sources last changed, in seconds since 1970.

    ``SOURCE_DATE_EPOCH`` wins; then the last commit that touched the questions, the chapters or the code that writes
    their texts and numbers; without git, the newest of the files.
    """
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(given)
    sources = [*contents.notebooks(book), *sorted((book / "interview" / "questions").glob("*.toml"))]
    package = book.parent / "src" / "gaplab"
    sources += [*sorted((package / "claims").glob("*.py")), *sorted((package / "interview").glob("*.py"))]
    asked = ["git", "log", "-1", "--format=%ct", "--", *(os.path.relpath(path, book) for path in sources)]
    try:
        # git complains in the reader's language and encoding: only its digits are read.
        said = subprocess.run(asked, cwd=book, capture_output=True, check=True).stdout.decode("ascii").strip()
    except (OSError, subprocess.CalledProcessError):
        said = ""
    return int(said) if said else int(max(path.stat().st_mtime for path in sources))


def write(book: Path, folder: Path) -> list[Path]:
    """Write deck and table into a folder.

    Returns:
        Their paths.
    """
    questions = bank(book)[0]
    made = {DECK: deck(questions, book, last_change(book)), TABLE: table(questions)}
    for name, content in made.items():
        files.write(folder / name, content)
    return [folder / name for name in made]


def main(arguments: list[str] | None = None) -> int:
    """Write the flashcards into the folder named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m gaplab.interview.flashcards", description="Write the flashcards.")
    parser.add_argument("folder", type=Path, help="where deck and table go")
    parser.add_argument("--book", type=Path, default=Path("book"), help="the book's folder")
    options: Any = parser.parse_args(arguments)
    try:
        for path in write(options.book, options.folder):
            print(f"wrote {path}")
    except ReaderError as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
