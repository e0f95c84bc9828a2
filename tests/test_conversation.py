"""What can be said, what is thrown in and how ladders climb: each rule is broken once here, then the book's own."""

import json
import re
import shutil
from pathlib import Path

import pytest

from gaplab import contents
from gaplab.errors import ReaderError
from gaplab.interview import conversation, flashcards, speech
from gaplab.interview import questions as bank_of

BOOK = Path(__file__).parent.parent / "book"


@pytest.fixture(scope="module")
def questions():
    return bank_of.bank(BOOK)[0]


@pytest.fixture
def edited(tmp_path):
    """Return a function that copies a file of the kit with one change, and says where the copied book lies."""

    def edit(name, old, new, count=1):
        (tmp_path / "interview").mkdir()
        for kind in ("interruptions", "ladders"):
            shutil.copy(BOOK / "interview" / f"{kind}.toml", tmp_path / "interview")
        path = tmp_path / "interview" / f"{name}.toml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, count), encoding="utf-8")
        return tmp_path

    return edit


# ---- what can be said -----------------------------------------------------------------------------------------------


def test_names_shapes_and_words_are_no_numbers():
    text = "ResNet-50 and MobileNetV3 on 7 x 7 x 2048 or 3 by 3: forty-nine, 2.05 million, 3/8 and 100,352."
    assert speech.numbers(text) == ["2.05", "3/8", "100,352"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("word " * 60, ""),
        ("word " * 61, "has 61 words: at most 60 can be said in half a minute"),
        ("It is 1 of 2.", ""),
        ("It is 1 of 2, not 3.", "has the numbers 1, 2, 3: at most 2 can be kept in half a minute"),
        ("It is 7 of 49, so 3 of 4.", ""),
        ("It is 1.1 ± 0.2.", "has a plus-minus, which nobody says: write {{...value}}"),
    ],
)
def test_what_cannot_be_said_is_named(text, sentence):
    assert speech.problem(text, speech.HALF_A_MINUTE, given="Of 7 and 49, which?") == sentence


SPOKEN = re.compile(r"\*\*In 30 seconds\.\*\*(.*?)\*\*In 2 minutes\.\*\*(.*?)\"\"\"\)", re.DOTALL)


@pytest.mark.parametrize("chapter", contents.chapters(BOOK).values(), ids=lambda chapter: chapter.page)
def test_every_chapter_can_be_said(chapter):
    """In the source a computed number stands in braces: one word and one number each."""
    text = (BOOK / f"{chapter.page}.py").read_text(encoding="utf-8")
    (said,) = SPOKEN.findall(re.sub(r"\{[^{}]*\}", "0", text))
    for part, limit in zip(said, (speech.HALF_A_MINUTE, speech.TWO_MINUTES), strict=True):
        assert speech.problem(part, limit) == ""


@pytest.mark.parametrize("chapter", contents.chapters(BOOK).values(), ids=lambda chapter: chapter.page)
def test_what_is_answered_to_an_interruption_is_short(chapter):
    text = (BOOK / f"{chapter.page}.py").read_text(encoding="utf-8").rpartition("figures.answers(")[2]
    recoveries = re.findall(r'^        ".*?": f?"(.*)",$', text, re.MULTILINE)
    assert len(recoveries) >= 3
    for recovery in recoveries:
        words = re.sub(r"\{[^{}]*\}", "0", recovery).split()
        assert len(words) <= speech.RECOVERY.words, recovery
        assert "±" not in recovery


IN_OTHER_WORDS = {
    "So the network is 49 times faster?": "so why not 49 times the time?",
    "Max-pooling makes it invariant to small shifts. That is in every textbook.": "gives small-shift invariance",
    "There is one number a channel left. It cannot know a place.": "How can it know a place?",
    "But without average pooling it cannot run at 300 pixels, no?": "it cannot run at 300, no?",
    "Only one cell gets a gradient, so the rest of the map never learns.": "the rest of the map never learns, no?",
    "A gradient seven times as long must explode in a deep network.": "But a gradient 7 times as long must explode",
    "So is the maximum the better head?": "So is max the better head?",
}
"""What the kit throws in as it is said aloud, where the chapter asks the same otherwise: some words of its question."""
ONLY_IN_THE_KIT = {
    "The ResNet paper showed that average pooling works better.",
    "If everybody uses it, it must be the best.",
    "You would never flatten, then?",
    "Why not attention pooling everywhere?",
}
"""What no chapter lists among its interruptions: chapters 3 and 6 speak of it in their text."""


def test_what_is_thrown_in_stands_in_its_chapter_too_or_differs_on_purpose(questions):
    """The kit's lines are spoken and hold no measured numbers; whoever changes one looks at the chapter's as well."""
    found = conversation.interruptions(BOOK, questions)
    for entry in found:
        page = contents.chapters(BOOK)[entry.chapter].page
        answers = (BOOK / f"{page}.py").read_text(encoding="utf-8").rpartition("figures.answers(")[2]
        asked = re.findall(r'^        "“?(.*?)”?": f?"', answers, re.MULTILINE)
        here = any(IN_OTHER_WORDS.get(entry.says, entry.says) in question for question in asked)
        assert here != (entry.says in ONLY_IN_THE_KIT), f"chapter {entry.chapter}: {entry.says}"
    assert IN_OTHER_WORDS.keys() | ONLY_IN_THE_KIT <= {entry.says for entry in found}


# ---- what is thrown in ----------------------------------------------------------------------------------------------


def test_every_chapter_has_three_interruptions(questions):
    found = conversation.interruptions(BOOK, questions)
    assert sorted(entry.chapter for entry in found) == sorted([*contents.chapters(BOOK)] * 3)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            'recovery = "',
            'recovery = "' + "word " * 30,
            "the recovery has .* words: at most 40 can be said in a recovery",
        ),
        ('recovery = "', 'recovery = "About 2.0 ± 0.1. ', "the recovery has a plus-minus"),
        ("q-param-03", "q-param-77", "There is no question called 'q-param-77'"),
        ("chapter = 1", "chapter = 2", r"chapter \d: \d of 3 interruptions"),
        ("says", "said", "each entry has chapter, says, recovery, at"),
        ('at = ["q-param-02", "q-param-03"]', "at = []", "it fits at no question"),
        (
            "Fewer weights, less overfitting. Is that not obvious?",
            "But it is 25 million against 2 million, no?",
            "say the same",
        ),
    ],
)
def test_a_broken_interruption_gets_one_sentence(questions, edited, old, new, sentence):
    with pytest.raises(ReaderError, match=sentence):
        conversation.interruptions(edited("interruptions", old, new), questions)


# ---- ladders --------------------------------------------------------------------------------------------------------


def test_every_chapter_has_its_ladder(questions):
    found = conversation.ladders(BOOK, questions)
    assert [ladder.chapter for ladder in found] == [*contents.chapters(BOOK)]
    rungs = [id_ for ladder in found for id_ in ladder.rungs]
    assert len(set(rungs)) == len(rungs)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("q-param-02", "q-param-77", "There is no question called 'q-param-77'"),
        ('"q-param-02", ', "", "a ladder has 5 rungs"),
        ("q-param-02", "q-param-05", "each another question"),
        ("q-param-02", "q-param-10", "does not climb from screen to expert"),
        ('"q-param-05", "q-param-03", "q-param-12"', '"q-param-12", "q-param-03", "q-param-05"', "does not climb"),
        ("q-near-21", "q-param-13", "the last rung is architecture"),
        ("chapter = 2", "chapter = 1", "a chapter has two ladders"),
    ],
)
def test_a_broken_ladder_gets_one_sentence(questions, edited, old, new, sentence):
    with pytest.raises(ReaderError, match=sentence):
        conversation.ladders(edited("ladders", old, new), questions)


def test_the_schedule_is_the_decks_own(questions, tmp_path):
    import io
    import sqlite3
    import zipfile

    packed = flashcards.deck(questions[:1], BOOK, 1_800_000_000)
    path = tmp_path / "collection.anki2"
    path.write_bytes(zipfile.ZipFile(io.BytesIO(packed)).read("collection.anki2"))
    connection = sqlite3.connect(path)
    (options,) = json.loads(connection.execute("select dconf from col").fetchone()[0]).values()
    connection.close()
    assert options["new"]["ints"][0] == conversation.FIRST_DAYS
    assert options["new"]["initialFactor"] / 1000 == conversation.FACTOR
