"""Grades a folder of submissions: what is new or changed, several at a time, and writes what comes of it."""

from __future__ import annotations

import hashlib
import secrets
import signal
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import FrameType

from nbgrader.utils import parse_utc
from tqdm import tqdm

from gapgrade import CourseworkError, crew, similarity
from gapgrade.assignments import Assignment, find_assignments
from gapgrade.course import Course, LatePolicy, Record, Result, Task
from gapgrade.exports import PLATFORMS, grades
from gapgrade.intake import Submission, collect, unpack
from gapgrade.marking import exported, read_sheet, write_sheet
from gapgrade.report import Run, report
from gapgrade.sandbox import ISOLATIONS, Limits, Sandbox
from gapgrade.scratch import scratch_folder
from gapgrade.tables import for_spreadsheets
from gaplab import files
from gaplab.coursework import same_id

STOPPED = 130
"""Exit status of a program that was stopped by Ctrl-C."""


@dataclass
class _Batch:
    """What came of the submissions that had to be graded."""

    records: list[Record] = field(default_factory=list)
    failed: dict[tuple[str, str], str] = field(default_factory=dict)
    """Why a submission was not graded, by assignment and student."""
    seconds: float = 0


def grade(options: Namespace) -> int:
    """Grade a folder of submissions; the command line says which, how and with what.

    Returns:
        The command's exit status: 1 if a submission was not graded, 130 if it was stopped.

    Raises:
        CourseworkError: The folder, the assignment, a mark or a limit has to be changed.
    """
    folder: Path = options.folder
    if not folder.exists():
        raise CourseworkError(f"There is no folder called {folder}.")
    assignments = find_assignments(options.course)
    wanted = options.assignment
    if wanted and wanted not in assignments:
        raise CourseworkError(f"There is no assignment called {wanted!r}: choose one of {', '.join(assignments)}.")
    policy = LatePolicy(options.late)
    policy.config  # noqa: B018  a plug-in that is not there is a reason not to start
    if options.late != "none" and options.due is None:
        raise CourseworkError("--late needs --due, the time after which a submission is late.")
    sandbox = Sandbox(options.python, options.isolation)
    course = Course(options.output or folder.with_name(f"{folder.stem}-graded"))
    # Both leave the same way: with what was graded kept, and nothing left running.
    signal.signal(signal.SIGTERM, _interrupt)
    with scratch_folder() as scratch:
        left_out: list[str] = []
        unpacked = unpack(folder, scratch / "given")
        submissions = collect(unpacked, assignments, wanted, left_out)
        if not submissions:
            raise CourseworkError(f"{folder} holds no submission of {wanted or ', '.join(assignments)}.")
        print(f"Isolation: {sandbox.isolation} ({ISOLATIONS[sandbox.isolation]}).")
        here = [assignments[name] for name in dict.fromkeys(submission.assignment for submission in submissions)]
        marked = {}
        for assignment in here:
            sandbox.check(_limits(assignment, options))
            course.generate(assignment)
            # Before grading: marks were given to the answers that are there now.
            marked[assignment.name] = read_sheet(course, assignment, _results(course, assignment) / "marking.csv")
        _draw_variants(submissions, options.variants)
        tasks = _tasks(course, assignments, submissions, sandbox, options)
        batch = _Batch()
        try:
            _grade(course, tasks, sandbox, options, scratch, batch)
        except KeyboardInterrupt:
            print(
                f"\nStopped. {len(batch.records)} of {len(tasks)} are graded and kept; the same command does the rest."
            )
            return STOPPED
        for assignment in here:
            present = {one.student: one for one in submissions if one.assignment == assignment.name}
            run = Run(
                fresh=sum(record.assignment == assignment.name for record in batch.records),
                seconds=batch.seconds,
                limits=_limits(assignment, options),
                left_out=left_out,
                failed={name: why for (which, name), why in batch.failed.items() if which == assignment.name},
                gone=[one for one in course.records(assignment) if one.student not in present],
            )
            late = {student: _seconds_late(one, options.due) for student, one in present.items()}
            _settle(course, assignment, marked[assignment.name], late, policy, options.feedback)
            _write_results(course, assignment, late, run)
            if options.similarity is not None:
                _write_similarity(course, assignment, list(late), options.similarity)
            if options.exchange:
                _return_feedback(course, assignment, folder)
    for sentence in left_out:
        print(f"Not graded: {sentence}.")
    failed = len(batch.failed)
    print(f"Graded {len(batch.records)}, unchanged {len(submissions) - len(tasks)}, failed {failed}.")
    print(f"Results: {course.root / 'results'}")
    return 1 if failed else 0


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _draw_variants(submissions: list[Submission], wanted: bool) -> None:
    """Say whose numbers are not their own, and with ``wanted`` draw numbers for notebooks without an id."""
    owners: dict[tuple[str, str], list[str]] = {}
    for submission in submissions:
        if submission.variant:
            owners.setdefault((submission.assignment, submission.variant), []).append(submission.student)
    drawn = {name for name, _ in owners}
    for submission in submissions:
        same = owners.get((submission.assignment, submission.variant), [])
        if others := [student for student in same if student != submission.student]:
            submission.notes.append(f"has its numbers from the id {submission.variant}, as {', '.join(others)} has")
        if not submission.variant and (wanted or submission.assignment in drawn):
            submission.notes.append("the notebook names no id to draw its numbers from, as others do")
            submission.variant = same_id(submission.student) if wanted else ""


def _results(course: Course, assignment: Assignment) -> Path:
    return course.root / "results" / assignment.name


def _seconds_late(submission: Submission, due: datetime | None) -> float:
    """Return how late a submission was; Canvas says that one was late, and not by how much: by a second then."""
    if submission.lms == "canvas" or due is None:
        return float(submission.late)
    stamp = submission.path.with_name("timestamp.txt")
    try:
        when = float(parse_utc(stamp.read_text(encoding="utf-8").strip()).replace(tzinfo=UTC).timestamp())
    except (OSError, ValueError, OverflowError):
        when = submission.path.stat().st_mtime
    return max(0.0, when - due.timestamp())


def _limits(assignment: Assignment, options: Namespace) -> Limits:
    """Take the limits from the command line, else from the assignment: room for ten of its longest cells."""
    cell = options.cell_seconds or assignment.cell_seconds
    return Limits(cell, options.notebook_seconds or 10 * cell, options.memory)


def _tasks(
    course: Course,
    assignments: dict[str, Assignment],
    submissions: list[Submission],
    sandbox: Sandbox,
    options: Namespace,
) -> list[Task]:
    """List what has to be graded: what is new, what has changed, and all, or one student's, if so asked.

    Raises:
        CourseworkError: The student who was asked for has handed in nothing.
    """
    one = options.student
    students = sorted({submission.student for submission in submissions})
    if one and one not in students:
        raise CourseworkError(f"There is no submission of {one!r}: there are those of {', '.join(students)}.")
    tasks = []
    for submission in submissions:
        assignment = assignments[submission.assignment]
        limits = _limits(assignment, options)
        digest = _digest(assignment, sandbox, submission, limits)
        known = course.record(assignment, submission.student)
        again = submission.student == one if one else options.again or known is None or known.digest != digest
        if again:
            tasks.append(Task(assignment, submission, digest, limits, options.feedback))
    return tasks


def _digest(assignment: Assignment, sandbox: Sandbox, submission: Submission, limits: Limits) -> str:
    """Hash all that a grade depends on: the submission, the assignment, the code that grades and the conditions."""
    parts = (
        submission.digest.encode(),
        submission.file.encode(),
        submission.variant.encode(),
        assignment.source.read_bytes(),
        sandbox.digest.encode(),
        repr((limits, sandbox.isolation)).encode(),
    )
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _grade(
    course: Course, tasks: list[Task], sandbox: Sandbox, options: Namespace, scratch: Path, batch: _Batch
) -> None:
    """Grade several submissions at a time; keep in ``batch`` what came of each, also if this is interrupted."""
    seed = options.seed if options.seed is not None else secrets.randbits(32)
    work: Callable[[Task], Record] = partial(course.grade, sandbox=sandbox, seed=seed)
    started = time.monotonic()
    done = crew.run(work, tasks, options.jobs, scratch)
    for task, result in tqdm(done, total=len(tasks), desc="grade", unit="submission"):
        if isinstance(result, Record):
            batch.records.append(result)
        else:
            student = task.submission.student
            batch.failed[task.assignment.name, student] = str(result)
            tqdm.write(f"{student} was not graded and will be tried again next time: {result}", file=sys.stderr)
        batch.seconds = time.monotonic() - started


def _settle(
    course: Course,
    assignment: Assignment,
    marked: set[str],
    late: dict[str, float],
    policy: LatePolicy,
    feedback: str,
) -> None:
    """Settle what late submissions lose, and write the pages that are missing or no longer say what is so."""
    for record in course.records(assignment):
        student = record.student
        if student not in late:
            continue
        stale = course.settle_penalty(assignment, student, policy, late[student]) or student in marked
        if stale or record.feedback != feedback or not course.feedback(assignment, student).exists():
            record.feedback = feedback
            course.write_feedback(assignment, record)
            course.write_record(assignment, record)


def _write_results(course: Course, assignment: Assignment, late: dict[str, float], run: Run) -> None:
    """Write tables, exports, feedback and report; who is no longer in the folder is in the report alone."""
    folder = _results(course, assignment)
    results = [
        Result(
            record,
            course.marks(assignment, record.student),
            course.penalty(assignment, record.student),
            _in_words(late[record.student], record.lms),
        )
        for record in course.records(assignment)
        if record.student in late
    ]
    files.write(folder / "grades.csv", for_spreadsheets(grades(assignment, results)))
    files.write(folder / "marking.csv", for_spreadsheets(write_sheet(course, assignment, results)))
    course.remember_export(assignment, exported(course, assignment, results))
    gone = _gone(course, assignment, run, results)
    files.write(folder / "report.md", report(assignment, results, run, gone, course.remembered(assignment)))
    for platform, export in PLATFORMS.items():
        if any(result.record.lms == platform for result in results):
            files.write(folder / f"{platform}.csv", export(assignment, results))
    pages = {f"{student}.html": course.feedback(assignment, student) for student in late}
    for name, page in pages.items():
        if page.exists():
            files.write(folder / "feedback" / name, page.read_bytes())
    for old in (folder / "feedback").glob("*.html"):
        if old.name not in pages:
            old.unlink()


def _write_similarity(course: Course, assignment: Assignment, students: list[str], threshold: float) -> None:
    """Write the page of answers that are alike."""
    graded = {record.student for record in course.records(assignment)}
    answers = {student: course.answers(assignment, student) for student in students if student in graded}
    found = similarity.pairs(assignment, answers, course.stubs(assignment), threshold)
    path = _results(course, assignment) / "similarity.html"
    files.write(path, similarity.page(assignment, found, answers, threshold))
    print(f"{assignment.name}: {len(found)} pairs of answers are alike, side by side in {path}.")


def _in_words(seconds: float, lms: str) -> str:
    if not seconds:
        return ""
    return "late" if lms == "canvas" else str(timedelta(seconds=round(seconds)))


def _gone(course: Course, assignment: Assignment, run: Run, results: list[Result]) -> list[str]:
    """Say of each student who is no longer in the folder what was graded and marked, and who may be the same."""
    same: dict[str, list[str]] = {}
    for result in results:
        same.setdefault(result.record.content, []).append(result.record.student)
    sentences = []
    for record in run.gone:
        marks = course.marks(assignment, record.student)
        by_hand = [f"{mark.grade_id} {mark.score:g}" for mark in marks if mark.given]
        sentence = f"**{record.student}** ({record.file}): {sum(mark.score for mark in marks):g} points"
        if by_hand:
            sentence += f", of them by hand: {', '.join(by_hand)}"
        if record.content in same:
            sentence += f"; the same file was handed in by {', '.join(same[record.content])}"
        sentences.append(sentence)
    return sentences


def _return_feedback(course: Course, assignment: Assignment, submitted: Path) -> None:
    """Put feedback where nbgrader's exchange releases it from: beside ``submitted``, with each submission's secret."""
    for record in course.records(assignment):
        origin = submitted / record.student / assignment.name
        target = submitted.resolve().parent / "feedback" / record.student / assignment.name
        page = course.feedback(assignment, record.student)
        if not origin.exists() or not page.exists():
            continue
        secrets_there = [
            path for name in ("timestamp.txt", "submission_secret.txt") if (path := origin / name).exists()
        ]
        for path in (page, *secrets_there):
            files.write(target / path.name, path.read_bytes())
