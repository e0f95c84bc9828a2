"""Where a course draws numbers from the student's id, the solution holds for each, and the book's numbers for none."""

from pathlib import Path

import pytest

from gapgrade.assignments import read_assignment
from gaplab.coursework import VARIANT_VARIABLE, ps1
from gaplab.errors import ReaderError

SOURCE = Path(__file__).parents[2] / "book" / "coursework" / "ps1_parameter_count.py"


@pytest.mark.parametrize("student", ["", "jane", "12345"])
def test_exercise_1_of_ps1_is_about_the_students_own_head(monkeypatch, student):
    monkeypatch.setenv(VARIANT_VARIABLE, student)
    cells = {cell.id: cell.source for cell in read_assignment(SOURCE).notebook.cells}
    names = {}
    for name in ("imports", "numbers", "ex-1-1", "ex-1-1-test"):
        exec(compile(cells[name], name, "exec"), names)
    assert (names["classes"] == 21_841) == (student == "")
    public = dict(zip(names["parameters"], (65.6, 716), strict=True))
    if student:
        with pytest.raises(ReaderError):
            ps1.check_parameters(public)
    else:
        ps1.check_parameters(public)
