"""The command line: ``python -m gapgrade assign [NAME ...]`` and ``python -m gapgrade grade FOLDER``."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from datetime import datetime
from pathlib import Path

from tqdm import tqdm

from gapgrade import CourseworkError
from gapgrade.assignments import find_assignments, write_release
from gapgrade.course import Course
from gapgrade.feedback import KINDS
from gapgrade.grading import STOPPED, grade
from gapgrade.sandbox import ISOLATIONS
from gapgrade.tables import read_ids
from gaplab import files
from gaplab.elsewhere import package as book_package


def assign(options: argparse.Namespace) -> int:
    """Regenerate students' notebooks beside their sources, and write the releases."""
    stale, unreleased = [], []
    students: list[str | None] = [None]
    if options.students:
        students = [*read_ids(options.students)]
    elif options.variants:
        students = [""]
    with tempfile.TemporaryDirectory() as scratch:
        course = Course(Path(scratch))
        assignments = find_assignments(options.course, options.names).values()
        for assignment in tqdm(assignments, desc="assign", unit="assignment"):
            text = course.generate(assignment)
            target = assignment.source.with_suffix(".ipynb")
            if options.check:
                if not target.exists() or target.read_text(encoding="utf-8") != text:
                    stale.append(target.name)
                continue
            files.write(target, text.encode())
            tqdm.write(f"wrote {target}")
            if not (options.package or book_package(assignment.source)):
                unreleased.append(assignment.name)
                continue
            for student in students:
                release = write_release(assignment, text, options.release, options.package, student)
                tqdm.write(f"wrote {release}")
    if stale:
        raise CourseworkError(f"Not what its source gives: {', '.join(stale)}. Run: nox -s assign")
    if unreleased:
        raise CourseworkError(
            f"The notebooks are written, but no release of {', '.join(unreleased)}, since nobody knows what students "
            "should give to pip install: say --package ADDRESS (your copy's address, or a wheel), or set "
            "gaplab_repository in _config.yml."
        )
    return 0


def _add_assign(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("assign", prog="nox -s assign --", help="students' notebooks and releases")
    add = parser.add_argument
    add("names", nargs="*", help="assignments, such as ps2; all if none is named")
    add("--release", type=Path, default=Path("_build/coursework/release"), help="where the zips go")
    package = "what students give to pip install: your copy's address, or a wheel (default: the address in _config.yml)"
    add("--package", default="", help=package)
    variants = "the numbers of tasks are drawn from each student's id, for which the notebook asks"
    add("--variants", action="store_true", help=variants)
    students = "the same, with one release a student: a table whose first column holds the ids"
    add("--students", type=Path, metavar="FILE", help=students)
    check = "write nothing; fail if a committed notebook is not what its source gives"
    add("--check", action="store_true", help=check)
    parser.set_defaults(run=assign)


def _add_grade(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("grade", prog="nox -s grade --", help="grade a folder of submissions")
    add = parser.add_argument
    add("folder", type=Path, help="folder, or zip of one, with the submissions")
    add("--assignment", default="", help="grade this one only, such as ps2")
    add("--output", type=Path, help="gradebook and results; FOLDER-graded if not given")
    add("--student", default="", help="grade this student again, by the name in grades.csv, and nobody else")
    add("--again", action="store_true", help="grade everything again, also what has not changed")
    add("--seed", type=int, help="reproduce a grading: the seed that grades.csv names")
    jobs = min(4, os.cpu_count() or 1)
    add("--jobs", type=int, default=jobs, help="submissions at a time (default: %(default)s)")
    add("--isolation", choices=["auto", *ISOLATIONS], default="auto", help="how students' code is kept apart")
    add("--cell-seconds", type=int, help="time for one cell; the assignment's own limit if not given")
    add("--notebook-seconds", type=int, help="time for a notebook; ten times a cell's if not given")
    add("--memory", type=float, default=4.0, help="GiB of memory for a process (default: %(default)s)")
    add("--python", type=Path, default=Path(sys.executable), help="the Python with gaplab and ipykernel")
    kinds = "; ".join(f"{name}: {what}" for name, what in KINDS.items())
    add("--feedback", choices=[*KINDS], default="full", help=f"what the pages show (default: full). {kinds}")
    add("--due", type=datetime.fromisoformat, help="what is handed in later is late, such as 2026-11-20T12:00")
    late = "what a late submission loses, by nbgrader's plug-in: none, zero (all), or a class such as late.ByTheDay"
    add("--late", default="none", help=f"{late} (default: %(default)s)")
    variants = "draw numbers from the student's name where a notebook names no id (assign --variants)"
    add("--variants", action="store_true", help=variants)
    alike = "write a page of answers whose syntax trees are at least that much alike (default: 0.9)"
    add("--similarity", type=float, nargs="?", const=0.9, metavar="SHARE", help=alike)
    exchange = "FOLDER is the submitted/ of a course on a hub: put the feedback where its exchange releases it from"
    add("--exchange", action="store_true", help=exchange)
    parser.set_defaults(run=grade)


def main(arguments: list[str] | None = None) -> int:
    """Run one of the two commands."""
    parser = argparse.ArgumentParser(prog="gapgrade", description="Assign and grade the book's coursework.")
    commands = parser.add_subparsers(required=True)
    _add_assign(commands)
    _add_grade(commands)
    for command in commands.choices.values():
        where = "folder of the assignments' sources"
        command.add_argument("--course", type=Path, default=Path("book/coursework"), help=where)
    options = parser.parse_args(arguments)
    try:
        return int(options.run(options))
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return STOPPED
    except CourseworkError as problem:
        print(problem, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
