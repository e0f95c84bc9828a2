"""Predictions, the ledger and the map of the network: what is checked, and what is written into a page."""

from __future__ import annotations

import json
import re

import pytest

from gaplab import claims
from gaplab.errors import ReaderError
from gaplab.widgets import Choice, Predictions, Question, ResnetMap, Stage, VerdictLedger

LOW, HIGH = Choice("low", 0, 10), Choice("high", 10, 100)
QUESTION = Question("How much?", [LOW, HIGH], 1, "cell")


def payload(widget):
    return json.loads(re.search(r'<script type="application/json">(.*?)</script>', widget.page_html())[1])


def test_a_prediction_is_settled_by_what_it_calls_right():
    predict = Predictions([QUESTION])
    predict.settle(1, 10)
    predict.settle(1, 99.9)
    for value in (9.99, 100, float("nan")):
        with pytest.raises(ReaderError, match="calls 'high' right, but"):
            predict.settle(1, value)
    with pytest.raises(ReaderError, match="no question 2: choose 1 to 1"):
        predict.settle(2, 50)


@pytest.mark.parametrize(
    ("questions", "sentence"),
    [
        ([], "at least one question"),
        ([Question("?", [LOW], 0, "c")], "two or more choices"),
        ([Question("?", [LOW, HIGH], 2, "c")], "one of them right"),
        ([Question("?", [LOW, Choice("middle", 5, 20)], 0, "c")], "overlap"),
    ],
)
def test_bad_questions_give_one_sentence(questions, sentence):
    with pytest.raises(ReaderError, match=sentence):
        Predictions(questions)


def test_predictions_do_not_give_the_answer_away_in_text():
    predict = Predictions([QUESTION])
    assert predict.describe() == "1. How much? low / high"
    assert 'href="#cell"' in predict.fallback()
    assert payload(predict)["state"]["questions"][0]["right"] == 1


def ledger(**state):
    verdicts = {
        id_: claims.Verdict(
            id_, claims.FAILS if id_ == "P7" else claims.HOLDS, 3.0, "things", 0.0, (), (0, 9), "Seen <once>.", "cell"
        )
        for id_ in claims.claims()
    }
    return VerdictLedger(verdicts, {n: f"0{n}.html" for n in range(1, 7)}, **state), verdicts


def test_the_ledger_holds_every_claim_with_both_languages_and_a_link():
    made, _ = ledger()
    rows = payload(made)["state"]["rows"]
    assert [row["id"] for row in rows] == list(claims.claims())
    row = next(row for row in rows if row["id"] == "P7")
    assert (row["verdict"], row["mark"], row["href"], row["measured"]) == (
        claims.FAILS,
        "○",
        "01.html#cell",
        "3 things",
    )
    assert row["zh"] == claims.claim("P7").zh
    assert made.describe() == "36 claims: holds 35, holds with caveats 0, does not hold as stated 1."
    assert made.fallback().count("<tr>") == 37
    assert "<once>" not in made.page_html()


def test_a_ledger_with_a_gap_is_refused():
    _, verdicts = ledger()
    verdicts.pop("N3")
    with pytest.raises(ReaderError, match="No chapter has recorded a verdict on N3"):
        VerdictLedger(verdicts, {n: "x.html" for n in range(1, 7)})


@pytest.mark.parametrize(
    ("state", "sentence"), [({"verdict": "guilty"}, "no verdict 'guilty'"), ({"chapter": 9}, "no chapter 9")]
)
def test_a_ledger_refuses_a_state_that_does_not_exist(state, sentence):
    with pytest.raises(ReaderError, match=sentence):
        ledger(**state)


STAGES = [
    Stage("conv1", "convolves", 64, 112, 9408, 118013952, "Why <so>?", "Chapter 5", "05.html"),
    Stage("fc", "classifies", 1000, 1, 2049000, 2048000, "Whose?", "Chapter 3", "03.html"),
]


def test_the_map_says_each_stage():
    made = ResnetMap("ResNet-50", STAGES, stage=1)
    assert made.describe() == "fc: classifies. Output 1,000 × 1 × 1, 2,049,000 parameters, 2,048,000 multiply-adds."
    assert made.fallback().count("<tr>") == 3
    assert "<so>" not in made.page_html()
    with pytest.raises(ReaderError, match="no stage 2: choose 0 to 1"):
        made.stage = 2
    assert made.stage == 1
    with pytest.raises(ReaderError, match="at least one stage"):
        ResnetMap("none", [])


def test_the_board_names_every_claim_and_refuses_a_gap(displayed):
    _, verdicts = ledger()
    chapters = {n: (f"Chapter {n}", f"0{n}_x") for n in range(1, 7)}
    html = displayed(lambda: claims.board(verdicts, chapters))[0]["text/html"]
    assert html.count('class="gaplab-verdict') == 36
    assert 'href="01_x.html#cell" title="P7 does not hold as stated"' in html
    assert "8 of 9 hold" in html
    verdicts.pop("W5")
    with pytest.raises(ReaderError, match="W5"):
        claims.board(verdicts, chapters)


def test_a_record_is_stored_as_it_is_printed():
    """The digits behind differ between processors, and the stored outputs are compared strictly."""
    entry = claims.Verdict(
        "T5", claims.CAVEATS, 38.4756882985433, "%", 1.6350037545143585, (0, 1, 2), (20, 60), "Why.", "cell"
    )
    stored = entry.to_json()
    assert (stored["value"], stored["spread"]) == (38.5, 1.6)
    assert claims.Verdict.from_json(stored).measured == entry.measured == "38.5 ± 1.6% (3 seeds)"
