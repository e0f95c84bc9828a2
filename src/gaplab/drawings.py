"""A drawn figure as SVG for the site: in the colours of the reader's theme, and laid out once more for a phone.

JupyterLab and the flashcards take the picture that `figures.show` displays; the site takes these, which are sharp at
any size. All come from one figure, drawn once.
"""

from __future__ import annotations

import base64
import io
import os
import re
import warnings
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec, SubplotSpec
from matplotlib.image import AxesImage
from matplotlib.legend import Legend
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Bbox
from PIL import Image

from gaplab import files

FOLDER = "GAPLAB_DRAWINGS"
"""The environment's variable with the folder for drawings, which the rendering step sets; nobody else needs them."""
# What a phone of 390 px leaves a figure, at 100 px an inch; and the least and the largest type there, in points.
PHONE, LEAST, LARGEST = 3.58, 8.2, 9.5
# Each colour of the style sheet and what it becomes on dark ground; the figures' hues come beside them.
DARK = {
    "#ffffff": "#121212",
    "#000000": "#f5f7fa",
    "#1f2933": "#e4e7eb",
    "#3e4c59": "#cbd2d9",
    "#55606b": "#9aa5b1",
    "#9aa5b1": "#7b8794",
    "#e3e7eb": "#323f4b",
}


def write(figure: Figure, name: str, hues: Mapping[str, str]) -> None:
    """Write ``NAME.svg``, and ``NAME-phone.svg`` as a phone shows it, where the rendering step wants them.

    Args:
        figure: The figure; it is laid out anew, so this comes last.
        name: The figure's name.
        hues: What becomes of further colours on dark ground, as ``#rrggbb``.
    """
    if folder := os.environ.get(FOLDER):
        files.write(Path(folder) / f"{name}.svg", svg(figure, hues))
        phone = fit_phone(figure)
        files.write(Path(folder) / f"{name}-phone.svg", svg(phone, hues))
        plt.close(phone)


def svg(figure: Figure, hues: Mapping[str, str]) -> str:
    """Write a figure as SVG: the same figure is the same text. Its images keep their own pixels."""
    for image in figure.findobj(AxesImage):
        image.set_interpolation("none")
    drawn = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "path"}):
        figure.savefig(drawn, format="svg", bbox_inches=_page(figure), metadata={"Date": None, "Creator": None})
    text = drawn.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", text, flags=re.S)
    # Nothing refers to a group or an image, and an image that is drawn twice would bear one id twice.
    text = re.sub(r'<g id="[^"]*"', "<g", text).replace("xlink:href", "href")
    text = re.sub(r'(<image\b[^>]*) id="[^"]*"', r"\1", text)
    # What is referred to has its number: matplotlib's name for it follows the last digit of each place.
    for number, name in enumerate(dict.fromkeys(re.findall(r'id="([a-z][0-9a-f]{10})"', text))):
        text = re.sub(rf"\b{name}\b", f"{name[0]}{number}", text)
    text = re.sub(r'(?<= d=")[^"]*|(?<= [xy]=")[^"]*', _rounded, text)
    text = re.sub(r"data:image/png;base64,([^\"]*)", _lighter, text)
    return _themed(re.sub(r"\s*\n\s*", "\n", text), {**DARK, **hues})


def _page(figure: Figure) -> Bbox:
    """Return the figure's page, in inches: without empty paper above and below, and with all that stands out there."""
    figure.draw_without_rendering()
    box = figure.get_tightbbox()
    return Bbox([[0, box.y0 - 0.05], [figure.get_size_inches()[0], box.y1 + 0.05]])


def _rounded(path: re.Match[str]) -> str:
    """Give places, in points of 1/72 inch, two decimals."""
    return " ".join(re.sub(r"(\.\d\d)\d+", r"\1", path[0]).split())


def _lighter(data: re.Match[str]) -> str:
    """Store a photograph as JPEG, which is a quarter as large; a map, of few colours, stays exact."""
    picture = Image.open(io.BytesIO(base64.b64decode(data[1]))).convert("RGB")
    if picture.getcolors(512):
        return re.sub(r"\s", "", data[0])
    stored = io.BytesIO()
    picture.save(stored, format="jpeg", quality=85, subsampling=0)
    return f"data:image/jpeg;base64,{base64.b64encode(stored.getvalue()).decode('ascii')}"


def _themed(text: str, pairs: dict[str, str]) -> str:
    """Let colours follow the theme: a picture knows by ``prefers-color-scheme`` in which one it is shown."""
    used = [light for light in pairs if light in text]
    names = {light: f"--c{i}" for i, light in enumerate(used)}
    for light, name in names.items():
        text = text.replace(light, f"var({name})")
    light = "".join(f"{name}:{color};" for color, name in names.items())
    dark = "".join(f"{name}:{pairs[color]};" for color, name in names.items())
    # A browser that does not know the theme shows light paper, as in print.
    style = f"<style>:root{{{light}}}@media(prefers-color-scheme:dark){{:root{{{dark}}}}}</style>"
    return re.sub(r"(<svg\b[^>]*>)", rf"\1{style}", text, count=1)


def fit_phone(figure: Figure) -> Figure:
    """Lay out a drawn figure anew for a phone: panels below each other, type that can be read, legends that fit.

    A figure whose drawing depends on its width says with an attribute ``phone`` how it is drawn for one.
    """
    if draw := getattr(figure, "phone", None):
        figure = draw().figure
    panels = [ax for ax in figure.axes if ax.get_subplotspec() is not None and not hasattr(ax, "_colorbar")]
    bars = [_take_bar(ax) for ax in figure.axes if hasattr(ax, "_colorbar")]
    for ax in [ax for ax in panels if not ax.axison and not ax.has_data()]:  # what a grid has left over
        panels.remove(ax)
        ax.remove()
    for text in cast(list[Text], figure.findobj(Text)):
        text.set_fontsize(min(max(0.85 * float(text.get_fontsize()), LEAST), LARGEST))
    if not all(ax.images for ax in panels):
        _stack(figure, panels)
    elif any(ax.axison and ax.xaxis.get_ticklocs().size for ax in panels):
        _turn(figure, panels)
    else:
        _lay_pictures(figure, panels)
    for image, parents, label, visible in bars:
        bar = figure.colorbar(image, ax=[ax for ax in parents if ax in panels], location="bottom", aspect=30)
        bar.set_label(label, fontsize=LARGEST)
        bar.ax.tick_params(labelsize=LEAST)
        bar.ax.set_visible(visible)
        if len(bars) > 1:
            bar.locator = MaxNLocator(2)
        figure.set_size_inches(PHONE, figure.get_size_inches()[1] + 0.7 / len(bars))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "constrained_layout not applied")  # as yet: words are too long until broken
        for legend in cast(list[Legend], figure.findobj(Legend)):
            _narrow(figure, legend)
        figure.draw_without_rendering()
        _fit_words(figure, panels)
    return figure


def _take_bar(ax: Axes) -> tuple[Any, list[Axes], str, bool]:
    """Take a colour bar away; return what it explains, where it stood, its words, and whether it was seen."""
    bar = ax._colorbar  # type: ignore[attr-defined]
    parents, label = list(ax._colorbar_info["parents"]), ax.get_ylabel() or ax.get_xlabel()  # type: ignore[attr-defined]
    bar.remove()
    return bar.mappable, parents, label, ax.get_visible()


def _lay_pictures(figure: Figure, panels: list[Axes]) -> None:
    """Put pictures that each say what they are into rows of three; others keep their grid, its words above a row."""
    rows, columns = _spec(panels[0]).get_gridspec().get_geometry()
    if columns > 3 and all(ax.get_title() for ax in panels[1:]):
        each = -(-columns // 3)  # what stood in one row stays together
        places = [3 * each * _spec(ax).rowspan.start + _spec(ax).colspan.start for ax in panels]
        rows, columns = places[-1] // 3 + 1, 3
        _place(figure, panels, columns, places)
    for ax in panels:
        if ax.get_ylabel() and ax.yaxis.label.get_rotation() == 0:
            ax.set_title(ax.get_ylabel().replace("\n", ", "), loc="left", fontsize=LEAST)
            ax.set_ylabel("")
    titles = 0.32 if any(ax.get_title() or ax.get_title(loc="left") for ax in panels) else 0.1
    tall = PHONE / columns * _shape(panels[0])
    figure.set_size_inches(PHONE, rows * (tall + titles) + 0.1)


def _turn(figure: Figure, panels: list[Axes]) -> None:
    """Put maps with axes in twos, or below each other where words stand in them; say at the edges what the axes are."""
    rows, columns = _spec(panels[0]).get_gridspec().get_geometry()
    across, down = figure.get_supxlabel() or panels[-1].get_xlabel(), panels[0].get_ylabel()
    if figure.get_supxlabel():
        figure.supxlabel("")  # else it stands below the colour bar
    if any(ax.texts for ax in panels):
        columns = 1
        _place(figure, panels, columns)
    elif columns > 2:
        if rows == 2:
            panels.sort(key=lambda ax: (_spec(ax).colspan.start, _spec(ax).rowspan.start))
        columns = 2
        _place(figure, panels, columns)
    for place, ax in enumerate(panels):
        first, last = place % columns == 0, place + columns >= len(panels)
        ax.set_xlabel(across if last else "", fontsize=LARGEST)
        ax.set_ylabel(down if first else "", fontsize=LARGEST)
        ax.tick_params(labelleft=first, labelbottom=last)
    tall = (PHONE - 0.6) / columns * _shape(panels[0])
    figure.set_size_inches(PHONE, -(-len(panels) // columns) * (tall + 0.35) + 0.6)


def _shape(ax: Axes) -> float:
    """Divide a picture's height by its width."""
    left, right, bottom, top = ax.images[0].get_extent()
    return abs((top - bottom) / (right - left))


def _stack(figure: Figure, panels: list[Axes]) -> None:
    """Put panels below each other, each with the words that a neighbour said for it."""
    tall = figure.get_size_inches()[1] / _spec(panels[0]).get_gridspec().get_geometry()[0]
    for ax in panels:
        row = [other for other in panels if _spec(other).rowspan == _spec(ax).rowspan]
        column = [other for other in panels if _spec(other).colspan == _spec(ax).colspan]
        ax.set_ylabel(ax.get_ylabel() or row[0].get_ylabel(), fontsize=LARGEST)
        ax.set_xlabel(ax.get_xlabel() or column[-1].get_xlabel(), fontsize=LARGEST)
        ax.tick_params(labelleft=True, labelbottom=True)
    _place(figure, panels, 1)
    each = tall if len(panels) == 1 else min(max(tall, 2.0), 2.6 if len(panels) < 4 else 2.1)
    figure.set_size_inches(PHONE, each * len(panels))


def _spec(ax: Axes) -> SubplotSpec:
    return cast(SubplotSpec, ax.get_subplotspec())


def _place(figure: Figure, panels: list[Axes], columns: int, places: Sequence[int] = ()) -> None:
    """Put panels into a grid of some columns, in their order or at the given places in it."""
    places = places or range(len(panels))
    grid = GridSpec(places[-1] // columns + 1, columns, figure=figure)
    for place, ax in zip(places, panels, strict=True):
        ax.set_subplotspec(grid[place // columns, place % columns])


def _narrow(figure: Figure, legend: Legend) -> None:
    """Give a legend as many columns as fit.

    matplotlib's ``set_ncols`` leaves a legend that was drawn as it is, so this moves what stands in its columns.
    """
    box = legend._legend_handle_box  # type: ignore[attr-defined]
    columns = box.get_children()
    items = [item for column in columns for item in column.get_children()]
    for count in range(len(columns), 0, -1):
        each = -(-len(items) // count)
        box._children = columns[: -(-len(items) // each)]
        for place, column in enumerate(box._children):
            column._children = items[place * each : (place + 1) * each]
        figure.draw_without_rendering()
        left = 0.0 if legend.parent is figure else cast(Axes, legend.parent).get_window_extent().x0
        if legend.get_window_extent().width <= 0.98 * (figure.bbox.width - left):
            return


def _fit_words(figure: Figure, panels: list[Axes]) -> None:
    """Break lines that are wider than their panel or figure, and turn ticks' words that touch."""
    for ax in panels:
        boxes = [label.get_window_extent() for label in ax.get_xticklabels() if label.get_text()]
        if any(first.x1 > second.x0 for first, second in pairwise(boxes)):
            ax.tick_params(axis="x", labelrotation=60)
        room = ax.get_window_extent().width if ax.images else figure.bbox.width
        for text in (ax.title, ax._left_title, ax.xaxis.label):  # type: ignore[attr-defined]
            _break(text, figure.bbox.width if text is ax._left_title else room)  # type: ignore[attr-defined]
        if not ax.images:
            for text in ax.texts:
                _break(text, 0.5 * figure.bbox.width)
        _break(ax.yaxis.label, ax.get_window_extent().height, upright=True)


def _break(text: Text, room: float, *, upright: bool = False) -> None:
    """Break a line of words until it fits the room, in dots."""
    words = text.get_text().split()
    for lines in range(2, len(words) + 1):
        box = text.get_window_extent()
        if (box.height if upright else box.width) <= room:
            return
        size = -(-len(" ".join(words)) // lines)
        broken = [""]
        for word in words:
            if broken[-1] and len(broken[-1]) + 1 + len(word) > size + 3:
                broken.append("")
            broken[-1] = f"{broken[-1]} {word}".strip()
        text.set_text("\n".join(broken))
