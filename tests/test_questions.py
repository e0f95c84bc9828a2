"""The question bank keeps its rules: each is broken once here, and the book's own bank is counted and checked."""

import collections
import json
import re
from pathlib import Path

import pytest

from gaplab import claims, contents
from gaplab.claims import FAILS, HOLDS, Verdict
from gaplab.errors import ReaderError
from gaplab.interview import questions as interview

BOOK = Path(__file__).parent.parent / "book"
BANK = BOOK / "interview" / "questions"
WORDS = " ".join(["word"] * 40)
GOOD = {
    "id": '"q-test-01"',
    "chapter": "1",
    "level": '"screen"',
    "kind": '"explain"',
    "topics": '["head"]',
    "claims": '["P7"]',
    "ask": '"How much?"',
    "right": '"A little."',
    "short": f'"It saves {{{{P7}}}} per cent. {WORDS}"',
    "full": '"""One line\nand the next.\n\nA paragraph with $x^{2}$."""',
    "rubric": '["one", "two", "three"]',
    "asks": "[1, 2, 3]",
    "proof": '"01_test#macs"',
}
FOLLOW_UPS = ('ask = "And then?"\nanswer = "Then that."',) * 2
WRONG = ('says = "Much."\nwhy = "Count it."',) * 3


def verdict(id_, value, spread=0.0, because="It was counted."):
    seeds = (0, 1, 2) if spread else ()
    return Verdict(id_, FAILS, value, "% of it", spread, seeds, (0.0, 100.0), because, "macs")


VERDICTS = {
    "P7": verdict("P7", 2.347),
    "T3": verdict("T3", 66.5, 2.7, "It lost 31.6 ± 5.4 points, 6.2 ± 1.0 there, and 1.11 more."),
}


def table(follow_ups=FOLLOW_UPS, wrong=WRONG, **changes):
    """Write one question; a field set to None is left out."""
    fields = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    parts = ["[[question]]", *(f"{name} = {value}" for name, value in fields.items())]
    parts += [f"[[question.follow_up]]\n{entry}" for entry in follow_ups]
    parts += [f"[[question.wrong]]\n{entry}" for entry in wrong]
    return "\n".join(parts) + "\n"


@pytest.fixture
def bank(tmp_path):
    """Return a function that writes files of questions beside a chapter with one named cell, and loads them."""
    book = tmp_path / "book"
    folder = book / "interview" / "questions"
    folder.mkdir(parents=True)
    notebook = {"cells": [{"metadata": {"name": "macs"}}, {"metadata": {}}]}
    (book / "01_test.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    paper = "@misc{he2016, author = {He, K. and Sun, J.}, title = {Deep Residual Learning in {CNNs}}, year = {2016}}"
    (book / "reference").mkdir()
    (book / "reference" / "references.bib").write_text(paper, encoding="utf-8")
    toc = "root: index\nparts: [{chapters: [{file: 01_test, title: 1. Test}]}]\n"
    (tmp_path / "_toc.yml").write_text(toc, encoding="utf-8")

    def load(*files):
        for number, text in enumerate(files, start=1):
            (folder / f"{number}_file.toml").write_text(text, encoding="utf-8")
        return interview.load(folder, VERDICTS)

    return load


def test_a_question_comes_back_whole_and_filled_in(bank):
    (question,) = bank(table())
    assert (question.id, question.file, question.chapter) == ("q-test-01", "1_file", 1)
    assert question.short.startswith("It saves 2.35 per cent.")
    assert question.full == "One line and the next.\n\nA paragraph with $x^{2}$."
    assert question.follow_ups == (interview.FollowUp("And then?", "Then that."),) * 2
    assert question.wrong == (interview.Wrong("Much.", "Count it."),) * 3
    assert (question.topics, question.claims, question.rubric) == (("head",), ("P7",), ("one", "two", "three"))


def test_a_follow_up_names_the_points_that_it_probes(bank):
    probing = 'probes = [1, 3]\nask = "And then?"\nanswer = "Then that."'
    (question,) = bank(table(follow_ups=(probing, FOLLOW_UPS[0])))
    assert [follow_up.probes for follow_up in question.follow_ups] == [(1, 3), ()]


def test_questions_stand_in_the_order_of_their_files(bank):
    first, second = table(id='"q-test-02"') + table(id='"q-test-01"'), table(id='"q-other-01"')
    assert [question.id for question in bank(first, second)] == ["q-test-02", "q-test-01", "q-other-01"]


BROKEN = {
    "a missing field": ({"ask": None}, "lacks ask"),
    "a missing multiple-choice answer": ({"right": None}, "lacks right"),
    "an unknown field": ({"colour": '"red"'}, "unknown field colour"),
    "an id of another form": ({"id": '"Q1"'}, "'Q1' is not like"),
    "an unknown level": ({"level": '"junior"'}, "no level called 'junior'"),
    "an unknown kind": ({"kind": '"explian"'}, "did you mean explain"),
    "no topic": ({"topics": "[]"}, "topics must be a list of at least 1"),
    "topics that are no list": ({"topics": '"head"'}, "topics must be a list"),
    "an unknown claim": ({"claims": '["P99"]'}, "no claim called 'P99'"),
    "an empty text": ({"ask": '"  "'}, "ask must be a text that is not empty"),
    "a text that is a number": ({"ask": "7"}, "ask must be a text"),
    "too short an answer": ({"short": '"Yes."'}, "short has 1 words"),
    "too long an answer": ({"short": f'"{WORDS} {WORDS} too long"'}, "short has 82 words: at most 60"),
    "too many numbers": ({"short": f'"{WORDS} 1 of 2, not 3"'}, "short has the numbers 1, 2, 3: at most 2"),
    "a plus-minus that is spoken": ({"short": f'"{{{{T3}}}} {WORDS}"'}, "short has a plus-minus"),
    "a point that nobody asks for": ({"asks": "[1, 3]"}, "nobody asks for the rubric's point 2, 'two'"),
    "a point asked that is none": ({"asks": "[1, 2, 3, 4]"}, r"asks is \[1, 2, 3, 4\]: list numbers .* from 1 to 3"),
    "a point that recalls a place": (
        {"rubric": '["one", "two", "Appendix D.3: the rate"]'},
        "the rubric's point 'Appendix D.3: the rate' asks to recall a place in a paper",
    ),
    "a choice that needs this book": (
        {"right": '"In our networks a little."'},
        "has 'our', which only this book's reader",
    ),
    "a wrong choice that needs this book": (
        {"wrong": ('says = "As in the book."\nwhy = "Count it."', *WRONG[1:])},
        "has 'the book', which only this book's reader can know: set measured_here",
    ),
    "a choice with our number": ({"right": '"It is {{P7}}."'}, "has '{{', which only this book's reader"),
    "a screening question of this book": (
        {"measured_here": "true"},
        "a question of the level screen must be answerable from the literature",
    ),
    "a mark that is neither": ({"measured_here": '"yes"'}, "measured_here is 'yes': true or false"),
    "a source that is no paper": ({"sources": '["he2061"]'}, "There is no paper called 'he2061': did you mean he2016"),
    "too few points": ({"rubric": '["one", "two"]'}, "rubric must be a list of at least 3"),
    "too many points": ({"rubric": '["1", "2", "3", "4", "5", "6"]'}, "at most 5"),
    "a proof in no chapter": ({"proof": '"09_none#macs"'}, "no named cell of a chapter"),
    "a proof at no cell": ({"proof": '"01_test#nothing"'}, "'01_test#nothing' is no named cell"),
    "a proof without a cell": ({"proof": '"01_test"'}, "no named cell"),
    "a proof in another chapter": ({"chapter": "2"}, "chapter is 2, but the proof is in 01_test"),
    "too few follow-ups": ({"follow_ups": FOLLOW_UPS[:1]}, "follow_up has 1 entries: at least 2"),
    "a follow-up without answer": ({"follow_ups": ('ask = "And?"',) * 2}, "follow_up lacks answer"),
    "a follow-up that probes no point": (
        {"follow_ups": ('probes = [4]\nask = "And?"\nanswer = "That."',) * 2},
        r"follow_up.probes is \[4\]: list numbers of the rubric's points, from 1 to 3",
    ),
    "a follow-up whose probes are no list": (
        {"follow_ups": ('probes = 1\nask = "And?"\nanswer = "That."',) * 2},
        "follow_up.probes is 1: list",
    ),
    "too few wrong answers": ({"wrong": WRONG[:2]}, "wrong has 2 entries: at least 3"),
    "a wrong answer with more": ({"wrong": (WRONG[0] + '\nhint = "x"',) * 3}, "wrong has the unknown field hint"),
    "an empty reason": ({"wrong": ('says = "Much."\nwhy = ""',) * 3}, "wrong.why must be a text"),
    "a placeholder of no claim": ({"full": '"{{P99}}"'}, "no claim called 'P99'"),
    "a placeholder without a verdict": ({"full": '"{{W1}}"'}, "No chapter has recorded a verdict on W1"),
    "a placeholder of no field": ({"full": '"{{P7.sigma}}"'}, "no field of {{P7}} called 'sigma'"),
    "a measured value typed": ({"full": '"It is 2.35 %."'}, "full repeats 2.35, which was measured for P7"),
    "a rounded value typed": ({"full": '"It is 2.4 %."'}, "repeats 2.4, .*write {{P7}} instead"),
    "a value of the sentence typed": ({"rubric": '["a", "b", "31.6 points"]'}, "rubric repeats 31.6"),
    "a long decimal of the sentence": ({"full": '"1.11"'}, "full repeats 1.11"),
    "a short one with a spread": ({"full": '"6.2 points"'}, "full repeats 6.2"),
    "a value typed in a follow-up": (
        {"follow_ups": ('ask = "And?"\nanswer = "66.5 points."',) * 2},
        "follow_up.answer repeats 66.5",
    ),
}


@pytest.mark.parametrize(("changes", "sentence"), BROKEN.values(), ids=BROKEN)
def test_a_broken_rule_gets_one_sentence_with_file_and_id(bank, changes, sentence):
    with pytest.raises(ReaderError, match=sentence) as caught:
        bank(table(**changes))
    said = str(caught.value)
    assert said.startswith("1_file.toml, q-test-01: " if "id" not in changes else "1_file.toml, Q1: ")
    assert said.count("\n") == 0
    assert re.search(r"[^.]\.$", said)


def test_a_question_without_an_id_is_named_by_its_place(bank):
    with pytest.raises(ReaderError, match=r"^1_file\.toml, question 2: lacks id\.$"):
        bank(table() + table(id=None))


def test_what_only_this_book_answers_may_be_asked_if_it_is_marked(bank):
    changes = {"level": '"expert"', "right": '"It is {{P7}} in our test."'}
    with pytest.raises(ReaderError, match="set measured_here"):
        bank(table(**changes))
    (question,) = bank(table(**changes, measured_here="true"))
    assert (question.measured_here, question.right) == (True, "It is 2.35 in our test.")


def test_numbers_that_the_question_gives_need_not_be_kept(bank):
    given = {"ask": '"Of 7 and 49, which?"', "short": f'"{WORDS} 7 of 49, so 3 of 4."'}
    assert bank(table(**given))[0].short.endswith("7 of 49, so 3 of 4.")


def test_two_questions_may_not_be_answered_with_the_same_published_figure(bank):
    said = f'"{WORDS} It is 22.57 there."'
    assert len(bank(table(short=said), table(id='"q-test-02"'))) == 2
    with pytest.raises(ReaderError, match=r"q-test-02: q-test-01 is answered with 22\.57 too: merge the two questions"):
        bank(table(short=said), table(id='"q-test-02"', short=said))


def test_a_source_is_named_with_author_year_and_title(bank, tmp_path):
    (question,) = bank(table(sources='["he2016"]'))
    assert question.sources == ("he2016",)
    assert interview.papers(tmp_path / "book") == {"he2016": "He and others, 2016: Deep Residual Learning in CNNs"}
    named = interview.papers(BOOK)
    keys = re.findall(r"^@\w+\{(\w+)", (BOOK / "reference" / "references.bib").read_text(encoding="utf-8"), re.M)
    assert list(named) == keys
    assert all(re.fullmatch(r"[A-Z][\w-]+( and others)?, \d{4}: [^{}\\]+", name) for name in named.values())


@pytest.mark.parametrize("files", [(table() + table(),), (table(), table())], ids=["in one file", "in two"])
def test_an_id_is_taken_once(bank, files):
    with pytest.raises(ReaderError, match=r"q-test-01: the id is taken by 1_file\.toml\.$"):
        bank(*files)


def test_what_is_no_toml_is_named(bank):
    with pytest.raises(ReaderError, match=r"^1_file\.toml is not TOML: "):
        bank("[[question]\n")


def test_an_empty_folder_is_refused(bank):
    with pytest.raises(ReaderError, match="holds no TOML file"):
        bank()


def test_placeholders_give_value_spread_unit_verdict_and_reason():
    text = "{{T3}} / {{T3.value}} / {{T3.unit}} / {{T3.verdict}} / {{T3.because}} / {{P7}} / {{P7.finding}}"
    assert interview.filled(text, VERDICTS) == (
        "66.5 ± 2.7 / 66.5 / % of it / does not hold as stated / "
        "It lost 31.6 ± 5.4 points, 6.2 ± 1.0 there, and 1.11 more. / 2.35 / 2.35 % of it. It was counted."
    )


@pytest.mark.parametrize(
    ("value", "spread", "text"),
    [
        (2049000.0, 0.0, "2,049,000"),
        (-0.690, 1.249, "-0.7 ± 1.2"),
        (0.0043, 0.0156, "0.004 ± 0.016"),
        (0.4738, 0.0492, "0.474 ± 0.049"),
        (22.83, 0.534, "22.8 ± 0.5"),
        (47.2, 13.1, "47 ± 13"),
        (0.0656, 0.0022, "0.0656 ± 0.0022"),
    ],
)
def test_a_value_has_no_more_digits_than_its_spread_supports(value, spread, text):
    assert interview.filled("{{S5}}", {"S5": verdict("S5", value, spread)}) == text


def test_counts_and_published_figures_may_be_typed():
    assert interview.measured_texts(verdict("P6", 2049000.0)) == set()
    assert interview.measured_texts(verdict("N2", 1.0, because="NIN reports 16.46 %, in section 3.3.")) == set()
    assert interview.measured_texts(verdict("P8", -0.69, 0.249)) == {"0.69", "0.690"}


# ---- the book's own bank -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def questions():
    return interview.load(BANK, claims.gather(contents.notebooks(BOOK)))


def test_the_bank_is_large_and_balanced(questions):
    assert len(questions) >= 84
    levels = collections.Counter(question.level for question in questions)
    assert levels["screen"] >= 22
    assert levels["onsite"] >= 33
    assert levels["expert"] >= 20
    kinds = collections.Counter(question.kind for question in questions)
    assert set(kinds) == set(interview.KINDS)
    assert min(kinds.values()) >= 8
    files = collections.Counter(question.file for question in questions)
    assert len(files) == 6
    assert min(files.values()) >= 12


def test_every_claim_is_asked_about(questions):
    asked = {id_ for question in questions for id_ in question.claims}
    assert asked == set(claims.claims())


def test_no_question_is_asked_twice(questions):
    for texts in ([q.ask for q in questions], [q.right for q in questions], [q.short for q in questions]):
        assert len(set(texts)) == len(texts)


def test_the_right_choice_does_not_stand_out_by_its_length(questions):
    longest = [q.id for q in questions if len(q.right) >= max(len(wrong.says) for wrong in q.wrong)]
    assert len(longest) <= len(questions) / 3
    assert all(len({q.right, *(wrong.says for wrong in q.wrong)}) == 4 for q in questions)


def texts(question):
    """Every text of a question that a reader sees."""
    pairs = [(f.ask, f.answer) for f in question.follow_ups] + [(w.says, w.why) for w in question.wrong]
    seen = [question.ask, question.right, question.short, question.full, *question.rubric]
    return seen + [text for pair in pairs for text in pair]


def test_every_question_has_a_follow_up_that_probes_its_rubric(questions):
    assert [q.id for q in questions if not any(follow_up.probes for follow_up in q.follow_ups)] == []


def test_the_texts_keep_the_style(questions):
    for question in questions:
        for text in texts(question):
            assert not re.search(r"!(?!=)|\bsimply\b|\blet's\b|\{\{|—", text, re.I), (question.id, text)
            assert text.count("$") % 2 == 0, (question.id, text)
            assert text == text.strip(), question.id
        for text in (question.ask, question.short):  # both are spoken
            assert "$" not in text, question.id


def test_the_measured_numbers_reach_the_texts(questions):
    """A dozen claims and more are quoted by placeholder, so a changed measurement changes the answers."""
    source = "".join(path.read_text(encoding="utf-8") for path in sorted(BANK.glob("*.toml")))
    quoted = set(re.findall(r"\{\{([A-Z]\d)", source))
    assert len(quoted) >= 12
    chapters = claims.gather(contents.notebooks(BOOK))
    verdict = chapters["T3"]
    moved = dict(chapters) | {"T3": Verdict.from_json(verdict.to_json() | {"value": 12.3, "verdict": HOLDS})}
    before = {q.id: texts(q) for q in questions}
    after = {q.id: texts(q) for q in interview.load(BANK, moved)}
    changed = {id_ for id_ in before if before[id_] != after[id_]}
    assert changed
    assert all(any("12.3" in text for text in after[id_]) for id_ in changed)
