"""Drawing and showing: what is drawn was computed elsewhere, and only places and colours are worked out here.

A function of one panel takes an optional ``ax`` and returns it; a grid of panels returns its figure.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping, Sequence
from functools import partial
from importlib import resources
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from gaplab import drawings, markup
from gaplab.evidence import Summary

Array = NDArray[Any]

# One colour, marker and dash a series, the same in every figure and widget of the book.
BLUE, ORANGE, GREEN, PINK, SKY, AMBER = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00"
GREY = "#9AA5B1"
PALE, DEEP = "#fefefe", "#010101"
"""White and black upon a map, whose colours stay as they are in the dark; there ``white`` is paper, ``black`` ink."""
# Each hue as a widget shows it: on light and on dark ground a thin line needs more contrast than on a figure's white.
HUES = {
    "blue": (BLUE, "#0072b2", "#56b4e9"),
    "orange": (ORANGE, "#c04f00", "#ff9d52"),
    "green": (GREEN, "#00795a", "#41cfa3"),
    "pink": (PINK, "#9b3a86", "#e79fd3"),
    "sky": (SKY, "#2a86bd", "#b3e0fb"),
    "amber": (AMBER, "#7a6200", "#e8d44d"),
}
HEAD_STYLE: dict[str, dict[str, Any]] = {
    "gap": {"color": BLUE, "marker": "o", "linestyle": "-"},
    "max": {"color": ORANGE, "marker": "s", "linestyle": "--"},
    "flatten": {"color": GREEN, "marker": "^", "linestyle": "-."},
    "gem": {"color": PINK, "marker": "D", "linestyle": ":"},
    "fc": {"color": AMBER, "marker": "v", "linestyle": (0, (5, 1))},
    "fc_dropout": {"color": SKY, "marker": "P", "linestyle": (0, (1, 1))},
}
FIGURE_MIME = "application/vnd.gaplab.figure+json"


def use_style() -> None:
    """Apply the book's style to matplotlib."""
    plt.style.use(str(resources.files("gaplab").joinpath("assets/book.mplstyle")))


def say(markdown: str) -> None:
    """Show a sentence whose numbers were just computed, as Markdown, on the page as in JupyterLab."""
    text = markdown.strip()
    markup.display_raw({"text/markdown": text, "text/plain": text})


def show(target: Figure | Axes, *, name: str, alt: str, caption: str) -> None:
    """Show a figure at twice the screen's resolution and close it.

    The alternative text and the caption travel with the output, so they may hold computed numbers; ``nox -s
    render`` moves them to where the site looks for them.

    Args:
        target: The figure, or one of its axes.
        name: The figure's name, unique in the book, for links to it.
        alt: What the figure shows and finds, for a reader who cannot see it.
        caption: One or two sentences under the figure.
    """
    figure = target if isinstance(target, Figure) else target.figure
    assert isinstance(figure, Figure)
    drawn, buffer = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=200)
    # A palette of 256 colours, which the eye does not miss, makes the file a third as large. It has no date and no
    # version, so the same figure is the same bytes.
    picture = Image.open(drawn).convert("RGB").quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    picture.save(buffer, format="png", optimize=True)
    width, height = (round(100 * inches) for inches in figure.get_size_inches())
    drawings.write(figure, name, {plain.lower(): dark for plain, _, dark in HUES.values()})
    plt.close(figure)
    bundle = {
        "image/png": base64.b64encode(buffer.getvalue()).decode("ascii"),
        "text/plain": f"Figure: {alt}",
        FIGURE_MIME: {"name": name, "alt": alt, "caption": caption},
    }
    markup.display_raw(bundle, **{"image/png": {"width": width, "height": height}})


def table(frame: pd.DataFrame, caption: str, fold: str = "") -> None:
    """Show a table of text and ready-formatted numbers, numbers set right.

    Args:
        frame: The rows; columns become headers and the index is left out.
        caption: What the table holds.
        fold: If given, the table is folded away under these words.
    """
    rows = (f"<tr>{''.join(f'<td>{value}</td>' for value in row)}</tr>" for row in frame.itertuples(index=False))
    shown = markup.table("gaplab-table", map(str, frame.columns), rows, caption)
    markup.show(markup.fold(html.escape(fold), shown) if fold else shown, frame.to_string(index=False))


def axes(ax: Axes | None = None, width: float = 6.8, height: float = 3.8) -> Axes:
    """Return ``ax``, or the axes of a new figure of the given size in inches."""
    return ax if ax is not None else plt.subplots(figsize=(width, height))[1]


def head_bars(names: Sequence[str], backbone: Array, head: Array, ax: Axes | None = None) -> Axes:
    """Draw each network's parameters as one bar: backbone, then head.

    Args:
        names: Labels, top to bottom.
        backbone: Parameters before the head, in millions.
        head: Parameters of the head, in millions.
        ax: Where to draw.
    """
    ax = axes(ax, height=0.34 * len(names) + 1.2)
    rows = np.arange(len(names))
    ax.barh(rows, backbone, color=GREY, label="backbone")
    ax.barh(rows, head, left=backbone, color=ORANGE, hatch="///", edgecolor="white", label="head")
    for row, (b, h) in enumerate(zip(backbone, head, strict=True)):
        ax.text(b + h + 1, row, f"{100 * h / (b + h):.0f} % in the head", va="center", fontsize=10)
    ax.set(
        yticks=rows, yticklabels=names, xlabel="parameters (millions)", xlim=(0, 1.2 * float(np.max(backbone + head)))
    )
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    return ax


def share_bars(stages: Sequence[str], shares: Mapping[str, Array], ax: Axes | None = None) -> Axes:
    """Draw two or three quantities' percentages by stage, side by side.

    Args:
        stages: Labels along the axis.
        shares: One array of percentages for each quantity.
        ax: Where to draw.
    """
    ax = axes(ax, width=6.0, height=3.6)
    width = 0.8 / len(shares)
    looks = ((BLUE, ""), (ORANGE, "///"), (GREEN, ".."))[: len(shares)]
    for i, ((label, values), (color, hatch)) in enumerate(zip(shares.items(), looks, strict=True)):
        places = np.arange(len(stages)) + (i - (len(shares) - 1) / 2) * width
        bars = ax.bar(places, values, width, color=color, hatch=hatch, edgecolor="white", label=label)
        ax.bar_label(bars, [f"{v:.0f}" if v >= 1 else f"{v:.1f}" for v in values], fontsize=9, padding=2)
    ax.set(xticks=np.arange(len(stages)), ylabel="share (%)")
    ax.set_xticklabels(stages, rotation=0 if len(stages) < 7 else 30)
    ax.grid(axis="x", visible=False)
    ax.legend(loc="upper left")
    return ax


def _lines(
    ax: Axes, x: Array, series: Mapping[str, Summary], styles: Mapping[str, dict[str, Any]], **look: Any
) -> None:
    """Draw a line for each name, and its band where it has one."""
    for name, (middle, low, high) in series.items():
        ax.plot(x, middle, label=name, **look, **styles[name])
        if (low < high).any():
            ax.fill_between(x, low, high, color=styles[name]["color"], alpha=0.18, linewidth=0)


def curves(x: Array, series: Mapping[str, Summary], ax: Axes | None = None, **labels: Any) -> Axes:
    """Draw one line a head, with a band around it.

    Args:
        x: Positions along the axis, ``(T,)``.
        series: For each name, which begins with a head of `HEAD_STYLE`, its line and band ``(T,)``.
        ax: Where to draw.
        **labels: ``xlabel``, ``ylabel`` and other properties of the axes.
    """
    ax = axes(ax)
    _lines(ax, x, series, {name: HEAD_STYLE[name.split()[0]] for name in series})
    ax.set(**labels)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, fontsize=9)  # above the lines, never on them
    return ax


def map_grid(
    maps: Array,
    titles: Sequence[str],
    label: str,
    *,
    diverging: bool = False,
    columns: int = 6,
    photograph: Array | None = None,
) -> Figure:
    """Draw feature or gradient maps ``(K, H, W)`` in a grid with one shared colour bar.

    Args:
        maps: The maps.
        titles: One short title a map.
        label: What the colour means, with its unit.
        diverging: Centre the colours on zero, for signed values.
        columns: Pictures in a row.
        photograph: uint8 ``(H, W, 3)``, drawn before the maps if given.
    """
    first = int(photograph is not None)
    rows = -(-(len(maps) + first) // columns)
    figure, grid = plt.subplots(rows, columns, figsize=(1.3 * columns + 0.8, 1.5 * rows + 0.2), squeeze=False)
    for ax in grid.flat:
        ax.set_axis_off()
    if photograph is not None:
        grid.flat[0].imshow(photograph)
    top = float(np.abs(maps).max()) or 1.0
    low, high, cmap = (-top, top, "RdBu_r") if diverging else (float(maps.min()), float(maps.max()), "viridis")
    images = []
    steps = np.round(maps / top, 3) * top  # a last digit that differs from run to run must not change a colour
    for ax, values, title in zip(grid.flat[first : first + len(maps)], steps, titles, strict=True):
        images.append(ax.imshow(values, vmin=low, vmax=high, cmap=cmap))
        ax.set_title(title, fontsize=10)
    figure.colorbar(images[0], ax=grid, label=label, shrink=0.9)
    return figure


def answers(folded: Mapping[str, str]) -> None:
    """Show questions whose answers unfold on a click, on the page as in JupyterLab.

    Args:
        folded: Question to answer, both plain text.
    """
    folds = (markup.fold(html.escape(ask), f"<p>{html.escape(answer)}</p>") for ask, answer in folded.items())
    markup.show("".join(folds), "\n".join(f"{question} {answer}" for question, answer in folded.items()))


def place_maps(maps: Array, titles: Sequence[str], label: str, columns: int = 3) -> Figure:
    """Draw one number for each place of an object, as heat maps over dx and dy with one shared colour bar.

    Args:
        maps: ``(K, S, S)`` for the places from -(S - 1) / 2 to (S - 1) / 2 px: rows are dy from top to bottom, columns
            dx from left to right.
        titles: One short title a map.
        label: What the colour means, with its unit.
        columns: Maps in a row.
    """
    room = maps.shape[-1] // 2
    rows = -(-len(maps) // columns)
    figure, grid = plt.subplots(
        rows, columns, figsize=(2.5 * columns + 1.1, 2.8 * rows + 0.35), squeeze=False, sharex=True, sharey=True
    )
    low, high = float(maps.min()), float(maps.max())
    edge = room + 0.5
    for ax, values, title in zip(grid.flat[: len(maps)], maps, titles, strict=True):
        image = ax.imshow(values, vmin=low, vmax=high, cmap="viridis", extent=(-edge, edge, edge, -edge))
        ax.set_title(title, fontsize=10)
        # Ticks at the total stride of 4, so that its period can be seen.
        ax.set(xticks=range(-room + room % 4, room + 1, 4), yticks=range(-room + room % 4, room + 1, 4))
        ax.grid(visible=False)
    for ax in grid[-1]:
        ax.set_xlabel("dx (px)")
    for ax in grid[:, 0]:
        ax.set_ylabel("dy (px)")
    figure.colorbar(image, ax=grid, label=label, shrink=0.9)
    return figure


def picture_rows(pictures: Array, titles: Sequence[str]) -> Figure:
    """Draw rows of small grey pictures, each row with its title at the left.

    Args:
        pictures: uint8 ``(rows, columns, H, W)``.
        titles: One title a row; it may have two lines.
    """
    rows, columns = pictures.shape[:2]
    figure, grid = plt.subplots(rows, columns, figsize=(0.72 * columns + 2.6, 0.74 * rows + 0.1), squeeze=False)
    for line, row, title in zip(grid, pictures, titles, strict=True):
        for ax, picture in zip(line, row, strict=True):
            ax.imshow(picture, cmap="gray", vmin=0, vmax=255)
            ax.set(xticks=[], yticks=[])
            ax.grid(visible=False)
        line[0].set_ylabel(title, rotation=0, ha="right", va="center", fontsize=10)
    return figure


REMEDY_STYLE: dict[str, dict[str, Any]] = {
    "as trained": HEAD_STYLE["gap"],
    "batch norm re-fitted": {"color": AMBER, "marker": "v", "linestyle": ":"},
    "classifier re-fitted": {"color": GREEN, "marker": "^", "linestyle": "-."},
    "both re-fitted": {"color": PINK, "marker": "D", "linestyle": "--"},
}


def size_curves(
    sizes: Array,
    series: Mapping[str, Summary],
    styles: Mapping[str, dict[str, Any]],
    trained: int,
    ax: Axes | None = None,
    **labels: Any,
) -> Axes:
    """Draw a measurement against the test size, with a band around it and the training size marked.

    Args:
        sizes: Test sizes in pixels, ``(T,)``.
        series: For each label its line and band ``(T,)``.
        styles: Colour, marker and dash for each label.
        trained: Training size in pixels.
        ax: Where to draw.
        **labels: ``xlabel``, ``ylabel`` and other properties of the axes.
    """
    ax = axes(ax)
    _lines(ax, sizes, series, styles)
    ax.axvline(trained, color="#55606B", linewidth=1, linestyle=(0, (2, 2)))
    ax.text(trained, 1.0, " trained", transform=ax.get_xaxis_transform(), va="bottom", fontsize=8)
    ax.set(**labels)
    return ax


ROAD_STYLE: dict[str, dict[str, Any]] = {
    "GeM, p": {"color": PINK, "marker": "D", "linestyle": "-"},
    "log-sum-exp, r": {"color": AMBER, "marker": "v", "linestyle": "--"},
}


def points(
    x: Sequence[float],
    series: Mapping[str, Summary],
    ax: Axes | None = None,
    *,
    styles: Mapping[str, dict[str, Any]] = HEAD_STYLE,
    **labels: Any,
) -> Axes:
    """Draw each head's measurements as points with error bars, on a logarithmic axis.

    Args:
        x: Positions along the axis.
        series: For each head's name its points and the ends of their bars, ``(T,)``.
        ax: Where to draw.
        styles: Colour, marker and dash for each name.
        **labels: ``xlabel`` and ``ylabel``.
    """
    ax = axes(ax)
    for i, (head, (middle, low, high)) in enumerate(series.items()):
        # Side by side, so that equal means do not hide each other.
        places = np.asarray(x, dtype=float) * 1.05 ** (i - (len(series) - 1) / 2)
        bars = (middle - low, high - middle)
        ax.errorbar(places, middle, bars, label=head, capsize=3, markersize=5, linewidth=1.2, **styles[head])
    ax.set(xscale="log", **labels)
    ax.set_xticks(list(x), [f"{value:,}" for value in x])
    ax.minorticks_off()
    ax.legend(fontsize=9)
    return ax


def roads(x: Array, panels: Mapping[str, Mapping[str, Array]], marks: Mapping[str, float]) -> Figure:
    """Draw several quantities along the roads from average to maximum, one panel a quantity, from zero up.

    Args:
        x: Exponents p, or factors r, ``(T,)``, drawn on a logarithmic axis.
        panels: For each quantity the values of each road in `ROAD_STYLE`, ``(T,)``.
        marks: Levels to mark in the first panel, by their word.
    """
    figure, row = plt.subplots(1, len(panels), figsize=(2.95 * len(panels), 3.1))
    for ax, (what, series) in zip(row, panels.items(), strict=True):
        for road, values in series.items():
            ax.plot(x, values, label=road, markersize=4, linewidth=1.4, **ROAD_STYLE[road])
        ax.set(xscale="log", xlabel="p or r", ylim=(0, None))
        ax.set_xticks(x[::4], [f"{value:.0f}" for value in x[::4]])
        ax.minorticks_off()
        ax.set_title(what, fontsize=10)
    for word, level in marks.items():
        row[0].axhline(level, color="#55606B", linewidth=1, linestyle=":")
        row[0].text(x[-1], level, word, ha="right", va="bottom", fontsize=8)
    row[-1].legend(fontsize=8, loc="lower left")
    return figure


NETWORK_STYLE: dict[str, dict[str, Any]] = {
    "plain without batch norm": {"color": GREEN, "marker": "^", "linestyle": "-."},
    "plain": {"color": ORANGE, "marker": "s", "linestyle": "--"},
    "residual": {"color": BLUE, "marker": "o", "linestyle": "-"},
    "residual without batch norm": {"color": PINK, "marker": "D", "linestyle": ":"},
}


def depth_curves(series: Mapping[str, Summary], ax: Axes | None = None, **labels: Any) -> Axes:
    """Draw a positive measurement by block on a logarithmic axis, with a band around it.

    Args:
        series: For each kind of network in `NETWORK_STYLE` its line and band ``(blocks,)``, from the first block to
            the last.
        ax: Where to draw.
        **labels: ``xlabel``, ``ylabel`` and other properties of the axes.
    """
    ax = axes(ax)
    blocks = np.arange(1, 1 + len(next(iter(series.values())).middle))
    _lines(ax, blocks, series, NETWORK_STYLE, markevery=max(1, len(blocks) // 6))
    ax.set(yscale="log", **labels)
    return ax


def family_tree(
    members: Sequence[tuple[str, int, str]],
    lanes: Mapping[str, dict[str, Any]],
    arrows: Sequence[tuple[str, str]],
    width: float = 8.2,
) -> Axes:
    """Draw networks by year, each in the lane of its head, and arrows from one that another names as its source.

    Args:
        members: Name, year and lane of each network; those of one lane and year stand below each other.
        lanes: Colour and marker of each lane, from top to bottom.
        arrows: Pairs of names, source first.
        width: Of the figure, in inches.
    """
    letter = 1.066 / width  # in years
    ends: dict[tuple[str, int], float] = {}  # where the last label of a lane's row stops, in years
    rows: dict[str, int] = {}
    for name, year, lane in sorted(members, key=lambda member: member[1]):
        row = next(r for r in range(len(members)) if ends.get((lane, r), 0) <= year)
        ends[lane, row] = year + 3 * letter + letter * len(name)
        rows[name] = row
    heights = {lane: 1 + max(rows[name] for name, _, own in members if own == lane) for lane in lanes}
    ax = axes(width=width, height=0.24 * (sum(heights.values()) + 1.4 * len(lanes)) + 0.6)
    top, places = 0.0, {}
    for lane, style in lanes.items():
        ax.axhspan(top, top + heights[lane] + 1.2, color=style["color"], alpha=0.07, linewidth=0)
        ax.text(0.008, top + 0.6, lane, transform=ax.get_yaxis_transform(), fontsize=8, weight="bold", va="center")
        for name, year, _ in (m for m in members if m[2] == lane):
            places[name] = (year, top + 1.5 + rows[name])
            ax.plot(*places[name], linestyle="", markersize=6, color=style["color"], marker=style["marker"])
            ax.annotate(name, places[name], (6, 0), textcoords="offset points", va="center", fontsize=8)
        top += heights[lane] + 1.4
    for source, target in arrows:
        arrow = {"arrowstyle": "->", "color": "#55606B", "shrinkA": 5, "shrinkB": 5, "connectionstyle": "arc3,rad=0.25"}
        ax.annotate("", places[target], places[source], arrowprops=arrow)
    years = [year for _, year, _ in members]
    ax.set(xlim=(min(years) - 0.6, max(years) + 1.3), ylim=(top, -0.1), yticks=[], xlabel="year of the paper")
    ax.set_xticks(range(min(years), max(years) + 1, 1 if width > 6 else 3))
    ax.grid(axis="y", visible=False)
    if width > drawings.PHONE:
        ax.figure.phone = partial(family_tree, members, lanes, arrows, drawings.PHONE)  # type: ignore[union-attr]
    return ax
