"""A submission is put back into the assignment's shape, and the student's work stays in it."""

from copy import deepcopy
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell

from gapgrade.assignments import put_variant
from gapgrade.intake import Submission
from gapgrade.restoring import restore

RELEASE = nbformat.read(Path(__file__).parent / "fixture" / "ps0_fixture.ipynb", as_version=4)


def restored(notebook):
    submission = Submission("jane", Path("jane_ps0.ipynb"), notebook=notebook)
    return restore(RELEASE, submission), submission.notes


def test_the_untouched_release_is_restored_to_itself():
    assert restored(deepcopy(RELEASE)) == (RELEASE, [])


def test_moved_edited_and_deleted_cells_are_put_back_and_own_cells_stay_in_place():
    made = deepcopy(RELEASE)
    cells = {cell.id: cell for cell in made.cells}
    cells["ex-0-1"].source = "mine = 1"
    cells["ex-0-1-test"].source = "pass"
    made.cells = [cells["ex-0-1-test"], cells["ex-0-1"], new_code_cell("own = 2"), cells["imports"]]
    whole, notes = restored(made)
    assert [cell.id for cell in whole.cells if not cell.id.startswith("own")] == [cell.id for cell in RELEASE.cells]
    texts = [cell.source for cell in whole.cells]
    assert texts[texts.index("mine = 1") + 1] == "own = 2"
    assert "pass" not in texts
    missing, changed = notes
    assert "missing" in missing
    assert "ex-0-2" in missing
    assert changed.endswith("put back: ex-0-1-test")


def test_what_cannot_be_read_becomes_the_untouched_release_with_a_note_before_it():
    whole, notes = restored(None)
    assert whole.cells[0].source.startswith("**Nothing could be graded.**")
    assert whole.cells[1:] == RELEASE.cells
    assert notes == []


PICTURE, OTHER = {"image/png": "iVBORw0KGgo="}, {"image/png": "AAAA"}


def words(made, text, attachments=None):
    cell = next(cell for cell in made.cells if cell.id == "ex-0-3")
    cell.source = text
    if attachments is not None:
        cell.attachments = attachments
    return made


def answer(whole):
    return next(cell for cell in whole.cells if cell.id == "ex-0-3")


def test_a_picture_in_an_answer_stays_in_it():
    whole, notes = restored(words(deepcopy(RELEASE), "![p](attachment:p.png)", {"p.png": PICTURE}))
    assert (answer(whole).source, answer(whole).attachments, notes) == (
        "![p](attachment:p.png)",
        {"p.png": PICTURE},
        [],
    )
    nbformat.validate(whole)


@pytest.mark.parametrize(
    "attachments", [None, {}, "spoilt", {"p.png": None}, {"p.png": {}}, {"p.png": {"image/png": 1}}]
)
def test_a_picture_that_is_not_there_is_named_and_stops_nothing(attachments):
    whole, notes = restored(words(deepcopy(RELEASE), "See ![p](attachment:p.png).", attachments))
    assert "attachment:" not in answer(whole).source
    assert "attachments" not in answer(whole)
    assert notes == ["the picture p.png is not in the file, only its name"]
    nbformat.validate(whole)


def test_pasted_pictures_of_one_name_in_two_cells_stay_apart():
    made = words(deepcopy(RELEASE), "One ![](attachment:image.png)", {"image.png": PICTURE})
    made.cells.append(new_markdown_cell("two ![](attachment:image.png)", attachments={"image.png": OTHER}))
    whole, notes = restored(made)
    assert answer(whole).source == "One ![](attachment:image.png)\n\ntwo ![](attachment:2-image.png)"
    assert answer(whole).attachments == {"image.png": PICTURE, "2-image.png": OTHER}
    assert notes == []


def test_the_cell_that_names_the_id_does_not_run_at_grading():
    made = deepcopy(RELEASE)
    put_variant(made, "jane")
    cell = next(cell for cell in made.cells if cell.id == "variant")
    cell.source = cell.source.replace("jane", "somebody else")
    assert restored(made) == (RELEASE, [])
