"""The head calculator's ES module: its numbers against Python, its manners against a strict model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from bench import ROWS, saved, static_page
from playwright.sync_api import Page, expect

from gaplab import counting, figures
from gaplab.shapes import Step
from gaplab.widgets import Backbone, HeadCalculator

pytestmark = pytest.mark.browser


def rows_json() -> list[dict[str, Any]]:
    return [row.as_state() for row in ROWS]


@pytest.fixture
def module(load_module: Any) -> Page:
    """An empty page in which ``widget`` is the module and ``strictModel`` makes a model."""
    return load_module(HeadCalculator)


@pytest.fixture
def mounted(mount: Any) -> Page:
    """The widget, rendered on a strict model that is ``model``; ``cleanup`` ends it."""
    return mount(HeadCalculator(ROWS))


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


def test_heads_have_the_colours_of_the_figures(mounted: Page) -> None:
    for name, hue in (("flatten", "green"), ("average", "blue")):
        red, green, blue = (int(figures.HUES[hue][1][at : at + 2], 16) for at in (1, 3, 5))
        expect(mounted.locator(f".{name} .fill")).to_have_css("fill", f"rgb({red}, {green}, {blue})")


def test_path_of_a_real_network_reaches_the_page_unchanged(module: Page) -> None:
    row = Backbone("ResNet-50", counting.last_map("resnet50"), 1, 1).as_state()
    sides = module.evaluate("(row) => Array.from({length: 640}, (_, i) => widget.mapSide(row.path, i + 1))", row)
    assert sides == [-(-size // 32) for size in range(1, 641)]


def test_different_widgets_share_a_page(page: Page, tmp_path: Path) -> None:
    page.goto(
        static_page(tmp_path, HeadCalculator(ROWS).page_html(), HeadCalculator(ROWS, "VGG-16", 448, 10).page_html())
    )
    expect(page.locator("[data-state=ready]")).to_have_count(2)
    page.locator("#head-calculator-2").get_by_role("spinbutton", name="Input size").fill("300")
    expected = [HeadCalculator(ROWS), HeadCalculator(ROWS, "VGG-16", 300, 10)]
    assert page.locator(".result").all_text_contents() == [one.describe() for one in expected]


def test_without_scripts_the_result_is_still_read(open_page: Any, tmp_path: Path) -> None:
    bare = open_page(viewport="narrow", javascript=False)
    calculator = HeadCalculator(ROWS, size=40)
    bare.goto(static_page(tmp_path, calculator.page_html()))
    expect(bare.get_by_role("row", name="AlexNet")).to_contain_text("needs 63 px")
    expect(bare.get_by_role("row", name="VGG-16")).to_contain_text("512,000")
