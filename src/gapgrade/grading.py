"""Grades a folder of submissions: what is new or changed, several at a time, and writes what comes of it."""

from __future__ import annotations

import hashlib
import multiprocessing
import secrets
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from tqdm import tqdm

from gapgrade import CourseworkError
from gapgrade.assignments import Assignment, find_assignments
from gapgrade.course import Course, Record, Task
from gapgrade.exports import PLATFORMS, grades
from gapgrade.intake import Submission, collect, unpack
from gapgrade.marking import read_sheet, write_sheet
from gapgrade.report import report
from gapgrade.sandbox import ISOLATIONS, Limits, Sandbox
from gaplab import files


def grade(options: Namespace) -> int:
    """Grade a folder of submissions; the command line says which, how and with what.

    Returns:
        The command's exit status: 1 if a submission was not graded.

    Raises:
        CourseworkError: The folder, the assignment or a limit has to be changed.
    """
    folder: Path = options.folder
    if not folder.exists():
        raise CourseworkError(f"There is no folder called {folder}.")
    assignments = find_assignments(options.course)
    wanted = options.assignment
    if wanted and wanted not in assignments:
        raise CourseworkError(f"There is no assignment called {wanted!r}: choose one of {', '.join(assignments)}.")
    sandbox = Sandbox(options.python, options.isolation)
    course = Course(options.output or folder.with_name(f"{folder.stem}-graded"))
    with tempfile.TemporaryDirectory() as scratch:
        submissions = collect(unpack(folder, Path(scratch)), assignments, wanted)
        if not submissions:
            raise CourseworkError(f"{folder} holds no submission of {wanted or ', '.join(assignments)}.")
        print(f"Isolation: {sandbox.isolation} ({ISOLATIONS[sandbox.isolation]}).")
        here = [assignments[name] for name in dict.fromkeys(submission.assignment for submission in submissions)]
        for assignment in here:
            sandbox.check(_limits(assignment, options))
            course.generate(assignment)
        tasks = _tasks(course, assignments, submissions, sandbox, options)
        started = time.monotonic()
        records = list(tqdm(_batch(course, tasks, sandbox, options), total=len(tasks), desc="grade", unit="submission"))
        seconds = time.monotonic() - started
    for assignment in here:
        fresh = sum(record.assignment == assignment.name for record in records)
        _write_results(course, assignment, fresh, seconds, _limits(assignment, options))
        if options.exchange:
            _return_feedback(course, assignment, folder)
    failed = len(tasks) - len(records)
    print(f"Graded {len(records)}, unchanged {len(submissions) - len(tasks)}, failed {failed}.")
    print(f"Results: {course.root / 'results'}")
    return 1 if failed else 0


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
    """List what has to be graded: what is new, what has changed, and all if so asked."""
    tasks = []
    for submission in submissions:
        assignment = assignments[submission.assignment]
        limits = _limits(assignment, options)
        digest = _digest(assignment, sandbox, submission, limits)
        known = course.record(assignment, submission.student)
        if options.again or known is None or known.digest != digest:
            tasks.append(Task(assignment, submission, digest, limits))
    return tasks


def _digest(assignment: Assignment, sandbox: Sandbox, submission: Submission, limits: Limits) -> str:
    """Hash all that a grade depends on: the submission, the assignment, the code that grades and the conditions."""
    parts = (
        submission.digest.encode(),
        submission.path.name.encode(),
        assignment.source.read_bytes(),
        sandbox.digest.encode(),
        repr((limits, sandbox.isolation)).encode(),
    )
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _batch(course: Course, tasks: list[Task], sandbox: Sandbox, options: Namespace) -> Iterator[Record]:
    """Grade several submissions at a time; say which could not be graded, and leave them out."""
    seed = options.seed if options.seed is not None else secrets.randbits(32)
    # Fresh processes: nbgrader changes its process's working directory.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.jobs, mp_context=context) as pool:
        waiting = {pool.submit(course.grade, task, sandbox, seed): task for task in tasks}
        for future in as_completed(waiting):
            try:
                yield future.result()
            except Exception as problem:
                student = waiting[future].submission.student
                tqdm.write(f"{student} was not graded and will be tried again next time: {problem}", file=sys.stderr)


def _write_results(course: Course, assignment: Assignment, fresh: int, seconds: float, limits: Limits) -> None:
    """Take in marks given by hand, and write tables, exports, feedback and report."""
    folder = course.root / "results" / assignment.name
    students = [record.student for record in course.records(assignment)]
    for student in sorted(read_sheet(course, assignment, folder / "marking.csv", set(students))):
        course.write_feedback(assignment, student)
    results = course.results(assignment)
    texts = {
        "grades.csv": grades(assignment, results),
        "marking.csv": write_sheet(course, assignment, results),
        "report.md": report(assignment, results, fresh, seconds, limits),
    }
    texts |= {
        f"{platform}.csv": export(assignment, results)
        for platform, export in PLATFORMS.items()
        if any(result.record.lms == platform for result in results)
    }
    for name, text in texts.items():
        files.write(folder / name, text.encode())
    for student in students:
        page = course.feedback(assignment, student)
        files.write(folder / "feedback" / f"{student}.html", page.read_bytes())


def _return_feedback(course: Course, assignment: Assignment, submitted: Path) -> None:
    """Put feedback where nbgrader's exchange releases it from: beside ``submitted``, with each submission's secret."""
    for record in course.records(assignment):
        origin = submitted / record.student / assignment.name
        target = submitted.resolve().parent / "feedback" / record.student / assignment.name
        page = course.feedback(assignment, record.student)
        secrets_there = [
            path for name in ("timestamp.txt", "submission_secret.txt") if (path := origin / name).exists()
        ]
        for path in (page, *secrets_there):
            files.write(target / path.name, path.read_bytes())
