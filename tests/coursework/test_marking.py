"""Nothing that a person typed is lost or overruled without a sentence, and platforms get no mark that is not final."""

import csv
import io
import json
import os
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def term(gapgrade, tmp_path_factory):
    """Return what came of each step of `marks_by_hand`."""
    done = subprocess.run(
        [str(gapgrade.python), str(HERE / "marks_by_hand.py"), str(tmp_path_factory.mktemp("term"))],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def column(text, name):
    return [row[name] for row in csv.DictReader(io.StringIO(text))]


def test_a_cell_of_the_sheet_fits_into_a_spreadsheet(term):
    assert term["longest cell"] < 32_767


def test_words_that_wait_are_no_zero_on_the_platforms(term):
    title = "Problem set 0: a mean, by hand"
    assert column(term["waiting exports"]["canvas"], title) == ["10", ""]
    assert column(term["waiting exports"]["moodle"], "Grade") == [""]
    assert "ex-0-3: not marked yet" in term["waiting exports"]["moodle"]
    assert column(term["exports"]["canvas"], title) == ["10", "9.5"]
    assert column(term["exports"]["moodle"], "Grade") == ["8"]


def test_a_comment_without_a_score_is_kept_and_the_answer_waits(term):
    assert term["comment alone"] == [["ann"], [0, True, "Say more."]]


@pytest.mark.parametrize(
    ("case", "student", "mark"),
    [("semicolons, cp1252", "ann", [3.5, False, "Größe?"]), ("tabs, UTF-16", "bob", [2, False, "±"])],
)
def test_a_sheet_that_excel_saved_is_taken_in(term, case, student, mark):
    assert term[case] == [[student], mark]


def test_a_correction_in_the_formgrader_stands_against_an_old_sheet(term):
    changed, mark, changes = term["formgrader over an old sheet"]
    assert (changed, mark) == ([], [1, False, "Corrected."])
    assert len(changes) == 1  # the comment that was typed over before


def test_where_both_were_changed_a_sentence_says_what_stands(term):
    changed, mark, changes = term["both changed"]
    assert (changed, mark[0]) == ([], 2)
    assert changes[-1] == "ann, ex-0-3: the score '4' gave way to '2', from the formgrader"


def test_marks_stay_with_the_answers_that_they_were_given_for(term):
    assert term["override in the sheet"] == ["ex-0-2-test", "ex-0-3"]
    words, override, sentences = term["graded again"]
    assert (words, override, sentences) == ([2, False, "±"], [1.5, False], 2)
    words, override, changes = term["resubmitted"]
    assert (words, override) == ([0, True, ""], [3, True])
    assert term["rows to mark"] == ["ex-0-2-test", "ex-0-3"]
    assert [line for line in changes if line.startswith("bob")] == [
        "bob, ex-0-3: the comment '±' was on an earlier answer",
        "bob, ex-0-2-test: 1.5 points were given by hand to an earlier answer; the new one waits to be marked",
        "bob, ex-0-3: 2 points were given by hand to an earlier answer; the new one waits to be marked",
    ]


def test_a_comment_alone_leaves_a_score_with_extra_credit_alone(term):
    third = pytest.approx(2 + 1 / 3, abs=1e-9)
    changed, mark, stored = term["extra credit"]["comment alone"]
    assert (changed, mark[2], stored) == (["bob"], "Say more.", [third, 1, False])


def test_an_untouched_sheet_with_extra_credit_is_read(term):
    found = term["extra credit"]
    assert found["exported"] == ["5", "3.33333"]
    assert found["sheet untouched"] == [[], [4, 1, False]]


def test_a_score_typed_in_the_sheet_is_the_whole_with_extra_credit(term):
    beyond, more, less, none, again = term["extra credit"]["typed"]
    assert beyond == ["marking.csv, row 2: the score 5.5 is not between 0 and 5.", [4, 1, False]]
    assert more == [["ann"], [3.5, 1, False]]
    assert less == [["ann"], [0, 0.5, False]]
    assert none == [["ann"], [None, None, True]]
    assert again[0] == "marking.csv, row 2: the score 4.5 is not between 0 and 4."


def test_a_comment_alone_does_not_mark_a_test_that_waits(term):
    assert term["comment on a test that waits"] == [["ann"], [None, None, True]]


def test_a_mark_for_an_answer_that_is_gone_is_not_taken_and_named(term):
    changed, mark, changes = term["a mark for an answer that is gone"]
    assert (changed, mark) == ([], [0, True, ""])
    assert "the score 3 and the comment 'Corrected.' in marking.csv are for an answer that is no longer" in changes[-1]


def test_nbgraders_plug_in_says_what_a_late_submission_loses(term):
    assert term["late, zero, 60"] == [True, 0]
    assert term["late, none, 60"] == [True, 6]
    assert term["late, zero, 0"] == [False, 6]


def test_feedback_is_full_or_sealed_and_its_index_names_cells(term):
    secret = "Each of 49 cells gets 1/49."
    assert secret in term["full"]
    assert secret not in term["sealed"]
    assert "More tests, with other numbers, ran here." in term["sealed"]
    for page in (term["full"], term["sealed"]):
        assert '<a href="#ex-0-2-test">ex-0-2-test: Test cell</a>' in page
        assert '<a href="#ex-0-3">ex-0-3: Written response</a>' in page
