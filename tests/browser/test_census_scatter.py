"""The census scatter: every model of torchvision can be reached, and is told as Python was given it."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from bench import MODELS, saved, static_page
from playwright.sync_api import Locator, Page, expect

from gaplab.widgets import CensusModel, CensusScatter

pytestmark = pytest.mark.browser

BY_NAME = {model.name: model for model in MODELS}


@pytest.fixture
def mounted(mount: Any) -> Page:
    """The widget, rendered on a strict model that is ``model``; ``cleanup`` ends it."""
    page = mount(CensusScatter(MODELS))
    page.add_style_tag(content="* { transition: none !important; }")
    return page


def card(root: Page | Locator) -> dict[str, str]:
    terms = root.locator(".facts dt").all_inner_texts()
    return dict(zip(terms, root.locator(".facts dd").all_inner_texts(), strict=True))


def check(root: Page | Locator, name: str, shown: int = len(MODELS)) -> None:
    """Compare what is told with the model that Python gave, printed by another route."""
    given = BY_NAME[name]
    expect(root.locator(".facts dd").first).to_have_text(name)
    told = card(root)
    assert list(told) == ["Model", "Family", "Head", "Head share", "Accuracy", "Parameters", "GFLOPS"]
    assert (told["Family"], told["Head"]) == (given.family, given.head)
    assert told["Parameters"] == f"{given.parameters:,}"
    for label, value, step in (
        ("Head share", 100 * given.head_share, 0.005),
        ("Accuracy", given.accuracy, 0),
        ("GFLOPS", given.gflops, 0),
    ):
        assert abs(float(told[label].removesuffix(" %").replace(",", "")) - value) <= step + 1e-9, (name, label)
    expect(root.locator(".count")).to_have_text(f"{shown} of {len(MODELS)} models")
    expect(root.get_by_role("combobox", name="Model")).to_have_value(name)
    expect(root.locator(".tag")).to_have_text(name)


def place(page: Page, name: str) -> tuple[float, float]:
    """Where a model must lie in the page, on axes of the model's own parameters and accuracy."""
    box = page.locator(".plot").bounding_box()
    assert box
    values = [math.log(model.parameters) for model in MODELS]
    room = math.log(1.3)
    low, high = min(values) - room, max(values) + room
    bottom, top = (5 * way(f(m.accuracy for m in MODELS) / 5) for way, f in ((math.floor, min), (math.ceil, max)))
    x = (math.log(BY_NAME[name].parameters) - low) / (high - low)
    y = (BY_NAME[name].accuracy - bottom) / (top - bottom)
    return box["x"] + x * box["width"], box["y"] + (1 - y) * box["height"]


def test_first_state_and_every_mark_is_in_its_place(mounted: Page) -> None:
    check(mounted, "resnet50")
    assert saved(mounted) == []
    centres = mounted.locator(".points .mark").evaluate_all(
        "(all) => all.map((m) => [m.getScreenCTM().e, m.getScreenCTM().f])"
    )
    assert len(centres) == len(MODELS)
    for model, centre in zip(MODELS, centres, strict=True):
        assert centre == pytest.approx(place(mounted, model.name), abs=0.5), model.name


def test_heads_differ_in_colour_and_in_outline(mounted: Page) -> None:
    looks = mounted.locator(".points .mark").evaluate_all(
        "(all) => all.map((m) => [m.getAttribute('d'), getComputedStyle(m).fill])"
    )
    by_head: dict[str, set[tuple[str, str]]] = {}
    for model, look in zip(MODELS, looks, strict=True):
        by_head.setdefault(model.head, set()).add(tuple(look))
    assert all(len(seen) == 1 for seen in by_head.values())
    outlines, colours = zip(*(next(iter(seen)) for seen in by_head.values()), strict=True)
    assert len(set(outlines)) == len(set(colours)) == len(by_head) == 5
    legend = mounted.locator(".heads label").all_inner_texts()
    counted = Counter(model.head for model in MODELS)
    assert [line.split("\n") for line in legend] == [[head, str(n)] for head, n in counted.most_common()]
    keys = mounted.locator(".heads .mark").evaluate_all(
        "(all) => all.map((m) => [m.getAttribute('d'), getComputedStyle(m).fill])"
    )
    assert [tuple(key) for key in keys] == [next(iter(by_head[head])) for head, _ in counted.most_common()]


def test_arrow_keys_reach_every_model_along_either_axis(mounted: Page) -> None:
    mounted.get_by_role("application").focus()
    for key, back, order in (
        ("ArrowRight", "Home", sorted(MODELS, key=lambda m: (m.parameters, m.accuracy, m.name))),
        ("ArrowUp", "Home", sorted(MODELS, key=lambda m: (m.accuracy, m.parameters, m.name))),
    ):
        if key == "ArrowUp":
            mounted.evaluate("(name) => model.fromPython({ model: name })", order[0].name)
        else:
            mounted.keyboard.press(back)
        check(mounted, order[0].name)
        for model in order[1:]:
            mounted.keyboard.press(key)
            assert mounted.evaluate("model.get('model')") == model.name
        check(mounted, order[-1].name)
        mounted.keyboard.press(key)  # at the end nothing is beyond
        check(mounted, order[-1].name)
    mounted.keyboard.press("ArrowDown")
    check(mounted, sorted(MODELS, key=lambda m: m.accuracy)[-2].name)
    mounted.keyboard.press("ArrowLeft")
    mounted.keyboard.press("End")
    check(mounted, max(MODELS, key=lambda m: m.parameters).name)


def test_equal_models_come_from_the_lowest_up_and_then_by_name(mounted: Page) -> None:
    names = (("d", 70.0), ("b", 71.0), ("c", 70.0), ("a", 70.0), ("e", 69.0))
    widget = CensusScatter([CensusModel(name, "", "", 0.5, accuracy, 10, 1) for name, accuracy in names])
    state = {"x": "parameters", "y": "accuracy", "family": "", "hidden": []}
    order = mounted.evaluate("([all, state]) => widget.visible(all, state).map((m) => m.name)", [widget.models, state])
    assert order == ["e", "a", "c", "d", "b"] == [model["name"] for model in widget.shown()]


def test_the_mouse_picks_what_it_points_at(mounted: Page) -> None:
    for name in ("alexnet", "shufflenet_v2_x0_5", "efficientnet_v2_l"):
        mounted.mouse.move(*place(mounted, name))
        check(mounted, name)
    x, y = place(mounted, "alexnet")
    mounted.mouse.move(x - 80, y - 30)  # nothing is near
    check(mounted, "efficientnet_v2_l")
    mounted.mouse.move(x + 15, y + 10)
    check(mounted, "alexnet")
    assert [change["model"] for change in saved(mounted)] == [
        "alexnet",
        "shufflenet_v2_x0_5",
        "efficientnet_v2_l",
        "alexnet",
    ]


def test_pressing_again_reaches_the_points_that_lie_on_each_other(mounted: Page) -> None:
    at = {m.name: place(mounted, m.name) for m in MODELS}
    crowd = max(MODELS, key=lambda m: sum(math.dist(at[m.name], other) < 6 for other in at.values())).name
    together = {name for name, spot in at.items() if math.dist(at[crowd], spot) < 6}
    assert len(together) > 2
    mounted.mouse.move(*at[crowd])
    pointed = mounted.evaluate("model.get('model')")
    assert math.dist(at[pointed], at[crowd]) < 0.5
    reached = []
    for _ in range(12):
        mounted.mouse.down()
        mounted.mouse.up()
        mounted.mouse.move(at[crowd][0] + 1, at[crowd][1])  # a hand is never quite still
        reached.append(mounted.evaluate("model.get('model')"))
    assert reached[0] == pointed  # the first press keeps what was pointed at
    assert together <= set(reached)


def test_a_finger_taps_and_taps_again(mounted: Page) -> None:
    client = mounted.context.new_cdp_session(mounted)

    def tap(name: str, chosen: str) -> None:
        x, y = place(mounted, name)
        client.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
        client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        mounted.wait_for_function("(chosen) => model.get('model') === chosen", arg=chosen)

    tap("alexnet", "alexnet")
    tap("vgg16_bn", "vgg16_bn")
    tap("squeezenet1_0", "squeezenet1_0")
    tap("squeezenet1_0", "squeezenet1_1")
    tap("squeezenet1_0", "squeezenet1_0")
    check(mounted, "squeezenet1_0")


def test_menus_choose_axes_family_and_model(mounted: Page) -> None:
    mounted.get_by_role("combobox", name="Across").select_option("GFLOPS")
    expect(mounted.locator(".axis.across")).to_have_text("GFLOPS, multiply-adds (log scale) →")
    assert saved(mounted) == [{"x": "gflops"}]
    mounted.get_by_role("combobox", name="Upwards").select_option("GFLOPS")  # the axes change places
    assert saved(mounted)[-1] == {"y": "gflops", "x": "accuracy"}
    expect(mounted.get_by_role("combobox", name="Across")).to_have_value("accuracy")
    mounted.get_by_role("combobox", name="Family").select_option("vgg")
    vgg = sorted((m for m in MODELS if m.family == "vgg"), key=lambda m: m.accuracy)
    check(mounted, vgg[0].name, len(vgg))  # ResNet-50 is filtered out
    mounted.get_by_role("combobox", name="Model").select_option("vgg19_bn")
    check(mounted, "vgg19_bn", len(vgg))
    assert mounted.locator(".points .mark:visible").count() == len(vgg)


def test_axis_ticks_stand_at_their_values(mounted: Page) -> None:
    for key, low, high in (("parameters", 1e6, 1e9), ("gflops", 0.02, 2000), ("head_share", 0, 100)):
        mounted.evaluate("(x) => model.fromPython({ x })", key)
        ticks = mounted.locator(".grid .x").evaluate_all(
            "(all) => all.map((t) => [t.textContent, t.getAttribute('x')])"
        )
        assert 4 <= len(ticks) <= 14, ticks
        values = [
            float(t.replace(",", "").replace(" k", "e3").replace(" M", "e6").replace(" G", "e9")) for t, _ in ticks
        ]
        parts = [float(x.removesuffix("%")) for _, x in ticks]
        assert values == sorted(values)
        assert low <= values[0] < values[-1] <= high
        scaled = values if key == "head_share" else [math.log(value) for value in values]
        span = (parts[-1] - parts[0]) / (scaled[-1] - scaled[0])
        assert parts == pytest.approx([parts[0] + span * (value - scaled[0]) for value in scaled], abs=0.01)


def test_unticked_heads_leave_and_an_empty_plot_says_so(mounted: Page) -> None:
    mounted.get_by_role("checkbox", name="average pool, linear").uncheck()
    others = [m for m in MODELS if m.head != "average pool, linear"]
    check(mounted, min(others, key=lambda m: m.parameters).name, len(others))
    mounted.get_by_role("combobox", name="Family").select_option("resnet")
    expect(mounted.locator(".count")).to_have_text(f"0 of {len(MODELS)} models: no model matches")
    expect(mounted.get_by_text("No model matches.", exact=True)).to_be_visible()
    expect(mounted.get_by_role("combobox", name="Model")).to_be_disabled()
    assert set(card(mounted).values()) == {"–"}
    assert mounted.locator(".ring").is_hidden()
    mounted.get_by_role("application").focus()
    mounted.keyboard.press("ArrowRight")  # there is nothing to go to
    mounted.get_by_role("button", name="Show all models").click()
    check(mounted, "resnet50")
    expect(mounted.get_by_role("application")).to_be_focused()
    assert saved(mounted) == [{"hidden": ["average pool, linear"]}, {"family": "resnet"}, {"family": "", "hidden": []}]


def test_by_keyboard_alone(mounted: Page) -> None:
    mounted.keyboard.press("Tab")
    expect(mounted.get_by_role("combobox", name="Across")).to_be_focused()
    for _ in range(3):
        mounted.keyboard.press("Tab")
    expect(mounted.get_by_role("checkbox").first).to_be_focused()
    mounted.keyboard.press("Space")
    for _ in range(5):
        mounted.keyboard.press("Tab")
    expect(mounted.get_by_role("application")).to_be_focused()
    mounted.keyboard.press("End")
    rest = [m for m in MODELS if m.head != "average pool, linear"]
    check(mounted, max(rest, key=lambda m: m.parameters).name, len(rest))
    mounted.keyboard.press("Tab")
    expect(mounted.get_by_role("combobox", name="Model")).to_be_focused()


def test_python_changes_what_is_shown(mounted: Page) -> None:
    mounted.evaluate("model.fromPython({ x: 'head_share', hidden: ['class token'], model: 'alexnet' })")
    check(mounted, "alexnet", sum(m.head != "class token" for m in MODELS))
    assert saved(mounted) == []


def test_names_stay_inside_at_390_px(open_page: Any, tmp_path: Path) -> None:
    page = open_page(viewport="narrow")
    page.goto(static_page(tmp_path, CensusScatter(MODELS).page_html()))
    page.get_by_role("application").focus()
    frame = page.locator(".census-scatter").bounding_box()
    page.keyboard.press("Home")
    for _ in MODELS:
        tag = page.locator(".tag").bounding_box()
        assert frame["x"] <= tag["x"]
        assert tag["x"] + tag["width"] <= frame["x"] + frame["width"]
        page.keyboard.press("ArrowRight")
    overlaps = page.locator(".grid .x:visible").evaluate_all(
        """(all) => all.map((t) => t.getBoundingClientRect()).sort((a, b) => a.x - b.x)
          .filter((box, i, boxes) => i && box.left < boxes[i - 1].right)"""
    )
    assert overlaps == []


def test_without_scripts_the_models_are_still_read(open_page: Any, tmp_path: Path) -> None:
    bare = open_page(viewport="narrow", javascript=False)
    bare.goto(static_page(tmp_path, CensusScatter(MODELS).page_html()))
    expect(bare.get_by_role("row", name="resnet152")).to_contain_text("60,192,808")
