"""Go through a term of marking in the graders' own environment, and print what came of each step.

Code of students does not run here: a stand-in for the sandbox leaves every test passed.
"""

import csv
import io
import json
import sys
from pathlib import Path

from gapgrade import CourseworkError
from gapgrade.assignments import find_assignments
from gapgrade.course import Course, LatePolicy, Result, Task
from gapgrade.exports import PLATFORMS, grades
from gapgrade.intake import Submission
from gapgrade.marking import exported, read_sheet, write_sheet
from gapgrade.sandbox import Limits
from gapgrade.tables import for_spreadsheets, read_csv

HERE = Path(__file__).parent
ASSIGNMENT = find_assignments(HERE / "fixture")["ps0"]


class Passing:
    """A sandbox in which nothing runs."""

    isolation = "none"

    def run(self, notebook, *_):
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], 1
        return []


class Term:
    """A course in a folder, with one sheet."""

    def __init__(self, root):
        """Begin the course."""
        self.root, self.course = root, Course(root / "course")
        self.course.generate(ASSIGNMENT)
        self.sheet = root / "marking.csv"

    def hand_in(self, student, words, code="def shares(grid):\n    return grid\n", **facts):
        notebook = json.loads((HERE / "fixture" / "ps0_fixture.ipynb").read_text(encoding="utf-8"))
        for cell in notebook["cells"]:
            cell["source"] = {"ex-0-3": words, "ex-0-2": code}.get(cell["id"], cell["source"])
        path = self.root / f"{student}_ps0.ipynb"
        path.write_text(json.dumps(notebook), encoding="utf-8")
        import nbformat

        submission = Submission(student, path, "ps0", nbformat.read(path, as_version=4), name=student, **facts)
        self.course.grade(Task(ASSIGNMENT, submission, "", Limits()), Passing(), 1)

    def results(self):
        return [
            Result(
                record,
                self.course.marks(ASSIGNMENT, record.student),
                self.course.penalty(ASSIGNMENT, record.student),
            )
            for record in self.course.records(ASSIGNMENT)
        ]

    def export(self):
        results = self.results()
        self.sheet.write_bytes(for_spreadsheets(write_sheet(self.course, ASSIGNMENT, results)))
        self.course.remember_export(ASSIGNMENT, exported(self.course, ASSIGNMENT, results))

    def type(self, student, exercise="ex-0-3", delimiter=",", encoding="utf-8", **typed):
        rows = read_csv(self.sheet, [])
        for row in rows:
            if (row["student"], row["exercise"]) == (student, exercise):
                row.update(typed)
        out = io.StringIO()
        writer = csv.DictWriter(out, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
        self.sheet.write_bytes(out.getvalue().encode(encoding))

    def read(self):
        changed = read_sheet(self.course, ASSIGNMENT, self.sheet)
        self.export()
        return sorted(changed)

    def formgrade(self, student, name, score, comment=None, extra=None):
        with self.course.gradebook() as book:
            grade = book.find_grade(name, ASSIGNMENT.slug, "ps0", student)
            grade.manual_score, grade.extra_credit, grade.needs_manual_grade = score, extra, False
            if comment:
                book.find_comment(name, ASSIGNMENT.slug, "ps0", student).manual_comment = comment
            book.db.commit()

    def mark(self, student, name="ex-0-3"):
        mark = next(one for one in self.course.marks(ASSIGNMENT, student) if one.grade_id == name)
        return [mark.score, mark.waiting, mark.comment]

    def stored(self, student, name="ex-0-3"):
        with self.course.gradebook() as book:
            grade = book.find_grade(name, ASSIGNMENT.slug, "ps0", student)
            return [grade.manual_score, grade.extra_credit, grade.needs_manual_grade]

    def refusal(self):
        try:
            return self.read()
        except CourseworkError as problem:
            return str(problem)

    def changes(self):
        return [line.partition(": ")[2] for line in self.course.remembered(ASSIGNMENT)]


def extra_credit(root):
    """Give extra points in the formgrader, and go on in the sheet."""
    found = {}
    term = Term(root)
    term.hand_in("bob", "Where it was.")
    term.formgrade("bob", "ex-0-3", 2 + 1 / 3, extra=1.0)
    term.export()
    term.type("bob", comment="Say more.")
    found["comment alone"] = [term.refusal(), term.mark("bob"), term.stored("bob")]
    term.hand_in("ann", "Where it was.")
    term.formgrade("ann", "ex-0-3", 4.0, extra=1.0)
    term.export()
    found["exported"] = [row["score"] for row in read_csv(term.sheet, [])]
    found["sheet untouched"] = [term.refusal(), term.stored("ann")]
    for score in ("5.5", "4.5", "0.5", "", "4.5"):
        term.type("ann", score=score)
        found.setdefault("typed", []).append([term.refusal(), term.stored("ann")])
    return found


def a_comment_on_a_test_that_waits(root):
    """Type a comment alone beside a test whose result was overridden, and whose answer is another one now."""
    term = Term(root)
    term.hand_in("ann", "Where it was.")
    term.formgrade("ann", "ex-0-2-test", 1.5)
    term.hand_in("ann", "Where it was.", "def shares(grid):\n    return 1\n")
    term.export()
    term.type("ann", "ex-0-2-test", comment="Later.")
    return [term.read(), term.stored("ann", "ex-0-2-test")]


def main(root):
    found = {
        "extra credit": extra_credit(Path(root) / "extra"),
        "comment on a test that waits": a_comment_on_a_test_that_waits(Path(root) / "waits"),
    }
    term = Term(Path(root))
    term.hand_in("ann", "Where it was.", lms="canvas", lms_id="1")
    term.hand_in("bob", "Order. " + "data:image/png;base64," + "A" * 200_000, lms="moodle", lms_id="2")
    term.export()
    found["longest cell"] = max(len(row["answer"]) for row in read_csv(term.sheet, []))
    found["waiting exports"] = {name: PLATFORMS[name](ASSIGNMENT, term.results()) for name in PLATFORMS}

    term.type("ann", comment="Say more.")
    found["comment alone"] = [term.read(), term.mark("ann")]
    term.type("ann", score="3,5", delimiter=";", encoding="cp1252", comment="Größe?")
    found["semicolons, cp1252"] = [term.read(), term.mark("ann")]
    term.type("bob", score="2", delimiter="\t", encoding="utf-16", comment="±")
    found["tabs, UTF-16"] = [term.read(), term.mark("bob")]
    found["exports"] = {name: PLATFORMS[name](ASSIGNMENT, term.results()) for name in PLATFORMS}

    term.formgrade("ann", "ex-0-3", 1.0, "Corrected.")
    found["formgrader over an old sheet"] = [term.read(), term.mark("ann"), term.changes()]
    term.formgrade("ann", "ex-0-3", 2.0)
    term.type("ann", score="4")
    found["both changed"] = [term.read(), term.mark("ann"), term.changes()]

    term.formgrade("bob", "ex-0-2-test", 1.5)
    term.export()
    found["override in the sheet"] = [row["exercise"] for row in read_csv(term.sheet, []) if row["student"] == "bob"]
    term.hand_in("bob", "Order. " + "data:image/png;base64," + "A" * 200_000, lms="moodle", lms_id="2")
    found["graded again"] = [term.mark("bob"), term.mark("bob", "ex-0-2-test")[:2], len(term.changes())]
    term.hand_in("bob", "Another answer.", "def shares(grid):\n    return 1\n", lms="moodle", lms_id="2")
    term.export()
    found["resubmitted"] = [term.mark("bob"), term.mark("bob", "ex-0-2-test")[:2], term.changes()]
    found["rows to mark"] = [row["exercise"] for row in read_csv(term.sheet, []) if not row["score"]]

    term.hand_in("ann", "Something new.", lms="canvas", lms_id="1")
    term.type("ann", score="3")
    before = len(term.changes())
    found["a mark for an answer that is gone"] = [term.read(), term.mark("ann"), term.changes()[before:]]

    for plugin, seconds in (("zero", 60.0), ("none", 60.0), ("zero", 0.0)):
        moved = term.course.settle_penalty(ASSIGNMENT, "bob", LatePolicy(plugin), seconds)
        found[f"late, {plugin}, {seconds:g}"] = [moved, term.results()[1].score]
    page = term.course.feedback(ASSIGNMENT, "ann")
    record = term.course.record(ASSIGNMENT, "ann")
    for kind in ("full", "sealed"):
        record.feedback = kind
        term.course.write_feedback(ASSIGNMENT, record)
        found[kind] = page.read_text(encoding="utf-8")
    found["grades"] = grades(ASSIGNMENT, term.results())
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
