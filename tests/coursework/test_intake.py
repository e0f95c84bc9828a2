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
        ("ps0_12345678.ipynb", "12345678", "", ""),
        ("12345678_ps0.ipynb", "12345678", "", ""),
        ("Jane README_ps0.ipynb", "Jane-README", "", ""),
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


CLASS = ("bob", "eve", "jane")


def zipped(path, *entries):
    """Write a zip of files: name, content, and the day in November on which it was changed."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content, day in entries:
            archive.writestr(zipfile.ZipInfo(name, (2024, 11, day, 12, 0, 0)), content)
    return unpack(path, path.with_suffix(".d"))


@pytest.mark.parametrize(
    "layout",
    ["{}_ps0.ipynb", "submissions/{}_ps0.ipynb", "submitted/{}/ps0/ps0_fixture.ipynb", "a/b/{}/ps0_fixture.ipynb",
     "CNN_2024_11_submissions/{}_ps0.ipynb", "week/ps0/{}_ps0.ipynb", "ps0/ps0_{}.ipynb", "x/{}_12_34_ps0.ipynb",
     "x/{}_12_assignsubmission_file_/ps0.ipynb"],
)  # fmt: skip
@pytest.mark.parametrize("as_zip", [False, True])
def test_a_folder_around_the_class_is_gone_into(tmp_path, layout, as_zip):
    if as_zip:
        folder = zipped(tmp_path / "all.zip", *((layout.format(name), json.dumps(STUDENT), 1) for name in CLASS))
    else:
        folder = tmp_path / "given"
        for name in CLASS:
            put(folder / layout.format(name))
    found = collect(folder, ASSIGNMENTS)
    assert [one.name for one in found] == list(CLASS)
    assert not any(one.notes for one in found)


@pytest.mark.parametrize("path", ["jane/ps0/work.ipynb", "jane/work.ipynb", "jane/final_ps0.ipynb", "jane/ps0.ipynb"])
def test_the_folder_of_the_only_student_is_hers(tmp_path, path):
    put(tmp_path / path)
    assert [one.student for one in collect(tmp_path, ASSIGNMENTS)] == ["jane"]


def test_of_a_zips_files_the_newest_by_its_own_dates_counts(tmp_path):
    new, old = ("jane/ps0_new.ipynb", json.dumps(STUDENT), 5), ("jane/ps0_old.ipynb", json.dumps(STUDENT), 1)
    for number, files in enumerate([(new, old), (old, new)]):
        (found,) = collect(zipped(tmp_path / f"{number}.zip", *files), ASSIGNMENTS)
        assert found.path.name == "ps0_new.ipynb"


def test_where_most_files_would_be_one_students_nothing_is_graded(tmp_path):
    for year in ("2024", "2025"):
        for name in CLASS:
            put(tmp_path / year / f"{name}_ps0.ipynb")
    with pytest.raises(CourseworkError, match=r"3 notebooks \(.*\) would all be 2024's"):
        collect(tmp_path, ASSIGNMENTS)


def test_a_student_with_several_drafts_does_not_stop_the_class(tmp_path):
    for draft in ("one_ps0.ipynb", "two_ps0.ipynb"):
        put(tmp_path / "jane" / draft)
    for name in ("bob", "eve"):
        put(tmp_path / name / "ps0.ipynb")
    assert [one.student for one in collect(tmp_path, ASSIGNMENTS)] == list(CLASS)


def test_what_is_nobodys_submission_is_named_and_not_graded(tmp_path):
    put(tmp_path / "jane_ps0.ipynb")
    beside = (
        "README.txt", "list of students.xlsx", "index.html", "notes/README.md", "grades_ps0.csv", "README_ps0.txt",
        "ps0_instructions.txt", "ps0.pdf", "roster_ps0.docx", "roster_ps0.xlsx", "notes/ps0/README.md", "ps0/list.pdf",
        "bob_ps0.pdf", "_ps0.pdf", "zedyo_80_81_text.html", "yozed_LATE_82_83_link.html",
    )  # fmt: skip
    for name in beside:
        put(tmp_path / name, "x")
    put(tmp_path / "ps0_fixture (1).ipynb")
    put(tmp_path / "Zed Yo_80_assignsubmission_onlinetext_" / "onlinetext.html", "<p>my answer</p>")
    (tmp_path / "eve_ps0.ipynb").symlink_to("/etc/passwd")
    left_out = []
    assert [one.student for one in collect(tmp_path, ASSIGNMENTS, left_out=left_out)] == ["jane"]
    named = {sentence.partition(" is ")[0] for sentence in left_out}
    assert named == {
        *beside, "eve_ps0.ipynb", "ps0_fixture (1).ipynb", "Zed Yo_80_assignsubmission_onlinetext_/onlinetext.html",
    }  # fmt: skip


def test_a_wrong_file_of_a_known_student_is_graded_with_zero(tmp_path):
    wrong = ("ann/ps0.pdf", "bob_ps0.ipynb", "eve_1_2_essay.docx", "jane/ps0/essay.docx", "may_3_4_my_text.html",
             "kim/readme_ps0.ipynb", "Zed Yo_80_assignsubmission_file_/essay.docx")  # fmt: skip
    for name in wrong:
        put(tmp_path / name, "x")
    students = ["Zed-Yo-80", "ann", "bob", "eve-1", "jane", "kim", "may-3"]
    assert [one.student for one in collect(tmp_path, ASSIGNMENTS)] == students


def test_where_nothing_is_a_submission_the_files_that_are_there_are_named(tmp_path):
    put(tmp_path / "ps0.ipynb")
    with pytest.raises(CourseworkError, match=r"^Nothing was graded: ps0.ipynb is nobody's, for .*\.$"):
        collect(tmp_path, ASSIGNMENTS)


def as_bytes(tmp_path, content):
    (tmp_path / "jane_ps0.ipynb").write_bytes(content)
    (found,) = collect(tmp_path, ASSIGNMENTS)
    return found


TEXT = json.dumps(STUDENT, ensure_ascii=False)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_notebooks_in_other_encodings_are_read(tmp_path, encoding):
    found = as_bytes(tmp_path, TEXT.encode(encoding))
    assert (found.notebook is not None, found.notes) == (True, [])


def test_a_zipped_notebook_is_read_and_a_note_says_so(tmp_path):
    with zipfile.ZipFile(tmp_path / "jane_ps0.zip", "w") as archive:
        archive.writestr("deep/work.ipynb", TEXT)
        archive.writestr("__MACOSX/._work.ipynb", "x")
    (found,) = collect(tmp_path, ASSIGNMENTS)
    assert found.notebook is not None
    assert found.notes == ["jane_ps0.zip is a zip, of which work.ipynb was graded"]


def test_half_letters_become_question_marks(tmp_path):
    found = as_bytes(tmp_path, TEXT.replace("a mean", "a \\ud800 mean").encode())
    assert "a ? mean" in found.notebook.cells[0].source
    json.dumps(found.notebook, ensure_ascii=False).encode()
    assert "half letters" in found.notes[0]


def test_a_name_that_is_no_utf8_can_be_written(tmp_path):
    try:
        (tmp_path / os.fsdecode(b"J\xfcrgen_ps0.ipynb")).write_text(TEXT, encoding="utf-8")
    except OSError:
        pytest.skip("not run: this file system only takes names in UTF-8")
    (found,) = collect(tmp_path, ASSIGNMENTS)
    assert (found.student, found.name, found.file) == ("Jürgen", "Jürgen", "Jürgen_ps0.ipynb")


@pytest.mark.parametrize("content", ["", "PK\x03\x04 x", "[1, 2]", '{"cells": [', '{"a": 1}', "\0\0", "x" * 100])
def test_what_is_wrong_with_a_file_is_said_without_a_class_name(tmp_path, content):
    found = as_bytes(tmp_path, content.encode())
    assert found.notebook is None
    (note,) = found.notes
    assert note.startswith("jane_ps0.ipynb is not a notebook")
    assert "Error" not in note


def test_late_is_kept_and_a_date_is_no_canvas(tmp_path):
    put(tmp_path / "roelee_LATE_12_102_ps0_fixture.ipynb")
    put(tmp_path / "doe_2024_11_ps0.ipynb")
    found = {one.student: (one.late, one.lms) for one in collect(tmp_path, ASSIGNMENTS)}
    assert found == {"roelee-12": (True, "canvas"), "doe_2024_11": (False, "")}


def test_work_counts_before_an_untouched_copy_that_is_newer(tmp_path):
    worked = json.loads(TEXT)
    for cell in worked["cells"]:
        if cell["id"] == "ex-0-3":
            cell["source"] = "Order."
    put(tmp_path / "jane" / "ps0_fixture.ipynb", json.dumps(worked))
    put(tmp_path / "jane" / "ps0_fixture-Copy1.ipynb")
    os.utime(tmp_path / "jane" / "ps0_fixture.ipynb", (1, 1))
    (found,) = collect(tmp_path, ASSIGNMENTS)
    assert found.path.name == "ps0_fixture.ipynb"
