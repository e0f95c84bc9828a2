"""The shift explorer: what appears is what Python gave it, by mouse, finger, key and from Python, and on its page."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from bench import ACCURACY, CLASSES, FRAME, GARMENTS, PLACES, ROOM, SMALL, SQUARE, saved, shift_explorer, static_page
from playwright.sync_api import Locator, Page, expect

from gaplab import data, evidence, models, weights
from gaplab.widgets.shift_explorer import HEADS

pytestmark = pytest.mark.browser


@pytest.fixture
def mounted(mount: Any) -> Page:
    """The widget, rendered on a strict model that is ``model``; ``cleanup`` ends it."""
    return mount(shift_explorer())


def tenths(value: float) -> str:
    """A fraction as a percentage with one decimal, rounded as Python rounds the tenths."""
    return f"{round(1000 * value) / 10:.1f}"


def check(root: Page | Locator, garment: int = 0, dx: int = 0, dy: int = 0) -> None:
    """Compare all that is shown with the arrays that Python gave."""
    place = (dy + ROOM) * SQUARE + dx + ROOM
    expect(root.locator(".result")).to_have_text(shift_explorer(garment=garment, dx=dx, dy=dy).describe())
    given = GARMENTS[garment]
    for head in HEADS:
        column = root.locator(f'[data-head="{head}"]')
        probabilities = given.probabilities[head][place]
        assert root.locator(f"td.{head}").all_text_contents() == [tenths(p) for p in probabilities]
        expect(column.locator(".says")).to_have_text(CLASSES[int(probabilities.argmax())])
        expect(column.locator(".whether")).to_have_text("correct" if probabilities.argmax() == given.label else "wrong")
        expect(column.locator(".change")).to_have_text(f"{round(100 * given.changes[head][place])} %")
        expect(column.locator(".accuracy")).to_have_text(f"{tenths(ACCURACY[head][place])} %")
        shades = column.locator(".map rect").evaluate_all("(all) => all.map((cell) => cell.getAttribute('fill'))")
        scaled = np.round(255 * given.maps[head][place] / given.maps[head].max()).ravel()
        page = root if isinstance(root, Page) else root.page
        assert shades == page.evaluate("(all) => all.map((v) => window.widget.sequential(v / 255))", scaled.tolist())


def centre_of(page: Page, selector: str) -> tuple[float, float, float]:
    """Middle of a square element and the length of one frame pixel in it."""
    page.locator(selector).scroll_into_view_if_needed()
    box = page.locator(selector).bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, box["width"]


def test_first_state(mounted: Page) -> None:
    check(mounted)
    assert saved(mounted) == []


def test_every_place_and_garment_equals_python(mounted: Page) -> None:
    cases = [(g, dx, dy) for g in (0, 1) for dx in range(-ROOM, ROOM + 1) for dy in range(-ROOM, ROOM + 1)]
    sentences = mounted.evaluate(
        """(cases) => cases.map(([garment, dx, dy]) => {
          model.fromPython({ garment, dx, dy });
          return document.querySelector(".result").textContent;
        })""",
        cases,
    )
    assert sentences == [shift_explorer(garment=g, dx=dx, dy=dy).describe() for g, dx, dy in cases]
    assert saved(mounted) == []
    for garment, dx, dy in cases[:: len(cases) // 5]:
        mounted.evaluate("(state) => model.fromPython(state)", {"garment": garment, "dx": dx, "dy": dy})
        check(mounted, garment, dx, dy)


def test_dragging_moves_the_garment_with_the_mouse(mounted: Page) -> None:
    x, y, width = centre_of(mounted, ".frame")
    pixel = width / FRAME
    mounted.mouse.move(x + pixel, y + pixel)  # within the garment, off its middle: it must not jump
    mounted.mouse.down()
    assert saved(mounted) == []
    mounted.mouse.move(x + 3 * pixel, y, steps=4)
    mounted.mouse.up()
    check(mounted, dx=2, dy=-1)
    mounted.mouse.move(x - 3 * pixel, y)  # the button is up: nothing follows
    check(mounted, dx=2, dy=-1)
    assert saved(mounted)[-1].keys() <= {"dx", "dy"}


def test_dragging_stops_at_the_border_and_a_press_beside_the_garment_brings_it(mounted: Page) -> None:
    x, y, width = centre_of(mounted, ".frame")
    mounted.mouse.move(x, y)
    mounted.mouse.down()
    mounted.mouse.move(x + 2 * width, y + 2 * width)
    check(mounted, dx=ROOM, dy=ROOM)
    mounted.mouse.up()
    mounted.mouse.click(x - 0.4 * width, y - 0.1 * width)
    check(mounted, dx=-ROOM, dy=-1)


def test_a_finger_drags_too(open_page: Any, mounted: Page) -> None:
    x, y, width = centre_of(mounted, ".frame")
    client = mounted.context.new_cdp_session(mounted)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": a, "y": b} for a, b in points]})

    touch("touchStart", (x, y))
    touch("touchMove", (x - width / FRAME, y))
    touch("touchMove", (x - 2 * width / FRAME, y + 3 * width / FRAME))
    touch("touchEnd")
    check(mounted, dx=-2, dy=3)
    assert mounted.evaluate("getComputedStyle(document.querySelector('.frame')).touchAction") == "none"


def test_arrow_keys_move_by_one_by_a_stride_and_home(mounted: Page) -> None:
    frame = mounted.get_by_role("application")
    frame.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowUp"):
        mounted.keyboard.press(key)
    check(mounted, dx=2, dy=-1)
    mounted.keyboard.press("Shift+ArrowLeft")
    check(mounted, dx=-2, dy=-1)
    mounted.keyboard.press("Shift+ArrowLeft")
    check(mounted, dx=-ROOM, dy=-1)  # held at the border
    mounted.keyboard.press("Home")
    check(mounted)
    assert saved(mounted) == [{"dx": 1}, {"dx": 2}, {"dy": -1}, {"dx": -2}, {"dx": -3}, {"dx": 0, "dy": 0}]


def test_sliders_and_menus_by_keyboard_alone(mounted: Page) -> None:
    mounted.get_by_role("combobox", name="Garment").focus()
    mounted.keyboard.press("ArrowDown")
    check(mounted, garment=1)
    for _ in range(2):
        mounted.keyboard.press("Tab")
    mounted.keyboard.press("ArrowRight")
    mounted.keyboard.press("Tab")
    mounted.keyboard.press("End")
    check(mounted, garment=1, dx=1, dy=ROOM)
    expect(mounted.get_by_role("slider", name="Right (px)")).to_have_attribute("aria-valuetext", "1 px right")
    expect(mounted.get_by_role("slider", name="Down (px)")).to_have_attribute("aria-valuetext", f"{ROOM} px down")


def test_pointing_at_the_accuracy_map_goes_there(mounted: Page) -> None:
    x, y, width = centre_of(mounted, ".heat")
    cell = width / SQUARE
    mounted.mouse.move(x - 2 * cell, y + cell)
    check(mounted, dx=-2, dy=1)
    mounted.mouse.move(x + 3 * cell, y - 3 * cell)
    check(mounted, dx=3, dy=-3)
    marker = mounted.locator(".marker")
    assert (marker.get_attribute("x"), marker.get_attribute("y")) == ("6", "0")


def test_accuracy_map_follows_the_head(mounted: Page) -> None:
    for head, name in HEADS.items():
        mounted.get_by_role("combobox", name="Head").select_option(head)
        stored = np.round(1000 * ACCURACY[head])
        shades = mounted.locator(".heat > rect").evaluate_all("(all) => all.map((cell) => cell.getAttribute('fill'))")
        scaled = (stored - stored.min()) / (stored.max() - stored.min())
        assert shades == mounted.evaluate("(all) => all.map(widget.sequential)", scaled.tolist())
        label = mounted.locator(".heat").get_attribute("aria-label") or ""
        assert label.startswith(f"Accuracy of the {name} head at {PLACES} places")
        assert f"{stored[PLACES // 2] / 10:.1f} % in the centre" in label
    assert saved(mounted) == [{"head": "max"}, {"head": "flatten"}]


def test_the_garment_is_drawn_where_it_is(mounted: Page) -> None:
    mounted.evaluate("model.fromPython({ dx: 2, dy: -3 })")
    drawn = mounted.evaluate(
        """() => {
          const canvas = document.querySelector("canvas");
          const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
          return [...pixels].filter((_, i) => i % 4 === 0);
        }"""
    )
    wanted = np.zeros((FRAME, FRAME), dtype=int)
    wanted[ROOM - 3 : ROOM - 3 + SMALL, ROOM + 2 : ROOM + 2 + SMALL] = GARMENTS[0].pixels
    assert np.array_equal(np.reshape(drawn, (FRAME, FRAME)), wanted)


def test_without_scripts_the_accuracies_are_still_read(open_page: Any, tmp_path: Path) -> None:
    bare = open_page(viewport="narrow", javascript=False)
    bare.goto(static_page(tmp_path, shift_explorer(dx=1).page_html()))
    for head, name in HEADS.items():
        centre = round(1000 * ACCURACY[head][PLACES // 2]) / 10
        expect(bare.get_by_role("row", name=name)).to_contain_text(f"{centre:.1f} %")


# On the page of chapter 2 ---------------------------------------------------------------------------------------------


PAGE = "02_translation_invariance.html"


class Notebook:
    """What the chapter's own Python says: the trained networks, run again here."""

    def __init__(self) -> None:
        """Load the networks, the garments and the accuracies."""
        self.networks = {head: weights.load(f"resnet20-{head}-centred-s0") for head in HEADS}
        pictures, self.labels = data.stratified("test", 100)
        self.small = data.resize(pictures, data.SMALL)
        shift = evidence.load("shift")
        self.accuracy = shift[shift.variant == "centred"].groupby(["head", "dx", "dy"]).accuracy.mean()

    @torch.no_grad()
    def pooled_and_probabilities(self, head: str, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        seen = models.parts(self.networks[head], data.normalise(frames))
        return seen.pooled.cpu(), seen.logits.softmax(dim=1).cpu()

    def check(self, shown: Locator, label: int, dx: int, dy: int) -> None:
        """Compare the page with the networks, up to the digit that the page stores."""
        first = int((self.labels == label).nonzero()[0])
        expect(shown.locator(".result")).to_contain_text(re.compile(rf"^{data.CLASSES[label]} (moved|in)"))
        frames = torch.cat([data.place(self.small[first][None], data.FRAME, *place) for place in ((dx, dy), (0, 0))])
        for head in HEADS:
            pooled, probabilities = self.pooled_and_probabilities(head, frames)
            cells = [float(text) for text in shown.locator(f"td.{head}").all_text_contents()]
            assert cells == pytest.approx((100 * probabilities[0]).tolist(), abs=0.06), (head, dx, dy)
            column = shown.locator(f'[data-head="{head}"]')
            accuracy = float(column.locator(".accuracy").inner_text().removesuffix(" %"))
            assert accuracy == pytest.approx(100 * self.accuracy[head, dx, dy], abs=0.06)
            centred, _ = self.pooled_and_probabilities(head, data.place(self.small, data.FRAME))
            unit = (centred - centred.mean(dim=0)).norm(dim=1).mean()
            change = int(column.locator(".change").inner_text().removesuffix(" %"))
            assert change == pytest.approx(float(100 * (pooled[0] - pooled[1]).norm() / unit), abs=0.6)


@pytest.fixture(scope="module")
def notebook() -> Notebook:
    return Notebook()


@pytest.fixture
def shown(open_page: Any, site: Path, request: pytest.FixtureRequest) -> Locator:
    """The explorer on the built page of chapter 2."""
    page = open_page(viewport=request.getfixturevalue("viewport"))
    page.goto((site / PAGE).as_uri())
    widget = page.locator("[data-widget=shift-explorer]")
    expect(widget).to_have_attribute("data-state", "ready")
    return widget


def labels_of(shown: Locator) -> list[int]:
    """Classes of the garments on offer, read from the page."""
    text = shown.locator("xpath=following-sibling::script[@type='application/json'][1]").text_content()
    return json.loads(text or "")["state"]["labels"]


@pytest.mark.parametrize("viewport", ["wide", "narrow"])
def test_on_the_page_the_numbers_are_the_notebooks(shown: Locator, viewport: str, notebook: Notebook) -> None:
    page, labels = shown.page, labels_of(shown)
    notebook.check(shown, labels[0], 0, 0)
    shown.get_by_role("application").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    notebook.check(shown, labels[0], 1, 4)
    x, y, width = centre_of(page, ".shift-explorer .frame")
    pixel = width / data.FRAME
    page.mouse.move(x + pixel, y + 4 * pixel)
    page.mouse.down()
    page.mouse.move(x - 5 * pixel, y - 2 * pixel, steps=6)
    page.mouse.up()
    notebook.check(shown, labels[0], -5, -2)
    for index, label in enumerate(labels[1:], 1):
        shown.get_by_role("combobox", name="Garment").select_option(index=index)
        notebook.check(shown, label, -5, -2)
    x, y, width = centre_of(page, ".shift-explorer .heat")
    page.mouse.move(x + 6 * width / 13, y - 6 * width / 13)
    notebook.check(shown, labels[-1], 6, -6)


def test_the_widget_is_light(site: Path) -> None:
    text = (site / PAGE).read_text(encoding="utf-8")
    start = text.index('<div data-widget="shift-explorer"')
    assert text.index("</script>", text.index("</script>", start) + 1) - start < 400_000
