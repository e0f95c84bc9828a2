"""The flashcards open as Anki opens them, keep their identity and their bytes, and need no PyTorch."""

import codecs
import csv
import dataclasses
import io
import json
import re
import sqlite3
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from gaplab import contents
from gaplab.interview import flashcards
from gaplab.interview import questions as bank_of

BOOK = Path(__file__).parent.parent / "book"
STAMP = 1_800_000_000
PINNED = (1_445_571_830_034, "KYwKj(1-EQ")


@pytest.fixture(scope="module")
def questions():
    return bank_of.bank(BOOK)[0]


@pytest.fixture(scope="module")
def packed(questions):
    return flashcards.deck(questions, BOOK, STAMP)


class Opened:
    """A package as Anki reads it."""

    def __init__(self, packed, folder):
        """Unpack it into a folder."""
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            assert archive.testzip() is None
            self.files = {name: archive.read(name) for name in archive.namelist()}
        path = folder / "collection.anki2"
        path.write_bytes(self.files["collection.anki2"])
        self.media = {name: self.files[key] for key, name in json.loads(self.files["media"]).items()}
        connection = sqlite3.connect(path)
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
        rows = connection.execute("select id, guid, mid, mod, tags, flds from notes").fetchall()
        self.notes = {row[5].split("\x1f")[-1].split()[-1]: row for row in rows}
        self.cards = connection.execute("select id, nid, did, ord from cards").fetchall()
        self.models, self.decks = (
            json.loads(text) for text in connection.execute("select models, decks from col").fetchone()
        )
        connection.close()

    def fields(self, name):
        return dict(zip(flashcards.FIELDS, self.notes[name][5].split("\x1f"), strict=True))


@pytest.fixture(scope="module")
def opened(packed, tmp_path_factory):
    return Opened(packed, tmp_path_factory.mktemp("deck"))


def test_every_question_is_one_note_with_one_card_in_the_deck(opened, questions):
    assert sorted(opened.notes) == sorted(q.id for q in questions)
    assert sorted(card[1] for card in opened.cards) == sorted(note[0] for note in opened.notes.values())
    assert {card[2] for card in opened.cards} == {flashcards.DECK_ID}
    assert {note[2] for note in opened.notes.values()} == {flashcards.MODEL_ID}
    assert str(flashcards.MODEL_ID) in opened.models
    assert str(flashcards.DECK_ID) in opened.decks
    for column in (0, 1):
        assert len({note[column] for note in opened.notes.values()}) == len(questions)
    assert len({card[0] for card in opened.cards}) == len(questions)


def test_same_sources_same_bytes(packed, questions):
    assert flashcards.deck(questions, BOOK, STAMP) == packed
    assert flashcards.table(questions) == flashcards.table(questions)


def test_a_new_release_finds_its_old_cards(opened, questions, tmp_path):
    """Reordered, one question gone, one changed and a day later: ids stand, the date and the text move."""
    changed = dataclasses.replace(questions[5], short="Another answer.")
    later = Opened(flashcards.deck([changed, *reversed(questions[6:])], BOOK, STAMP + 86_400), tmp_path)
    assert len(later.notes) == len(questions) - 5
    for name, note in later.notes.items():
        assert note[:3] == opened.notes[name][:3]
        assert note[3] == opened.notes[name][3] + 86_400
    assert later.fields(changed.id)["Short"] == "<p>Another answer.</p>"
    assert {card[:2] for card in later.cards} <= {card[:2] for card in opened.cards}


def test_identities_are_those_that_learners_already_have(opened):
    """Changing one of these would make Anki take the whole deck for a new one."""
    assert (flashcards.MODEL_ID, flashcards.DECK_ID) == (1_607_392_319, 2_059_400_110)
    assert opened.notes["q-param-01"][:2] == PINNED


def test_figures_of_every_chapter_are_in_the_deck_and_shown(opened, questions):
    shown = {name for id_ in opened.notes for name in re.findall(r'src="([^"]+)"', opened.fields(id_)["Figure"])}
    assert shown == set(opened.media)
    assert all(data.startswith(b"\x89PNG\r\n") for data in opened.media.values())
    chapters = {question.chapter for question in questions}
    assert {int(name.split("-")[1]) for name in opened.media} == chapters - {6}  # the verdict page draws no figure
    assert len(chapters - {6}) == 5


def test_a_figure_is_the_one_of_the_proofs_own_section(questions):
    by_proof = {question.proof: question for question in questions}
    name, picture, alt = flashcards.figure_of(by_proof["01_parameter_count#stages-figure"], BOOK)
    assert (name, picture[:4]) == ("gaplab-01-stages-figure.png", b"\x89PNG")
    assert len(alt) > 40
    undrawn = dataclasses.replace(questions[0], proof="02_translation_invariance#operator-table")
    assert flashcards.figure_of(undrawn, BOOK) == ("", b"", "")


def test_equations_code_and_signs_are_written_for_anki(questions):
    text = r"If $a < \frac{1}{H W}$ and `x < y`, costs $5$ & more."
    (made,) = [flashcards._inline(text)]
    assert made == r"If \(a &lt; \frac{1}{H W}\) and <code>x &lt; y</code>, costs \(5\) &amp; more."


def test_no_raw_equation_is_left_on_a_card(opened, questions):
    for question in questions:
        fields = opened.fields(question.id)
        assert "$" not in "".join(fields.values())
        full = fields["Full"]
        assert full.count(r"\(") == full.count(r"\)") == len(re.findall(r"\$.+?\$", question.full))
        for inside in re.findall(r"\\\((.+?)\\\)", full):
            assert inside.count("{") == inside.count("}")


def test_tags_name_chapter_level_and_kind(opened, questions):
    for q in questions:
        assert opened.notes[q.id][4].split() == [
            f"gaplab::chapter-{q.chapter}",
            f"gaplab::{q.level}",
            f"gaplab::{q.kind}",
            *(["gaplab::measured-in-this-book"] if q.measured_here else []),
        ]


def test_every_field_is_filled_but_the_figure(opened, questions):
    for question in questions:
        fields = opened.fields(question.id)
        assert [name for name, text in fields.items() if not text and name != "Figure"] == []
        assert fields["Rubric"].count("<li>") == len(question.rubric)


def test_the_table_holds_the_bank(questions):
    assert flashcards.table(questions).startswith(codecs.BOM_UTF8)  # by which Excel knows it
    rows = list(csv.DictReader(io.StringIO(flashcards.table(questions).decode("utf-8-sig"))))
    assert [row["id"] for row in rows] == [q.id for q in questions]
    assert tuple(rows[0]) == flashcards.COLUMNS
    for row, q in zip(rows, questions, strict=True):
        assert (row["question"], row["short"], row["full"], row["proof"]) == (q.ask, q.short, q.full, q.proof)
        assert row["rubric"].split("\n") == list(q.rubric)
        assert (int(row["chapter"]), row["level"], row["claims"].split()) == (q.chapter, q.level, list(q.claims))


def copy_of_the_bank(folder):
    book = folder / "book"
    (book / "interview" / "questions").mkdir(parents=True)
    (folder / "_toc.yml").write_bytes((BOOK.parent / "_toc.yml").read_bytes())
    for path in [*contents.notebooks(BOOK), *(BOOK / "interview" / "questions").glob("*.toml")]:
        (book / path.relative_to(BOOK)).write_bytes(path.read_bytes())
    return book


def test_the_date_is_that_of_the_last_commit_else_of_the_newest_file(tmp_path, monkeypatch):
    import os

    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    book = copy_of_the_bank(tmp_path)
    for path in book.rglob("*.*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    os.utime(book / "interview" / "questions" / "1_parameter_count.toml", (1_200_000_000, 1_200_000_000))
    assert flashcards.last_change(book) == 1_200_000_000

    def git(*arguments, when):
        named = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        dated = os.environ | {"GIT_COMMITTER_DATE": f"{when} +0000", "GIT_AUTHOR_DATE": f"{when} +0000"}
        subprocess.run(["git", *named, *arguments], cwd=tmp_path, check=True, env=dated, capture_output=True)

    git("init", when=0)
    git("add", "book/interview", when=0)
    git("commit", "-m", "x", when=1_300_000_000)
    (book / "other.md").write_text("no card is made of this", encoding="utf-8")
    git("add", "book/other.md", when=0)
    git("commit", "-m", "y", when=1_400_000_000)
    assert flashcards.last_change(book) == 1_300_000_000
    code = tmp_path / "src" / "gaplab" / "interview" / "questions.py"
    code.parent.mkdir(parents=True)
    code.write_text("# writes numbers another way", encoding="utf-8")
    git("add", "src", when=0)
    git("commit", "-m", "z", when=1_450_000_000)
    assert flashcards.last_change(book) == 1_450_000_000
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1500000000")
    assert flashcards.last_change(book) == 1_500_000_000


def test_the_command_writes_both_files_without_pytorch(tmp_path):
    """The environment that builds the site has neither PyTorch nor what draws figures."""
    code = (
        "import sys; sys.modules.update(dict.fromkeys(('torch', 'matplotlib', 'pandas', 'numpy')));"
        "from gaplab.interview import flashcards;"
        f"sys.exit(flashcards.main([{str(tmp_path)!r}, '--book', {str(BOOK)!r}]))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == [flashcards.DECK, flashcards.TABLE]


def test_a_broken_bank_is_one_sentence(tmp_path, capsys):
    book = copy_of_the_bank(tmp_path)
    path = book / "interview" / "questions" / "1_parameter_count.toml"
    path.write_text(
        path.read_text(encoding="utf-8").replace('level = "screen"', 'level = "junior"', 1), encoding="utf-8"
    )
    assert flashcards.main([str(tmp_path / "out"), "--book", str(book)]) == 1
    assert re.fullmatch(r"1_parameter_count\.toml, q-param-01: There is no level .+\n", capsys.readouterr().err)
    assert not (tmp_path / "out").exists()
