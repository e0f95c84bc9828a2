"""Predictions: what is checked, what settles them, and what is written into a page."""

from __future__ import annotations

import pytest

from gaplab.errors import ReaderError
from gaplab.widgets import Choice, Predictions, Question

LOW, HIGH = Choice("low", 0, 10), Choice("high", 10, 100)
QUESTION = Question("How much?", [LOW, HIGH], 1, "cell")


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


def test_predictions_do_not_give_the_answer_away_in_text(payload):
    predict = Predictions([QUESTION])
    assert predict.describe() == "1. How much? low / high"
    assert 'href="#cell"' in predict.fallback()
    assert payload(predict)["state"]["questions"][0]["right"] == 1
