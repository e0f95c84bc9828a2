"""The interview kit's pages: each question is whole on its page, every list leads to all of its questions."""

import re
from pathlib import Path

import pytest

from gaplab import contents
from gaplab.errors import ReaderError
from gaplab.interview import pages
from gaplab.interview import questions as bank_of

BOOK = Path(__file__).parent.parent / "book"
KIT = BOOK / "interview"


@pytest.fixture(scope="module")
def bank():
    return pages.bank(BOOK)


@pytest.fixture(scope="module")
def questions(bank):
    return bank[0]


def test_a_page_reads_its_spoken_answers_aloud_and_has_the_chapters_own(bank, displayed):
    questions, _ = bank
    text = said(displayed, lambda: pages.ask(questions[:3], BOOK))
    assert text.count('<div class="gaplab-spoken">\n\n**In 30 seconds.**') == 3
    script = said(displayed, pages.read_aloud, "text/html")
    assert "speechSynthesis" in script
    assert "export" not in script
    for chapter in contents.chapters(BOOK):
        folded = said(displayed, lambda chapter=chapter: pages.in_two_minutes(chapter, BOOK))
        assert folded.startswith('<details class="gaplab-answer"><summary>In two minutes</summary>')
        assert len(folded.split()) > 100
        thrown = pages.interruptions(questions, BOOK)
        shown = said(displayed, lambda chapter=chapter, thrown=thrown: pages.thrown_in(thrown, chapter))
        assert shown.count("<details") == 3
    with pytest.raises(KeyError):
        pages.in_two_minutes(9, BOOK)


def test_sources_and_what_only_this_book_answers_are_named(bank, displayed):
    by_id = {question.id: question for question in bank[0]}
    text = said(displayed, lambda: pages.ask([by_id["q-nin-19"]], BOOK))
    assert "../reference/bibliography.html#veit2016" in text
    assert "Residual Networks Behave Like Ensembles" in text
    assert "answered by this book's measurements" not in text.replace("&#x27;", "'")
    marked = said(displayed, lambda: pages.ask([by_id["q-grad-08"]], BOOK))
    assert "answered by this book's measurements" in marked.replace("&#x27;", "'")


def said(displayed, act, kind="text/markdown"):
    return "\n".join(data[kind] for data in displayed(act))


def test_every_topic_has_its_title_and_its_page(questions):
    assert list(pages.TOPICS) == list(dict.fromkeys(q.file for q in questions))
    assert set(pages.LEVEL_TITLES) == set(bank_of.LEVELS)
    assert set(pages.KIND_TITLES) == set(bank_of.KINDS)
    for question in questions:
        source = (KIT / pages.page(question)).with_suffix(".py").read_text(encoding="utf-8")
        assert f'question.file == "{question.file}"' in source


def test_a_question_is_written_whole(questions, displayed):
    for question in questions:
        text = said(displayed, lambda question=question: pages.ask([question], BOOK))
        assert f'id="{question.id}"' in text
        assert f'href="../{question.proof.replace("#", ".html#")}"' in text
        pairs = [(f.ask, f.answer) for f in question.follow_ups] + [(w.says, w.why) for w in question.wrong]
        inside = [question.short, question.full, *question.rubric, *(part for pair in pairs for part in pair)]
        plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        assert [part for part in (question.ask, *inside) if part not in plain] == []


def test_folds_are_closed_and_markdown_inside_them_stays_markdown(questions, displayed):
    text = said(displayed, lambda: pages.ask(questions, BOOK))
    assert text.count("<details") == text.count("</details>") == sum(4 + len(q.follow_ups) for q in questions)
    depth = 0
    for line in text.splitlines():
        depth += line.startswith("<details") - line.startswith("</details>")
        assert depth in (0, 1, 2)
    # A blank line ends the HTML, so what follows it is Markdown, equations included.
    assert not re.search(r"</summary>\n[^\n]|[^\n]\n</details>", text)


def test_no_text_turns_into_markup_by_chance(questions):
    """Outside of equations and code, a text must hold nothing that Markdown would take for a list, a link or HTML."""
    for question in questions:
        pairs = [(f.ask, f.answer) for f in question.follow_ups] + [(w.says, w.why) for w in question.wrong]
        texts = [question.short, question.full, *question.rubric, *(part for pair in pairs for part in pair)]
        for paragraph in (part for text in texts for part in text.split("\n\n")):
            bare = re.sub(r"\$.+?\$|`.+?`", "", paragraph)
            assert not re.match(r"(\d+[.)]|[-+*#>])\s", bare), (question.id, paragraph)
            assert not re.search(r"<[a-z/!]|\]\(|\*\S[^*]*\S\*|(?<!\w)_\S[^_]*\S_(?!\w)|\\\w", bare), (
                question.id,
                paragraph,
            )


def test_lists_lead_to_every_question_once(questions, displayed):
    for show in (pages.by_level, pages.by_kind):
        links = re.findall(r'href="([^"]+)"', said(displayed, lambda show=show: show(questions)))
        assert sorted(links) == sorted(pages.address(q) for q in questions)


def test_the_table_counts_what_is_there(questions, displayed):
    html = said(displayed, lambda: pages.counts(questions), "text/html")
    numbers = [int(n) for n in re.findall(r'questions">(\d+)</a>', html)]
    assert len(numbers) == len(pages.TOPICS) * len(bank_of.LEVELS)
    assert sum(numbers) == len(questions)
    assert f"{len(questions)} questions" in html
    first = [q for q in questions if q.file == "1_parameter_count"]
    assert numbers[:3] == [sum(q.level == level for q in first) for level in bank_of.LEVELS]
    assert 'href="parameter_count.html#on-site"' in html


def spoken(bank, **changes):
    said = {"line": "A line.", "number": "P7", "remember": "About {:.0f} per cent."}
    chosen = said | {"trap": "q-param-02", "follow_up": "q-param-12"} | changes
    return lambda: pages.spoken(*bank, **chosen)


def test_a_spoken_answer_has_its_line_number_trap_and_follow_up(bank, displayed):
    by_id = {q.id: q for q in bank[0]}
    text = said(displayed, spoken(bank))
    wrong, follow_up = by_id["q-param-02"].wrong[0], by_id["q-param-12"].follow_ups[-1]
    kept = f"About {bank[1]['P7'].value:.0f} per cent."
    for part in ("A line.", kept, wrong.says, wrong.why, follow_up.ask, follow_up.answer):
        assert part in text
    assert "±" not in text
    text = said(displayed, spoken(bank, trap="q-param-02:2", follow_up="q-param-12:1"))
    assert by_id["q-param-02"].wrong[1].says in text
    assert by_id["q-param-12"].follow_ups[0].answer in text


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"number": "P77"}, "no verdict called 'P77'"),
        ({"trap": "q-param-2"}, "no question called 'q-param-2'"),
        ({"follow_up": "q-gone-01"}, "no question called 'q-gone-01'"),
        ({"line": "word " * 61}, "has 61 words: at most 60"),
        ({"remember": "{:.0f} of 3, not 4."}, "has the numbers"),
        ({"line": "It is 1 ± 1."}, "has a plus-minus"),
    ],
)
def test_a_spoken_answer_names_what_is_missing(bank, change, sentence):
    with pytest.raises(ReaderError, match=sentence):
        spoken(bank, **change)()


def test_every_chapter_is_said_aloud_with_a_number_of_its_own(bank):
    text = (KIT / "say_aloud.py").read_text(encoding="utf-8")
    numbers = re.findall(r'number="(\w+)"', text)
    assert len(numbers) == len(contents.chapters(BOOK))
    from gaplab import claims

    # The same that stands on the first screen of the chapter.
    assert numbers == [claims.remembered(chapter).id for chapter in range(1, len(numbers) + 1)]
