"""The page's own judge of the whiteboard: answers in Python, written and judged without a kernel and a network."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.browser

PATIENCE = 120_000
ANSWERS: dict[str, Any] = runpy.run_path(str(Path(__file__).parents[1] / "whiteboard" / "without_torch.py"))["ANSWERS"]


@pytest.fixture
def whiteboard(open_page: Any, site: Path) -> Page:
    """The page, opened from disk on a phone."""
    page: Page = open_page("narrow")
    page.goto((site / "interview" / "whiteboard.html").as_uri(), wait_until="load")
    return page


def opened(page: Page, name: str) -> Locator:
    board = page.locator(f"#{name}-here .gaplab-board")
    board.locator("summary").click()
    return board


def judged(board: Locator, code: str) -> Locator:
    board.locator("textarea").fill(code)
    board.get_by_role("button", name="Check").click()
    expect(board.get_by_role("button", name="Check")).to_be_enabled(timeout=PATIENCE)
    return board.get_by_role("status")


def test_an_answer_is_judged_in_the_page(whiteboard: Page) -> None:
    board = opened(whiteboard, "receptive_field")
    assert "def receptive_field(layers):" in board.locator("textarea").input_value()
    code = ANSWERS["receptive_field"]["right"][0]
    expect(judged(board, code)).to_have_text("Every check passed, and the hidden one too.")
    expect(judged(board, code.replace("(kernel - 1)", "kernel"))).to_contain_text("too large")
    expect(judged(board, "def receptive_field(layers)\n    pass")).to_contain_text("in line 1 with SyntaxError")
    expect(judged(board, "x = 1")).to_have_text("receptive_field is not there: keep the name that the stub has.")
    board.get_by_role("button", name="Back to the stub").click()
    assert "..." in board.locator("textarea").input_value()


def test_the_editor_indents_as_python_goes_on(whiteboard: Page) -> None:
    area = opened(whiteboard, "cost_counter").locator("textarea")
    area.fill("")
    area.press_sequentially("def f(x):\nreturn x")
    assert area.input_value() == "def f(x):\n    return x"


@pytest.mark.thorough
@pytest.mark.parametrize("name", ANSWERS)
def test_the_page_accepts_a_right_answer_and_refuses_the_stub(whiteboard: Page, name: str) -> None:
    board = opened(whiteboard, name)
    stub = board.locator("textarea").input_value()
    expect(judged(board, stub)).to_contain_text("For ")
    expect(judged(board, ANSWERS[name]["right"][0])).to_have_text("Every check passed, and the hidden one too.")
