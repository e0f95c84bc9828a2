"""What an instructor takes away: a table of grades, and the files that Canvas and Moodle import."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from gapgrade.assignments import Assignment
from gapgrade.course import Result


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Format rows as CSV; a text that a spreadsheet would run as a formula is made plain text by a mark before it."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([_plain(cell) for cell in row] for row in rows)
    return out.getvalue()


def _plain(cell: object) -> object:
    runs = isinstance(cell, str) and cell.startswith(tuple("=+-@\t\r")) and cell != "-"
    return f"'{cell}" if runs else cell


def grades(assignment: Assignment, results: Sequence[Result]) -> str:
    """Format one row for each student: total, exercises, what waits, and what reproduces the grade."""
    exercises = list(dict.fromkeys(name for result in results for name in result.exercises))
    start = ["student", "name", "score", "max_score", "waiting_points"]
    end = ["file", "notes", "seed", "graded", "isolation"]
    rows = []
    for result in results:
        record, sums = result.record, result.exercises
        points = (result.score, assignment.points, result.waiting_points, *(sums[name][0] for name in exercises))
        conditions = (record.file, "; ".join(record.notes), record.seed, record.graded, record.isolation)
        rows.append([record.student, record.name, *(f"{number:g}" for number in points), *conditions])
    return as_csv([*start, *exercises, *end], rows)


def canvas(assignment: Assignment, results: Sequence[Result]) -> str:
    """Format what Canvas's gradebook imports; the column's head is the assignment's name there."""
    columns = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", assignment.title]
    rows = [["Points Possible", "", "", "", "", f"{assignment.points:g}"]]
    rows += [[one.record.name, one.record.lms_id, "", "", "", f"{one.score:g}"] for one in _from("canvas", results)]
    return as_csv(columns, rows)


def moodle(assignment: Assignment, results: Sequence[Result]) -> str:
    """Format what Moodle's offline grading worksheet imports."""
    columns = ["Identifier", "Full name", "Grade", "Maximum Grade", "Last modified (grade)", "Feedback comments"]
    rows = []
    for one in _from("moodle", results):
        parts = "; ".join(f"{name}: {score:g} of {points:g}" for name, (score, points) in one.exercises.items())
        identifier = f"Participant {one.record.lms_id}"
        rows.append([identifier, one.record.name, f"{one.score:g}", f"{assignment.points:g}", "-", parts])
    return as_csv(columns, rows)


PLATFORMS = {"canvas": canvas, "moodle": moodle}
"""The learning platforms whose files are written, where a submission came from them."""


def _from(platform: str, results: Iterable[Result]) -> list[Result]:
    return [result for result in results if result.record.lms == platform]
