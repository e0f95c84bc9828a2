"""The command line: ``python -m gapgrade assign [NAME ...]`` and ``python -m gapgrade grade FOLDER``."""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from tqdm import tqdm

from gapgrade import CourseworkError, exports
from gapgrade.assignments import Assignment, find, write_release
from gapgrade.course import Course, Record, Task, grade_one
from gapgrade.intake import Submission, collect, unpack
from gapgrade.sandbox import ISOLATIONS, Limits, Sandbox

BOOK = "git+https://YOUR-SERVER/YOUR-COPY-OF-THE-BOOK"


def assign(options: Any) -> int:
    """Regenerate students' notebooks beside their sources, and write the releases."""
    stale = []
    with tempfile.TemporaryDirectory() as scratch:
        course = Course(Path(scratch))
        for assignment in tqdm(find(options.course, options.names).values(), desc="assign", unit="assignment"):
            text = course.generate(assignment)
            target = assignment.source.with_suffix(".ipynb")
            if options.check:
                if not target.exists() or target.read_text(encoding="utf-8") != text:
                    stale.append(target.name)
                continue
            exports.write(target, text)
            release = write_release(assignment, text, options.release, options.package)
            tqdm.write(f"wrote {target}\nwrote {release}")
    if stale:
        raise CourseworkError(f"Not what its source gives: {', '.join(stale)}. Run: nox -s assign")
    return 0


def _hash(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _digest(assignment: Assignment, sandbox: Sandbox, submission: Submission, limits: Limits) -> str:
    """Hash all that a grade depends on: the submission, the assignment, the code that grades and the conditions."""
    return _hash(
        submission.digest.encode(),
        submission.path.name.encode(),
        assignment.source.read_bytes(),
        sandbox.digest.encode(),
        repr((limits, sandbox.isolation)).encode(),
    )


def _limits(assignment: Assignment, options: Any) -> Limits:
    """Take the limits from the command line, else from the assignment: room for ten of its longest cells."""
    cell = options.cell_seconds or assignment.cell_seconds
    return Limits(cell, options.notebook_seconds or 10 * cell, options.memory)


def _batch(root: Path, jobs: int, tasks: list[Task], sandbox: Sandbox, seed: int) -> Iterator[Record]:
    # Fresh processes: nbgrader changes its process's working directory.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        waiting = {pool.submit(grade_one, root, task, sandbox, seed): task for task in tasks}
        for future in as_completed(waiting):
            try:
                yield future.result()
            except Exception as problem:
                student = waiting[future].submission.student
                tqdm.write(f"{student} was not graded and will be tried again next time: {problem}", file=sys.stderr)


def grade(options: Any) -> int:
    """Grade a folder of submissions."""
    folder: Path = options.folder
    if not folder.exists():
        raise CourseworkError(f"There is no folder called {folder}.")
    root: Path = options.output or folder.with_name(f"{folder.stem}-graded")
    assignments = find(options.course)
    if options.assignment and options.assignment not in assignments:
        raise CourseworkError(
            f"There is no assignment called {options.assignment!r}: choose one of {', '.join(assignments)}."
        )
    sandbox = Sandbox(options.python, options.isolation)
    seed = options.seed if options.seed is not None else secrets.randbits(32)
    course = Course(root)
    with tempfile.TemporaryDirectory() as scratch:
        submissions = collect(unpack(folder, Path(scratch)), assignments, options.assignment)
        if not submissions:
            raise CourseworkError(f"{folder} holds no submission of {options.assignment or ', '.join(assignments)}.")
        print(f"Isolation: {sandbox.isolation} ({ISOLATIONS[sandbox.isolation]}).")
        here = [assignments[name] for name in dict.fromkeys(submission.assignment for submission in submissions)]
        for assignment in here:
            sandbox.check(_limits(assignment, options))
            course.generate(assignment)
        tasks = []
        for submission in submissions:
            assignment = assignments[submission.assignment]
            limits = _limits(assignment, options)
            digest = _digest(assignment, sandbox, submission, limits)
            known = course.record(assignment, submission.student)
            if options.again or known is None or known.digest != digest:
                tasks.append(Task(assignment, submission, digest, limits))
        started = time.monotonic()
        graded: dict[str, set[str]] = {assignment.name: set() for assignment in here}
        records = _batch(course.root, options.jobs, tasks, sandbox, seed)
        for record in tqdm(records, total=len(tasks), desc="grade", unit="submission"):
            graded[record.assignment].add(record.student)
        seconds = time.monotonic() - started
    for assignment in here:
        _conclude(course, assignment, graded[assignment.name], seconds, _limits(assignment, options))
        if options.exchange:
            _hand_over(course, assignment, folder)
    failed = len(tasks) - sum(len(students) for students in graded.values())
    print(f"Graded {len(tasks) - failed}, unchanged {len(submissions) - len(tasks)}, failed {failed}.")
    print(f"Results: {root / 'results'}")
    return 1 if failed else 0


def _conclude(course: Course, assignment: Assignment, fresh: set[str], seconds: float, limits: Limits) -> None:
    """Take in marks given by hand, and write tables, exports, feedback and report."""
    results = course.root / "results" / assignment.name
    records = course.records(assignment)
    changed = exports.read_marking(course, assignment, results / "marking.csv", {record.student for record in records})
    for student in sorted(changed):
        course.write_feedback(assignment, student)
    found = [(record, course.marks(assignment, record.student)) for record in records]
    exports.write(results / "grades.csv", exports.grades(assignment, found))
    exports.write(results / "marking.csv", exports.marking(course, assignment, found))
    for lms, export in (("canvas", exports.canvas), ("moodle", exports.moodle)):
        if any(record.lms == lms for record in records):
            exports.write(results / f"{lms}.csv", export(assignment, found))
    exports.write(results / "report.md", exports.report(assignment, found, len(fresh), seconds, limits))
    for record in records:
        page = course.feedback(assignment, record.student)
        exports.write(results / "feedback" / f"{record.student}.html", page.read_text(encoding="utf-8"))


def _hand_over(course: Course, assignment: Assignment, submitted: Path) -> None:
    """Put feedback where nbgrader's exchange releases it from: beside ``submitted``, with each submission's secret."""
    for record in course.records(assignment):
        origin = submitted / record.student / assignment.name
        target = submitted.resolve().parent / "feedback" / record.student / assignment.name
        page = course.feedback(assignment, record.student)
        exports.write(target / page.name, page.read_text(encoding="utf-8"))
        for name in ("timestamp.txt", "submission_secret.txt"):
            if (origin / name).exists():
                exports.write(target / name, (origin / name).read_text(encoding="utf-8"))


def main(arguments: list[str] | None = None) -> int:
    """Run one of the two commands."""
    parser = argparse.ArgumentParser(prog="gapgrade", description="Assign and grade the book's coursework.")
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("assign", prog="nox -s assign --", help="students' notebooks and releases")
    one.add_argument("names", nargs="*", help="assignments, such as ps2; all if none is named")
    one.add_argument("--release", type=Path, default=Path("_build/coursework/release"), help="where the zips go")
    one.add_argument(
        "--package", default=BOOK, help="what students give to pip install: your copy's address, or a wheel"
    )
    one.add_argument(
        "--check", action="store_true", help="write nothing; fail if a committed notebook is not what its source gives"
    )
    two = commands.add_parser("grade", prog="nox -s grade --", help="grade a folder of submissions")
    two.add_argument("folder", type=Path, help="folder, or zip of one, with the submissions")
    two.add_argument("--assignment", default="", help="grade this one only, such as ps2")
    two.add_argument("--output", type=Path, help="gradebook and results; FOLDER-graded if not given")
    two.add_argument("--again", action="store_true", help="grade everything again, also what has not changed")
    two.add_argument("--seed", type=int, help="reproduce a grading: the seed that grades.csv names")
    two.add_argument(
        "--jobs", type=int, default=min(4, os.cpu_count() or 1), help="submissions at a time (default: %(default)s)"
    )
    two.add_argument(
        "--isolation", choices=["auto", *ISOLATIONS], default="auto", help="how students' code is kept apart"
    )
    two.add_argument("--cell-seconds", type=int, help="time for one cell; the assignment's own limit if not given")
    two.add_argument("--notebook-seconds", type=int, help="time for a notebook; ten times a cell's if not given")
    two.add_argument("--memory", type=float, default=4.0, help="GiB of memory for a process (default: %(default)s)")
    two.add_argument("--python", type=Path, default=Path(sys.executable), help="the Python with gaplab and ipykernel")
    exchange = "FOLDER is the submitted/ of a course on a hub: put the feedback where its exchange releases it from"
    two.add_argument("--exchange", action="store_true", help=exchange)
    for command in (one, two):
        command.add_argument(
            "--course", type=Path, default=Path("book/coursework"), help="folder of the assignments' sources"
        )
    options: Any = parser.parse_args(arguments)
    try:
        return assign(options) if options.command == "assign" else grade(options)
    except CourseworkError as problem:
        print(problem, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
