"""Answers that are built alike are found whatever their names, and shown side by side."""

from pathlib import Path

import pytest

from gapgrade import similarity
from gapgrade.assignments import find_assignments
from gapgrade.similarity import PUBLISHED, SMALLEST, page, pairs, shape

ASSIGNMENT = find_assignments(Path(__file__).parent / "fixture")["ps0"]
LONG = """
def pooled(grid):
    total, count = 0.0, 0
    for row in grid:
        for value in row:
            total += value
            count += 1
    if count == 0:
        raise ValueError("no cells")
    return total / count
"""
RENAMED = LONG.replace("total", "s").replace("count", "n").replace("value", "cell").replace("grid", "g")
COMMENTED = '"""Mine."""\n' + RENAMED.replace("    for row", "    # by hand\n    for row")
OTHER = """
def pooled(grid):
    import numpy as np
    cells = np.asarray(grid, dtype=float).reshape(-1)
    weights = np.ones(len(cells)) / len(cells)
    return float(np.dot(weights, cells))
"""


def found(**answers):
    given = {student: {"ex-0-1": text} for student, text in answers.items()}
    return [(pair.first, pair.second, round(pair.ratio, 2)) for pair in pairs(ASSIGNMENT, given, {}, 0.9)]


def test_names_comments_and_docstrings_do_not_count():
    assert shape(LONG) == shape(RENAMED) == shape(COMMENTED)
    assert len(shape(LONG)) >= SMALLEST
    assert found(ann=LONG, bob=COMMENTED, eve=OTHER) == [("ann", "bob", 1.0)]


@pytest.mark.parametrize("old", ["+= 1", "== 0", "total / count", "no cells"])
def test_what_a_program_does_counts(old):
    new = {"+= 1": "+= 2", "== 0": "< 1", "total / count": "count / total", "no cells": "empty"}[old]
    assert shape(LONG) != shape(LONG.replace(old, new))


def test_the_published_solution_is_compared_too_and_stubs_and_small_answers_are_not(monkeypatch):
    monkeypatch.setattr(similarity, "SMALLEST", 20)
    solution = next(cell.source for cell in ASSIGNMENT.answers if cell.id == "ex-0-2")
    given = {"ann": {"ex-0-2": solution}, "bob": {"ex-0-2": LONG}, "eve": {"ex-0-2": LONG}, "kim": {"ex-0-2": "x = 1"}}
    alike = pairs(ASSIGNMENT, given, {"ex-0-2": LONG}, 0.9)
    assert [(pair.first, pair.second) for pair in alike] == [("ann", PUBLISHED)]


def test_broken_programs_are_no_pair():
    assert found(ann="def f(:", bob="def f(:") == []


def test_the_page_shows_both_and_runs_nothing():
    text = LONG + "    # <script>alert(1)</script>\n"
    given = {"<b>ann": {"ex-0-1": text}, "bob": {"ex-0-1": LONG}}
    made = page(ASSIGNMENT, pairs(ASSIGNMENT, given, {}, 0.9), given, 0.9)
    assert "ex-0-1: &lt;b&gt;ann and bob, 100%" in made
    assert "<script>" not in made
    assert "Alike is not copied" in made
