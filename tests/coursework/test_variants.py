"""Where a number is drawn from the student's id, a right answer is right for each id, and the book's for none."""

import functools
import os
from pathlib import Path

import pytest
from editing import changed
from test_wrong_answers import tried

from gapgrade.assignments import find_assignments, read_assignment
from gaplab.coursework import VARIANT_VARIABLE, ps1, ps2, ps3, ps4, ps5, ps6
from gaplab.errors import ReaderError

COURSE = Path(__file__).parents[2] / "book" / "coursework"
IDS = ("jane", "12345", "li.wei@example.org")
USUAL = {
    ps1.classes: 21_841,
    ps2.shifts: 28,
    ps2.grid: (2, 3),
    ps3.classes: 1000,
    ps3.size: 320,
    ps4.network: "resnet50",
    ps4.picture: (300, 450),
    ps5.size: 40,
    ps5.skip: 0,
    ps6.classes: 10,
    ps6.step: 2,
}
# By answer: the cells that it needs, the tests of what is drawn, and what makes the book's answer right for every id.
SIDE = "(-(-size // 32))"
DRAWN = {
    "ex-1-1": ("numbers", {"ex-1-1-test"}, {"21_841": "classes"}),
    "ex-2-1": (
        "numbers",
        {"ex-2-1-test", "ex-2-1-test-2"},
        {
            "(7, 1, 1, 1)": "(shifts // 4, *[shifts // 28] * 3)",
            "(1, 90, 720)": "(1, f(height * width) // f(height) ** width, f(height * width))",
            "same_logits = dict(": "from math import factorial as f\nsame_logits = dict(",
        },
    ),
    "ex-3-1": (
        "numbers",
        {"ex-3-1-test", "ex-3-1-test-2"},
        {"2049 * 1000": "2049 * head_classes", "(100, 0.49, 49)": f"({SIDE}**2, 49 / {SIDE}**2, 49)"},
    ),
    "ex-4-1": (
        "numbers",
        {"ex-4-1-test"},
        {
            "10, 15": "-(-height // 32), -(-width // 32)",
            "2048": "{'resnet50': 2048}.get(network, 512)",
            "300 * 450": "height * width",
        },
    ),
    "ex-5-1": (
        "numbers",
        {"ex-5-1-test"},
        {'average": 10,': 'average": size // 4,', 'amax": 100,': 'amax": (size // 4) ** 2,'},
    ),
    "ex-6-2": ("ex-6-1 numbers", {"ex-6-2-test"}, {"64 * 10 + 10": "65 * classes", "64 * 10,": "64 * classes,"}),
    "ex-6-3": ("step", {"ex-6-3-test"}, {"(-2, 0, 2)": "(-step, 0, step)"}),
}


@functools.cache
def cells(number):
    (source,) = COURSE.glob(f"ps{number}_*.py")
    return {cell.id: cell.source for cell in read_assignment(source).notebook.cells if cell.cell_type == "code"}


def failures(exercise, needs, answer, **names):
    """Run given cells, an answer and all its tests; return the tests that fail, and what there is then."""
    found = cells(exercise.split("-")[1])
    for name in ("imports", *needs.split()):
        exec(compile(found[name], name, "exec"), names)
    exec(compile(answer, exercise, "exec"), names)
    failed = set()
    for name, text in found.items():
        if name.startswith(f"{exercise}-test"):
            try:
                exec(compile(text, name, "exec"), names)
            except ReaderError:
                failed.add(name)
    return failed, names


@pytest.mark.parametrize("of", USUAL, ids=lambda of: f"{of.__module__}.{of.__name__}")
def test_without_an_id_a_number_is_the_books_and_with_one_it_never_is(monkeypatch, of):
    monkeypatch.delenv(VARIANT_VARIABLE, raising=False)
    assert of() == USUAL[of]
    drawn = set()
    for number in range(60):
        monkeypatch.setenv(VARIANT_VARIABLE, f"student{number}")
        assert of() == of() != USUAL[of]
        drawn.add(of())
    assert len(drawn) > 1


def test_every_problem_set_draws_in_two_tasks_but_the_first():
    modules = [of.__module__.rpartition(".")[2] for of in USUAL]
    assert {name: modules.count(name) for name in modules} == {"ps1": 1} | {f"ps{n}": 2 for n in range(2, 7)}


@pytest.mark.parametrize("exercise", DRAWN)
def test_the_books_answer_is_right_without_an_id(monkeypatch, exercise):
    monkeypatch.setenv(VARIANT_VARIABLE, "")
    needs, _, _ = DRAWN[exercise]
    assert failures(exercise, needs, cells(exercise[3])[exercise])[0] == set()


@pytest.mark.parametrize("student", IDS)
@pytest.mark.parametrize("exercise", DRAWN)
def test_with_an_id_the_books_answer_fails_where_a_right_one_passes(monkeypatch, exercise, student):
    monkeypatch.setenv(VARIANT_VARIABLE, student)
    needs, tests, edits = DRAWN[exercise]
    published = right = cells(exercise[3])[exercise]
    for old, new in edits.items():
        right = changed(right, old, new)
    assert failures(exercise, needs, published)[0] == tests
    assert failures(exercise, needs, right)[0] == set()


def test_the_table_of_ps5_has_to_be_of_the_students_own_pictures(monkeypatch):
    """The book's code measures them; its numbers, and its pictures in the place of one's own, are seen."""
    measure = cells("5")["ex-5-5b"]
    monkeypatch.setenv(VARIANT_VARIABLE, "")
    failed, usual = failures("ex-5-5b", "ex-5-5 pictures", measure)
    assert not failed
    monkeypatch.setenv(VARIANT_VARIABLE, "jane")
    answers = {
        "its code": measure,
        "its numbers": "experiment = table",
        "its pictures": 'pictures, labels = data.stratified("test", 100)\nexperiment = table',
    }
    failed = {
        what: failures("ex-5-5b", "ex-5-5 pictures", answer, table=usual["experiment"])[0]
        for what, answer in answers.items()
    }
    assert failed == {"its code": set(), "its numbers": {"ex-5-5b-test"}, "its pictures": {"ex-5-5b-test"}}


def lost(name):
    """List the tests of a problem set that the book's answers fail under an id."""
    return set().union(*(tests for exercise, (_, tests, _) in DRAWN.items() if exercise[3] == name[2]))


def test_the_guide_says_what_the_books_answers_still_earn_under_an_id():
    losses, given = {}, 0
    for name, assignment in find_assignments(COURSE).items():
        points = {c.id: c.metadata.nbgrader["points"] for c in assignment.graded if c.cell_type == "code"}
        losses[name], given = sum(points[test] for test in lost(name)), given + sum(points.values())
    first, *between, last = [f"{points} in `{name}`" for name, points in losses.items()]
    guide = (COURSE / "instructors.md").read_text(encoding="utf-8")
    assert f"loses {first.replace(' ', ' points ', 1)}, {', '.join(between)} and {last}." in guide
    assert f"earns {given - sum(losses.values())} of the {given} points that tests give." in guide


@pytest.mark.thorough
@pytest.mark.skipif(not hasattr(os, "fork"), reason="answers are tried in forks, which this system lacks")
@pytest.mark.parametrize("name", [f"ps{number}" for number in range(1, 7)])
def test_with_an_id_the_books_answers_fail_where_a_number_is_drawn_and_nowhere_else(name, monkeypatch):
    monkeypatch.setenv(VARIANT_VARIABLE, IDS[0])
    answers = tried.__wrapped__(name, "core")["answers"].values()
    outcomes = [outcome for answer in answers for outcome in answer["right: the source's own"].items()]
    assert len(outcomes) >= 6
    assert {test for test, problem in outcomes if problem} == lost(name)
