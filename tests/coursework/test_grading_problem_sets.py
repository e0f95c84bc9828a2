"""Every problem set goes through the whole cycle: ten submissions, from perfect to broken, get what they deserve."""

import copy
import csv
import json
import runpy
from pathlib import Path

import pytest

from gapgrade.assignments import exercise_of, read_assignment

HERE = Path(__file__).parent
SOURCES = sorted((HERE.parents[1] / "book" / "coursework").glob("ps*_*.py"))

pytestmark = [pytest.mark.slow, pytest.mark.thorough]


def filled_in(student, texts, words="In my own words."):
    """Copy a student's notebook and fill it in: every answer in words, and the cells that are named."""
    notebook = copy.deepcopy(student)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown" and cell["metadata"].get("nbgrader", {}).get("solution"):
            cell["source"] = words
        cell["source"] = texts.get(cell["id"], cell["source"])
    return notebook


def submissions(source):
    """Make the submissions: for each its name, its text, and what each exercise in code earns.

    What an exercise earns is a share of its points, or ``None`` for anything less than all of them.
    """
    assignment = read_assignment(source)
    solutions = {cell.id: cell.source for cell in assignment.answers if cell.cell_type == "code"}
    answers = runpy.run_path(str(HERE / "wrong_answers" / f"{assignment.name}.py"))["ANSWERS"]
    names = list(solutions)
    last = names[-1]
    done = names[: len(names) // 2]
    student = json.loads(source.with_suffix(".ipynb").read_text(encoding="utf-8"))
    stubs = {cell["id"]: "".join(cell["source"]) for cell in student["cells"]}

    def made(changes):
        return filled_in(student, solutions | changes)

    right = dict.fromkeys(names, 1)
    without_last = right | {last: 0}
    half = made({name: stubs[name] for name in names if name not in done})
    shortened = made({})
    shortened["cells"] = [cell for cell in shortened["cells"] if cell["id"] != last]
    tests = [cell["id"] for cell in student["cells"] if "-test" in cell["id"]]
    cases = {
        "perfect": (made({}), right),
        "right-in-another-way": (made({last: answers[last]["right"][0]}), right),
        "half-done": (half, dict.fromkeys(names, 0) | dict.fromkeys(done, 1)),
        "mistaken-everywhere": (made({name: answers[name]["wrong"][0][1] for name in names}), dict.fromkeys(names)),
        "untouched": (student, dict.fromkeys(names, 0)),
        "answer-deleted": (shortened, without_last),
        "tests-edited": (made({last: stubs[last]} | dict.fromkeys(tests, "pass")), without_last),
        "endless-loop": (made({last: "while True:\n    pass\n"}), without_last),
        "process-killed": (made({last: "import os\nos._exit(1)\n"}), without_last),
    }
    texts = {name: (json.dumps(notebook), earned) for name, (notebook, earned) in cases.items()}
    return texts | {"damaged": ('{"cells": [', dict.fromkeys(names, 0))}


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_ten_submissions_get_the_right_grades(source, gapgrade, lab_python, tmp_path):
    assignment = read_assignment(source)
    folder = tmp_path / "class"
    folder.mkdir()
    cases = submissions(source)
    for name, (text, _) in cases.items():
        (folder / f"{name}_{assignment.slug}.ipynb").write_text(text, encoding="utf-8")
    # A loop is stopped after this time; what is right takes a fraction of it.
    seconds = max(40, assignment.cell_seconds // 2)
    done = gapgrade("grade", folder, "--python", lab_python, "--cell-seconds", seconds, "--notebook-seconds", 3600)
    assert done.returncode == 0, done.stderr
    points = {}
    for cell in assignment.graded:
        points[exercise_of(cell.id)] = points.get(exercise_of(cell.id), 0) + cell.metadata.nbgrader["points"]
    with (tmp_path / "class-graded" / "results" / assignment.name / "grades.csv").open(
        newline="", encoding="utf-8"
    ) as file:
        found = {row["file"].partition("_")[0]: row for row in csv.DictReader(file)}
    assert set(found) == set(cases)
    for name, (_, earned) in cases.items():
        row = found[name]
        print(
            assignment.name, name, row["score"], "of", row["max_score"], "waiting", row["waiting_points"], row["notes"]
        )
        for answer, share in earned.items():
            score = float(row[answer])
            right = score < points[answer] if share is None else score == share * points[answer]
            assert right, (name, answer, score, points[answer], row["notes"])
        assert float(row["score"]) == sum(float(row[answer]) for answer in earned)
        by_hand = sum(cell.metadata.nbgrader["points"] for cell in assignment.graded if cell.cell_type == "markdown")
        assert float(row["waiting_points"]) == (0 if name in ("untouched", "damaged") else by_hand), name
