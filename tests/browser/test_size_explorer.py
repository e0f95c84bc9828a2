"""The size explorer's ES module: its numbers against Python and real networks, its manners against a strict model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from bench import CURVES, NETWORKS, saved, size_explorer, static_page
from playwright.sync_api import Page, expect

from gaplab import counting, sizes
from gaplab.shapes import Step, Stretch
from gaplab.widgets import Explored, SizeExplorer
from gaplab.widgets.size_explorer import HEADS

pytestmark = pytest.mark.browser


def networks_json() -> list[dict[str, Any]]:
    return [network.as_state() for network in NETWORKS]


@pytest.fixture
def module(load_module: Any) -> Page:
    """An empty page in which ``widget`` is the module and ``strictModel`` makes a model."""
    return load_module(SizeExplorer)


@pytest.fixture
def mounted(mount: Any) -> Page:
    """The widget, rendered on a strict model that is ``model``; ``cleanup`` ends it."""
    return mount(size_explorer())


# The numbers ---------------------------------------------------------------------------------------------------------


def test_sides_equal_python_for_every_size(module: Page) -> None:
    got = module.evaluate(
        """(networks) => networks.map((network) =>
          Array.from({length: 640}, (_, i) => widget.stageSides(network, i + 1)))""",
        networks_json(),
    )
    assert got == [[sizes.sides(network.stages, size) for size in range(1, 641)] for network in NETWORKS]


@pytest.mark.parametrize(("label", "name"), [("ResNet-50", "resnet50"), ("VGG-16", "vgg16"), ("AlexNet", "alexnet")])
def test_table_shows_the_real_network(mounted: Page, label: str, name: str) -> None:
    """The numbers on the page against hooks on the running network."""
    network = counting.on_meta(name)
    mounted.get_by_label("Network").select_option(label)
    for size in (64, 224, 300, 333):
        mounted.get_by_role("spinbutton", name="Input size").fill(str(size))
        with sizes.watch(network, sizes.STAGES[name]) as shapes:
            counting.run_shapes(network, size)
        wanted = {"input": (3, size, size)} | shapes
        rows = mounted.locator("[data-stage]")
        assert rows.evaluate_all("(all) => all.map((row) => row.dataset.stage)") == list(wanted)
        for i, (channels, side, _) in enumerate(wanted.values()):
            cells = rows.nth(i).locator("td").all_text_contents()
            assert cells == [f"{side} × {side} × {channels:,}", f"{side * side * channels:,}"]


def test_ceil_mode_equals_python(module: Page) -> None:
    for step in (Step(3, 2, 0, True), Step(2, 2, 0, True), Step(1, 3, 1, True), Step(3, 2, 1)):
        got = module.evaluate(
            "(step) => Array.from({length: 30}, (_, i) => widget.stepSide(step, i + 3))", list(step)
        )  # fmt: skip
        assert got == [step.side(side) for side in range(3, 33)]


def test_every_sentence_equals_python(module: Page) -> None:
    cases = [
        (i, size, head)
        for i, network in enumerate(NETWORKS)
        for size in (1, 27, 28, 31, 32, 62, 63, 64, 80, 192, 193, 224, 225, 254, 255, 256, 300, 640)
        for head in HEADS
        if size <= network.largest
    ]
    got = module.evaluate(
        """([networks, heads, cases]) =>
          cases.map(([i, size, head]) => widget.sentence(networks[i], size, head, heads[head]))""",
        [networks_json(), HEADS, cases],
    )
    assert got == [size_explorer(NETWORKS[i].name, size, head).describe() for i, size, head in cases]
    words = " ".join(got)
    for expected in ("copied", "averaged", "stretched", "does not fit", "No map is left", "4 × 4 scores"):
        assert expected in words


def test_place_on_a_curve(module: Page) -> None:
    curve, measured = CURVES[0].as_state(), NETWORKS[3].as_state()
    place = "([curve, measured, network, size]) => widget.placeOnCurve(curve, measured, network, size)"
    resnet = NETWORKS[0].as_state()
    assert module.evaluate(place, [curve, measured, measured, 28]) == {"at": 1, "next": 1, "part": 0}
    assert module.evaluate(place, [curve, measured, measured, 42]) == {"at": 1, "next": 2, "part": 0.5}
    assert module.evaluate(place, [curve, measured, resnet, 448]) == {"at": 2, "next": 2, "part": 0}
    assert module.evaluate(place, [curve, measured, resnet, 336]) == {"at": 1, "next": 2, "part": 0.5}
    assert module.evaluate(place, [curve, measured, measured, 15]) is None
    assert module.evaluate(place, [curve, measured, resnet, 449]) is None


# The manners ---------------------------------------------------------------------------------------------------------


def head_row(page: Page, head: str) -> Any:
    return page.locator(f"[data-head={head}]")


def test_first_state(mounted: Page) -> None:
    expect(mounted.locator(".result")).to_have_text(size_explorer().describe())
    assert mounted.locator("[data-head]").evaluate_all("(all) => all.map((row) => row.dataset.head)") == list(HEADS)
    expect(mounted.locator("[data-head][data-works=true]")).to_have_count(len(HEADS))
    expect(mounted.locator(".accuracy")).to_have_text(
        "Not measured on ResNet-50. ResNet-20, at the same ratio of test to training size (1.00): "
        "91.0 ± 1.0 % right (3 seeds)."
    )
    assert saved(mounted) == []


def test_heads_that_break_turn_off_and_say_why(mounted: Page) -> None:
    mounted.get_by_role("slider", name="Input size").fill("300")
    broken = mounted.locator("[data-works=false]")
    assert broken.evaluate_all("(all) => all.map((row) => row.dataset.head)") == ["flatten", "window"]
    expect(head_row(mounted, "flatten")).to_contain_text(
        "breaks. The map flattens to 204,800 numbers; the layer has weights for 100,352."
    )
    expect(head_row(mounted, "window")).to_contain_text("4 × 4 × 2,048 = 32,768 numbers; the classifier reads 2,048.")
    expect(head_row(mounted, "convolution")).to_contain_text("works. 4 × 4 scores")
    mounted.get_by_role("radio", name="Flattened map").check()
    expect(mounted.locator(".result")).to_have_text(size_explorer("ResNet-50", 300, "flatten").describe())
    expect(mounted.locator(".accuracy")).to_contain_text("was not measured at other sizes than 28 px")
    assert saved(mounted) == [{"size": 300}, {"head": "flatten"}]


def test_heads_by_keyboard(mounted: Page) -> None:
    mounted.get_by_role("spinbutton", name="Input size").focus()
    mounted.keyboard.press("Tab")
    expect(mounted.get_by_role("radio", name="Global average pool")).to_be_focused()
    mounted.keyboard.press("ArrowDown")
    expect(mounted.get_by_role("radio", name="Global max pool")).to_be_checked()
    expect(mounted.locator(".accuracy")).to_contain_text("88.0 ± 1.0 % right (3 seeds)")
    assert saved(mounted) == [{"head": "max"}]


def test_another_training_size_starts_anew(mounted: Page) -> None:
    mounted.get_by_role("slider", name="Input size").fill("300")
    mounted.get_by_label("Network").select_option("VGG-16")
    expect(mounted.locator(".result")).to_have_text(size_explorer("VGG-16", 300).describe())
    mounted.get_by_label("Network").select_option("ResNet-20")
    expect(mounted.locator(".result")).to_have_text(size_explorer("ResNet-20", 28).describe())
    assert saved(mounted) == [{"size": 300}, {"network": "VGG-16"}, {"network": "ResNet-20", "size": 28}]
    expect(mounted.get_by_role("slider", name="Input size")).to_have_attribute("max", "80")
    mounted.get_by_role("slider", name="Input size").fill("56")
    expect(mounted.locator(".accuracy")).to_have_text(
        "ResNet-20, trained at 28 px, at 56 px: 50.0 ± 10.0 % right (3 seeds)."
    )
    assert mounted.locator(".legend b").all_text_contents() == ["50.0 ± 10.0 %", "35.0 ± 2.0 %", "82.0 ± 1.0 %"]
    mounted.get_by_role("slider", name="Input size").fill("40")
    expect(mounted.locator(".accuracy")).to_contain_text("between 91.0 % at 28 px and 50.0 % at 56 px right")
    mounted.get_by_role("slider", name="Input size").fill("80")
    expect(mounted.locator(".accuracy")).to_contain_text("not measured; it was tested from 16 to 56 px")
    expect(mounted.locator(".dot:visible")).to_have_count(0)


def test_dots_lie_on_their_curves(mounted: Page) -> None:
    mounted.get_by_label("Network").select_option("ResNet-20")
    for size, wanted in ((28, [91.0, 88.0, 90.0]), (42, [70.5, 61.5, 86.0]), (56, [50.0, 35.0, 82.0])):
        mounted.get_by_role("slider", name="Input size").fill(str(size))
        heights = mounted.locator(".dot").evaluate_all("(all) => all.map((dot) => Number(dot.getAttribute('cy')))")
        assert [(170 - y) / 1.6 for y in heights] == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "The input size is empty: choose a whole number from 1 to 640."),
        ("0", "The input size is 0 px: choose a whole number from 1 to 640."),
        ("641", "The input size is 641 px: choose a whole number from 1 to 640."),
        ("22.5", "The input size is 22.5 px: choose a whole number from 1 to 640."),
    ],
)
def test_bad_size_gets_one_sentence_and_changes_nothing(mounted: Page, text: str, message: str) -> None:
    field = mounted.get_by_role("spinbutton", name="Input size")
    field.fill(text)
    expect(mounted.get_by_role("alert")).to_have_text(f"{message} Below are still ResNet-50, 224 px.")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(mounted.locator(".result")).to_have_text(size_explorer().describe())
    assert saved(mounted) == []
    field.fill("100")
    expect(mounted.get_by_role("alert")).to_be_empty()
    expect(field).to_have_attribute("aria-invalid", "false")
    assert saved(mounted) == [{"size": 100}]


def test_python_moves_the_controls(mounted: Page) -> None:
    mounted.evaluate("model.fromPython({ network: 'ResNet-20', size: 64, head: 'window' })")
    expect(mounted.get_by_label("Network")).to_have_value("ResNet-20")
    expect(mounted.get_by_role("slider", name="Input size")).to_have_value("64")
    expect(mounted.get_by_role("radio", name="fixed window")).to_be_checked()
    expect(mounted.locator(".result")).to_have_text(size_explorer("ResNet-20", 64, "window").describe())


def test_maps_are_to_scale(mounted: Page) -> None:
    mounted.get_by_role("slider", name="Input size").fill("320")
    widths = mounted.locator(".maps .map").evaluate_all("(all) => all.map((path) => path.getBBox().width)")
    assert widths == pytest.approx([100 * side / 640 for side in (320, 160, 80, 80, 40, 20, 10)])
    box = "(path) => path.getBBox().width"
    assert mounted.locator(".cells").evaluate(box) == pytest.approx(100 * 10 / 20)
    assert mounted.locator(".built").evaluate(box) == pytest.approx(100 * 7 / 20)
    assert (mounted.locator(".cells").get_attribute("d") or "").count("H") == 11  # eleven lines bound ten cells


# The page ------------------------------------------------------------------------------------------------------------


def test_without_scripts_the_result_is_still_read(open_page: Any, tmp_path: Path) -> None:
    bare = open_page(viewport="narrow", javascript=False)
    still = size_explorer("ResNet-50", 300, "flatten")
    bare.goto(static_page(tmp_path, still.page_html()))
    expect(bare.get_by_role("row", name="layer4")).to_contain_text("10 × 10 × 2,048")
    expect(bare.locator("li").nth(3)).to_contain_text("Average pool with a fixed window breaks.")
    expect(bare.locator("li").nth(6)).to_contain_text("average: 16 px 43.0 %, 28 px 91.0 %, 56 px 50.0 %")


# The explorer on the page of chapter 4 -------------------------------------------------------------------------------


@pytest.fixture(params=["wide", "narrow"])
def on_page(open_page: Any, site: Path, request: pytest.FixtureRequest) -> Any:
    """The size explorer on the built page."""
    name = "04_variable_input_size.html"
    if not (site / name).exists():
        pytest.fail(f"the site has no page {name}: add the chapter to _toc.yml and run `nox -s book`")
    page = open_page(viewport=request.param)
    page.goto((site / name).as_uri(), wait_until="load")
    expect(page.locator("[data-widget=size-explorer][data-state=ready]")).to_have_count(1)
    return page.locator("[data-widget=size-explorer]")


def stored(on_page: Any) -> SizeExplorer:
    """The explorer that the chapter built, read back from the page."""
    text = on_page.locator("xpath=following-sibling::script[@type='application/json'][1]").text_content()
    state = json.loads(text or "")["state"]
    networks = [
        Explored(
            one["name"],
            tuple(Stretch(s["name"], s["channels"], tuple(Step(*step) for step in s["steps"])) for s in one["stages"]),
            one["trained"],
            one["largest"],
            one["channels"],
        )
        for one in state["networks"]
    ]
    return SizeExplorer(networks, [], state["measured_on"])


def check(on_page: Any, network: str, size: int, head: str) -> None:
    """Compare what is shown with Python's arithmetic."""
    oracle = stored(on_page)
    oracle.set_state({"network": network, "size": size, "head": head})
    expect(on_page.locator(".result")).to_have_text(oracle.describe())
    stages = oracle._networks[network].stages
    maps = [
        f"{side} × {side} × {stage.channels:,}" if side else "none"
        for stage, side in zip(stages, sizes.sides(stages, size), strict=True)
    ]
    assert on_page.locator("[data-stage] td:nth-child(2)").all_text_contents()[1:] == maps


def test_on_the_page_by_keyboard_alone(on_page: Any) -> None:
    page = on_page.page
    check(on_page, "ResNet-50", 224, "average")
    on_page.get_by_label("Network").focus()
    page.keyboard.type("VGG")
    check(on_page, "VGG-16", 224, "average")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    check(on_page, "VGG-16", 225, "average")
    page.keyboard.press("End")
    check(on_page, "VGG-16", 640, "average")
    page.keyboard.press("Tab")
    page.keyboard.press("Control+a")
    page.keyboard.type("300")
    check(on_page, "VGG-16", 300, "average")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    check(on_page, "VGG-16", 300, "flatten")
    expect(on_page.locator("[data-head=flatten]")).to_have_attribute("data-works", "false")


def test_on_the_page_by_mouse(on_page: Any) -> None:
    page = on_page.page
    slider = on_page.get_by_role("slider", name="Input size")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.35, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()
    size = int(slider.input_value())
    assert 400 < size < 500
    check(on_page, "ResNet-50", size, "average")
    on_page.locator("[data-head=convolution]").click()
    check(on_page, "ResNet-50", size, "convolution")


def test_accuracy_on_the_page_is_the_table_of_evidence(on_page: Any) -> None:
    from gaplab import evidence

    table = evidence.load("size").query("kind == 'scaled' and remedy == 'none'")
    on_page.get_by_label("Network").select_option("ResNet-20")
    for size in (28, 56):
        on_page.get_by_role("slider", name="Input size").fill(str(size))
        for head, label in (("gap", "Global average pool"), ("max", "Global max pool")):
            runs = 100 * table[(table["head"] == head) & (table["size"] == size)]["accuracy"]
            on_page.get_by_role("radio", name=label).check()
            expect(on_page.locator(".accuracy")).to_contain_text(
                f"at {size} px: {runs.mean():.1f} ± {runs.std():.1f} % right ({len(runs)} seeds)"
            )
