import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.legend import Legend
from matplotlib.text import Text

from gaplab import drawings, figures
from gaplab.evidence import summary


@pytest.fixture(autouse=True)
def style():
    figures.use_style()
    yield
    plt.close("all")


def two_panels():
    """Draw two panels with one y axis, and a legend too wide for a phone."""
    figure, panels = plt.subplots(1, 2, figsize=(8.6, 3.4), sharey=True)
    for ax, word in zip(panels, ("epochs", "learning rate"), strict=True):
        for name in ("average", "maximum", "flattened", "log-sum-exp"):
            ax.plot([1, 2], [3, 4], label=f"{name} of the last map")
        ax.set(xlabel=word)
    panels[0].set_ylabel("loss")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure


def inside(figure):
    """List the words that leave the page or are too small to read on a phone."""
    figure.draw_without_rendering()
    page = figure.bbox
    unseen = {
        label
        for ax in figure.axes
        for axis in (ax.xaxis, ax.yaxis)
        for tick in axis.get_major_ticks()
        if not min(axis.get_view_interval()) <= tick.get_loc() <= max(axis.get_view_interval())
        for label in (tick.label1, tick.label2)
    }
    bad = []
    for text in figure.findobj(Text):
        if text in unseen or not text.get_text() or not text.get_visible():
            continue
        box = text.get_window_extent()
        if box.x0 < page.x0 - 1 or box.x1 > page.x1 + 1:
            bad.append(("leaves the page", text.get_text()))
        if text.get_fontsize() * 100 / 72 < 11:
            bad.append(("too small", text.get_text()))
    return bad


def test_panels_stand_below_each_other_with_words_of_their_own():
    figure = drawings.fit_phone(two_panels())
    first, second = figure.axes
    figure.draw_without_rendering()
    assert figure.get_size_inches()[0] == drawings.PHONE
    assert first.get_window_extent().y0 > second.get_window_extent().y1
    assert (first.get_ylabel(), second.get_ylabel()) == ("loss", "loss")
    assert second.yaxis.get_tick_params()["labelleft"]


def test_a_legend_gets_the_columns_that_fit_and_keeps_its_order():
    figure = drawings.fit_phone(two_panels())
    (legend,) = figure.findobj(Legend)
    words = [text.get_text().split()[0] for text in legend.get_texts()]
    assert words == ["average", "maximum", "flattened", "log-sum-exp"]
    places = {round(text.get_window_extent().x0) for text in legend.get_texts()}
    assert len(places) == 1
    assert inside(figure) == []


def test_a_legend_of_two_columns_is_read_down_the_first_and_then_down_the_second():
    figure, ax = plt.subplots(figsize=(8.6, 3.4))
    names = ["average", "maximum", "flattened", "learned p"]
    for name in names:
        ax.plot([1, 2], [3, 4], label=name)
    ax.legend(ncols=4)
    figure = drawings.fit_phone(figure)
    figure.draw_without_rendering()
    (legend,) = figure.findobj(Legend)
    places = {text.get_text(): text.get_window_extent() for text in legend.get_texts()}
    columns = sorted({round(box.x0) for box in places.values()})
    assert len(columns) == 2
    assert sorted(places, key=lambda name: (round(places[name].x0), -places[name].y0)) == names


def test_what_a_grid_has_left_over_is_no_panel():
    drawn = figures.map_grid(np.zeros((10, 2, 2)), list("abcdefghij"), "x", photograph=np.zeros((4, 4, 3), np.uint8))
    figure = drawings.fit_phone(drawn)
    figure.draw_without_rendering()
    *pictures, _ = figure.axes
    assert len(pictures) == 11
    assert len({round(ax.get_window_extent().x0) for ax in pictures}) == 3


def test_words_that_leave_the_page_are_found():
    figure = two_panels()
    figure.set_size_inches(drawings.PHONE, 3)
    assert any(fault == "leaves the page" for fault, _ in inside(figure))
    figure.axes[0].xaxis.label.set_fontsize(5)
    assert ("too small", "epochs") in inside(figure)


def test_what_stands_out_below_or_above_is_on_the_page():
    figure = two_panels()
    figure.text(0.5, -0.1, "far below")
    figure.text(0.5, 1.1, "far above")
    page = drawings._page(figure)
    assert page.y0 < -0.1 * figure.get_size_inches()[1]
    assert page.y1 > 1.1 * figure.get_size_inches()[1]


def test_pictures_with_titles_come_three_in_a_row_over_their_colour_bar():
    drawn = figures.map_grid(np.arange(12.0).reshape(6, 1, 2), list("abcdef"), "activation")
    figure = drawings.fit_phone(drawn)
    figure.draw_without_rendering()
    *pictures, bar = figure.axes
    rows = sorted({round(ax.get_window_extent().y0) for ax in pictures})
    assert (len(pictures), len(rows)) == (6, 2)
    assert bar.get_window_extent().y1 < rows[0]
    assert bar.get_xlabel() == "activation"


def test_maps_with_axes_come_in_twos_and_say_what_their_axes_are():
    figure = drawings.fit_phone(figures.place_maps(np.arange(507.0).reshape(3, 13, 13), list("abc"), "accuracy (%)"))
    first, second, third, _ = figure.axes
    assert (first.get_ylabel(), second.get_ylabel(), third.get_ylabel()) == ("dy (px)", "", "dy (px)")
    assert (first.get_xlabel(), second.get_xlabel(), third.get_xlabel()) == ("", "dx (px)", "dx (px)")
    assert inside(figure) == []


def test_titles_at_the_left_of_rows_move_above_them():
    figure = drawings.fit_phone(figures.picture_rows(np.zeros((2, 8, 28, 28), np.uint8), ["one\ntwo", "three"]))
    assert [ax.get_title(loc="left") for ax in figure.axes[::8]] == ["one, two", "three"]


def test_words_at_a_bars_end_stay_on_the_page():
    ax = figures.head_bars(["a network", "b"], np.array([3.0, 10.0]), np.array([1.0, 0.5]))
    assert inside(drawings.fit_phone(ax.figure)) == []


def test_long_words_beside_a_point_are_broken_and_leave_the_plot_its_room():
    figure, ax = plt.subplots(figsize=(8.2, 3))
    ax.plot([1, 50], [1, 2])
    ax.text(50, 2, "a network with a long name 54.8, another network with a long name 14.4", va="center")
    figure = drawings.fit_phone(figure)
    assert inside(figure) == []
    assert "\n" in ax.texts[0].get_text()
    assert ax.get_window_extent().width > 0.3 * figure.bbox.width


def test_ticks_whose_words_touch_are_turned():
    figure, ax = plt.subplots(figsize=(8.2, 3))
    ax.plot(range(12), range(12))
    ax.set_xticks(range(12), ["0.0001"] * 12)
    figure = drawings.fit_phone(figure)
    figure.draw_without_rendering()
    assert {label.get_rotation() for label in ax.get_xticklabels()} == {60.0}


def test_the_family_tree_is_drawn_for_the_phone():
    members = [(f"Network{year}", year, "lane") for year in range(2012, 2023)]
    ax = figures.family_tree(members, {"lane": {"color": "#0072B2", "marker": "o"}}, [])
    figure = drawings.fit_phone(ax.figure)
    assert figure is not ax.figure
    assert inside(figure) == []
    labels = [text for text in figure.axes[0].texts if text.get_text().startswith("Network")]
    boxes = [text.get_window_extent() for text in labels]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def drawn(make):
    return drawings.svg(make(), {"#0072b2": "#56b4e9"})


def test_the_same_figure_is_the_same_text():
    assert drawn(two_panels) == drawn(two_panels)


def test_colours_follow_the_theme():
    text = drawn(lambda: figures.curves(np.array([1, 2]), summary({"gap": np.array([[1.0, 2.0]])})).figure)
    style = re.search(r"<style>(.*?)</style>", text)[1]
    light, dark = style.split("@media(prefers-color-scheme:dark)")
    for colour, other in {**drawings.DARK, "#0072b2": "#56b4e9"}.items():
        if colour in light:
            assert re.search(rf"(--c\d+):{colour};", light)[1] + f":{other};" in dark
    assert "#0072b2" in light
    assert "#" not in re.sub(r'href="#|url\(#|id="[^"]*"', "", text.replace(style, ""))


def test_an_image_that_is_drawn_twice_bears_no_id_twice():
    def twice():
        figure, axes = plt.subplots(1, 2)
        for ax in axes:
            ax.imshow(np.zeros((3, 3)))
        return figure

    with plt.rc_context({"svg.hashsalt": "as the book's style has it"}):
        text = drawn(twice)
    assert text.count("<image") == 2
    ids = re.findall(r' id="([^"]*)"', text)
    assert len(ids) == len(set(ids))


def test_a_photograph_is_light_and_a_map_exact():
    photograph = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    text = drawn(lambda: figures.map_grid(np.zeros((1, 7, 7)), ["a"], "x", photograph=photograph))
    assert text.count("data:image/jpeg;base64,") == 1
    assert text.count("data:image/png;base64,") >= 1


def test_drawings_are_written_only_where_they_are_wanted(tmp_path, monkeypatch):
    monkeypatch.delenv(drawings.FOLDER, raising=False)
    with monkeypatch.context() as nowhere:
        nowhere.setattr(drawings.files, "write", None)
        drawings.write(two_panels(), "fig-a", {})
    monkeypatch.setenv(drawings.FOLDER, str(tmp_path))
    drawings.write(two_panels(), "fig-a", {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fig-a-phone.svg", "fig-a.svg"]
    assert 'viewBox="0 0 619.2' in (tmp_path / "fig-a.svg").read_text(encoding="utf-8")
