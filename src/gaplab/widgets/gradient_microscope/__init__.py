"""Gradient microscope: change a cell of a real map, slide the pool from average to maximum, see the gradient."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, ClassVar, NamedTuple

import numpy as np
import traitlets
from numpy.typing import NDArray

from gaplab.errors import ReaderError
from gaplab.widgets.base import PageWidget, WidgetValueError

Array = NDArray[Any]

_STEPS = (1, 1.1, 1.2, 1.3, 1.5, 1.6, 1.8, 2, 2.2, 2.4, 2.7, 3, 3.3, 3.6, 4, 4.5, 5, 5.5, 6, 7, 8, 9)
POWERS = (*(round(float(step * scale), 1) for scale in (1, 10, 100) for step in _STEPS), 1000.0, math.inf)
"""Exponents p of the slider: 1 is the average, infinity the maximum."""

EPS = 1e-6
"""GeM's clamp from below, as in `gaplab.models.GeM`."""

BACK = {"average": "average", "gem3": "GeM, p = 3", "max": "maximum"}
"""The pools whose real gradients one block back are shown, and what the page calls them."""


@dataclass(frozen=True)
class Microscopic:
    """One channel of a real feature map.

    Attributes:
        label: For the menu, for example ``"ResNet-18, cat, channel 17"``.
        values: What the pool reads, behind a ReLU: ``(H, W)``, each 0 or more.
        back: For each pool of `BACK`, the real network's gradient one block back, ``(H, W)``; ``None`` if not measured.
    """

    label: str
    values: Array
    back: Mapping[str, Array] | None = None


class Pooled(NamedTuple):
    """What a pool makes of a map."""

    value: float
    gradient: Array
    """Of the value with respect to each cell, ``(H, W)``."""


def pool(values: Array, p: float, first: bool = False) -> Pooled:
    """Pool a map by a generalised mean, in double precision, and differentiate it.

    ``y = (mean x^p)^(1/p)`` and ``dy/dx_i = x_i^(p-1) y^(1-p) / n``, with x clamped to `EPS` from below, so that a cell
    not above it gets no gradient (Radenović, Tolias, Chum 2019, arXiv 1711.02512). p = 1 is the plain average and
    p = infinity the plain maximum, both without a clamp.

    Args:
        values: ``(H, W)``, each 0 or more.
        p: 1 or more.
        first: At the maximum, give the gradient to the first of equal cells, as ``max_pool2d`` does, instead of
            splitting it among them, as ``amax`` does.
    """
    x = np.asarray(values, dtype=np.float64)
    if p == 1:
        return Pooled(float(x.mean()), np.full(x.shape, 1 / x.size))
    top = float(x.max())
    if p == math.inf:
        winners = (x == top).astype(np.float64)
        if first:
            winners = np.zeros(x.shape)
            winners.flat[x.argmax()] = 1
        return Pooled(top, winners / winners.sum())
    # Powers of x / max lie between 0 and 1, so no p makes them overflow.
    ratio = np.maximum(x, EPS) / max(top, EPS)
    mean = float((ratio**p).mean())
    gradient = np.where(x > EPS, ratio ** (p - 1) * mean ** (1 / p - 1) / x.size, 0.0)
    return Pooled(max(top, EPS) * mean ** (1 / p), gradient)


class Figures(NamedTuple):
    """A gradient map in four numbers."""

    total: float
    length: float
    """L2 norm."""
    density: float
    """Share of cells that are not zero."""
    effective: float
    """``(sum |g|)^2 / (n sum g^2)``: 1 for a uniform map, 1/n for a single cell, 0 for none."""


def figures(gradient: Array) -> Figures:
    """Sum a gradient map up."""
    g = np.asarray(gradient, dtype=np.float64)
    squares = float((g * g).sum())
    effective = float(np.abs(g).sum()) ** 2 / (g.size * squares) if squares else 0.0
    return Figures(float(g.sum()), math.sqrt(squares), np.count_nonzero(g) / g.size, effective)


class GradientMicroscope(PageWidget):
    """Choose a real map, change its cells and the pool behind it; see value and gradient follow.

    Args:
        maps: Maps of one size.
        p: First exponent, one of `POWERS`.
        map: Position of the map shown first.
        mask: Whether the gradient is shown behind the ReLU, where it is zero wherever the activation is.

    Raises:
        ReaderError: No maps, a label twice, arrays of different sizes or not finite, a negative activation, a missing
            pool in ``back``, or a first state that does not exist.
    """

    slug: ClassVar[str] = "gradient-microscope"

    labels = traitlets.List(traitlets.Unicode()).tag(sync=True)
    size = traitlets.List(traitlets.Int()).tag(sync=True)
    powers = traitlets.List(traitlets.Float()).tag(sync=True)
    values = traitlets.Bytes().tag(sync=True)
    backs = traitlets.Bytes().tag(sync=True)
    with_back = traitlets.List(traitlets.Bool()).tag(sync=True)
    map = traitlets.Int(0).tag(sync=True)
    stop = traitlets.Int(0).tag(sync=True)
    cell = traitlets.Int(0).tag(sync=True)
    edits = traitlets.Dict(key_trait=traitlets.Unicode(), value_trait=traitlets.Float()).tag(sync=True)
    mask = traitlets.Bool(False).tag(sync=True)
    first = traitlets.Bool(False).tag(sync=True)

    def __init__(self, maps: Sequence[Microscopic], p: float = 3.0, map: int = 0, mask: bool = False) -> None:
        """Check the maps, then the first state."""
        if not maps or len({one.label for one in maps}) != len(maps):
            raise ReaderError("The gradient microscope needs at least one map, and each label once.")
        self._maps = [np.asarray(one.values, dtype="<f8") for one in maps]
        shape = self._maps[0].shape
        backs = []
        for one, values in zip(maps, self._maps, strict=True):
            if len(shape) != 2 or values.shape != shape or not np.isfinite(values).all() or (values < 0).any():
                raise ReaderError(
                    f"The map {one.label!r} of shape {values.shape} does not fit: the maps are (H, W), all of one "
                    "size, finite, and behind a ReLU never below 0."
                )
            for key in BACK if one.back is not None else ():
                back = np.asarray((one.back or {}).get(key, math.nan), dtype="<f8")
                if back.shape != shape or not np.isfinite(back).all():
                    raise ReaderError(
                        f"The gradient one block back of {one.label!r} for the pool {key!r} is missing, not finite or "
                        f"not of shape {shape}: give one for each of {', '.join(BACK)}."
                    )
                backs.append(back)
        if p not in POWERS:
            raise ReaderError(f"p is {p}: choose one of {', '.join(f'{power:g}' for power in POWERS)}.")
        super().__init__(
            labels=[one.label for one in maps],
            size=list(shape),
            powers=list(POWERS[:-1]),
            values=b"".join(values.tobytes() for values in self._maps),
            backs=b"".join(back.tobytes() for back in backs),
            with_back=[one.back is not None for one in maps],
            map=map,
            stop=POWERS.index(p),
            cell=int(self._maps[map].argmax()) if 0 <= map < len(maps) else 0,
            mask=mask,
        )

    @traitlets.validate("map", "stop", "cell", "edits")
    def _check(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        cells = math.prod(self.size)
        last = {"map": len(self.labels), "stop": len(POWERS), "cell": cells}.get(name, 0) - 1
        if name != "edits" and not 0 <= value <= last:
            raise WidgetValueError(f"{name} is {value}: choose a whole number from 0 to {last}.")
        for cell, new in value.items() if name == "edits" else ():
            if not (cell.isdecimal() and int(cell) < cells and math.isfinite(new) and new >= 0):
                raise WidgetValueError(
                    f"Cell {cell} is to be {new}: choose a cell from 0 to {cells - 1} and a finite value of 0 or more."
                )
        return value

    @property
    def p(self) -> float:
        """The exponent: 1 is the average, infinity the maximum."""
        return POWERS[self.stop]

    def current(self) -> Array:
        """Return the chosen map with the reader's changes, ``(H, W)``."""
        values = self._maps[self.map].copy()
        for cell, new in self.edits.items():
            values.flat[int(cell)] = new
        return values

    def pooled(self) -> Pooled:
        """Return the pooled value and the gradient map as shown, behind the ReLU if so chosen."""
        values = self.current()
        value, gradient = pool(values, self.p, self.first)
        return Pooled(value, np.where(values > 0, gradient, 0.0) if self.mask else gradient)

    def describe(self) -> str:
        """Say in words what is shown, the same that the page says."""
        value, gradient = self.pooled()
        total, length, density, effective = figures(gradient)
        row, column = divmod(self.cell, self.size[1])
        now, was = self.current().flat[self.cell], self._maps[self.map].flat[self.cell]
        how = {1.0: "the average", math.inf: "the maximum"}.get(self.p, f"GeM with p = {self.p:g}")
        return (
            f"{self.labels[self.map]}: {how} of {self.size[0]} × {self.size[1]} cells is {number(value)}. "
            f"Gradient{' behind the ReLU' if self.mask else ''}: sum {number(total)}, L2 {number(length)}, "
            f"density {percent(density)}, effective density {percent(effective)}. "
            f"Row {row + 1}, column {column + 1}: activation {number(now)}"
            f"{f' (was {number(was)})' if now != was else ''}, gradient {number(gradient.flat[self.cell])}."
        )

    def fallback(self) -> str:
        """Return the sentence, and a table of the pools on every map, for readers without scripts."""
        rows = []
        for label, values in zip(self.labels, self._maps, strict=True):
            for name, p in (("average", 1.0), ("GeM, p = 3", 3.0), ("maximum", math.inf)):
                value, gradient = pool(values, p)
                _, length, density, _ = figures(gradient)
                cells = "".join(f"<td>{text}</td>" for text in (number(value), number(length), percent(density)))
                rows.append(f'<tr><th scope="row">{html.escape(label)}, {name}</th>{cells}</tr>')
        headings = "".join(f'<th scope="col">{text}</th>' for text in ("Map, pool", "Value", "L2", "Density"))
        return (
            f"<p>{html.escape(self.describe())}</p>"
            f'<table class="gl-table"><thead><tr>{headings}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
        )


def number(value: float) -> str:
    """Print a number with four decimals, as the page does; a small one with two digits and its power of ten."""
    if value and abs(value) < 0.00005:
        mantissa, exponent = f"{value:.1e}".split("e")
        return f"{mantissa}e{int(exponent)}".replace("-", "−")
    return _fixed(value, 4) if value else "0"


def percent(share: float) -> str:
    """Print a share with one decimal, as the page does."""
    return f"{_fixed(100 * share, 1)} %"


def _fixed(value: float, digits: int) -> str:
    # JavaScript's toFixed rounds halves away from zero, Python's format to even.
    return str(Decimal(float(value)).quantize(Decimal(10) ** -digits, ROUND_HALF_UP)).replace("-", "−")
