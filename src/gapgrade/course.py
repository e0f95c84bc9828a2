"""nbgrader's side: one course directory with its gradebook, and the way of one submission through it."""

from __future__ import annotations

import json
import logging
import os
import shutil
import stat
import sys
import warnings
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde, GenerateAssignment, GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import CheckCellMetadata, LimitOutput, SaveAutoGrades
from sqlalchemy.exc import SAWarning
from traitlets.config import Config

from gapgrade import CourseworkError
from gapgrade.assignments import Assignment, as_text, exercise_of
from gapgrade.cells import facts, is_answer
from gapgrade.intake import Submission
from gapgrade.restoring import restore
from gapgrade.sandbox import Limits, Sandbox
from gaplab import files

COURSE = "gaplab"

# nbgrader's own way of adding a submission, which SQLAlchemy 2 remarks on.
warnings.filterwarnings("ignore", category=SAWarning, message="Object of type")


@dataclass
class Mark:
    """One graded cell of one student."""

    grade_id: str
    points: float
    score: float
    by_hand: bool
    waiting: bool
    comment: str = ""


@dataclass
class Record:
    """What is kept of a graded submission beside the gradebook: why not to grade it again, and how to reproduce it."""

    student: str
    assignment: str
    name: str
    lms: str
    lms_id: str
    file: str
    digest: str
    seed: int
    isolation: str
    graded: str
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Result:
    """A graded submission with its marks, in the assignment's order."""

    record: Record
    marks: list[Mark]

    @property
    def score(self) -> float:
        """Points that were earned."""
        return sum(mark.score for mark in self.marks)

    @property
    def waiting_points(self) -> float:
        """Points that wait to be given by hand."""
        return sum(mark.points for mark in self.marks if mark.waiting)

    @property
    def exercises(self) -> dict[str, tuple[float, float]]:
        """Score and points of each exercise, its parts together: ``{"ex-1-1": (score, points)}``."""
        sums: dict[str, tuple[float, float]] = {}
        for mark in self.marks:
            name = exercise_of(mark.grade_id)
            score, points = sums.get(name, (0.0, 0.0))
            sums[name] = score + mark.score, points + mark.points
        return sums


@dataclass(frozen=True)
class Task:
    """One submission that has to be graded, with the limits under which it runs."""

    assignment: Assignment
    submission: Submission
    digest: str
    limits: Limits


class Course:
    """A course directory in nbgrader's layout: ``source``, ``release``, ``submitted``, ``autograded``, ``feedback``.

    Args:
        root: The directory; made if need be.
    """

    def __init__(self, root: Path) -> None:
        """Remember where the course lies, and send nbgrader's log to a file in it."""
        self.root = root.resolve()  # nbgrader takes nothing else
        self.root.mkdir(parents=True, exist_ok=True)
        # nbgrader starts alembic by name, and it lies beside this Python.
        os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.database = f"sqlite:///{self.root / 'gradebook.db'}"
        self._log = self.root / "nbgrader.log"

    @contextmanager
    def gradebook(self) -> Any:
        """Open the gradebook."""
        with Gradebook(self.database, COURSE) as book:
            yield book

    def _convert(self, converter: type, assignment: Assignment, student: str, **traits: Any) -> None:
        config = Config()
        config.CourseDirectory.root = str(self.root)
        config.CourseDirectory.course_id = COURSE
        config.CourseDirectory.assignment_id = assignment.name
        config.CourseDirectory.student_id = student
        config.Exporter.optimistic_validation = True
        step = converter(coursedir=CourseDirectory(config=config), config=config, force=True, **traits)
        step.log = _logger(self._log)
        step.start()

    def generate(self, assignment: Assignment) -> str:
        """Put an assignment into the gradebook and make its student's notebook.

        Returns:
            Text of the student's notebook: solutions, hidden tests and mark schemes are gone.
        """
        source = self.root / "source" / assignment.name / f"{assignment.slug}.ipynb"
        source.parent.mkdir(parents=True, exist_ok=True)
        text = as_text(assignment.notebook)
        release = self._release(assignment)
        if release.exists() and source.read_text(encoding="utf-8") == text:
            return release.read_text(encoding="utf-8")
        release.unlink(missing_ok=True)
        source.write_text(text, encoding="utf-8")
        try:
            self._convert(GenerateAssignment, assignment, ".")
        except Exception as problem:
            log = self._log.read_text(encoding="utf-8") if self._log.exists() else ""
            raise CourseworkError(f"nbgrader refuses {assignment.source.name}: {problem}\n{log}") from problem
        return as_text(nbformat.read(release, as_version=4))

    def _release(self, assignment: Assignment) -> Path:
        return self.root / "release" / assignment.name / f"{assignment.slug}.ipynb"

    def _autograded(self, assignment: Assignment, student: str) -> Path:
        return self.root / "autograded" / student / assignment.name

    def feedback(self, assignment: Assignment, student: str) -> Path:
        """Where a student's feedback page lies."""
        return self.root / "feedback" / student / assignment.name / f"{assignment.slug}.html"

    def _records(self, assignment: Assignment) -> Path:
        return self.root / "records" / assignment.name

    def record(self, assignment: Assignment, student: str) -> Record | None:
        """Read what is known of a submission that was graded before."""
        path = self._records(assignment) / f"{student}.json"
        return Record(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None

    def records(self, assignment: Assignment) -> list[Record]:
        """List the graded submissions of an assignment, by student."""
        names = sorted(path.stem for path in self._records(assignment).glob("*.json"))
        return [record for name in names if (record := self.record(assignment, name))]

    def results(self, assignment: Assignment) -> list[Result]:
        """List the graded submissions of an assignment with their marks, by student."""
        return [Result(record, self.marks(assignment, record.student)) for record in self.records(assignment)]

    def grade(self, task: Task, sandbox: Sandbox, seed: int) -> Record:
        """Grade one submission; whatever is in it, the student gets a grade and a page of feedback.

        Args:
            task: What was handed in, for which assignment, under which limits.
            sandbox: Where the student's code runs.
            seed: What the hidden tests draw from.
        """
        submission = task.submission
        stopped = self._grade_cells(task, sandbox, seed)
        record = Record(
            student=submission.student,
            assignment=task.assignment.name,
            name=submission.name,
            lms=submission.lms,
            lms_id=submission.lms_id,
            file=submission.path.name,
            digest=task.digest,
            seed=seed,
            isolation=sandbox.isolation,
            graded=datetime.now(UTC).isoformat(timespec="seconds"),
            notes=[*submission.notes, *stopped],
        )
        text = json.dumps(asdict(record), ensure_ascii=False, indent=1)
        files.write(self._records(task.assignment) / f"{record.student}.json", text.encode())
        self.write_feedback(task.assignment, record.student)
        return record

    def _grade_cells(self, task: Task, sandbox: Sandbox, seed: int) -> list[str]:
        """Run a submission and put its marks into the gradebook; return a sentence for each cell that was stopped."""
        assignment, submission = task.assignment, task.submission
        release = nbformat.read(self._release(assignment), as_version=4)
        target = self.root / "submitted" / submission.student / assignment.name
        _remove(target)
        _remove(self._autograded(assignment, submission.student))
        target.mkdir(parents=True)
        stopped: list[str] = []

        def execute(notebook: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
            stopped[:] = sandbox.run(notebook, seed, task.limits)
            return notebook, resources

        def attempt() -> None:
            text = as_text(restore(release, submission))
            (target / f"{assignment.slug}.ipynb").write_text(text, encoding="utf-8")
            steps = [execute, LimitOutput, SaveAutoGrades, CheckCellMetadata]
            self._convert(Autograde, assignment, submission.student, autograde_preprocessors=steps)

        try:
            attempt()
        except Exception as problem:
            # nbgrader could not handle it, for a reason not met yet: zero, a note, and the batch goes on.
            submission.notes.append(f"{submission.path.name} could not be graded ({type(problem).__name__}: {problem})")
            submission.notebook = None
            attempt()
        return stopped

    def write_feedback(self, assignment: Assignment, student: str) -> None:
        """Write the student's page of feedback from the graded notebook and the gradebook."""
        self._convert(GenerateFeedback, assignment, student)

    def marks(self, assignment: Assignment, student: str) -> list[Mark]:
        """Read a student's marks from the gradebook, in the assignment's order."""
        with self.gradebook() as book:
            found = book.find_submission_notebook(assignment.slug, assignment.name, student)
            grades = {grade.name: grade for grade in found.grades}
            comments = {comment.name: comment.comment or "" for comment in found.comments}
            return [
                Mark(
                    cell.id,
                    points=float(grades[cell.id].max_score),
                    score=float(grades[cell.id].score),
                    by_hand=is_answer(cell),
                    waiting=bool(grades[cell.id].needs_manual_grade),
                    comment=comments.get(cell.id, ""),
                )
                for cell in assignment.graded
            ]

    def mark_by_hand(
        self, assignment: Assignment, student: str, grade_id: str, score: float | None, comment: str
    ) -> bool:
        """Write a mark that a person gave; ``None`` takes it back. Returns whether anything changed."""
        with self.gradebook() as book:
            grade = book.find_grade(grade_id, assignment.slug, assignment.name, student)
            note = book.find_comment(grade_id, assignment.slug, assignment.name, student)
            waiting = score is None and grade.auto_score is None
            before = (grade.manual_score, grade.needs_manual_grade, note.manual_comment or "")
            grade.manual_score, grade.needs_manual_grade, note.manual_comment = score, waiting, comment or None
            book.db.commit()
            return bool(before != (score, waiting, comment))

    def answer(self, assignment: Assignment, student: str, grade_id: str) -> str:
        """Read a student's answer in words."""
        path = self._autograded(assignment, student) / f"{assignment.slug}.ipynb"
        cells = nbformat.read(path, as_version=4).cells
        return next(str(cell.source) for cell in cells if facts(cell).get("grade_id") == grade_id)


def _remove(folder: Path) -> None:
    """Remove a folder whose files nbgrader has made read-only."""
    if folder.exists():
        for path in folder.rglob("*"):
            os.chmod(path, stat.S_IRWXU)
        shutil.rmtree(folder)


def _logger(path: Path) -> logging.Logger:
    log = logging.getLogger(f"gapgrade.{path.parent.name}")
    if not log.handlers:
        log.addHandler(logging.FileHandler(path, encoding="utf-8", delay=True))
        log.setLevel(logging.ERROR)
        log.propagate = False
    return log
