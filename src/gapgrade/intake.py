"""Finds who handed in what in a folder."""

from __future__ import annotations

import codecs
import hashlib
import io
import os
import re
import time
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import nbformat
from nbformat import NotebookNode

from gapgrade import CourseworkError
from gapgrade.assignments import Assignment, variant_of
from gapgrade.cells import facts

MAX_BYTES = 50 * 2**20
IGNORED = (".ipynb_checkpoints", "__MACOSX", ".DS_Store", "__pycache__")
BESIDE = ("timestamp.txt", "submission_secret.txt")
"""Files that nbgrader's exchange puts beside a submission."""

# "doejane_LATE_12345_678901_ps1_parameter_count-1.ipynb": a file of Canvas's bulk download. 2024_11 is a date.
CANVAS = re.compile(
    r"(?P<name>[^_/]+)_(?P<late>LATE_)?(?!(?:19|20)\d\d_(?:0?[1-9]|1[0-2])_)"
    r"(?P<id>\d+)_(?P<submission>\d+)_(?P<file>.+\..+)"
)
# "Jane Doe_12345_assignsubmission_file_/ps1.ipynb", or the same with the file's name behind it: Moodle's download.
MOODLE = re.compile(r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_(?P<kind>file|onlinetext)_?(?P<file>.*)")
# "jane_doe_ps1.ipynb", "jane-doe-ps1_parameter_count (2).ipynb": files collected by hand.
FLAT = re.compile(r"(?P<name>.+?)[\s_-]+ps\d+(?!\d).*", re.IGNORECASE)
# "ps1_jane.ipynb", "ps1_parameter_count-jane doe.ipynb": the same the other way round.
TURNED = re.compile(r"ps\d+(?P<rest>.*)", re.IGNORECASE)
NO_NAME = re.compile(r"[\s_.-]*(copy|kopie|copie|final|new|submission)?[\s_-]*\(?\d{0,2}\)?", re.IGNORECASE)
CLASS = re.compile(r"submi|hand|abgabe|assignment|class", re.IGNORECASE)
README = re.compile(r"(?<![a-z])readme(?![a-z])", re.IGNORECASE)
# What Moodle and Canvas make of a text or a link that a student typed on the platform.
TYPED = re.compile(r".+_assignsubmission_onlinetext_?.*|.+_\d+_\d+_(text|link)(-\d+)?\.html")
RESUBMITTED = re.compile(r"(?:-(\d+)| \((\d+)\))$")
SET = re.compile(r"(?<![a-z0-9])(ps\d+)(?!\d)")
HALF = re.compile(r"\\u[dD][89a-fA-F]")
STUB = re.compile(r"YOUR (CODE|ANSWER) HERE")


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
    variant: str = ""
    """The id from which the notebook's numbers are drawn; nothing for the usual ones."""
    late: bool = False
    """The platform says so, in the file's name."""
    notes: list[str] = field(default_factory=list)

    @property
    def digest(self) -> str:
        """Hash of the file."""
        if self.path.stat().st_size > MAX_BYTES:
            return "too large"
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    @property
    def file(self) -> str:
        """The file's name, in letters that can be written anywhere."""
        return printable(self.path.name)


def printable(name: str) -> str:
    """Return a text without half letters: bytes of a file's name that are no UTF-8 are read as Windows writes them."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return name.encode("utf-8", "surrogateescape" if _escaped(name) else "replace").decode("cp1252", "replace")
    return name


def _escaped(name: str) -> bool:
    return all("\udc80" <= letter <= "\udcff" for letter in name if "\ud800" <= letter <= "\udfff")


def unpack(given: Path, target: Path) -> Path:
    """Return the folder of submissions; a zip, as learning platforms give it, is unpacked into ``target``.

    Files keep the times that the zip has for them, for of several the newest counts.

    Raises:
        CourseworkError: There is no such folder or zip, or the zip cannot be unpacked.
    """
    if given.is_dir():
        return given
    if not (given.is_file() and zipfile.is_zipfile(given)):
        raise CourseworkError(f"{given} is neither a folder of submissions nor a zip of one.")
    try:
        with zipfile.ZipFile(given) as archive:
            for member in archive.infolist():
                path = Path(archive.extract(member, target))
                if not member.is_dir():
                    when = time.mktime((*member.date_time, 0, 0, -1))
                    os.utime(path, (when, when))
    except (OSError, RuntimeError, ValueError, OverflowError, zipfile.BadZipFile, NotImplementedError) as problem:
        raise CourseworkError(f"{given} cannot be unpacked: {problem}.") from problem
    return target


def collect(
    folder: Path, assignments: Mapping[str, Assignment], only: str = "", left_out: list[str] | None = None
) -> list[Submission]:
    """Find the submissions of a folder.

    Three layouts are understood, also mixed: ``student/ps1/notebook.ipynb`` (nbgrader's), a folder for each student
    (Moodle's), and a flat folder of files whose names begin with the student's (Canvas's, or by hand). Where one
    folder holds everything, as in most zips, this looks inside it. Which assignment a notebook is, its cells say; its
    name only counts where they do not.

    Args:
        folder: Where to look.
        assignments: What can be handed in.
        only: The assignment that is wanted, where the folder holds others too.
        left_out: Takes a sentence for each file that is nobody's submission, if its owner has no other.

    Returns:
        One submission for each student and assignment, the newest, in the order of students.

    Raises:
        CourseworkError: Most files would become one student's, or there are files and none is a submission.
    """
    slugs = [assignment.slug for assignment in assignments.values()]
    folder = _within(folder, slugs)
    left_out = [] if left_out is None else left_out
    dropped: dict[str, list[str]] = {}
    submissions = []
    for path in sorted(path for path in folder.rglob("*") if path.is_symlink() or path.is_file()):
        relative = path.relative_to(folder)
        if any(part in IGNORED or part.startswith(".") for part in relative.parts):
            continue
        submission = _owner(path, relative, slugs)
        where = printable(relative.as_posix())
        if path.is_symlink():
            left_out.append(f"{where} is a link, and links are not followed")
            continue
        if path.name in BESIDE:
            continue
        if problem := _read_notebook(submission):
            submission.notes.append(f"{submission.file} {problem}")
        submission.assignment = _assignment_of(submission, relative, assignments)
        if reason := _no_submission(submission, relative, slugs):
            dropped.setdefault(submission.student, []).append(f"{where} {reason}")
            continue
        submissions.append(submission)
    found = _by_student(submissions, assignments, only)
    _refuse_a_heap(found, folder, slugs)
    have = {student for student, _ in found}
    left_out += [text for student, texts in sorted(dropped.items()) if student not in have for text in texts]
    if left_out and not submissions:
        more = f"; and so on, {len(left_out)} files in all" if len(left_out) > 3 else ""
        raise CourseworkError(f"Nothing was graded: {'; '.join(left_out[:3])}{more}.")
    return [_newest(group, assignments[name]) for (_, name), group in sorted(found.items())]


def _by_student(
    submissions: list[Submission], assignments: Mapping[str, Assignment], only: str
) -> dict[tuple[str, str], list[Submission]]:
    """Sort the files by student and assignment."""
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
    return found


def _within(folder: Path, slugs: Sequence[str]) -> Path:
    """Go down through folders that hold nothing but one folder, as far as they are no student's."""
    while True:
        inside = _visible(folder)
        if len(inside) != 1 or not inside[0].is_dir() or _is_students(inside[0], slugs):
            return folder
        folder = inside[0]


def _visible(folder: Path) -> list[Path]:
    return [
        path
        for path in sorted(folder.iterdir())
        if path.name not in IGNORED and not path.name.startswith(".") and not path.is_symlink()
    ]


def _is_students(folder: Path, slugs: Sequence[str]) -> bool:
    """Tell whether the only folder is one student's, and not the class's."""
    if MOODLE.fullmatch(folder.name):
        return True
    inside = _visible(folder)
    folders = [path for path in inside if path.is_dir()]
    if folders:
        return all(_is_set(path.name) and _is_students(path, slugs) for path in folders)
    files = [path for path in inside if path.suffix == ".ipynb"] or inside
    if any(_platform(path.name) for path in files):
        return False
    names = {_flat_name(path.stem, slugs) for path in files}
    # One file may be anybody's: "jane/final_ps1.ipynb", or "submissions/jane_ps1.ipynb".
    return "" in names or (len(names) == 1 and not CLASS.match(folder.name))


def _is_set(name: str) -> bool:
    return bool(re.match(r"ps\d+(?!\d)", name.lower()))


def _platform(name: str) -> tuple[str, re.Match[str]] | None:
    """Recognise a learning platform's way to name a file; Moodle has folders too."""
    for lms, pattern in (("moodle", MOODLE), ("canvas", CANVAS)):
        if match := pattern.fullmatch(name):
            return lms, match
    return None


def _flat_name(stem: str, slugs: Sequence[str]) -> str:
    """Return the student's name in a file's, or nothing."""
    if match := FLAT.fullmatch(stem):
        return match["name"]
    match = TURNED.fullmatch(stem)
    rest = match["rest"] if match else ""
    for slug in slugs:
        rest = rest.removeprefix(re.sub(r"ps\d+", "", slug, count=1))
    return "" if NO_NAME.fullmatch(rest) else rest.strip(" _-")


def _owner(path: Path, relative: Path, slugs: Sequence[str]) -> Submission:
    *folders, file = relative.parts
    for part in folders:
        if match := MOODLE.fullmatch(part):
            return _of_platform(path, "moodle", match)
    if found := _platform(file):
        return _of_platform(path, *found)
    name = folders[0] if folders else _flat_name(path.stem, slugs) or path.stem
    return Submission(_safe(name), path, name=printable(name))


def _of_platform(path: Path, lms: str, match: re.Match[str]) -> Submission:
    name, number = printable(match["name"]), match["id"]
    late = lms == "canvas" and bool(match["late"])
    return Submission(_safe(f"{name}-{number}"), path, name=name, lms=lms, lms_id=number, late=late)


def _safe(name: str) -> str:
    name = printable(name)
    safe = re.sub(r"[^\w.-]+", "-", name).strip("-.")[:80] or "student"
    if safe in (name, name.replace(" ", "-")):
        return safe
    # Two names that only differ in what is not safe must not become one student.
    return f"{safe}-{_short(name)}"


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:4]


def _read_notebook(submission: Submission) -> str:
    """Read the notebook; return what is wrong with the file, or nothing."""
    try:
        size = submission.path.stat().st_size
        if size > MAX_BYTES:
            return f"is larger than {MAX_BYTES // 2**20} MB and was not read"
        content = submission.path.read_bytes()
        if content.startswith(b"PK\x03\x04") and zipfile.is_zipfile(io.BytesIO(content)):
            content, inner = _from_zip(content)
            submission.notes.append(f"{submission.file} is a zip, of which {inner} was graded")
        text = _decoded(content)
        if not text.lstrip().startswith("{"):
            return f"is not a notebook: {'it is empty' if not text.strip() else 'what is in it is something else'}"
        notebook = cast(NotebookNode, nbformat.reads(text, as_version=4))
        if not all(isinstance(cell.source, str) and cell.cell_type for cell in notebook.cells):
            return "is not a notebook that can be read: it has a cell without text"
        clean = cast(NotebookNode, _without_half_letters(notebook)) if HALF.search(text) else notebook
    except _UnreadableError as problem:
        return str(problem)
    except OSError as problem:
        return f"cannot be read from the disk: {problem.strerror or problem}"
    except Exception:  # whatever a student's file holds must not stop the batch
        return "is not a notebook that can be read: it is damaged, or was not saved whole"
    if clean != notebook:
        submission.notes.append(f"{submission.file} has half letters (lone surrogates), which were replaced by '?'")
    submission.notebook, submission.variant = clean, variant_of(clean)
    return ""


class _UnreadableError(Exception):
    """What is wrong with a file, in words that follow its name."""


def _from_zip(content: bytes) -> tuple[bytes, str]:
    """Return the one notebook of a student's zip, and its name."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        inside = [
            one
            for one in archive.infolist()
            if one.filename.endswith(".ipynb") and not any(part in IGNORED for part in Path(one.filename).parts)
        ]
        if len(inside) != 1:
            raise _UnreadableError(f"is a zip with {len(inside) or 'no'} notebooks in it, where one is wanted")
        if inside[0].file_size > MAX_BYTES:
            raise _UnreadableError(f"is a zip of a file that is larger than {MAX_BYTES // 2**20} MB, and was not read")
        return archive.read(inside[0]), printable(Path(inside[0].filename).name)


def _decoded(content: bytes) -> str:
    """Decode a notebook: UTF-8 with or without a mark, UTF-16 as Windows' editors save it, else Windows' letters."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16")
    if content[:2] in (b"{\0", b"\0{"):
        return content.decode("utf-16-le" if content[0] else "utf-16-be")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _without_half_letters(value: object) -> object:
    """Replace lone surrogates, which JSON can hold and no file can."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_without_half_letters(one) for one in value]
    if isinstance(value, dict):
        return NotebookNode({_without_half_letters(key): _without_half_letters(one) for key, one in value.items()})
    return value


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
        match = SET.search(part.lower())
        if match and match[1] in assignments:
            return match[1]
    return ""


def _no_submission(submission: Submission, relative: Path, slugs: Sequence[str]) -> str:
    """Say why a file is nobody's submission, or nothing: a list, a README, a text typed on the platform."""
    alone = len(relative.parts) == 1
    # Notebooks in a folder that is no student's are the class's: how to give them is said where a heap is refused.
    if (alone or submission.notebook is None) and not submission.lms and _is_nameless(submission.name, slugs):
        return "is nobody's, for no student's name is in its own or its folder's"
    if submission.notebook is not None:
        return ""
    if README.search(relative.name) and relative.suffix.lower() != ".ipynb" and not submission.lms:
        return "is a README, not a notebook"
    if any(TYPED.fullmatch(part) for part in relative.parts):
        return "is what was typed on the platform, not a notebook"
    # Beside the submissions lie lists and handouts, whose names are built like those of a student's file.
    if submission.lms or relative.suffix.lower() == ".ipynb" or (submission.assignment and not alone):
        return ""
    return "is not a notebook, and neither its folder nor a platform says who handed it in for what"


def _is_nameless(name: str, slugs: Sequence[str]) -> bool:
    """Tell whether what stands where a student's name is looked for is nothing, or the assignment's name."""
    bare = name.strip(" _.-")
    return not bare or (_is_set(bare) and not _flat_name(bare, slugs))


def _refuse_a_heap(found: Mapping[tuple[str, str], list[Submission]], folder: Path, slugs: Sequence[str]) -> None:
    """Refuse a folder of which most files would become one student's, or a few students'."""
    heaps = {}
    everything = 0
    for (student, _), group in found.items():
        readable = [one for one in group if one.notebook is not None]
        everything += len(readable)
        owners = {_inner_name(one.path.relative_to(folder), slugs) for one in readable if not one.lms} - {""}
        if len(owners) > 1:
            heaps[student] = [one.file for one in readable]
    if heaps and 2 * sum(map(len, heaps.values())) > everything:
        student, names = next(iter(heaps.items()))
        raise CourseworkError(
            f"{len(names)} notebooks ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''}) would all be "
            f"{student}'s, of which one counts, so nothing was graded: give a folder that holds a folder or a file for "
            "each student, and nothing above them."
        )


def _inner_name(relative: Path, slugs: Sequence[str]) -> str:
    """Return whose file it may be, where the folder that it lies in is not a student's."""
    if len(relative.parts) > 2 and not _is_set(relative.parts[1]):
        return relative.parts[1]
    return _flat_name(relative.stem, slugs) if len(relative.parts) > 1 else ""


def _newest(group: list[Submission], assignment: Assignment) -> Submission:
    """Choose what counts.

    A readable notebook goes before any other file, one that was worked on before an untouched one, then the
    resubmission's number counts, then the time.
    """
    answers = {cell.id for cell in assignment.answers}

    def age(submission: Submission) -> tuple[bool, bool, int, float, str]:
        number = RESUBMITTED.search(submission.path.stem)
        again = int(number[1] or number[2]) if number else 0
        cells = submission.notebook.cells if submission.notebook is not None else []
        mine = [cell.source for cell in cells if answers.intersection(names_of(cell))]
        worked = any(not STUB.search(text) for text in mine)
        return submission.notebook is not None, worked, again, submission.path.stat().st_mtime, submission.path.name

    *others, last = sorted(group, key=age)
    readable = [other.file for other in others if other.notebook is not None]
    if readable:
        last.notes.append(f"{last.file} counts, of several: {', '.join(sorted(readable))} did not")
    return last
