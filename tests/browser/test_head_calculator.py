"""The head calculator's ES module: its numbers against Python, its manners against a strict model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from gaplab import counting
from gaplab.shapes import LastMap, Step
from gaplab.widgets import Backbone, HeadCalculator
from gaplab.widgets.head_calculator import CLASSES, SIZES

pytestmark = pytest.mark.browser

RESNET = tuple(Step(kernel, 2, kernel // 2) for kernel in (7, 3, 3, 3, 3))
ALEXNET = (Step(11, 4, 2), Step(3, 2, 0), Step(3, 2, 0), Step(3, 2, 0))
GOOGLENET = (Step(7, 2, 3), *(Step(3, 2, 0, True),) * 3, Step(2, 2, 0, True))
ROWS = [
    Backbone("AlexNet", LastMap(256, ALEXNET), 2_469_696, 58_631_144),
    Backbone("VGG-16", LastMap(512, (Step(2, 2, 0),) * 5), 14_714_688, 123_642_856),
    Backbone("GoogLeNet", LastMap(1024, GOOGLENET), 5_599_904, 1_025_000),
    Backbone("ResNet-50", LastMap(2048, RESNET), 23_508_032, 2_049_000),
]


def rows_json() -> list[dict[str, Any]]:
    return [row.as_state() for row in ROWS]


@pytest.fixture
def module(load_module: Any) -> Page:
    """An empty page in which ``widget`` is the module and ``strictModel`` makes a model."""
    return load_module(HeadCalculator)


@pytest.fixture
def mounted(module: Page) -> Page:
    """The widget, rendered on a strict model that is ``model``; ``cleanup`` ends it."""
    state = {"rows": rows_json(), "limits": {"size": list(SIZES), "classes": list(CLASSES)}}
    module.evaluate(
        """(state) => {
          window.model = strictModel(state);
          window.cleanup = widget.default.render({ model, el: document.querySelector("main") });
        }""",
        state | {"network": "ResNet-50", "size": 224, "classes": 1000},
    )
    return module


def half_up(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)


def costs(row: Backbone, size: int, classes: int) -> dict[str, Any]:
    """What ``headCosts`` must give, in Python's whole numbers."""
    side, channels = row.last_map.side(size), row.last_map.channels

    def head(inputs: int, additions: int) -> dict[str, int]:
        parameters = inputs * classes + classes
        return {
            "inputs": inputs,
            "weights": inputs * classes,
            "parameters": parameters,
            "multiplyAdds": inputs * classes,
            "poolAdditions": additions,
            "bytes": 4 * parameters,
            "trainingBytes": 16 * parameters,
            "permille": half_up(1000 * parameters, row.backbone_parameters + parameters),
        }

    flattened = side * side * channels
    return {
        "side": side,
        "ratio": side * side,
        "flatten": head(flattened, 0),
        "average": head(channels, flattened),
    }


def test_side_and_smallest_size_equal_python_for_every_size(module: Page) -> None:
    sides = module.evaluate(
        "(rows) => rows.map((row) => Array.from({length: 700}, (_, i) => widget.mapSide(row.path, i + 1)))", rows_json()
    )
    assert sides == [[row.last_map.side(size) for size in range(1, 701)] for row in ROWS]
    smallest = module.evaluate("(rows) => rows.map((row) => widget.smallestSize(row.path))", rows_json())
    assert smallest == [row.last_map.smallest_size() for row in ROWS] == [63, 32, 15, 1]


def test_ceil_mode_drops_a_window_that_begins_in_the_far_padding(module: Page) -> None:
    path = [[1, 3, 1, True]]
    wanted = [Step(1, 3, 1, True).side(size) for size in range(1, 20)]
    assert module.evaluate("(path) => Array.from({length: 19}, (_, i) => widget.mapSide(path, i + 1))", path) == wanted


def test_costs_equal_python_for_every_backbone(module: Page) -> None:
    cases = [(i, s, k) for i in range(len(ROWS)) for s in range(63, 641, 11) for k in (2, 10, 999, 1000, 21_841)]
    got = module.evaluate(
        "([rows, cases]) => cases.map(([i, s, k]) => widget.headCosts(rows[i], s, k))", [rows_json(), cases]
    )
    assert got == [costs(ROWS[i], s, k) for i, s, k in cases]


def test_sentence_equals_python_for_every_backbone(module: Page) -> None:
    cases = [(i, s, k) for i in range(len(ROWS)) for s in (63, 64, 224, 300, 640) for k in (2, 1000, 21_841)]
    got = module.evaluate(
        "([rows, cases]) => cases.map(([i, s, k]) => widget.sentence(rows[i], s, k))", [rows_json(), cases]
    )
    assert got == [HeadCalculator(ROWS, ROWS[i].name, s, k).describe() for i, s, k in cases]
    assert "both have 512,000 weights" in HeadCalculator(ROWS, "VGG-16", 63, 1000).describe()


def test_numbers_are_printed_as_python_prints_them(module: Page) -> None:
    counts = [0, 7, 999, 1000, 65_536, 100_352_000, 17_892_147_200]
    assert module.evaluate("(all) => all.map(widget.formatCount)", counts) == [f"{n:,}" for n in counts]
    sizes = [0, 12, 49, 50, 999_949, 999_950, 1_000_000, 401_412_000, 1_605_648_000, 286_274_704_656]
    wanted = [
        f"{half_up(n, 100) / 10:,.1f} kB" if n < 1_000_000 else f"{half_up(n, 100_000) / 10:,.1f} MB" for n in sizes
    ]
    assert module.evaluate("(all) => all.map(widget.formatBytes)", sizes) == wanted


def quantity(page: Page, name: str) -> list[str]:
    return page.locator(f'[data-quantity="{name}"] td').all_text_contents()


def saved(page: Page) -> list[dict[str, Any]]:
    """What the widget told the model so far, nothing being left unsaved."""
    assert page.evaluate("model.unsaved()") == []
    return page.evaluate("model.saved")


def test_first_state(mounted: Page) -> None:
    expect(mounted.locator(".result")).to_have_text(HeadCalculator(ROWS).describe())
    assert quantity(mounted, "weights") == ["100,352,000", "2,048,000"]
    assert quantity(mounted, "parameters") == ["100,353,000", "2,049,000"]
    assert quantity(mounted, "bytes") == ["401.4 MB", "8.2 MB"]
    assert quantity(mounted, "trainingBytes") == ["1,605.6 MB", "32.8 MB"]
    assert saved(mounted) == []


def test_each_control_is_saved_once(mounted: Page) -> None:
    mounted.get_by_label("Backbone").select_option("VGG-16")
    mounted.get_by_role("slider", name="Input size").fill("300")
    mounted.get_by_role("slider", name="Number of classes").press("ArrowRight")
    mounted.get_by_role("spinbutton", name="Number of classes").fill("365")
    assert saved(mounted) == [{"network": "VGG-16"}, {"size": 300}, {"classes": 2000}, {"classes": 365}]
    expect(mounted.locator(".result")).to_have_text(HeadCalculator(ROWS, "VGG-16", 300, 365).describe())
    expect(mounted.get_by_role("spinbutton", name="Input size")).to_have_value("300")
    # 365 lies between the stops 200 and 500, nearer to 500 by ratio.
    expect(mounted.get_by_role("slider", name="Number of classes")).to_have_value("7")
    expect(mounted.get_by_role("slider", name="Number of classes")).to_have_attribute("aria-valuetext", "365 classes")


@pytest.mark.parametrize(
    ("box", "text", "message"),
    [
        ("Input size", "", "The input size is empty: choose a whole number from 32 to 640."),
        ("Input size", "31", "The input size is 31 px: choose a whole number from 32 to 640."),
        ("Input size", "224.5", "The input size is 224.5 px: choose a whole number from 32 to 640."),
        ("Number of classes", "0", "The number of classes is 0: choose a whole number from 2 to 21,841."),
        ("Number of classes", "-5", "The number of classes is -5: choose a whole number from 2 to 21,841."),
        ("Number of classes", "", "The number of classes is empty: choose a whole number from 2 to 21,841."),
        ("Number of classes", "21842", "The number of classes is 21,842: choose a whole number from 2 to 21,841."),
    ],
)
def test_bad_value_gets_one_sentence_and_changes_nothing(mounted: Page, box: str, text: str, message: str) -> None:
    field = mounted.get_by_role("spinbutton", name=box)
    field.fill(text)
    expect(mounted.get_by_role("alert")).to_have_text(f"{message} Below are still ResNet-50, 224 px, 1,000 classes.")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(mounted.locator(".result")).to_have_text(HeadCalculator(ROWS).describe())
    assert saved(mounted) == []
    field.fill("100")
    expect(mounted.get_by_role("alert")).to_be_empty()
    expect(field).to_have_attribute("aria-invalid", "false")
    assert len(saved(mounted)) == 1


def test_input_too_small_for_the_network(mounted: Page) -> None:
    mounted.get_by_role("spinbutton", name="Input size").fill("40")
    mounted.get_by_label("Backbone").select_option("AlexNet")
    expect(mounted.get_by_role("alert")).to_have_text(
        "AlexNet cannot take an input of 40 px: choose at least 63 px. Below are still ResNet-50, 40 px, 1,000 classes."
    )
    assert saved(mounted) == [{"size": 40}]
    mounted.get_by_role("slider", name="Input size").fill("63")
    assert saved(mounted)[1:] == [{"network": "AlexNet", "size": 63}]
    expect(mounted.locator(".result")).to_have_text(HeadCalculator(ROWS, "AlexNet", 63).describe())


def test_python_moves_the_controls(mounted: Page) -> None:
    mounted.get_by_role("spinbutton", name="Number of classes").fill("0")
    mounted.evaluate("model.fromPython({ network: 'GoogLeNet', size: 640, classes: 10 })")
    expect(mounted.get_by_label("Backbone")).to_have_value("GoogLeNet")
    expect(mounted.get_by_role("slider", name="Input size")).to_have_value("640")
    expect(mounted.get_by_role("spinbutton", name="Number of classes")).to_have_value("10")
    expect(mounted.locator(".result")).to_have_text(HeadCalculator(ROWS, "GoogLeNet", 640, 10).describe())
    expect(mounted.get_by_role("alert")).to_be_empty()
    assert saved(mounted) == []


def test_python_may_pass_through_a_pair_that_cannot_stand(mounted: Page) -> None:
    mounted.evaluate("model.fromPython({ size: 40 }); model.fromPython({ network: 'AlexNet' })")
    expect(mounted.locator(".result")).to_have_text(HeadCalculator(ROWS, "ResNet-50", 40).describe())
    mounted.evaluate("model.fromPython({ size: 100 })")
    expect(mounted.locator(".result")).to_have_text(HeadCalculator(ROWS, "AlexNet", 100).describe())


def test_areas_are_to_scale(mounted: Page) -> None:
    area = """(name) => {
      const box = document.querySelector(`.${name} .fill`).getBBox();
      return box.width * box.height;
    }"""
    flatten, average, backbone = (mounted.evaluate(area, name) for name in ("flatten", "average", "backbone"))
    assert flatten == pytest.approx(100 * 100)
    assert flatten / average == pytest.approx(49, rel=1e-4)
    assert flatten / backbone == pytest.approx(100_352_000 / 23_508_032, rel=1e-4)
    tiles = mounted.locator(".tiles").get_attribute("d") or ""
    assert tiles.count("V") == tiles.count("H") == 6  # six lines each way make 7 x 7 tiles


def test_cleanup_leaves_no_listener(mounted: Page) -> None:
    assert sorted(mounted.evaluate("model.listening()")) == ["change:classes", "change:network", "change:size"]
    mounted.evaluate("cleanup()")
    assert mounted.evaluate("model.listening()") == []


def test_an_update_takes_less_than_a_frame(mounted: Page, record_property: Callable[[str, object], None]) -> None:
    milliseconds = mounted.evaluate(
        """() => {
          const slider = document.querySelector("[name=size-slider]");
          const step = (size) => {
            slider.value = size;
            const start = performance.now();
            slider.dispatchEvent(new Event("input"));
            return performance.now() - start;
          };
          const sizes = Array.from({ length: 100 }, (_, i) => 640 - 6 * i);
          return fastest(sizes, step);
        }"""
    )
    print(f"script per step of the slider: slowest {max(milliseconds):.2f} ms of {len(milliseconds)} steps")
    record_property("slowest_step_ms", max(milliseconds))
    assert max(milliseconds) < 16


def test_path_of_a_real_network_reaches_the_page_unchanged(module: Page) -> None:
    row = Backbone("ResNet-50", counting.last_map("resnet50"), 1, 1).as_state()
    sides = module.evaluate("(row) => Array.from({length: 640}, (_, i) => widget.mapSide(row.path, i + 1))", row)
    assert sides == [-(-size // 32) for size in range(1, 641)]


def static_page(tmp_path: Path, *parts: str, theme: str = "light") -> str:
    """Write a bare page of the widgets' own HTML, and return its ``file://`` address."""
    page = tmp_path / "page.html"
    body = "\n".join(parts)
    page.write_text(
        f'<!doctype html><html lang="en" data-theme="{theme}"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
        f"<title>Widgets</title><body><main><h1>Widgets</h1>{body}</main></body></html>",
        encoding="utf-8",
    )
    return page.as_uri()


def test_equal_and_different_widgets_share_a_page(page: Page, tmp_path: Path) -> None:
    first, second = HeadCalculator(ROWS).page_html(), HeadCalculator(ROWS, "VGG-16", 448, 10).page_html()
    page.goto(static_page(tmp_path, first, first, second))
    expect(page.locator("[data-state=ready]")).to_have_count(3)
    ids = page.locator("[data-widget]").evaluate_all("(all) => all.map((one) => one.id)")
    assert ids == ["head-calculator", "head-calculator-2", "head-calculator-3"]
    page.locator("#head-calculator-2").get_by_role("spinbutton", name="Input size").fill("300")
    expected = [(), ("ResNet-50", 300), ("VGG-16", 448, 10)]
    results = page.locator(".result").all_text_contents()
    assert results == [HeadCalculator(ROWS, *chosen).describe() for chosen in expected]
    duplicates = page.evaluate(
        "() => { const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);"
        " return ids.filter((id, i) => ids.indexOf(id) !== i); }"
    )
    assert duplicates == []


def test_names_cannot_break_out_of_the_page(page: Page, tmp_path: Path) -> None:
    name = "</script><script>window.broken = 1</script><img src=x onerror='window.broken = 2'><!--<script>"
    row = Backbone(name, LastMap(8, RESNET), 1000, 10)
    page.goto(static_page(tmp_path, HeadCalculator([row]).page_html()))
    expect(page.locator("[data-state=ready]")).to_have_count(1)
    expect(page.get_by_label("Backbone")).to_have_value(name)
    assert page.evaluate("window.broken") is None


def test_without_scripts_the_result_is_still_read(open_page: Any, tmp_path: Path) -> None:
    bare = open_page(viewport="narrow", javascript=False)
    calculator = HeadCalculator(ROWS, size=40)
    bare.goto(static_page(tmp_path, calculator.page_html()))
    expect(bare.locator("p").first).to_have_text(calculator.describe())
    expect(bare.get_by_role("row", name="AlexNet")).to_contain_text("needs 63 px")
    expect(bare.get_by_role("row", name="VGG-16")).to_contain_text("512,000")
    assert bare.locator("input, select").count() == 0


def test_a_module_that_fails_leaves_the_fallback(open_page: Any, tmp_path: Path) -> None:
    page = open_page(strict=False)
    broken = HeadCalculator(ROWS).page_html().replace("function render(", "function rendered(")
    page.goto(static_page(tmp_path, broken))
    expect(page.locator("[data-state=failed] table")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("viewport", ["wide", "narrow"])
def test_axe_finds_nothing_at_all(open_page: Any, tmp_path: Path, viewport: str, theme: str) -> None:
    page = open_page(viewport=viewport, theme=theme)
    page.goto(static_page(tmp_path, HeadCalculator(ROWS, "ResNet-50", 640, 21_841).page_html(), theme=theme))
    expect(page.locator("[data-state=ready]")).to_have_count(1)
    page.get_by_role("spinbutton", name="Number of classes").fill("0")  # the error is looked at too
    expect(page.get_by_role("alert")).not_to_be_empty()
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(
        "(() => { const w = document.querySelector('.gaplab-widget'); return w.scrollWidth <= w.clientWidth; })()"
    )
    background = page.evaluate("getComputedStyle(document.querySelector('.gaplab-widget')).backgroundColor")
    assert background == {"light": "rgb(246, 248, 250)", "dark": "rgb(34, 39, 46)"}[theme]


def test_state_in_the_page_is_all_that_the_module_needs(page: Page, tmp_path: Path) -> None:
    page.goto(static_page(tmp_path, HeadCalculator(ROWS).page_html()))
    payload = json.loads(page.locator("script[type='application/json']").text_content() or "")
    assert sorted(payload["state"]) == ["classes", "limits", "network", "rows", "size"]
    assert payload["bytes"] == {}
