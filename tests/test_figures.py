import base64
import io

import matplotlib.image
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from gaplab import drawings, figures
from gaplab.evidence import summary


@pytest.fixture(autouse=True)
def style():
    figures.use_style()
    yield
    plt.close("all")


def test_show_gives_the_picture_twice_as_large_with_its_words(displayed):
    def act():
        figures.show(figures.axes(width=4, height=3), name="fig-a", alt="Empty axes.", caption="A caption.")

    (data,) = displayed(act)
    picture = matplotlib.image.imread(io.BytesIO(base64.b64decode(data["image/png"])))
    assert picture.shape[:2] == (600, 800)
    assert data["text/plain"] == "Figure: Empty axes."
    assert data[figures.FIGURE_MIME] == {"name": "fig-a", "alt": "Empty axes.", "caption": "A caption."}
    assert plt.get_fignums() == []


def test_the_same_figure_is_the_same_bytes(displayed):
    def act():
        figures.show(figures.axes(), name="fig-a", alt="Empty axes.", caption="A caption.")

    assert displayed(act) == displayed(act)


def test_show_leaves_other_figures_open(displayed, monkeypatch, tmp_path):
    """A phone's version may be a figure of its own: it is closed, and nobody else's is."""
    monkeypatch.setenv(drawings.FOLDER, str(tmp_path))
    other = figures.axes().figure
    members = [("a", 2014, "lane"), ("b", 2015, "lane")]
    tree = figures.family_tree(members, {"lane": {"color": "#0072B2", "marker": "o"}}, [])
    displayed(lambda: figures.show(tree, name="fig-a", alt="A tree.", caption="A caption."))
    assert plt.get_fignums() == [other.number]
    assert (tmp_path / "fig-a-phone.svg").exists()


def test_head_bars_draw_both_parts_to_scale():
    ax = figures.head_bars(["a", "b"], np.array([3.0, 10.0]), np.array([1.0, 0.5]))
    widths = [patch.get_width() for patch in ax.patches]
    assert widths == [3.0, 10.0, 1.0, 0.5]
    assert [text.get_text() for text in ax.texts] == ["25 % in the head", "5 % in the head"]


def test_curves_draw_line_and_band():
    runs = np.array([[1.0, 2.0], [3.0, 6.0], [5.0, 10.0]])
    ax = figures.curves(np.array([1, 2]), summary({"gap": runs}), xlabel="epoch")
    assert ax.lines[0].get_ydata().tolist() == [3.0, 6.0]
    band = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == (1.0, 10.0)


def test_map_grid_shares_one_colour_scale_and_centres_signed_values():
    maps = np.array([[[0.0, 1.0]], [[2.0, -4.0]]])
    figure = figures.map_grid(maps, ["a", "b"], "gradient", diverging=True, columns=2)
    limits = {image.get_clim() for ax in figure.axes[:2] for image in ax.images}
    assert limits == {(-4.0, 4.0)}


@pytest.mark.parametrize(
    "draw",
    [
        lambda: figures.share_bars(["a"], dict.fromkeys("pqrs", np.array([1.0]))),
        lambda: figures.map_grid(np.zeros((2, 1, 1)), ["a"], "value"),
        lambda: figures.place_maps(np.zeros((2, 5, 5)), ["a"], "value"),
    ],
)
def test_nothing_is_dropped_in_silence(draw):
    with pytest.raises(ValueError, match="zip"):
        draw()


@pytest.mark.parametrize("styles", ["HEAD_STYLE", "REMEDY_STYLE", "ROAD_STYLE", "NETWORK_STYLE"])
@pytest.mark.parametrize("key", ["color", "marker", "linestyle"])
def test_lines_differ_in_more_than_colour(styles, key):
    values = [str(style[key]) for style in getattr(figures, styles).values()]
    assert len(set(values)) == len(values)


def test_tables_and_answers_keep_their_words_as_plain_text(displayed):
    (data,) = displayed(lambda: figures.table(pd.DataFrame({"a": ["1,000"]}), caption="Counts."))
    assert "1,000" in data["text/plain"]
    assert "<caption>Counts.</caption>" in data["text/html"]
    (data,) = displayed(lambda: figures.answers({"Is 1 < 2?": "Yes & no."}))
    assert "<summary>Is 1 &lt; 2?</summary><p>Yes &amp; no.</p>" in data["text/html"]


def test_size_curves_draw_mean_band_and_training_size():
    runs = {"as trained": np.array([[1.0, 2.0], [3.0, 6.0], [5.0, 10.0]]), "both re-fitted": np.array([[7.0, 8.0]])}
    ax = figures.size_curves(np.array([28, 56]), summary(runs), figures.REMEDY_STYLE, 28, ylabel="accuracy (%)")
    first, second, mark = ax.lines
    assert first.get_ydata().tolist() == [3.0, 6.0]
    assert second.get_ydata().tolist() == [7.0, 8.0]
    assert mark.get_xdata() == [28, 28]
    (band,) = ax.collections  # a single run has no spread to draw
    heights = band.get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (1.0, 10.0)


def test_points_take_seeds_of_different_number_and_show_their_deviation():
    runs = [np.array([1.0, 3.0, 5.0]), np.array([10.0, 12.0])]
    ax = figures.points([500, 2000], summary({"gap": runs, "max": runs}), xlabel="pictures")
    line = ax.containers[0]
    assert line.lines[0].get_ydata().tolist() == [3.0, 11.0]
    low, high = (caps.get_ydata() for caps in line.lines[1])
    assert low.tolist() == pytest.approx([1.0, 11 - 2**0.5])
    assert high.tolist() == pytest.approx([5.0, 11 + 2**0.5])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["500", "2,000"]


def test_place_maps_share_one_scale_and_put_the_first_row_on_top():
    maps = np.stack([np.arange(169.0).reshape(13, 13), np.full((13, 13), 200.0)])
    figure = figures.place_maps(maps, ["a", "b"], "accuracy (%)", columns=2)
    images = [image for ax in figure.axes[:2] for image in ax.images]
    assert {image.get_clim() for image in images} == {(0.0, 200.0)}
    assert np.array_equal(images[0].get_array(), maps[0])
    assert images[0].get_extent() == [-6.5, 6.5, 6.5, -6.5]  # dx to the right, dy down
    assert list(figure.axes[0].get_xticks()) == [-4, 0, 4]  # at multiples of the total stride
    assert figure.axes[-1].get_ylabel() == "accuracy (%)"


def test_picture_rows_keep_their_order_and_the_full_grey_scale():
    pictures = np.arange(2 * 3 * 4 * 4, dtype=np.uint8).reshape(2, 3, 4, 4)
    figure = figures.picture_rows(pictures, ["first", "second"])
    images = [ax.images[0] for ax in figure.axes]
    assert all(np.array_equal(image.get_array(), p) for image, p in zip(images, pictures.reshape(6, 4, 4), strict=True))
    assert {image.get_clim() for image in images} == {(0, 255)}
    assert [ax.get_ylabel() for ax in figure.axes] == ["first", "", "", "second", "", ""]


def test_points_take_other_styles():
    series = summary({"log-sum-exp, r": [np.array([1.0, 2.0])] * 2})
    ax = figures.points([0.1, 0.3], series, styles=figures.ROAD_STYLE)
    assert ax.containers[0].lines[0].get_color() == figures.AMBER
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0.1", "0.3"]


def test_roads_draw_a_panel_a_quantity_and_mark_the_ends_in_the_first():
    x = np.geomspace(1, 16, 9)
    panels = {"value": {"GeM, p": x, "log-sum-exp, r": 2 * x}, "sum": {"GeM, p": x / 16}}
    first, second = figures.roads(x, panels, {"mean": 1.0, "max": 40.0}).axes
    assert [line.get_ydata().tolist() for line in first.lines[:2]] == [x.tolist(), (2 * x).tolist()]
    assert [line.get_ydata() for line in first.lines[2:]] == [[1.0, 1.0], [40.0, 40.0]]
    assert [text.get_text() for text in first.texts] == ["mean", "max"]
    assert [label.get_text() for label in second.get_xticklabels()] == ["1", "4", "16"]
    assert first.get_ylim()[0] == second.get_ylim()[0] == 0
    assert len(second.lines) == 1


def test_a_table_can_be_folded_under_its_words(displayed):
    frame = pd.DataFrame({"network": ["a"]})
    (open_data,) = displayed(lambda: figures.table(frame, "A caption."))
    (folded,) = displayed(lambda: figures.table(frame, "A caption.", fold="All <1>"))
    assert "<details" not in open_data["text/html"]
    expected = f'<details class="gaplab-answer"><summary>All &lt;1&gt;</summary>{open_data["text/html"]}</details>'
    assert folded["text/html"] == expected


def test_depth_curves_draw_the_median_and_the_range():
    runs = np.array([[1.0, 2.0], [10.0, 3.0], [4.0, 50.0]])
    ax = figures.depth_curves(summary({"residual": runs}, whole_range=True), ylabel="gradient")
    assert ax.lines[0].get_ydata().tolist() == [4.0, 3.0]
    assert ax.lines[0].get_xdata().tolist() == [1, 2]
    band = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == (1.0, 50.0)
    assert ax.get_yscale() == "log"


def test_family_tree_puts_each_network_at_its_year_and_never_on_another():
    lanes = {"flatten": {"color": "C0", "marker": "o"}, "average": {"color": "C1", "marker": "s"}}
    members = [("a", 2012, "flatten"), ("b", 2014, "average"), ("a long name", 2014, "average"), ("d", 2014, "flatten")]
    members.append(("after the long name", 2015, "average"))
    ax = figures.family_tree(members, lanes, [("a", "b")])
    found = {(float(line.get_xdata()[0]), float(line.get_ydata()[0])): line.get_marker() for line in ax.lines}
    assert sorted(x for x, _ in found) == [2012, 2014, 2014, 2014, 2015]
    rows = {marker: sorted(y for (_, y), m in found.items() if m == marker) for marker in "os"}
    # Lanes from top to bottom; one year's networks below each other; the next year's beside a short label, not a long.
    assert rows["o"][0] == rows["o"][1] < rows["s"][0] == rows["s"][1] < rows["s"][2]
    assert {name for name, _, _ in members} | set(lanes) <= {text.get_text() for text in ax.texts}
