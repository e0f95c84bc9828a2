"""The sheet in which answers in words are marked: written for a person to fill in, and read back."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from gapgrade import CourseworkError
from gapgrade.assignments import Assignment
from gapgrade.course import Course, Result
from gapgrade.exports import as_csv

COLUMNS = ["student", "exercise", "points", "score", "comment", "answer", "mark_scheme", "answer_id"]


def write_sheet(course: Course, assignment: Assignment, results: Sequence[Result]) -> str:
    """Format the sheet: those that wait first, each exercise in one block."""
    schemes = {cell.id: _scheme(cell.source) for cell in assignment.graded}
    rows = []
    for student, mark in ((result.record.student, mark) for result in results for mark in result.marks if mark.by_hand):
        name = mark.grade_id
        answer = course.answer(assignment, student, name)
        score = "" if mark.waiting else f"{mark.score:g}"
        row = [student, name, f"{mark.points:g}", score, mark.comment, answer, schemes[name]]
        rows.append((not mark.waiting, name, student, [*row, _answer_id(student, name, answer)]))
    return as_csv(COLUMNS, [row for *_, row in sorted(rows, key=lambda row: row[:3])])


def read_sheet(course: Course, assignment: Assignment, path: Path, students: set[str]) -> set[str]:
    """Take the marks of a filled sheet into the gradebook.

    A mark for an answer that has changed since is not taken: the answer waits again.

    Returns:
        The students whose marks changed.

    Raises:
        CourseworkError: A mark is no number or out of range. Nothing is taken then.
    """
    if not path.exists():
        return set()
    marks: list[tuple[str, str, float | None, str]] = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        for line, row in enumerate(csv.DictReader(file), start=2):
            student, name = row["student"], row["exercise"]
            if student not in students or not row["score"].strip():
                continue
            score = _score(row, f"{path.name}, line {line}")
            if row["answer_id"] == _answer_id(student, name, course.answer(assignment, student, name)):
                marks.append((student, name, score, row["comment"].strip().removeprefix("'")))
            else:
                marks.append((student, name, None, ""))
    return {mark[0] for mark in marks if course.mark_by_hand(assignment, *mark)}


def _score(row: dict[str, str], where: str) -> float:
    text = row["score"].strip().replace(",", ".")
    try:
        score = float(text)
    except ValueError:
        raise CourseworkError(f"{where}: the score {text!r} is not a number.") from None
    if not 0 <= score <= float(row["points"]):
        raise CourseworkError(f"{where}: the score {text} is not between 0 and {row['points']}.")
    return score


def _scheme(source: str) -> str:
    match = re.search(r"=== BEGIN MARK SCHEME ===\n(.*?)\n?=== END MARK SCHEME ===", source, re.DOTALL)
    return match[1].strip() if match else ""


def _answer_id(student: str, grade_id: str, answer: str) -> str:
    return hashlib.sha256(f"{student}\0{grade_id}\0{answer}".encode()).hexdigest()[:8]
