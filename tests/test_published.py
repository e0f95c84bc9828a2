"""The published answers keep their rules: each is broken once here, and the book's own list is counted and checked."""

import re
from pathlib import Path

import pytest

from gaplab import claims, contents
from gaplab.claims import CAVEATS, FAILS, HOLDS, Verdict
from gaplab.errors import ReaderError
from gaplab.interview import published
from gaplab.interview.published import NOT_TESTED

BOOK = Path(__file__).parent.parent / "book"
CITED = {"lin2014": "Lin and others (2014)"}


def verdict(id_, kind, value):
    return Verdict(id_, kind, value, "% of it", 0.0, (), (0.0, 100.0), "It was counted.", "macs")


VERDICTS = {
    "P5": verdict("P5", HOLDS, 2048000.0),
    "P7": verdict("P7", FAILS, 2.347),
    "W2": verdict("W2", CAVEATS, 36.6),
}
ANSWER = {
    "id": '"answer-a"',
    "title": '"A title"',
    "kind": '"textbook"',
    "language": '"en"',
    "date": '"2020"',
    "read": '"whole"',
    "address": '"https://example.org/a"',
    "about": '"Why."',
}
ASSERTION = {"says": '"It is small."', "claims": '["P5"]', "verdict": f'"{HOLDS}"', "why": '"Counted."'}


def written(kind, fields, changes):
    lines = [f"{name} = {value}" for name, value in {**fields, **changes}.items() if value is not None]
    return "\n".join([kind, *lines]) + "\n"


def table(answer=(), **assertion):
    """Write an answer with one assertion; a field set to None is left out."""
    first = written("[[answer]]", ANSWER, dict(answer))
    return first + written("[[answer.assertion]]", ASSERTION, assertion)


def load(text):
    return published.load(text, VERDICTS, CITED)


def test_an_answer_comes_back_whole_and_filled_in():
    (answer,) = load(table(says='"It saves."', claims='["P7"]', verdict=f'"{FAILS}"', why='"It is {{P7}} %."'))
    assert (answer.id, answer.language, answer.date) == ("answer-a", "en", "2020")
    assert answer.assertions == (published.Assertion("It saves.", FAILS, "It is 2.35 %.", ("P7",)),)


@pytest.mark.parametrize(
    "change",
    [
        {"claims": '["P5", "W2", "P7"]', "verdict": f'"{FAILS}"'},
        {"claims": '["P5", "W2"]', "verdict": f'"{CAVEATS}"'},
        {"claims": '["P7"]', "verdict": f'"{CAVEATS}"', "differs": '"It says less."'},
        {"claims": None, "verdict": f'"{NOT_TESTED}"'},
        {"claims": None, "verdict": f'"{HOLDS}"', "sources": '["lin2014"]'},
    ],
)
def test_a_verdict_follows_or_says_why_not(change):
    (answer,) = load(table(**change))
    assert f'"{answer.assertions[0].verdict}"' == change["verdict"]


BROKEN = {
    "a missing field": ({"why": None}, "lacks why"),
    "an unknown field": ({"colour": '"red"'}, "unknown field colour"),
    "an empty text": ({"says": '" "'}, "says must be a text"),
    "an unknown claim": ({"claims": '["P99"]'}, "no claim with a verdict called 'P99'"),
    "an unknown source": ({"sources": '["lin2015"]'}, "did you mean lin2014"),
    "an unknown verdict": ({"verdict": '"true"'}, "no verdict called 'true'"),
    "a verdict milder than its claims": (
        {"claims": '["P5", "P7"]'},
        "say 'does not hold as stated': say so, or say in",
    ),
    "a verdict stricter than its claims": ({"verdict": f'"{FAILS}"'}, "say 'holds': say so, or say in differs"),
    "a difference that is none": ({"differs": '"Well."'}, "say 'holds': leave differs out"),
    "a verdict on nothing": ({"claims": None}, "nothing decides 'holds'"),
    "a difference from nothing": (
        {"claims": None, "verdict": f'"{NOT_TESTED}"', "differs": '"Well."'},
        "differs from no claim",
    ),
    "a claim that tests what is not tested": ({"verdict": f'"{NOT_TESTED}"'}, "P5 tested it"),
    "a measured value typed": ({"why": '"It is 2.35 %."'}, "why repeats 2.35, which was measured for P7"),
}


@pytest.mark.parametrize(("change", "sentence"), BROKEN.values(), ids=BROKEN)
def test_a_broken_rule_gets_one_sentence_with_its_place(change, sentence):
    with pytest.raises(ReaderError, match=sentence) as caught:
        load(table(**change))
    assert re.fullmatch(r"answer-a, assertion 1: [^\n]*[^.]\.", str(caught.value))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"read": None}, "answer-a: lacks read"),
        ({"id": '"d2l"'}, "'d2l' is not like answer-d2l"),
        ({"language": '"fr"'}, "no language called 'fr'"),
        ({"address": '"example.org"'}, "none of the web"),
    ],
)
def test_a_broken_answer_gets_one_sentence(change, sentence):
    with pytest.raises(ReaderError, match=sentence):
        load(table(change))


@pytest.mark.parametrize("field", ["id", "address"])
def test_an_answer_is_listed_once(field):
    other = {"id": '"answer-b"', "address": '"https://example.org/b"'}
    del other[field]
    with pytest.raises(ReaderError, match=f"Two answers have the {field} "):
        load(table() + table(other))


# The book's own list.


@pytest.fixture(scope="module")
def found():
    return published.answers(BOOK)


def test_the_list_holds_answers_in_both_languages(found):
    answers, _ = found
    languages = [answer.language for answer in answers]
    assert len(answers) >= 8
    assert min(languages.count(language) for language in published.LANGUAGES) >= 3
    assert all(answer.assertions for answer in answers)
    assert sum(published.tally(answers).values()) == sum(len(answer.assertions) for answer in answers)


def test_the_bibliography_is_read_whole():
    text = (BOOK / "reference" / "references.bib").read_text(encoding="utf-8")
    cited = published.references(BOOK)
    assert list(cited) == re.findall(r"^@\w+\{(\w+),", text, re.MULTILINE)
    assert cited["lin2014"] == "Lin and others (2014)"


def test_every_assertion_is_shown_with_the_numbers_that_decide_it(found, displayed):
    answers, verdicts = found
    pages = {number: chapter.page for number, chapter in contents.chapters(BOOK).items()}
    for answer in answers:
        outputs = displayed(lambda answer=answer: published.trial(answer, verdicts, BOOK))
        text = "\n".join(data["text/markdown"] for data in outputs)
        assert f'<span id="{answer.id}"></span>' in text
        assert f"]({answer.address})" in text
        for assertion in answer.assertions:
            assert f"*{assertion.says}*" in text
            assert assertion.why in text
            for id_ in assertion.claims:
                own = claims.claim(id_)
                cell = verdicts[id_].cell
                assert f'<a href="../{pages[own.chapter]}.html#{cell}">{verdicts[id_].measured}</a>' in text.replace(
                    "&#x27;", "'"
                )


def test_the_overview_leads_to_every_answer(found, displayed):
    answers, _ = found
    (data,) = displayed(lambda: published.overview(answers))
    assert re.findall(r'href="#([^"]+)"', data["text/html"]) == [answer.id for answer in answers]
    assert data["text/html"].count("<span role=") == sum(len(answer.assertions) for answer in answers)


def test_no_text_turns_into_markup_by_chance(found):
    for answer in found[0]:
        texts = [text for a in answer.assertions for text in (a.says, a.why, a.differs)] + [answer.title, answer.about]
        for text in texts:
            assert not re.search(r"[*_<\[\]]", text), (answer.id, text)
