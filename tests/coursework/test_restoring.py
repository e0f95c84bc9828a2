"""A submission is put back into the assignment's shape, and the student's work stays in it."""

from copy import deepcopy
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell

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
