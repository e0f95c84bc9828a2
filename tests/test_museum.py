"""The museum of real bugs: every test fails on its bug, passes on its mend, and takes no time."""

import re
import time
from pathlib import Path

import jupytext
import pytest

from gaplab.errors import ReaderError
from gaplab.interview import museum

SOURCE = Path(__file__).parent.parent / "book" / "interview" / "museum.py"
EXHIBITS = 10
LONGEST = 2.0
"""Seconds that a test of an exhibit may take, with room for a busy machine."""


def cells():
    return [cell for cell in jupytext.read(SOURCE).cells if cell.cell_type == "code"]


@pytest.fixture(scope="module")
def shown():
    """Run the page's cells, and keep what each cell gave to the museum."""
    calls, answers = {}, {}
    names = {"__name__": "museum_page"}
    with pytest.MonkeyPatch.context() as patch:
        for cell in cells():
            own = calls.setdefault(cell.metadata["name"], [])
            patch.setattr(museum, "caught", lambda *case, own=own: own.append(case))
            patch.setattr(museum, "answer", lambda *said, name=cell.metadata["name"]: answers.update({name: said}))
            names["caught"] = museum.caught
            exec(compile(cell.source, cell.metadata["name"], "exec"), names)
    return calls, answers


def test_an_exhibit_is_code_then_answer_then_test():
    order = [(cell.metadata["name"], tuple(cell.metadata.get("tags", ()))) for cell in cells()]
    expected = [("setup", ())]
    for number in range(1, EXHIBITS + 1):
        expected += [
            (f"exhibit-{number}", ()),
            (f"answer-{number}", ("remove-input",)),
            (f"test-{number}", ("hide-input",)),
        ]
    assert order == expected


@pytest.mark.parametrize("number", range(1, EXHIBITS + 1))
def test_the_test_catches_the_bug_and_passes_the_mend(shown, number):
    cases = shown[0][f"test-{number}"]
    assert cases
    for test, bug, mend in cases:
        began = time.process_time()
        for _ in range(3):  # random inputs: not by luck
            assert museum.failure(test, bug) is not None
            assert museum.failure(test, mend) is None
        assert time.process_time() - began < 3 * LONGEST


def test_every_exhibit_has_a_public_history(shown):
    """An issue, a pull request: a thread on GitHub, each named once."""
    histories = [history for _, history in shown[1].values()]
    assert len(histories) == EXHIBITS
    addresses = [address for history in histories for address in history.values()]
    assert len(set(addresses)) == len(addresses)
    for address in addresses:
        assert re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+/(issues|pull)/\d+", address), address


def test_code_that_is_read_fits_its_column():
    for cell in cells():
        if cell.metadata["name"].startswith("exhibit"):
            assert len(cell.source.splitlines()) <= 20
            assert max(map(len, cell.source.splitlines())) <= 88


def positive(number):
    assert number > 0


def test_a_test_that_passes_on_the_bug_is_refused():
    with pytest.raises(ReaderError, match="passes on the bug, so it guards nothing"):
        museum.caught(positive, 1, 2)


def test_a_mend_that_fails_is_refused():
    with pytest.raises(ReaderError, match="fails on the mend as well"):
        museum.caught(positive, -1, -2)


def test_what_is_shown_does_not_give_the_fault_away(displayed):
    (data,) = displayed(lambda: museum.caught(positive, -1, 1))
    assert data["text/plain"] == (
        "The test that would have caught it fails on this code (AssertionError) and passes on the mend."
    )


def test_an_answer_is_folded_and_has_a_history(displayed):
    (data,) = displayed(lambda: museum.answer("It is **wrong**.", {"the report": "https://github.com/a/b/issues/1"}))
    text = data["text/markdown"]
    assert text.startswith('<details class="gaplab-answer"><summary>What is wrong?</summary>\n\nIt is **wrong**.')
    assert "- [the report](https://github.com/a/b/issues/1)" in text
    with pytest.raises(ReaderError, match="no history"):
        museum.answer("It is wrong.", {})
