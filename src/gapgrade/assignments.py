"""An assignment's source (py:percent), and the student's notebook and release that nbgrader makes of it."""

from __future__ import annotations

import io
import re
import textwrap
import tomllib
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from gapgrade import CourseworkError
from gapgrade.cells import earns_points, facts, is_answer
from gaplab import files
from gaplab.coursework import same_id
from gaplab.elsewhere import CELL as GUARD_CELL
from gaplab.elsewhere import package as book_package
from gaplab.elsewhere import put_guard

VARIANT = "variant"
"""Name of the cell that says from whose id a notebook's numbers are drawn."""

VARIANT_CELL = """\
# The numbers of your tasks are drawn from your id{ask}. At grading they are drawn from it again.
student = {student!r}

from gaplab.coursework import set_variant

set_variant(student)"""

STEM = re.compile(r"(ps\d+)_\w+")
EPOCH = (1980, 1, 1, 0, 0, 0)
"""A zip's oldest date: the same source gives the same bytes."""

RELEASE_README = """\
{title}
{underline}

Chapter {chapter} of "Why ResNet Ends in Average Pooling". About {minutes} minutes, {points} points.

Install, once (Python 3.11 or newer; a virtual environment keeps it apart):

    python3 -m venv .venv
    .venv/bin/pip install {package} jupyterlab

Run:

    .venv/bin/jupyter lab {notebook}

On Windows write .venv\\Scripts\\ instead of .venv/bin/.

Work from top to bottom. Where a cell says YOUR CODE HERE, replace that line and the line below it.
Where it says YOUR ANSWER HERE, write sentences. The cell under an answer checks it at once and says
what to look at if something is wrong. Passing it is not the whole grade: more tests, with other
numbers, run at grading. You may add cells. Cells that are not answers are put back as they were.

Check before you hand in: Kernel > Restart Kernel and Run All Cells. At grading, a cell may run for
{seconds} seconds and nothing can be downloaded. It has these packages, and what they need themselves:
{packages}.

Check the file itself, before you hand it in:

    .venv/bin/python -m gaplab.coursework.handin {notebook}

Hand in: the one file {notebook}, saved, under that name.
"""


@dataclass(frozen=True)
class Assignment:
    """One assignment as its author wrote it, solutions and hidden tests included."""

    name: str
    """Short name, for example ``ps1``."""
    source: Path
    notebook: NotebookNode

    @property
    def slug(self) -> str:
        """Name of the notebook without its suffix, for example ``ps1_parameter_count``."""
        return self.source.stem

    @property
    def title(self) -> str:
        """Title from the front matter."""
        return str(self.notebook.metadata.coursework["title"])

    @property
    def cell_seconds(self) -> int:
        """Time for one cell at grading; the front matter may ask for more than a minute."""
        return int(self.notebook.metadata.coursework.get("cell_seconds", 60))

    @property
    def points(self) -> float:
        """Sum of all cells' points."""
        return float(sum(cell.metadata.nbgrader["points"] for cell in self.graded))

    @property
    def graded(self) -> list[NotebookNode]:
        """Cells that earn points: tests, and answers in words."""
        return [cell for cell in self.notebook.cells if earns_points(cell)]

    @property
    def answers(self) -> list[NotebookNode]:
        """Cells that a student fills in."""
        return [cell for cell in self.notebook.cells if is_answer(cell)]


def exercise_of(grade_id: str) -> str:
    """Return the answer that a test belongs to: ``ex-1-1`` for ``ex-1-1-test-2``."""
    return re.sub(r"-test(-\d+)?$", "", grade_id)


def read_assignment(source: Path) -> Assignment:
    """Read a source and check that it keeps the format that ``book/coursework/README.md`` describes.

    Raises:
        CourseworkError: The file's name, the front matter or a cell breaks the format.
    """
    match = STEM.fullmatch(source.stem)
    if not match:
        raise CourseworkError(f"{source.name}: an assignment is named psN_slug.py, for example ps1_parameter_count.py.")
    notebook = jupytext.read(source, fmt="py:percent")
    front = notebook.metadata
    missing = {"title", "chapter", "minutes"} - set(front.get("coursework", {}))
    if missing:
        raise CourseworkError(f"{source.name}: the front matter's coursework lacks {', '.join(sorted(missing))}.")
    notebook.metadata = NotebookNode(
        kernelspec={"display_name": "Python 3", "language": "python", "name": "python3"},
        language_info={"name": "python", "pygments_lexer": "ipython3", "file_extension": ".py"},
        **{key: front[key] for key in ("coursework", "myst") if key in front},
    )
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    seen: set[str] = set()
    answer = ""
    for position, cell in enumerate(notebook.cells):
        cell.metadata.pop("lines_to_next_cell", None)
        cell.id = cell.metadata.get("name", f"cell-{position:03d}")
        if cell.id in seen:
            raise CourseworkError(f"{source.name} has two cells named {cell.id!r}: give each its own name.")
        seen.add(cell.id)
        answer = _check_and_lock(cell, answer, source.name)
    put_guard(notebook, book_package(source))
    return Assignment(match[1], source, notebook)


def _check_and_lock(cell: NotebookNode, answer: str, where: str) -> str:
    """Check one cell, lock it if it is given code, and return the name of the answer that a test may follow."""
    name = cell.metadata.get("name")
    known = facts(cell)
    if not known:
        if cell.cell_type != "code":
            return answer
        if name is None:
            raise CourseworkError(f"{where}: a cell of code has no name: {cell.source[:60]!r}.")
        # Given code is locked, so that grading puts back what a student has edited or deleted.
        cell.metadata.nbgrader = NotebookNode(
            grade=False, grade_id=name, locked=True, schema_version=3, solution=False, task=False
        )
        return answer
    if known.get("grade_id") != name:
        raise CourseworkError(f"{where}: the cell named {name!r} has the grade_id {known.get('grade_id')!r}.")
    if known.get("solution"):
        return str(name)
    if known.get("grade") and exercise_of(str(name)) != answer:
        raise CourseworkError(f"{where}: the test {name!r} does not follow the answer that it tests.")
    return answer


def find_assignments(folder: Path, names: Iterable[str] = ()) -> dict[str, Assignment]:
    """Read the assignments of a folder: all, or those named (``ps2``, or the whole stem).

    Raises:
        CourseworkError: The folder holds none, or not the one named.
    """
    sources = {path.stem.split("_")[0]: path for path in sorted(folder.glob("ps*_*.py"))}
    wanted = [name.split("_")[0] for name in names] or list(sources)
    for name in wanted:
        if name not in sources:
            raise CourseworkError(
                f"There is no assignment called {name!r}: {folder} has {', '.join(sources) or 'none'}."
            )
    if not wanted:
        raise CourseworkError(f"{folder} holds no assignment.")
    return {name: read_assignment(sources[name]) for name in wanted}


def as_text(notebook: NotebookNode) -> str:
    """Write a notebook as the text of its file."""
    nbformat.validate(notebook)
    return str(nbformat.writes(notebook, version=4)) + "\n"


def write_release(
    assignment: Assignment, text: str, folder: Path, package: str = "", student: str | None = None
) -> Path:
    """Write what students get: the notebook and one page of instructions, as a zip with stable bytes.

    Args:
        assignment: What is released.
        text: Text of the student's notebook.
        folder: Where the zip goes.
        package: What ``pip install`` is given for gaplab, an address or a file, which the notebook then says too; the
            book's own address if left out.
        student: Whose id the numbers are drawn from; an empty one is asked for. ``None``: everybody has the usual ones.
    """
    package = package or book_package(assignment.source)
    if not package:
        raise CourseworkError(f"{assignment.name} cannot be released without an address of the book's package.")
    notebook = nbformat.reads(text, as_version=4)
    put_guard(notebook, package)
    if student is not None:
        put_variant(notebook, student)
    # For the check before handing in: what belongs to the problem set.
    notebook.metadata.coursework["cells"] = [cell.id for cell in notebook.cells if facts(cell)]
    front = assignment.notebook.metadata.coursework
    readme = RELEASE_README.format(
        title=assignment.title,
        underline="=" * len(assignment.title),
        chapter=front["chapter"],
        minutes=front["minutes"],
        seconds=assignment.cell_seconds,
        points=f"{assignment.points:g}",
        package=package,
        notebook=f"{assignment.slug}.ipynb",
        packages=textwrap.fill(", ".join(packages()), 100, break_on_hyphens=False),
    )
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in ((f"{assignment.slug}.ipynb", as_text(notebook)), ("README.txt", readme)):
            archive.writestr(zipfile.ZipInfo(f"{assignment.slug}/{name}", EPOCH), text, zipfile.ZIP_DEFLATED)
    target = folder / f"{assignment.slug}.zip"
    if student:
        safe = re.sub(r"[^\w.@-]+", "-", student)
        target = folder / assignment.slug / f"{safe}.zip"
    files.write(target, content.getvalue())
    return target


def put_variant(notebook: NotebookNode, student: str) -> None:
    """Put the cell that says from whose id the numbers are drawn before all other code but the guard."""
    first = next(i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code" and cell.id != GUARD_CELL)
    ask = "" if student else ": write it between the quotation marks"
    source = VARIANT_CELL.format(ask=ask, student=student)
    notebook.cells.insert(first, new_code_cell(source, id=VARIANT, metadata={"name": VARIANT}))


def variant_of(notebook: NotebookNode) -> str:
    """Return the id from which a notebook's numbers are drawn, or nothing."""
    for cell in notebook.cells:
        if is_variant(cell) and (match := re.search(r"^student\s*=\s*(['\"])(.*?)\1", cell.source, re.MULTILINE)):
            return same_id(match[2])
    return ""


def is_variant(cell: NotebookNode) -> bool:
    """Tell whether a cell says from whose id the numbers are drawn."""
    return VARIANT in (cell.get("id"), cell.metadata.get("name"))


def packages() -> list[str]:
    """List the packages that grading has: those that the book's package asks for."""
    project = Path(__file__).parents[2] / "pyproject.toml"
    return sorted(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["dependencies"])
