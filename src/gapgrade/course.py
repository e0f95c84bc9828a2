"""nbgrader's side: one course directory with its gradebook, and the way of one submission through it."""

from __future__ import annotations

import hashlib
import importlib
import json
import logging
import os
import shutil
import stat
import sys
import warnings
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters import Autograde, GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from nbgrader.plugins import BasePlugin
from nbgrader.preprocessors import AssignLatePenalties, CheckCellMetadata, LimitOutput, SaveAutoGrades
from sqlalchemy.exc import SAWarning
from traitlets.config import Config

from gapgrade import CourseworkError
from gapgrade.assignments import Assignment, as_text, exercise_of
from gapgrade.cells import facts, is_answer
from gapgrade.feedback import converter, plain_page, with_names
from gapgrade.intake import Submission
from gapgrade.restoring import restore
from gapgrade.sandbox import Limits, Sandbox
from gaplab import files

COURSE = "gaplab"

FORMGRADER = """\
# The formgrader shows students' work in your browser: without what could run there.
c = get_config()  # noqa
c.HTMLExporter.sanitize_html = True
c.HTMLExporter.preprocessors = ["nbconvert.preprocessors.SanitizeHTML"]
"""

# nbgrader's own way of adding a submission, which SQLAlchemy 2 remarks on.
warnings.filterwarnings("ignore", category=SAWarning, message="Object of type")


@dataclass
class Mark:
    """One graded cell of one student."""

    grade_id: str
    points: float
    score: float
    by_hand: bool
    """It is an answer in words."""
    waiting: bool
    comment: str = ""
    given: bool = False
    """A person gave or overrode the score."""
    extra: float = 0
    """Extra credit from the formgrader: a part of the score, and what the score may go beyond the points."""

    @property
    def in_sheet(self) -> bool:
        """Whether a person marks it: words, and tests whose result was overridden."""
        return self.by_hand or self.waiting or self.given


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
    late: bool = False
    answers: dict[str, str] = field(default_factory=dict)
    """What each mark was given for: the answer's hash by the name of the cell that earns points."""
    feedback: str = "full"
    """Which kind of page was written."""
    content: str = ""
    """Hash of the file."""


@dataclass(frozen=True)
class Result:
    """A graded submission with its marks, in the assignment's order."""

    record: Record
    marks: list[Mark]
    penalty: float = 0
    """Points that a late submission loses."""
    late: str = ""
    """How late it was, in words."""

    @property
    def score(self) -> float:
        """Points that were earned, less what was lost by being late."""
        return sum(mark.score for mark in self.marks) - self.penalty

    @property
    def waiting(self) -> bool:
        """Whether a person has yet to mark something."""
        return any(mark.waiting for mark in self.marks)

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
class LatePolicy:
    """nbgrader's plug-in for late submissions: ``none``, ``zero``, or a class's name, such as ``late.ByTheDay``."""

    plugin: str = "none"

    @property
    def config(self) -> Config:
        """The plug-in as nbgrader is told of it.

        Raises:
            CourseworkError: There is no such class, or it is no plug-in of nbgrader's.
        """
        config = Config()
        if self.plugin in ("none", "zero"):
            config.LateSubmissionPlugin.penalty_method = self.plugin
            return config
        module, _, name = self.plugin.rpartition(".")
        try:
            found = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError, ValueError) as problem:
            raise CourseworkError(f"--late: there is no plug-in {self.plugin!r} ({problem}).") from None
        if not (isinstance(found, type) and issubclass(found, BasePlugin)):
            raise CourseworkError(f"--late: {self.plugin} is not a class of nbgrader's BasePlugin.")
        config.AssignLatePenalties.plugin_class = found
        return config


@dataclass(frozen=True)
class Task:
    """One submission that has to be graded, with the limits under which it runs."""

    assignment: Assignment
    submission: Submission
    digest: str
    limits: Limits
    feedback: str = "full"


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
        # Graders that write at the same time wait for one another.
        self.database = f"sqlite:///{self.root / 'gradebook.db'}?timeout=120"
        self._log = self.root / "nbgrader.log"
        formgrader = self.root / "nbgrader_config.py"
        if not formgrader.exists():
            files.write(formgrader, FORMGRADER)

    @contextmanager
    def gradebook(self) -> Any:
        """Open the gradebook."""
        with Gradebook(self.database, COURSE) as book:
            yield book

    def _convert(self, converter: type, assignment: Assignment, student: str, **traits: Any) -> None:
        config = Config()
        config.CourseDirectory.root = str(self.root)
        config.CourseDirectory.course_id = COURSE
        config.CourseDirectory.db_url = self.database
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

    def stubs(self, assignment: Assignment) -> dict[str, str]:
        """Return the answers as students find them, by the names of their cells."""
        cells = nbformat.read(self._release(assignment), as_version=4).cells
        return {str(cell.id): str(cell.source) for cell in cells if is_answer(cell)}

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
        if not path.exists():
            return None
        known = {one.name for one in fields(Record)}
        given = json.loads(path.read_text(encoding="utf-8"))
        return Record(**{name: value for name, value in given.items() if name in known})

    def records(self, assignment: Assignment) -> list[Record]:
        """List the graded submissions of an assignment, by student."""
        names = sorted(path.stem for path in self._records(assignment).glob("*.json"))
        return [record for name in names if (record := self.record(assignment, name))]

    def write_record(self, assignment: Assignment, record: Record) -> None:
        """Keep what is known of a graded submission; it comes last, for with it the submission counts as graded."""
        text = json.dumps(asdict(record), ensure_ascii=False, indent=1)
        files.write(self._records(assignment) / f"{record.student}.json", text)

    def remember(self, assignment: Assignment, sentence: str) -> None:
        """Keep a sentence on a mark that a person gave and that no longer stands as it was given."""
        path = self._records(assignment) / "changes.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{datetime.now(UTC):%Y-%m-%d}: {' '.join(sentence.split())}\n")

    def remembered(self, assignment: Assignment) -> list[str]:
        """List those sentences, oldest first, each once."""
        path = self._records(assignment) / "changes.txt"
        return list(dict.fromkeys(path.read_text(encoding="utf-8").splitlines())) if path.exists() else []

    def exported(self, assignment: Assignment) -> dict[str, list[str]]:
        """Read what stood in the sheet when it was last written: score and comment by the answer's id."""
        path = self._records(assignment) / "exported.sheet"
        return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}

    def remember_export(self, assignment: Assignment, rows: dict[str, list[str]]) -> None:
        """Keep what stands in the sheet that was just written."""
        files.write(self._records(assignment) / "exported.sheet", json.dumps(rows, ensure_ascii=False))

    def grade(self, task: Task, sandbox: Sandbox, seed: int) -> Record:
        """Grade one submission; whatever is in it, the student gets a grade and a page of feedback.

        Args:
            task: What was handed in, for which assignment, under which limits.
            sandbox: Where the student's code runs.
            seed: What the hidden tests draw from.
        """
        assignment, submission = task.assignment, task.submission
        before = self.record(assignment, submission.student)
        stopped = self._grade_cells(task, sandbox, seed)
        answers = self._answers(assignment, submission.student)
        self._settle_marks(assignment, submission.student, before.answers if before else answers, answers)
        record = Record(
            student=submission.student,
            assignment=assignment.name,
            name=submission.name,
            lms=submission.lms,
            lms_id=submission.lms_id,
            file=submission.file,
            digest=task.digest,
            seed=seed,
            isolation=sandbox.isolation,
            graded=datetime.now(UTC).isoformat(timespec="seconds"),
            notes=[*submission.notes, *stopped],
            late=submission.late,
            answers=answers,
            feedback=task.feedback,
            content=submission.digest,
        )
        self.write_feedback(assignment, record)
        self.write_record(assignment, record)
        return record

    def _answers(self, assignment: Assignment, student: str) -> dict[str, str]:
        """Return, for each cell that earns points, the hash of the answer that it is about."""
        texts = self.answers(assignment, student)
        return {cell.id: answer_id(student, cell.id, texts.get(exercise_of(cell.id), "")) for cell in assignment.graded}

    def _settle_marks(self, assignment: Assignment, student: str, before: dict[str, str], now: dict[str, str]) -> None:
        """Keep the marks that a person gave to answers that are still the same; those of others wait again."""
        changed = {name for name in now if before and before.get(name) != now[name]}
        exercises = {exercise_of(name) for name in changed}
        with self.gradebook() as book:
            found = book.find_submission_notebook(assignment.slug, assignment.name, student)
            # The sentences first: a grading that is killed here loses none of them.
            for comment in found.comments:
                if comment.manual_comment and comment.name in exercises:
                    self.remember(
                        assignment,
                        f"{student}, {comment.name}: the comment {comment.manual_comment!r} was on an earlier answer",
                    )
            for grade in found.grades:
                given = (grade.manual_score or 0) + (grade.extra_credit or 0)
                if grade.name in changed and (grade.manual_score is not None or grade.extra_credit):
                    self.remember(
                        assignment,
                        f"{student}, {grade.name}: {given:g} points were given by hand to an earlier answer; the new "
                        "one waits to be marked",
                    )
            for comment in found.comments:
                if comment.name in exercises:
                    comment.manual_comment = None
            for grade in found.grades:
                if grade.name in changed and (grade.manual_score is not None or grade.extra_credit):
                    grade.manual_score, grade.extra_credit, grade.needs_manual_grade = None, None, True
                elif grade.manual_score is not None:
                    grade.needs_manual_grade = False
            book.db.commit()

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
            stopped[:] = sandbox.run(notebook, seed, task.limits, submission.variant)
            return notebook, resources

        def attempt() -> None:
            text = as_text(restore(release, submission))
            (target / f"{assignment.slug}.ipynb").write_text(text, encoding="utf-8")
            steps = [execute, LimitOutput, SaveAutoGrades, CheckCellMetadata]
            self._convert(Autograde, assignment, submission.student, autograde_preprocessors=steps)

        try:
            attempt()
        except Exception:
            # nbgrader could not handle it, for a reason not met yet: zero, a note, and the batch goes on.
            submission.notes.append(f"{submission.file} could not be graded, for a reason that nbgrader.log holds")
            submission.notebook = None
            attempt()
        return stopped

    def write_feedback(self, assignment: Assignment, record: Record) -> None:
        """Write the student's page of feedback from the graded notebook and the gradebook."""
        path = self.feedback(assignment, record.student)
        try:
            self._convert(converter(record.feedback), assignment, record.student)
            page = with_names(path.read_text(encoding="utf-8"))
        except Exception:  # a page that cannot be made must not stop the batch
            note = "the page of feedback shows the marks alone, for a reason that nbgrader.log holds"
            if note not in record.notes:
                record.notes.append(note)
            rows = [
                (one.grade_id, one.score, one.points, one.comment) for one in self.marks(assignment, record.student)
            ]
            page = plain_page(assignment.title, "Your work could not be shown here. Your marks:", rows)
        files.write(path, page)

    def settle_penalty(self, assignment: Assignment, student: str, policy: LatePolicy, seconds: float) -> bool:
        """Let nbgrader's plug-in say what a late submission loses, of the marks as they are now.

        Args:
            assignment: What was handed in.
            student: Whose it is.
            policy: The plug-in.
            seconds: How late it was.

        Returns:
            Whether it loses something else than before.
        """
        before = self.penalty(assignment, student)
        due = datetime(2000, 1, 1)  # nbgrader asks for two times, and only uses what lies between them
        with self.gradebook() as book:
            book.update_or_create_assignment(assignment.name, duedate=due)
            book.update_or_create_submission(assignment.name, student, timestamp=due + timedelta(seconds=seconds))
        where = {
            "student": student,
            "assignment": assignment.name,
            "notebook": assignment.slug,
            "db_url": self.database,
        }
        step = AssignLatePenalties(config=policy.config)
        step.log = _logger(self._log)
        step.preprocess(NotebookNode(cells=[], metadata={}), {"nbgrader": where})
        return self.penalty(assignment, student) != before

    def penalty(self, assignment: Assignment, student: str) -> float:
        """Return what a late submission loses."""
        with self.gradebook() as book:
            found = book.find_submission_notebook(assignment.slug, assignment.name, student)
            return float(found.late_submission_penalty or 0)

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
                    comment=comments.get(exercise_of(cell.id), ""),
                    given=grades[cell.id].manual_score is not None,
                    extra=float(grades[cell.id].extra_credit or 0),
                )
                for cell in assignment.graded
            ]

    def mark_by_hand(self, assignment: Assignment, student: str, grade_id: str, score: float | None) -> None:
        """Write a score that a person gave, extra credit and all; ``None`` takes it back."""
        with self.gradebook() as book:
            grade = book.find_grade(grade_id, assignment.slug, assignment.name, student)
            # nbgrader adds extra credit to the score; the formgrader knows neither below zero.
            extra = max(0, min(grade.extra_credit or 0, score or 0))
            grade.extra_credit = extra or None
            grade.manual_score = None if score is None else score - extra
            grade.needs_manual_grade = score is None and grade.auto_score is None
            book.db.commit()

    def comment_by_hand(self, assignment: Assignment, student: str, grade_id: str, comment: str) -> None:
        """Write a comment that a person gave."""
        with self.gradebook() as book, suppress(MissingEntry):
            note = book.find_comment(exercise_of(grade_id), assignment.slug, assignment.name, student)
            note.manual_comment = comment if comment != (note.auto_comment or "") else None
            book.db.commit()

    def answer(self, assignment: Assignment, student: str, grade_id: str) -> str:
        """Read the answer that a cell's points are for: words, or the code that a test is about."""
        return self.answers(assignment, student).get(exercise_of(grade_id), "")

    def answers(self, assignment: Assignment, student: str) -> dict[str, str]:
        """Read all of a student's answers, by the names of their cells."""
        path = self._autograded(assignment, student) / f"{assignment.slug}.ipynb"
        cells = nbformat.read(path, as_version=4).cells
        return {str(facts(cell).get("grade_id")): str(cell.source) for cell in cells if is_answer(cell)}


def answer_id(student: str, grade_id: str, answer: str) -> str:
    """Return a short hash of an answer, which a spreadsheet takes for a word and never for a number."""
    return "id-" + hashlib.sha256(f"{student}\0{grade_id}\0{answer}".encode()).hexdigest()[:8]


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
