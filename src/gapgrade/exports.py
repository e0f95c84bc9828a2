"""What an instructor takes away: a table of grades, and the files that Canvas and Moodle import."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gapgrade.assignments import Assignment, exercise_of
from gapgrade.course import Result
from gapgrade.tables import as_csv


def grades(assignment: Assignment, results: Sequence[Result]) -> str:
    """Format one row for each student: total, exercises, what waits, and what reproduces the grade."""
    exercises = list(dict.fromkeys(name for result in results for name in result.exercises))
    start = ["student", "name", "score", "max_score", "waiting_points", "late", "late_penalty"]
    end = ["file", "notes", "seed", "graded", "isolation"]
    rows = []
    for result in results:
        record, sums = result.record, result.exercises
        points = (result.score, assignment.points, result.waiting_points)
        late = (result.late, f"{result.penalty:g}")
        parts = (sums[name][0] for name in exercises)
        conditions = (record.file, "; ".join(record.notes), record.seed, record.graded, record.isolation)
        row = [record.student, record.name, *(f"{number:g}" for number in points), *late]
        rows.append([*row, *(f"{number:g}" for number in parts), *conditions])
    return as_csv([*start, *exercises, *end], rows)


def canvas(assignment: Assignment, results: Sequence[Result]) -> str:
    """Format what Canvas's gradebook imports; the column's head is the assignment's name there.

    A student whose answers in words still wait for a mark has no grade yet: platforms would take it for the last word.
    """
    columns = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", assignment.title]
    rows = [["Points Possible", "", "", "", "", f"{assignment.points:g}"]]
    rows += [[one.record.name, one.record.lms_id, "", "", "", _final(one)] for one in _from("canvas", results)]
    return as_csv(columns, rows)


def moodle(assignment: Assignment, results: Sequence[Result]) -> str:
    """Format what Moodle's offline grading worksheet imports."""
    columns = ["Identifier", "Full name", "Grade", "Maximum Grade", "Last modified (grade)", "Feedback comments"]
    rows = []
    for one in _from("moodle", results):
        waits = {exercise_of(mark.grade_id) for mark in one.marks if mark.waiting}
        parts = "; ".join(
            f"{name}: {'not marked yet' if name in waits else f'{score:g} of {points:g}'}"
            for name, (score, points) in one.exercises.items()
        )
        identifier = f"Participant {one.record.lms_id}"
        rows.append([identifier, one.record.name, _final(one), f"{assignment.points:g}", "-", parts])
    return as_csv(columns, rows)


PLATFORMS = {"canvas": canvas, "moodle": moodle}
"""The learning platforms whose files are written, where a submission came from them."""


def _from(platform: str, results: Iterable[Result]) -> list[Result]:
    return [result for result in results if result.record.lms == platform]


def _final(result: Result) -> str:
    return "" if result.waiting else f"{result.score:g}"
