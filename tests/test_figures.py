import base64
import io

import matplotlib.image
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from gaplab import figures


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


def test_head_bars_draw_both_parts_to_scale():
    ax = figures.head_bars(["a", "b"], np.array([3.0, 10.0]), np.array([1.0, 0.5]))
    widths = [patch.get_width() for patch in ax.patches]
    assert widths == [3.0, 10.0, 1.0, 0.5]
    assert [text.get_text() for text in ax.texts] == ["25% in the head", "5% in the head"]


def test_curves_draw_the_mean_and_one_deviation():
    runs = np.array([[1.0, 2.0], [3.0, 6.0], [5.0, 10.0]])
    ax = figures.curves(np.array([1, 2]), {"gap": runs}, xlabel="epoch")
    assert ax.lines[0].get_ydata().tolist() == [3.0, 6.0]
    band = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == (1.0, 10.0)


def test_map_grid_shares_one_colour_scale_and_centres_signed_values():
    maps = np.array([[[0.0, 1.0]], [[2.0, -4.0]]])
    figure = figures.map_grid(maps, ["a", "b"], "gradient", diverging=True, columns=2)
    limits = {image.get_clim() for ax in figure.axes[:2] for image in ax.images}
    assert limits == {(-4.0, 4.0)}


def test_heads_differ_in_more_than_colour():
    for key in ("marker", "linestyle"):
        values = [str(style[key]) for style in figures.HEAD_STYLE.values()]
        assert len(set(values)) == len(values), key


def test_tables_and_answers_keep_their_words_as_plain_text(displayed):
    (data,) = displayed(lambda: figures.table(pd.DataFrame({"a": ["1,000"]}), caption="Counts."))
    assert "1,000" in data["text/plain"]
    assert "<caption>Counts.</caption>" in data["text/html"]
    (data,) = displayed(lambda: figures.answers({"Is 1 < 2?": "Yes & no."}))
    assert "<summary>Is 1 &lt; 2?</summary><p>Yes &amp; no.</p>" in data["text/html"]
