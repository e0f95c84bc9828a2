"""Finds who handed in what in a folder."""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from gapgrade import CourseworkError
from gapgrade.assignments import Assignment
from gapgrade.cells import facts

MAX_BYTES = 50 * 2**20
IGNORED = (".ipynb_checkpoints", "__MACOSX", ".DS_Store", "__pycache__")

# "doejane_LATE_12345_678901_ps1_parameter_count-1.ipynb": Canvas's bulk download.
CANVAS = re.compile(r"(?P<name>[^_/]+)_(?:LATE_)?(?P<id>\d+)_(?P<submission>\d+)_(?P<file>.+)")
# "Jane Doe_12345_assignsubmission_file_/ps1.ipynb", or the same with the file's name behind it: Moodle's download.
MOODLE = re.compile(r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_file_?(?P<file>.*)")
# "jane_doe_ps1.ipynb", "jane-doe-ps1_parameter_count (2).ipynb": files collected by hand.
FLAT = re.compile(r"(?P<name>.+?)[\s_-]+ps\d+(?!\d).*", re.IGNORECASE)
RESUBMITTED = re.compile(r"(?:-(\d+)| \((\d+)\))$")


@dataclass
class Submission:
    """One student's newest file for one assignment."""

    student: str
    """A name that is safe as a folder's."""
    path: Path
    assignment: str = ""
    notebook: NotebookNode | None = None
    name: str = ""
    """The student's name as the file or folder gives it."""
    lms: str = ""
    """``canvas`` or ``moodle``, where the names came from one of them."""
    lms_id: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def digest(self) -> str:
        """Hash of the file."""
        if self.path.stat().st_size > MAX_BYTES:
            return "too large"
        return hashlib.sha256(self.path.read_bytes()).hexdigest()


def unpack(given: Path, target: Path) -> Path:
    """Return the folder of submissions; a zip, as learning platforms give it, is unpacked into ``target``.

    Raises:
        CourseworkError: There is no such folder or zip.
    """
    if given.is_dir():
        return given
    if given.is_file() and zipfile.is_zipfile(given):
        with zipfile.ZipFile(given) as archive:
            archive.extractall(target)
        return target
    raise CourseworkError(f"{given} is neither a folder of submissions nor a zip of one.")


def collect(folder: Path, assignments: Mapping[str, Assignment], only: str = "") -> list[Submission]:
    """Find the submissions of a folder.

    Three layouts are understood, also mixed: ``student/ps1/notebook.ipynb`` (nbgrader's), a folder for each student
    (Moodle's), and a flat folder of files whose names begin with the student's (Canvas's, or by hand). Which assignment
    a notebook is, its cells say; its name only counts where they do not.

    Args:
        folder: Where to look.
        assignments: What can be handed in.
        only: The assignment that is wanted, where the folder holds others too.

    Returns:
        One submission for each student and assignment, the newest, in the order of students.
    """
    submissions = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()):
        relative = path.relative_to(folder)
        if any(part in IGNORED or part.startswith(".") for part in relative.parts):
            continue
        submission = _owner(path, relative)
        if problem := _read_notebook(submission):
            submission.notes.append(f"{path.name} {problem}")
        submission.assignment = _assignment_of(submission, relative, assignments)
        submissions.append(submission)
    sure = {submission.assignment for submission in submissions} - {""}
    default = only or (sure.pop() if len(sure) == 1 else next(iter(assignments)) if len(assignments) == 1 else "")
    have = {submission.student for submission in submissions if submission.assignment}
    found: dict[tuple[str, str], list[Submission]] = {}
    for submission in submissions:
        # A file without any sign of what it is counts where its owner has handed in nothing else.
        if not submission.assignment and submission.student not in have:
            submission.assignment = default
        if submission.assignment and (not only or submission.assignment == only):
            found.setdefault((submission.student, submission.assignment), []).append(submission)
    return [_newest(group) for _, group in sorted(found.items())]


def _owner(path: Path, relative: Path) -> Submission:
    for part in relative.parts:
        for lms, pattern in (("moodle", MOODLE), ("canvas", CANVAS)):
            if match := pattern.fullmatch(part):
                name, number = match["name"], match["id"]
                return Submission(_safe(f"{name}-{number}"), path, name=name, lms=lms, lms_id=number)
    match = FLAT.fullmatch(path.stem)
    flat = match["name"] if match else path.stem
    name = relative.parts[0] if len(relative.parts) > 1 else flat
    return Submission(_safe(name), path, name=name)


def _safe(name: str) -> str:
    safe = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "student"
    if safe in (name, name.replace(" ", "-")):
        return safe
    # Two names that only differ in what is not safe must not become one student.
    return f"{safe}-{hashlib.sha256(name.encode()).hexdigest()[:4]}"


def _read_notebook(submission: Submission) -> str:
    """Read the notebook; return what is wrong with the file, or nothing."""
    if submission.path.stat().st_size > MAX_BYTES:
        return f"is larger than {MAX_BYTES // 2**20} MB and was not read"
    try:
        notebook = nbformat.reads(submission.path.read_text(encoding="utf-8"), as_version=4)
        if not all(isinstance(cell.source, str) and cell.cell_type for cell in notebook.cells):
            raise ValueError("a cell without text")
    except Exception as problem:  # whatever a student's file holds must not stop the batch
        return f"is not a notebook ({type(problem).__name__})"
    submission.notebook = notebook
    return ""


def names_of(cell: NotebookNode) -> list[str]:
    """Names that a cell may go by: nbgrader's, and the cell's own id where an editor has dropped nbgrader's."""
    return [str(name) for name in (facts(cell).get("grade_id"), cell.get("id")) if name]


def _assignment_of(submission: Submission, relative: Path, assignments: Mapping[str, Assignment]) -> str:
    if submission.notebook is not None:
        mine = {name for cell in submission.notebook.cells for name in names_of(cell)}
        shared = {
            name: len(mine & {cell.id for cell in (*assignment.graded, *assignment.answers)})
            for name, assignment in assignments.items()
        }
        best = max(shared, key=lambda name: shared[name])
        if shared[best]:
            return best
    for part in reversed(relative.parts):
        match = re.search(r"(?<![a-z0-9])(ps\d+)(?!\d)", part.lower())
        if match and match[1] in assignments:
            return match[1]
    return ""


def _newest(group: list[Submission]) -> Submission:
    """Choose what counts: a readable notebook before any other file, then the resubmission's number, then the time."""

    def age(submission: Submission) -> tuple[bool, int, float, str]:
        number = RESUBMITTED.search(submission.path.stem)
        again = int(number[1] or number[2]) if number else 0
        return submission.notebook is not None, again, submission.path.stat().st_mtime, submission.path.name

    *others, last = sorted(group, key=age)
    readable = [other.path.name for other in others if other.notebook is not None]
    if readable:
        last.notes.append(f"{last.path.name} counts, of several: {', '.join(sorted(readable))} did not")
    return last
