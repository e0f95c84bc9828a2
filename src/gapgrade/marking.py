"""The sheet in which answers in words are marked: written for a person to fill in, and read back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gapgrade import CourseworkError
from gapgrade.assignments import Assignment
from gapgrade.course import Course, Mark, Result, answer_id
from gapgrade.tables import as_csv, read_csv

COLUMNS = ["student", "exercise", "points", "score", "comment", "answer", "mark_scheme", "answer_id"]
NEEDED = ["student", "exercise", "score", "comment", "answer_id"]
CELL = 30_000
"""Characters of an answer in the sheet; a spreadsheet's cell takes 32,767."""


def write_sheet(course: Course, assignment: Assignment, results: Sequence[Result]) -> str:
    """Format the sheet: those that wait first, each exercise in one block."""
    schemes = {cell.id: _scheme(cell.source) for cell in assignment.graded}
    rows = []
    for student, mark in (
        (result.record.student, mark) for result in results for mark in result.marks if mark.in_sheet
    ):
        name = mark.grade_id
        answer = course.answer(assignment, student, name)
        row = [student, name, f"{mark.points:g}", *_state(mark), _shown(answer), schemes[name]]
        rows.append((not mark.waiting, name, student, [*row, answer_id(student, name, answer)]))
    return as_csv(COLUMNS, [row for *_, row in sorted(rows, key=lambda row: row[:3])])


def exported(course: Course, assignment: Assignment, results: Sequence[Result]) -> dict[str, list[str]]:
    """Return what the sheet says of each mark, by the answer's id: to see later what a person has changed in it."""
    return {
        answer_id(one.record.student, mark.grade_id, course.answer(assignment, one.record.student, mark.grade_id)): [
            *_state(mark)
        ]
        for one in results
        for mark in one.marks
        if mark.in_sheet
    }


def _state(mark: Mark) -> tuple[str, str]:
    return ("" if mark.waiting else f"{mark.score:g}", mark.comment)


def _shown(answer: str) -> str:
    """Shorten an answer to what a spreadsheet's cell takes; pictures in it are named."""
    shown = re.sub(r"data:image/[\w.+-]+;base64,[A-Za-z0-9+/=\s%]*", "(a picture: see the page of feedback)", answer)
    if len(shown) > CELL:
        shown = shown[:CELL] + " ... (the whole is on the page of feedback)"
    return shown


@dataclass(frozen=True)
class _Row:
    """A row of the sheet whose answer is still there."""

    where: str
    student: str
    mark: Mark
    known: tuple[str, str]
    """Score and comment as they were when the sheet was written."""
    typed: tuple[str, str]


def read_sheet(course: Course, assignment: Assignment, path: Path) -> set[str]:
    """Take what a person has changed in the sheet into the gradebook.

    What was not changed in it is left alone, whatever the gradebook says now: it may have been corrected there. Where
    both were changed the gradebook stands. A mark for an answer that is no longer there is not taken. A sentence is
    kept for each mark that does not stand as somebody has typed it.

    Returns:
        The students whose marks changed.

    Raises:
        CourseworkError: A column is missing, or a mark is no number or out of range. Nothing is taken then.
    """
    if not path.exists():
        return set()
    before = course.exported(assignment)
    answers = {
        answer_id(record.student, mark.grade_id, course.answer(assignment, record.student, mark.grade_id)): (
            record.student,
            mark,
        )
        for record in course.records(assignment)
        for mark in course.marks(assignment, record.student)
    }
    rows, lost = [], []
    for line, row in enumerate(read_csv(path, NEEDED), start=2):
        where = f"{path.name}, row {line}"
        key = "id-" + row["answer_id"].strip().removeprefix("id-")
        typed = (row["score"].strip().replace(",", "."), _comment(row["comment"]))
        if key in answers:
            student, mark = answers[key]
            known = before.get(key, ["", ""])
            typed = (_number(typed[0], known[0], mark, where), typed[1])
            rows.append(_Row(where, student, mark, (known[0], _comment(known[1])), typed))
        elif any(typed) and list(typed) != before.get(key):
            lost.append(
                f"{row['student']}, {row['exercise']}: the score {typed[0] or '(none)'} and the comment {typed[1]!r} "
                f"in {path.name} are for an answer that is no longer there, and were not taken"
            )
    for sentence in lost:
        course.remember(assignment, sentence)
    return {row.student for row in rows if _take(course, assignment, row)}


def _take(course: Course, assignment: Assignment, row: _Row) -> bool:
    """Take over one row, the score and the comment each for itself; return whether anything changed."""
    current = _state(row.mark)
    result = []
    for what, known, typed, now in zip(("score", "comment"), row.known, row.typed, current, strict=True):
        if typed in (known, now):
            result.append(now)
            continue
        stands = now if now != known else typed
        result.append(stands)
        gone = typed if stands == now else now
        if gone:
            source = "the formgrader" if stands == now else row.where
            course.remember(
                assignment,
                f"{row.student}, {row.mark.grade_id}: the {what} {gone!r} gave way to {stands!r}, from {source}",
            )
    if tuple(result) == current:
        return False
    score, comment = result
    # What was not changed is not written: the sheet has a rounded sum of what the gradebook keeps apart.
    if score != current[0]:
        course.mark_by_hand(assignment, row.student, row.mark.grade_id, float(score) if score else None)
    if comment != current[1]:
        course.comment_by_hand(assignment, row.student, row.mark.grade_id, comment)
    return True


def _comment(text: str) -> str:
    return text.replace("\r\n", "\n").strip().removeprefix("'")


def _number(text: str, known: str, mark: Mark, where: str) -> str:
    """Write a score as the sheet does, and check it if it is not the one that the sheet was written with."""
    if not text:
        return ""
    try:
        score = float(text)
    except ValueError:
        raise CourseworkError(f"{where}: the score {text!r} is not a number.") from None
    most = mark.points + mark.extra
    if f"{score:g}" != known and not 0 <= score <= most:
        raise CourseworkError(f"{where}: the score {text} is not between 0 and {most:g}.")
    return f"{score:g}"


def _scheme(source: str) -> str:
    match = re.search(r"=== BEGIN MARK SCHEME ===\n(.*?)\n?=== END MARK SCHEME ===", source, re.DOTALL)
    return match[1].strip() if match else ""
