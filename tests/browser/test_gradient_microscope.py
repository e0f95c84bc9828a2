"""The gradient microscope: what the page computes is what PyTorch computes, whatever the reader does to a real map."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from bench import SIDE, microscope, real_maps, saved, static_page
from numpy.typing import NDArray
from playwright.sync_api import Locator, Page, expect

from gaplab import models
from gaplab.widgets import GradientMicroscope, Microscopic
from gaplab.widgets.gradient_microscope import BACK, POWERS

pytestmark = pytest.mark.browser

Array = NDArray[Any]


def autograd(values: Array, p: float, first: bool, mask: bool) -> tuple[float, Array]:
    """The pooled value and its gradient by PyTorch, in double precision; with ``mask``, through a real ReLU."""
    x = torch.tensor(values, dtype=torch.float64)
    # What a ReLU turns into x: below zero where x is zero.
    source = (torch.where(x > 0, x, -1.0) if mask else x).requires_grad_()
    cells = (F.relu(source) if mask else source)[None, None]
    if p == 1:
        y = cells.mean(dim=(2, 3))
    elif p == math.inf:
        y = F.max_pool2d(cells, SIDE) if first else cells.amax(dim=(2, 3))
    else:
        top = max(float(values.max()), 1e-6)  # else x^1000 overflows: the mean of x / top is that of x, over top
        layer = models.GeM(float(p), eps=1e-6 / top).double()
        layer.p.data = torch.tensor(p, dtype=torch.float64)
        y = top * layer(cells / top)
    y.sum().backward()
    assert source.grad is not None
    return float(y.detach()), source.grad.numpy()


@pytest.fixture
def mounted(mount: Any) -> Page:
    """The widget, rendered on a strict model that is ``model``; ``cleanup`` ends it."""
    return mount(microscope())


def read(text: str) -> float:
    return float(text.replace("−", "-").removesuffix(" %"))


def check(
    root: Page | Locator,
    *,
    map: int = 0,
    p: float = 3,
    cell: int | None = None,
    edits: dict[int, float] | None = None,
    mask: bool = False,
    first: bool = False,
) -> None:
    """Compare all that is shown with what PyTorch makes of the same cells."""
    given = real_maps()[map]
    values = given.values.astype(np.float64)
    chosen = int(given.values.argmax()) if cell is None else cell
    for index, new in (edits or {}).items():
        values.flat[index] = new
    value, gradient = autograd(values, p, first, mask)
    row, column = divmod(chosen, SIDE)
    expect(root.locator(".where b")).to_have_text(f"Row {row + 1}, column {column + 1}")
    expect(root.locator(".power")).to_have_text("p → ∞" if p == math.inf else f"p = {p:g}")
    half, length = 0.5e-4 + 1e-9, float(np.linalg.norm(gradient))
    assert read(root.locator("dd.value").inner_text()) == pytest.approx(value, abs=half)
    assert read(root.locator("dd.total").inner_text()) == pytest.approx(gradient.sum(), abs=half)
    assert read(root.locator("dd.length").inner_text()) == pytest.approx(length, abs=half)
    assert read(root.locator("dd.density").inner_text()) == pytest.approx(100 * (gradient > 0).mean(), abs=0.0501)
    effective = 100 * gradient.sum() ** 2 / (gradient.size * length**2) if length else 0
    assert read(root.locator("dd.effective").inner_text()) == pytest.approx(effective, abs=0.0501)
    assert read(root.locator(".now").inner_text()) == pytest.approx(values.flat[chosen], abs=half)
    slope = root.locator(".slope").inner_text().removeprefix("gradient ")
    assert read(slope) == pytest.approx(gradient.flat[chosen], rel=0.051, abs=1e-12 if "e" in slope else half)
    widget = microscope(p=p, map=map, mask=mask)
    changes = {str(index): float(new) for index, new in (edits or {}).items()}
    widget.set_state({"cell": chosen, "edits": changes, "first": first})
    expect(root.locator(".result")).to_have_text(widget.describe())
    page = root if isinstance(root, Page) else root.page
    for part, numbers, top in (
        (".seen", values, max(values.max(), given.values.max())),
        (".grad", gradient, gradient.max()),
    ):
        heat = root.locator(f"{part} .heat")
        fills = heat.locator("> svg > rect").evaluate_all(
            "(all) => all.map((c) => c.getAttribute('fill').match(/\\d+/g).map(Number))"
        )
        wanted = viridis(numbers / top if top else numbers)
        assert np.abs(np.array(fills) - wanted).max() <= 1, part  # the page's step of rounding
        texts = heat.locator("> svg > text").all_text_contents()
        assert [0 if t == "~0" else float(t) for t in texts] == pytest.approx(numbers.ravel().tolist(), abs=0.0051)
        marker = heat.locator(".marker")
        assert (marker.get_attribute("x"), marker.get_attribute("y")) == (str(column), str(row))
    assert page.locator(".edited").count() == len(edits or {}) or root is not page


def viridis(shares: Array) -> Array:
    """Colours of shares from 0 to 1, ``(cells, 3)``, between the ten that the page is given."""
    from matplotlib import colormaps

    stops = np.round(255 * np.array([colormaps["viridis"](i / 9)[:3] for i in range(10)]))
    at = 9 * shares.ravel()
    return np.stack([np.interp(at, np.arange(10), stops[:, channel]) for channel in range(3)], axis=1)


def square(page: Page, part: str, cell: int) -> tuple[float, float]:
    """Middle of a cell in a heat map."""
    heat = page.locator(f"{part} .heat").first
    heat.scroll_into_view_if_needed()
    box = heat.bounding_box()
    assert box
    row, column = divmod(cell, SIDE)
    return box["x"] + (column + 0.5) * box["width"] / SIDE, box["y"] + (row + 0.5) * box["height"] / SIDE


def test_first_state(mounted: Page) -> None:
    check(mounted)
    assert saved(mounted) == []


def test_every_power_of_the_slider_equals_autograd(mounted: Page) -> None:
    for number, given in enumerate(real_maps()):
        values = given.values.astype(np.float64)
        for p in POWERS:
            for first in (False, True) if p == math.inf else (False,):
                got = mounted.evaluate(
                    "([values, p, first]) => widget.pool(values, p === null ? Infinity : p, first)",
                    [values.ravel().tolist(), None if p == math.inf else p, first],
                )
                value, gradient = autograd(values, p, first, mask=False)
                assert got["value"] == pytest.approx(value, rel=1e-12), (number, p)
                assert got["gradient"] == pytest.approx(gradient.ravel().tolist(), rel=1e-10, abs=1e-300), (number, p)


def test_the_slider_goes_from_average_to_maximum_by_keyboard(mounted: Page) -> None:
    slider = mounted.get_by_role("slider", name="Exponent p")
    slider.focus()
    for key, p, words in (
        ("Home", 1, "p = 1, the average"),
        ("ArrowRight", 1.1, "p = 1.1"),
        ("End", math.inf, "p to infinity, the maximum"),
        ("ArrowLeft", 1000, "p = 1000"),
        ("ArrowLeft", 900, "p = 900"),
    ):
        mounted.keyboard.press(key)
        check(mounted, p=p)
        expect(slider).to_have_attribute("aria-valuetext", words)
    last = len(POWERS) - 1
    assert saved(mounted) == [{"stop": stop} for stop in (0, 1, last, last - 1, last - 2)]


def test_buttons_jump_to_the_three_pools(mounted: Page) -> None:
    for name, p in (("maximum", math.inf), ("average", 1), ("GeM, p = 3", 3)):
        mounted.get_by_role("button", name=name).click()
        check(mounted, p=p)
        pressed = mounted.locator(".presets [aria-pressed=true]").all_inner_texts()
        assert pressed == [name]


def test_the_slider_follows_the_mouse(mounted: Page) -> None:
    slider = mounted.get_by_role("slider", name="Exponent p")
    box = slider.bounding_box()
    assert box
    mounted.mouse.move(box["x"] + 20, box["y"] + box["height"] / 2)
    mounted.mouse.down()
    mounted.mouse.move(box["x"] + box["width"] + 20, box["y"] + box["height"] / 2, steps=8)
    check(mounted, p=math.inf)
    mounted.mouse.up()
    assert len(saved(mounted)) > 4  # it followed on the way


def test_arrow_keys_walk_and_plus_minus_change_a_cell(mounted: Page) -> None:
    strongest = int(real_maps()[0].values.argmax())
    step = 0.05 if real_maps()[0].values.max() > 2 else 0.02
    mounted.get_by_role("application").focus()
    for _ in range(SIDE):  # held at the border
        mounted.keyboard.press("ArrowUp")
        mounted.keyboard.press("ArrowLeft")
    check(mounted, cell=0)
    mounted.keyboard.press("ArrowRight")
    mounted.keyboard.press("ArrowDown")
    check(mounted, cell=SIDE + 1)
    own = float(real_maps()[0].values.flat[SIDE + 1])
    mounted.keyboard.press("+")
    above = (math.floor(own / step) + 1) * step
    check(mounted, cell=SIDE + 1, edits={SIDE + 1: round(above, 2)})
    mounted.keyboard.press("+")
    mounted.keyboard.press("-")
    check(mounted, cell=SIDE + 1, edits={SIDE + 1: round(above, 2)})
    mounted.keyboard.press("0")
    check(mounted, cell=SIDE + 1, edits={SIDE + 1: 0} if own else {})
    mounted.keyboard.press("-")  # below 0 there is nothing
    check(mounted, cell=SIDE + 1, edits={SIDE + 1: 0} if own else {})
    mounted.keyboard.press("r")
    check(mounted, cell=SIDE + 1)
    mounted.keyboard.press("Home")
    check(mounted, cell=strongest)


def test_mouse_picks_a_cell_in_either_map_and_drags_over_more(mounted: Page) -> None:
    mounted.mouse.click(*square(mounted, ".seen", 9))
    check(mounted, cell=9)
    mounted.mouse.click(*square(mounted, ".grad", 45))
    check(mounted, cell=45)
    mounted.mouse.move(*square(mounted, ".seen", 10))  # without a button nothing follows
    check(mounted, cell=45)
    mounted.mouse.down()
    mounted.mouse.move(*square(mounted, ".seen", 26), steps=5)
    check(mounted, cell=26)
    mounted.mouse.up()


def test_a_finger_picks_a_cell(mounted: Page) -> None:
    client = mounted.context.new_cdp_session(mounted)
    x, y = square(mounted, ".grad", 30)
    client.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    check(mounted, cell=30)


def test_slider_and_buttons_change_the_cell_and_take_it_back(mounted: Page) -> None:
    strongest = int(real_maps()[0].values.argmax())
    slider = mounted.get_by_role("slider", name="Activation of the selected cell")
    slider.focus()
    mounted.keyboard.press("Home")
    check(mounted, edits={strongest: 0})
    expect(mounted.get_by_role("button", name="Lower the cell")).to_be_disabled()
    mounted.keyboard.press("End")
    top = float(slider.get_attribute("max") or 0)
    assert top > 1.4 * float(real_maps()[0].values.max())
    check(mounted, edits={strongest: top})
    mounted.mouse.click(*square(mounted, ".seen", 24))
    mounted.get_by_role("button", name="Raise the cell").click()
    raised = mounted.evaluate("model.get('edits')")
    assert set(raised) == {str(strongest), "24"}
    check(mounted, cell=24, edits={strongest: top, 24: raised["24"]})
    mounted.get_by_role("button", name="Reset cell").click()
    check(mounted, cell=24, edits={strongest: top})
    expect(mounted.get_by_role("application")).to_be_focused()  # the button has nothing more to do
    mounted.get_by_role("button", name="Reset map").click()
    check(mounted, cell=24)
    expect(mounted.get_by_role("button", name="Reset map")).to_be_disabled()


def test_behind_the_relu_no_gradient_where_the_activation_is_zero(mounted: Page) -> None:
    mounted.get_by_role("button", name="average").click()
    mounted.get_by_role("checkbox", name="Behind the ReLU").check()
    check(mounted, p=1, mask=True)
    assert read(mounted.locator("dd.density").inner_text()) == pytest.approx(
        100 * (real_maps()[0].values > 0).mean(), abs=0.06
    )
    mounted.get_by_role("application").focus()
    mounted.keyboard.press("0")
    strongest = int(real_maps()[0].values.argmax())
    check(mounted, p=1, mask=True, edits={strongest: 0})
    assert saved(mounted)[1] == {"mask": True}


def test_of_equal_maxima_all_or_the_first(mounted: Page) -> None:
    tied = real_maps()[1].values
    equals = int((tied == tied.max()).sum())
    assert equals > 1
    mounted.get_by_role("combobox", name="Map").select_option(index=1)
    check(mounted, map=1)
    switch = mounted.get_by_role("checkbox", name="First of equals")
    expect(switch).to_be_disabled()
    mounted.get_by_role("button", name="maximum").click()
    check(mounted, map=1, p=math.inf)
    assert read(mounted.locator("dd.length").inner_text()) == pytest.approx(equals**-0.5, abs=1e-4)
    switch.check()
    check(mounted, map=1, p=math.inf, first=True)
    assert read(mounted.locator("dd.length").inner_text()) == 1


def test_a_map_of_zeros_is_no_accident(mounted: Page) -> None:
    edits = {str(cell): 0.0 for cell in range(SIDE * SIDE)}
    mounted.evaluate("(edits) => model.fromPython({ edits })", edits)
    every = dict.fromkeys(range(SIDE * SIDE), 0.0)
    own = real_maps()[0].values.ravel()
    shown = {cell for cell in every if own[cell] > 0}
    assert mounted.locator(".edited").count() == len(shown)
    for stop, value in ((0, 0), (POWERS.index(3), 1e-6), (len(POWERS) - 1, 0)):
        mounted.evaluate("(stop) => model.fromPython({ stop })", stop)
        wanted, gradient = autograd(np.zeros((SIDE, SIDE)), POWERS[stop], False, False)
        assert wanted == pytest.approx(value)
        assert read(mounted.locator("dd.value").inner_text()) == pytest.approx(wanted)
        assert read(mounted.locator("dd.total").inner_text()) == pytest.approx(gradient.sum(), abs=1e-4)


def test_another_map_starts_afresh(mounted: Page) -> None:
    mounted.get_by_role("application").focus()
    mounted.keyboard.press("0")
    mounted.get_by_role("combobox", name="Map").select_option(index=2)
    check(mounted, map=2)
    assert saved(mounted)[-1] == {"map": 2, "cell": int(real_maps()[2].values.argmax()), "edits": {}} or (
        saved(mounted)[-1] == {"map": 2, "edits": {}}  # the strongest cell is the same
    )
    expect(mounted.get_by_text("was not measured for this map")).to_be_visible()
    assert mounted.locator(".trio").is_hidden()


@pytest.mark.parametrize("common", [True, False])
def test_one_block_back_is_the_networks_own(mounted: Page, common: bool) -> None:
    if not common:
        mounted.get_by_role("checkbox", name="One scale for all three").uncheck()
    mounted.mouse.click(*square(mounted, ".seen", 17))
    for number in (0, 1):
        mounted.get_by_role("combobox", name="Map").select_option(index=number)
        mounted.mouse.click(*square(mounted, ".seen", 17))
        back = real_maps()[number].back
        assert back
        tops = {key: float(np.abs(back[key]).max()) for key in BACK}
        for part, (key, name) in zip(mounted.locator(".trio figure").all(), BACK.items(), strict=True):
            given = back[key].astype(np.float64)
            expect(part.locator("figcaption")).to_have_text(name)
            here, density, length = (read(text) for text in part.locator("dd").all_inner_texts())
            assert here == pytest.approx(given.flat[17], rel=0.051, abs=0.5e-4)
            assert density == pytest.approx(100 * (given != 0).mean(), abs=0.051)
            assert length == pytest.approx(float(np.sqrt((given**2).sum())), abs=0.51e-4)
            top = max(tops.values()) if common else tops[key]
            expect(part.locator(".scale")).to_contain_text("±")
            assert read(part.locator(".scale").inner_text().removeprefix("± ")) == pytest.approx(top, abs=0.51e-4)
            fills = part.locator(".heat > svg > rect").evaluate_all("(all) => all.map((c) => c.getAttribute('fill'))")
            shares = (given / top if top else given).ravel().tolist()
            assert fills == mounted.evaluate("(all) => all.map(widget.diverging)", shares)


def test_colours_are_symmetric_and_evenly_light(mounted: Page) -> None:
    from skimage.color import rgb2lab

    def lightness(name: str, low: float) -> Array:
        shares = np.linspace(low, 1, 41)
        texts = mounted.evaluate(f"(all) => all.map(widget.{name})", shares.tolist())
        rgb = np.array([[int(part) for part in re.findall(r"\d+", text)] for text in texts]) / 255
        return np.asarray(rgb2lab(rgb[None])[0, :, 0])

    rising = np.diff(lightness("sequential", 0))
    assert (rising > 0).all()
    assert rising.max() < 2.5 * rising.mean()
    both = lightness("diverging", -1)
    assert both.argmax() == 20
    assert np.abs(both - both[::-1]).max() < 9
    assert (np.diff(both[:21]) > 0).all()
    assert (np.diff(both[20:]) < 0).all()
    # Numbers in the cells keep the contrast of small text.
    ratios = mounted.evaluate(
        """() => Array.from({ length: 101 }, (_, i) => {
          const fill = widget.sequential(i / 100);
          const parts = fill.match(/\\d+/g).map((c) => ((c / 255 + 0.055) / 1.055) ** 2.4);
          const light = 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
          return widget.ink(fill) === "#000000" ? (light + 0.05) / 0.05 : 1.05 / (light + 0.05);
        })"""
    )
    assert min(ratios) >= 4.5


def test_python_changes_what_is_shown(mounted: Page) -> None:
    mounted.evaluate("(stop) => model.fromPython({ stop, cell: 3, edits: { 3: 2.5 }, mask: true })", len(POWERS) - 1)
    check(mounted, p=math.inf, cell=3, edits={3: 2.5}, mask=True)
    assert saved(mounted) == []


def test_without_scripts_the_pools_are_still_read(open_page: Any, tmp_path: Path) -> None:
    bare = open_page(viewport="narrow", javascript=False)
    bare.goto(static_page(tmp_path, microscope().page_html()))
    for given in real_maps():
        for name, p in (("average", 1), ("GeM, p = 3", 3), ("maximum", math.inf)):
            value, gradient = autograd(given.values, p, False, False)
            row = bare.get_by_role("row", name=f"{given.label}, {name}").locator("td").all_inner_texts()
            wanted = [value, float(np.linalg.norm(gradient)), 100 * (gradient > 0).mean()]
            assert [read(text) for text in row] == pytest.approx(wanted, abs=0.051)


def test_the_widget_is_light() -> None:
    maps = [Microscopic(str(i), real_maps()[0].values, real_maps()[0].back) for i in range(24)]
    size = len(GradientMicroscope(maps).page_html().encode())
    print(f"the gradient microscope with {len(maps)} maps weighs {size / 1000:.0f} kB")
    assert size < 150_000
