"""What an instructor takes away: tables of grades, files for Canvas and Moodle, the marking sheet, the report."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median

from gapgrade import CourseworkError
from gapgrade.assignments import Assignment
from gapgrade.course import Course, Mark, Record, by_exercise
from gapgrade.sandbox import ISOLATIONS, Limits

MARKING = ["student", "exercise", "points", "score", "comment", "answer", "mark_scheme", "answer_id"]


def write(path: Path, text: str) -> None:
    """Write a file to the side and rename it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    side = path.with_name(f"{path.name}.part")
    side.write_text(text, encoding="utf-8", newline="")
    side.replace(path)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Format rows as CSV; a text that a spreadsheet would run as a formula is made plain text."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    for row in rows:
        writer.writerow(
            [
                f"'{cell}" if isinstance(cell, str) and cell[:1] in tuple("=+-@\t\r") and cell != "-" else cell
                for cell in row
            ]
        )
    return out.getvalue()


def grades(assignment: Assignment, results: Sequence[tuple[Record, list[Mark]]]) -> str:
    """Format one row for each student: total, exercises, what waits, and what reproduces the grade."""
    exercises = list(dict.fromkeys(name for _, marks in results for name in by_exercise(marks)))
    columns = [
        "student",
        "name",
        "score",
        "max_score",
        "waiting_points",
        *exercises,
        "file",
        "notes",
        "seed",
        "graded",
        "isolation",
    ]
    rows = []
    for record, marks in results:
        sums = by_exercise(marks)
        rows.append(
            [
                record.student, record.name, f"{_total(marks):g}", f"{assignment.points:g}", f"{_waiting(marks):g}",
                *(f"{sums[name][0]:g}" for name in exercises),
                record.file, "; ".join(record.notes), record.seed, record.graded, record.isolation,
            ]
        )  # fmt: skip
    return table(columns, rows)


def canvas(assignment: Assignment, results: Sequence[tuple[Record, list[Mark]]]) -> str:
    """Format what Canvas's gradebook imports; the column's head is the assignment's name there."""
    columns = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", assignment.title]
    rows = [[r.name, r.lms_id, "", "", "", f"{_total(marks):g}"] for r, marks in results if r.lms == "canvas"]
    return table(columns, [["Points Possible", "", "", "", "", f"{assignment.points:g}"], *rows])


def moodle(assignment: Assignment, results: Sequence[tuple[Record, list[Mark]]]) -> str:
    """Format what Moodle's offline grading worksheet imports."""
    columns = ["Identifier", "Full name", "Grade", "Maximum Grade", "Last modified (grade)", "Feedback comments"]
    rows = []
    for record, marks in results:
        if record.lms == "moodle":
            parts = "; ".join(
                f"{name}: {score:g} of {points:g}" for name, (score, points) in by_exercise(marks).items()
            )
            rows.append(
                [
                    f"Participant {record.lms_id}",
                    record.name,
                    f"{_total(marks):g}",
                    f"{assignment.points:g}",
                    "-",
                    parts,
                ]
            )
    return table(columns, rows)


def _total(marks: Iterable[Mark]) -> float:
    return sum(mark.score for mark in marks)


def _waiting(marks: Iterable[Mark]) -> float:
    return sum(mark.points for mark in marks if mark.waiting)


def _answer_id(student: str, grade_id: str, answer: str) -> str:
    return hashlib.sha256(f"{student}\0{grade_id}\0{answer}".encode()).hexdigest()[:8]


def _scheme(assignment: Assignment, grade_id: str) -> str:
    cell = next(cell for cell in assignment.graded if cell.id == grade_id)
    match = re.search(r"=== BEGIN MARK SCHEME ===\n(.*?)\n?=== END MARK SCHEME ===", cell.source, re.DOTALL)
    return match[1].strip() if match else ""


def marking(course: Course, assignment: Assignment, results: Sequence[tuple[Record, list[Mark]]]) -> str:
    """Format the sheet in which answers in words are marked: those that wait first, each exercise in one block."""
    rows = []
    for record, marks in results:
        for mark in marks:
            if not mark.by_hand:
                continue
            answer = course.answer(assignment, record.student, mark.grade_id)
            scheme = _scheme(assignment, mark.grade_id)
            score = "" if mark.waiting else f"{mark.score:g}"
            identity = _answer_id(record.student, mark.grade_id, answer)
            row = [record.student, mark.grade_id, f"{mark.points:g}", score, mark.comment, answer, scheme, identity]
            rows.append((not mark.waiting, mark.grade_id, record.student, row))
    return table(MARKING, [row for *_, row in sorted(rows, key=lambda row: row[:3])])


def read_marking(course: Course, assignment: Assignment, path: Path, students: set[str]) -> set[str]:
    """Take the marks of a filled sheet into the gradebook.

    A mark for an answer that has changed since is not taken: the answer waits again.

    Returns:
        The students whose marks changed.

    Raises:
        CourseworkError: A mark is no number or out of range. Nothing is taken then.
    """
    if not path.exists():
        return set()
    wanted = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        for line, row in enumerate(csv.DictReader(file), start=2):
            if row["student"] not in students:
                continue
            text = row["score"].strip().replace(",", ".")
            if not text:
                continue
            try:
                score: float | None = float(text)
            except ValueError:
                raise CourseworkError(f"{path.name}, line {line}: the score {text!r} is not a number.") from None
            if score is None or not 0 <= score <= float(row["points"]):
                raise CourseworkError(
                    f"{path.name}, line {line}: the score {text} is not between 0 and {row['points']}."
                )
            comment = row["comment"].strip().removeprefix("'")
            answer = course.answer(assignment, row["student"], row["exercise"])
            if row["answer_id"] != _answer_id(row["student"], row["exercise"], answer):
                score, comment = None, ""
            wanted.append((row["student"], row["exercise"], score, comment))
    return {
        student
        for student, grade_id, score, comment in wanted
        if course.mark_by_hand(assignment, student, grade_id, score, comment)
    }


def report(
    assignment: Assignment, results: Sequence[tuple[Record, list[Mark]]], fresh: int, seconds: float, limits: Limits
) -> str:
    """Write the page that says what was done, what needs a look and under which conditions."""
    totals = [_total(marks) for _, marks in results]
    waiting = [(record, mark) for record, marks in results for mark in marks if mark.waiting]
    spread = f"median {median(totals):g}, lowest {min(totals):g}, highest {max(totals):g}" if totals else "none"
    noted = [record for record, _ in results if record.notes]
    isolations = sorted({record.isolation for record, _ in results})
    lines = [
        f"# {assignment.title}",
        "",
        f"- Submissions: {len(results)}, of them graded in this run: {fresh}, in {seconds:.0f} seconds.",
        f"- Points of {assignment.points:g}: {spread}.",
        f"- Waiting to be marked by hand, in `marking.csv`: {len(waiting)} answers.",
        f"- Limits: {limits.cell_seconds} s a cell; {limits.notebook_seconds} s, {limits.memory_gib:g} GiB a notebook.",
        *(f"- Isolation, {name}: {ISOLATIONS[name]}." for name in isolations),
        "",
        "## Worth a look" if noted else "Nothing out of the ordinary was found in any submission.",
        "",
        *(f"- **{record.student}** ({record.file}): {'; '.join(record.notes)}." for record in noted),
    ]
    return "\n".join(lines) + "\n"
