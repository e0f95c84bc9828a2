"""Who handed in what, in every layout."""

import json
import os
import zipfile
from pathlib import Path

import pytest

from gapgrade import CourseworkError
from gapgrade.assignments import find_assignments
from gapgrade.intake import collect, unpack

FIXTURE = Path(__file__).parent / "fixture"
ASSIGNMENTS = find_assignments(FIXTURE)
STUDENT = json.loads((FIXTURE / "ps0_fixture.ipynb").read_text(encoding="utf-8"))
OTHER = ASSIGNMENTS | {"ps8": ASSIGNMENTS["ps0"]}


def put(path, content=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if content is not None else json.dumps(STUDENT), encoding="utf-8")


@pytest.mark.parametrize(
    ("path", "student", "lms", "lms_id"),
    [
        ("doejane_12_34_ps0_fixture.ipynb", "doejane-12", "canvas", "12"),
        ("doejane_LATE_12_34_ps0-2.ipynb", "doejane-12", "canvas", "12"),
        ("Jane Doe_77_assignsubmission_file_/ps0.ipynb", "Jane-Doe-77", "moodle", "77"),
        ("Jane Doe_77_assignsubmission_file_ps0.ipynb", "Jane-Doe-77", "moodle", "77"),
        ("jane/ps0/ps0_fixture.ipynb", "jane", "", ""),
        ("jane/work.ipynb", "jane", "", ""),
        ("jane_ps0.ipynb", "jane", "", ""),
        ("jane doe - ps0_fixture (1).ipynb", "jane-doe", "", ""),
        ("jane.ipynb", "jane", "", ""),
    ],
)
def test_the_owner_is_read_from_the_layout(tmp_path, path, student, lms, lms_id):
    put(tmp_path / path)
    (found,) = collect(tmp_path, ASSIGNMENTS)
    assert (found.student, found.lms, found.lms_id, found.assignment) == (student, lms, lms_id, "ps0")
    assert found.notebook is not None


def test_names_that_differ_only_in_unsafe_letters_stay_apart(tmp_path):
    put(tmp_path / "a b" / "ps0.ipynb")
    put(tmp_path / "a+b" / "ps0.ipynb")
    put(tmp_path / ".." / tmp_path.name / "a&b" / "ps0.ipynb")
    students = [found.student for found in collect(tmp_path, ASSIGNMENTS)]
    assert len(set(students)) == 3
    assert not any(set(student) & set("/\\+& ") for student in students)


def test_the_cells_say_which_assignment_it_is_and_the_name_only_where_they_do_not(tmp_path):
    put(tmp_path / "ann_ps8.ipynb")
    put(tmp_path / "bob_ps8.ipynb", "broken")
    found = {one.student: one.assignment for one in collect(tmp_path, OTHER)}
    assert found == {"ann": "ps0", "bob": "ps8"}
    assert [one.student for one in collect(tmp_path, OTHER, "ps8")] == ["bob"]


def test_the_newest_readable_notebook_counts_and_the_rest_is_named(tmp_path):
    put(tmp_path / "doe_1_2_ps0-1.ipynb")
    put(tmp_path / "doe_1_2_ps0.ipynb")
    put(tmp_path / "doe_1_2_ps0-2.ipynb", "broken")
    put(tmp_path / "doe_1_2_notes.pdf", "%PDF")
    os.utime(tmp_path / "doe_1_2_ps0.ipynb")
    (found,) = collect(tmp_path, ASSIGNMENTS)
    assert found.path.name == "doe_1_2_ps0-1.ipynb"
    assert found.notes == ["doe_1_2_ps0-1.ipynb counts, of several: doe_1_2_ps0.ipynb did not"]


def test_other_files_and_hidden_folders_are_no_submissions(tmp_path):
    put(tmp_path / "jane" / "ps0.ipynb")
    put(tmp_path / "jane" / ".ipynb_checkpoints" / "ps0-checkpoint.ipynb")
    put(tmp_path / "__MACOSX" / "jane" / "._ps0.ipynb", "x")
    assert len(collect(tmp_path, ASSIGNMENTS)) == 1


def test_a_zip_is_unpacked_and_anything_else_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("jane_ps0.ipynb", json.dumps(STUDENT))
    assert [one.student for one in collect(unpack(tmp_path / "all.zip", tmp_path / "x"), ASSIGNMENTS)] == ["jane"]
    put(tmp_path / "no.zip", "text")
    with pytest.raises(CourseworkError, match="neither a folder"):
        unpack(tmp_path / "no.zip", tmp_path)
