"""The bench: what every widget must do, whatever it shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bench
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from gaplab.shapes import LastMap, Step, Stretch
from gaplab.widgets import (
    Backbone,
    CensusScatter,
    Choice,
    Explored,
    GradientMicroscope,
    HeadCalculator,
    Microscopic,
    PageWidget,
    Predictions,
    Question,
    SizeExplorer,
)

pytestmark = pytest.mark.browser


@dataclass(frozen=True)
class Case:
    """One widget on the bench.

    Attributes:
        make: Makes it.
        changes: The traits that its reader changes.
        act: Something that its reader does.
        judged: Brings it into another state that axe judges: an error, an empty plot.
        fingers: Selects what is for fingers.
        steps: The steps that must fit into a frame, as `bench.slowest` takes them.
        reads: What stands in the page where no script runs; what `describe` says if left out.
        height: Of what is for fingers, in pixels.
        bytes: It must weigh less.
    """

    make: Callable[[], PageWidget]
    changes: set[str]
    act: Callable[[Locator], Any]
    judged: Callable[[Locator], Any]
    fingers: str
    steps: str = ""
    reads: str | None = None
    height: int = 44
    bytes: int = 150_000


def slide(sizes: str) -> str:
    """Steps of the slider of sizes, as a reader drags it."""
    return f"""{sizes}.map((size) => () => {{
      const slider = document.querySelector("[name=size-slider]");
      slider.value = size;
      slider.dispatchEvent(new Event("input"));
    }})"""


def type_into(name: str, text: str) -> Callable[[Locator], None]:
    return lambda widget: widget.get_by_role("spinbutton", name=name).fill(text)


def press(name: str) -> Callable[[Locator], None]:
    return lambda widget: widget.get_by_role("button", name=name).click()


def pick(name: str, index: int) -> Callable[[Locator], Any]:
    return lambda widget: widget.get_by_role("combobox", name=name).select_option(index=index)


def key(name: str) -> Callable[[Locator], None]:
    return lambda widget: widget.get_by_role("application").press(name)


def hide_all(widget: Locator) -> None:
    for box in widget.get_by_role("checkbox").all():
        box.uncheck()


CASES = {
    "census": Case(
        lambda: CensusScatter(bench.MODELS),
        {"family", "hidden", "model", "x", "y"},
        key("End"),
        hide_all,
        "select, .heads label, .plot, button:visible",
        """[
          ...model.get("models").map(({ name }) => ({ model: name })),
          { x: "gflops" }, { y: "head_share" }, { x: "accuracy" }, { x: "parameters" }, { y: "accuracy" },
          { family: "vgg" }, { family: "" }, { hidden: model.get("heads") }, { hidden: [] },
        ]""",
    ),
    "microscope": Case(
        bench.microscope,
        {"cell", "edits", "first", "map", "mask", "stop"},
        key("ArrowUp"),
        pick("Map", 2),
        "select, input[type=range], .switches label, button, .maps .heat",
        """[
          ...[...model.get("powers"), Infinity].map((_, stop) => ({ stop })),
          ...Array.from({ length: 49 }, (_, cell) => ({ cell })),
          ...Array.from({ length: 49 }, (_, i) => ({ edits: { [i]: i / 10 } })),
          { map: 1 }, { map: 2 }, { map: 0 }, { mask: true }, { mask: false }, { first: true }, { first: false },
        ]""",
    ),
    "calculator": Case(
        lambda: HeadCalculator(bench.ROWS, "ResNet-50", 640, 21_841),
        {"classes", "network", "size"},
        type_into("Input size", "300"),
        type_into("Number of classes", "0"),
        "select, input",
        slide("Array.from({ length: 100 }, (_, i) => 640 - 6 * i)"),
        bytes=100_000,
    ),
    "shift": Case(
        bench.shift_explorer,
        {"dx", "dy", "garment", "head"},
        key("ArrowRight"),
        pick("Garment", 1),
        "select, input, .frame, .heat",
        "Array.from({ length: 49 }, (_, i) => ({ dx: (i % 7) - 3, dy: Math.floor(i / 7) - 3 }))",
    ),
    "size": Case(
        lambda: bench.size_explorer("ResNet-50", 300, "flatten"),
        {"head", "network", "size"},
        lambda widget: widget.get_by_role("radio", name="Global max pool").check(),
        type_into("Input size", "0"),
        "select, input[type=range], input[type=number], .head",
        slide("Array.from({ length: 100 }, (_, i) => 640 - 6 * i)"),
        bytes=100_000,
    ),
    "vote": Case(
        lambda: bench.vote_explorer(pool="maximum", category=bench.KINDS - 1),
        {"category", "cell", "photograph", "pool"},
        lambda widget: widget.get_by_role("radio", name="Average").check(),
        lambda widget: widget.locator(".kind").first.click(),
        "label, .spot",
        """[
          ...Array.from({ length: 42 }, (_, cell) => ({ cell })),
          ...Array.from({ length: 36 }, (_, i) => [
            { photograph: i % 6 }, { category: (i * 5) % 6 }, { pool: i % 2 ? "average" : "maximum" },
          ]).flat(),
        ]""",
    ),
    "laboratory": Case(
        bench.laboratory,
        {
            *("cell", "channel", "dx", "dy", "experiment", "label", "layer", "network", "noise", "own_turn", "p"),
            *("picture", "pool", "seed", "side"),
        },
        lambda widget: widget.get_by_role("radio", name="Votes").check(),
        lambda widget: widget.get_by_role("radio", name="Pool and gradients").check(),
        ":is(select, button, summary, input[type=range], .choice label, label.button):visible",
        # What drawing an answer costs, which comes later from a Worker, is measured in test_laboratory.py.
        """[
          { layer: "layer1" }, { cell: 5 }, { experiment: "move" }, { dx: 3 }, { dy: -2 }, { experiment: "votes" },
          { label: 3 }, { experiment: "size" }, { side: 40 }, { side: 28 }, { experiment: "pool" }, { pool: "gem" },
          { p: 5 }, { noise: 10 }, { picture: "Coat" },
        ]""",
    ),
    "predictions": Case(
        bench.predictions,
        {"chosen"},
        lambda widget: widget.get_by_role("radio").first.check(),
        lambda widget: widget.get_by_role("radio").nth(1).check(),
        "label",
        "[{ chosen: [0, -1] }, { chosen: [1, -1] }, { chosen: [1, 0] }, { chosen: [0, 1] }]",
        reads="How much? low / high",
        height=36,
    ),
    "map": Case(
        bench.resnet_map,
        {"stage"},
        lambda widget: widget.locator("[aria-checked=true]").press("ArrowRight"),
        lambda widget: widget.get_by_role("radio").last.click(),
        "button",
        "[{ stage: 1 }, { stage: 2 }, { stage: 0 }]",
        reads="conv1",
    ),
    "ledger": Case(
        bench.verdict_ledger,
        {"chapter", "verdict"},
        pick("Chapter", 2),
        pick("Verdict", 3),
        "select",
        """[
          { verdict: "holds" }, { chapter: 3 }, { verdict: "all" }, { chapter: 0 },
          { verdict: "does not hold as stated" }, { verdict: "all" },
        ]""",
    ),
    "interview": Case(
        bench.mock_interview,
        set(),
        lambda widget: widget.get_by_role("radio", name="Quick").check(),
        press("Clear progress"),  # its screens are judged by its own tests
        "button, select, textarea, label.line",
        # How long its steps take with all that is ever kept is measured on its own page.
        bytes=400_000,
    ),
}
every_widget = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
VIEWPORTS: dict[str, Any] = {"wide": {"width": 1280, "height": 900}, "narrow": {"width": 390, "height": 844}}
BACKGROUNDS = {"light": "rgb(246, 248, 250)", "dark": "rgb(34, 39, 46)"}
SNAPSHOT = """(root) => JSON.stringify([
  root.querySelector(".gaplab-widget").innerHTML
    // Names differ, and so do times, and which of two showed how far the loading was.
    .replace(/ (name|id|for)="[^"]*"|[\\d.]+ ms|<div class="loading"[^]*?<\\/div>/g, ""),
  [...root.querySelectorAll("input, select, textarea")].map((one) => [one.value, one.checked, one.disabled]),
])"""


def ready(page: Page, count: int = 1) -> list[Locator]:
    """Wait until the widgets of a page are drawn, and return them."""
    widgets = page.locator("[data-widget][data-state=ready]")
    expect(widgets).to_have_count(count)
    settle(page)
    return widgets.all()


def settle(page: Page) -> None:
    """Wait until every question is answered, where a widget's answers come later."""
    expect(page.locator("[data-busy]")).to_have_count(0)


@every_widget
def test_it_reads_all_that_the_page_holds_and_cleans_up(mount: Any, payload: Any, case: Case) -> None:
    widget = case.make()
    page = mount(widget)
    held = payload(widget)
    assert set(page.evaluate("model.asked()")) == {*held["state"], *held["bytes"]}
    assert bench.saved(page) == []
    assert set(page.evaluate("model.listening()")) == {f"change:{name}" for name in case.changes}
    page.evaluate("cleanup()")
    assert page.evaluate("model.listening()") == []


@pytest.mark.parametrize(
    "case", [case for case in CASES.values() if case.steps], ids=[k for k in CASES if CASES[k].steps]
)
def test_a_step_takes_less_than_a_frame(mount: Any, case: Case, record_property: Callable[[str, object], None]) -> None:
    slowest = bench.slowest(mount(case.make()), case.steps)
    record_property("slowest_step_ms", slowest)
    assert slowest < bench.FRAME_MS


@every_widget
def test_axe_finds_nothing_in_any_size_or_theme(open_page: Any, tmp_path: Path, case: Case) -> None:
    """One page is made narrow and dark, as a reader turns a telephone, and nothing of the state may be lost."""
    page = open_page()
    page.goto(bench.static_page(tmp_path, case.make().page_html()))
    (widget,) = ready(page)
    judge(page, case, "wide", "light")
    judge(page, case, "narrow", "dark")
    case.judged(widget)
    settle(page)
    before = widget.evaluate(SNAPSHOT)
    for viewport in ("wide", "narrow"):
        for theme in ("light", "dark"):
            judge(page, case, viewport, theme)
    page.set_viewport_size(VIEWPORTS["wide"])
    assert widget.evaluate(SNAPSHOT) == before


def judge(page: Page, case: Case, viewport: str, theme: str) -> None:
    """Bring the page into a size and a theme, and look at it."""
    page.set_viewport_size(VIEWPORTS[viewport])
    page.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", theme)
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    root = page.locator(".gaplab-widget")
    expect(root).to_have_css("background-color", BACKGROUNDS[theme])
    results = Axe().run(page, options={"resultTypes": ["violations"], "preload": False})
    assert results.response["violations"] == [], results.generate_report()
    heights = page.locator(case.fingers).evaluate_all("(all) => all.map((e) => e.offsetHeight || e.clientHeight)")
    assert min(heights) >= case.height
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert root.evaluate("(root) => root.scrollWidth <= root.clientWidth")


@every_widget
def test_two_on_a_page_do_not_collide(open_page: Any, tmp_path: Path, case: Case) -> None:
    page = open_page(viewport="narrow")
    widget = case.make()
    page.goto(bench.static_page(tmp_path, widget.page_html(), widget.page_html()))
    first, second = ready(page, 2)
    assert [one.get_attribute("id") for one in (first, second)] == [widget.slug, f"{widget.slug}-2"]
    ids = page.locator("[id]").evaluate_all("(all) => all.map((one) => one.id)")
    assert len(set(ids)) == len(ids)
    before = first.evaluate(SNAPSHOT)
    assert second.evaluate(SNAPSHOT) == before
    case.act(second)
    settle(page)
    after = second.evaluate(SNAPSHOT)
    assert first.evaluate(SNAPSHOT) == before != after
    case.act(first)
    settle(page)
    assert first.evaluate(SNAPSHOT) == second.evaluate(SNAPSHOT) == after


@every_widget
def test_tab_reaches_every_control_shows_it_and_leaves(open_page: Any, tmp_path: Path, case: Case) -> None:
    page = open_page()
    page.goto(bench.static_page(tmp_path, case.make().page_html()))
    ready(page)
    wanted = page.evaluate(
        """() => {
          const all = "a[href], button, input, select, textarea, summary, [tabindex='0']";
          const first = new Map(); // Tab stops once at radio buttons of one name: at the checked one
          window.stops = [...document.querySelectorAll(all)].filter((e) => {
            if (e.disabled || e.tabIndex < 0 || !e.checkVisibility()) return false;
            if (e.type !== "radio" || e.checked) return true;
            const group = [...document.getElementsByName(e.name)];
            return !group.some((one) => one.checked) && e === group[0];
          });
          return stops.length;
        }"""
    )
    assert wanted
    for stop in range(wanted):
        page.keyboard.press("Tab")
        assert page.evaluate("stops.indexOf(document.activeElement)") == stop
        assert page.evaluate(
            """() => {
              const outlined = (e) => getComputedStyle(e).outlineStyle !== "none"
                && parseFloat(getComputedStyle(e).outlineWidth) >= 3;
              return outlined(document.activeElement) || Boolean(document.activeElement.closest("label"))
                && outlined(document.activeElement.closest("label"));
            }"""
        ), page.evaluate("document.activeElement.outerHTML")
    page.keyboard.press("Tab")
    assert page.evaluate("stops.indexOf(document.activeElement)") == -1


@every_widget
def test_without_scripts_it_still_reads(open_page: Any, tmp_path: Path, case: Case) -> None:
    bare = open_page(viewport="narrow", javascript=False)
    widget = case.make()
    bare.goto(bench.static_page(tmp_path, widget.page_html()))
    expect(bare.locator(".gaplab-widget")).to_contain_text(case.reads or widget.describe())
    assert bare.locator("input, select, textarea, button").count() == 0
    assert bare.evaluate("document.documentElement.scrollWidth <= innerWidth")


@every_widget
def test_its_page_is_light_and_the_same_each_time(case: Case) -> None:
    html = case.make().page_html()
    assert len(html.encode()) < case.bytes
    assert html == case.make().page_html()


NAME = "</script><script>window.broken = 1</script><img src=x onerror='window.broken = 2'><!--<script>"
NAMED = {
    "calculator": lambda: HeadCalculator([Backbone(NAME, LastMap(8, bench.RESNET), 1000, 10)]),
    "size": lambda: SizeExplorer([Explored(NAME, (Stretch(NAME, 8, (Step(3, 2, 1),)),))], bench.CURVES, NAME),
    "microscope": lambda: GradientMicroscope([Microscopic(NAME, np.eye(3))]),
    "predictions": lambda: Predictions([Question(NAME, [Choice(NAME, 0, 1), Choice("b", 1, 2)], 0, "cell")]),
}


@pytest.mark.parametrize("make", NAMED.values(), ids=NAMED)
def test_names_cannot_break_out_of_the_page(page: Page, tmp_path: Path, make: Callable[[], PageWidget]) -> None:
    page.goto(bench.static_page(tmp_path, make().page_html()))
    (widget,) = ready(page)
    expect(widget.get_by_text(NAME).or_(widget.locator("option", has_text=NAME)).first).to_be_attached()
    assert page.evaluate("window.broken") is None
