"""Vote explorer: every position of the last map votes for a class, and the votes add up to the logit."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import traitlets
from numpy.typing import NDArray
from PIL import Image

from gaplab.errors import ReaderError, unknown_name
from gaplab.widgets.base import PageWidget, WidgetValueError

Array = NDArray[Any]

POOLS = ("average", "maximum")
"""The pools that the explorer compares, in the order of its arrays."""

LIMIT = 1e6
"""Votes and biases are below this, so that thousandths fit into 32 bits."""

QUALITY = 85
"""Of the JPEG: about 13 kB for a photograph of 224 px."""


@dataclass(frozen=True)
class VotedPhotograph:
    """One photograph, and what each position of the last map adds to the logits of some classes.

    With the classifier's weights ``w`` and the last map ``x`` of ``H x W`` positions, a class's logit is its bias plus
    the sum of its votes. It is the class activation map of Zhou et al. (CVPR 2016, arXiv 1512.04150), over ``H * W``.

    Attributes:
        name: What to call the photograph.
        picture: uint8 ``(S, S, 3)``: what the network saw, for the eye.
        classes: Names of ``K`` classes: the network's first choices, best first, then a wrong one.
        bias: Of each class, ``(K,)``.
        average: Votes under average pooling, ``w_k . x_ij / (H * W)``: ``(K, H, W)``.
        maximum: Votes under max pooling, the sum of ``w_kc x_c,ij`` over the channels whose maximum is there:
            ``(K, H, W)``.
    """

    name: str
    picture: Array
    classes: Sequence[str]
    bias: Array
    average: Array
    maximum: Array


class VoteExplorer(PageWidget):
    """Choose a photograph, a class and a pool; point at a position, and see its vote, its share and the sum.

    Votes, biases and logits travel in whole thousandths, each less than 0.002 from its value and so chosen that the
    votes and the bias add up to the logit in every digit that is shown. How many positions vote for and against is
    counted before rounding.

    Args:
        photographs: The photographs on offer, all with as many classes and as many positions.
        photograph: Position of the photograph shown first.
        category: Position of the class shown first among the photograph's classes.
        pool: The pool shown first, one of `POOLS`.
        cell: The position shown first, row by row from the top left; if None, the one with the largest vote.

    Raises:
        ReaderError: No photographs, arrays that do not fit together, numbers that are not finite, or a first state that
            does not exist.
    """

    slug: ClassVar[str] = "vote-explorer"

    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    pictures = traitlets.List(traitlets.Unicode()).tag(sync=True)
    classes = traitlets.List(traitlets.List(traitlets.Unicode())).tag(sync=True)
    pools = traitlets.List(traitlets.Unicode()).tag(sync=True)
    shape = traitlets.List(traitlets.Int()).tag(sync=True)
    biases = traitlets.List(traitlets.List(traitlets.Int())).tag(sync=True)
    votes = traitlets.Bytes().tag(sync=True)
    counts = traitlets.List(traitlets.List(traitlets.List(traitlets.List(traitlets.Int())))).tag(sync=True)
    photograph = traitlets.Int(0).tag(sync=True)
    category = traitlets.Int(0).tag(sync=True)
    pool = traitlets.Unicode(POOLS[0]).tag(sync=True)
    cell = traitlets.Int(0).tag(sync=True)

    def __init__(
        self,
        photographs: Sequence[VotedPhotograph],
        photograph: int = 0,
        category: int = 0,
        pool: str = POOLS[0],
        cell: int | None = None,
    ) -> None:
        """Check that the arrays fit together, round them, then check the first state."""
        if not photographs:
            raise ReaderError("The vote explorer needs at least one photograph.")
        like = np.shape(photographs[0].average)
        for given in photographs:
            _check_arrays(given, like)
        exact = np.stack([np.stack([p.average, p.maximum]) for p in photographs]).astype(np.float64)
        biases = np.stack([p.bias for p in photographs]).astype(np.float64)
        self._votes = _thousandths(exact.reshape(*exact.shape[:3], -1), biases)
        self._biases = np.round(1000 * biases).astype(int)
        signs = [(exact > 0).sum(axis=(3, 4)), (exact < 0).sum(axis=(3, 4))]
        super().__init__(
            names=[p.name for p in photographs],
            pictures=[_jpeg(p.picture) for p in photographs],
            classes=[list(p.classes) for p in photographs],
            pools=list(POOLS),
            shape=list(like[1:]),
            biases=self._biases.tolist(),
            votes=self._votes.astype("<i4").tobytes(),
            counts=np.stack(signs, axis=3).tolist(),
            photograph=photograph,
            category=category,
            pool=pool,
        )
        self.cell = int(self._now().argmax()) if cell is None else cell

    @traitlets.validate("photograph", "category", "pool", "cell")
    def _check(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        if name == "pool":
            if value not in POOLS:
                raise WidgetValueError(str(unknown_name("pool", value, POOLS)))
            return value
        photographs, _, classes, cells = self._votes.shape
        last = {"photograph": photographs, "category": classes, "cell": cells}[name] - 1
        if not 0 <= value <= last:
            kind = {"category": "Class", "cell": "Position"}.get(name, "Photograph")
            raise WidgetValueError(f"{kind} {value} was asked for: choose from 0 to {last}.")
        return value

    def _now(self) -> Array:
        """Return the votes now shown, in thousandths, ``(H * W,)``."""
        now: Array = self._votes[self.photograph, POOLS.index(self.pool), self.category]
        return now

    def describe(self) -> str:
        """Say the position's vote and the sum in words, the same that the page shows."""
        votes = self._now()
        vote, sums = int(votes[self.cell]), _sums(votes)
        row, column = divmod(self.cell, self.shape[1])
        share = ""
        if vote:
            share = f", {_percent(vote, sums[vote < 0])} % of the votes {'against' if vote < 0 else 'for'}"
        counts = self.counts[self.photograph][POOLS.index(self.pool)][self.category]
        bias = self.biases[self.photograph][self.category]
        return (
            f"{self.names[self.photograph]}, {self.classes[self.photograph][self.category]}, {self.pool} pool: "
            f"row {row + 1}, column {column + 1} votes {_signed(vote)}{share}. "
            f"Votes for {_signed(sums[0])} from {counts[0]} of {votes.size} positions, half of that from "
            f"{_half(votes)}; votes against {_signed(sums[1])} from {counts[1]}; bias {_signed(bias)}: "
            f"logit {_plain(int(votes.sum()) + bias)}."
        )

    def fallback(self) -> str:
        """Return the sentence and, for the photograph shown, each class's votes and logits."""
        lines = []
        for index, (name, bias) in enumerate(
            zip(self.classes[self.photograph], self.biases[self.photograph], strict=True)
        ):
            average, maximum = self._votes[self.photograph, :, index]
            cells = (
                *map(_signed, _sums(average)),
                _signed(bias),
                _plain(int(average.sum()) + bias),
                _plain(int(maximum.sum()) + bias),
            )
            mark = " (wrong)" if index == len(self.classes[self.photograph]) - 1 else ""
            row = "".join(f"<td>{value}</td>" for value in cells)
            lines.append(f'<tr><th scope="row">{html.escape(name)}{mark}</th>{row}</tr>')
        heads = ("Class", "Votes for", "Votes against", "Bias", "Logit, average", "Logit, maximum")
        return (
            f"<p>{html.escape(self.describe())}</p>"
            f'<table class="gl-table"><thead><tr>{"".join(f"<th scope={chr(34)}col{chr(34)}>{h}</th>" for h in heads)}'
            f"</tr></thead><tbody>{''.join(lines)}</tbody></table>"
        )


def _check_arrays(given: VotedPhotograph, like: tuple[int, ...]) -> None:
    """Compare a photograph's arrays with one another and with the first photograph's."""
    kinds = len(given.classes)
    picture = np.asarray(given.picture)
    found = (np.shape(given.bias), np.shape(given.average), np.shape(given.maximum))
    if kinds < 2 or len(like) != 3 or 0 in like or found != ((kinds,), like, like) or like[0] != kinds:
        raise ReaderError(
            f"The votes of {given.name!r} do not fit together: bias, average and maximum are {found} for {kinds} "
            f"classes, and each photograph needs (K,), (K, H, W) and (K, H, W) with the same K of 2 or more, H and W."
        )
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape != (len(picture), len(picture), 3):
        raise ReaderError(
            f"The picture of {given.name!r} is {picture.dtype} {picture.shape}: give a square of uint8, (S, S, 3)."
        )
    # NaN is not below the limit either.
    if not all(np.abs(values).sum() < LIMIT for values in (given.bias, given.average, given.maximum)):
        raise ReaderError(
            f"The votes of {given.name!r} have no usable sum: every vote and bias must be finite, and their sizes "
            f"together under {LIMIT:,.0f}."
        )


def _jpeg(picture: Array) -> str:
    """Encode a picture as the address of a JPEG that holds it whole."""
    file = io.BytesIO()
    Image.fromarray(np.asarray(picture)).save(file, "JPEG", quality=QUALITY, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


def _thousandths(votes: Array, biases: Array) -> Array:
    """Round votes to thousandths that add up, with the rounded bias, to the rounded logit.

    Each vote is rounded down; the votes that lost most are rounded up instead until the sum is right (the largest
    remainder method), so that each is less than a thousandth from its value. Only where nearly every vote is whole
    already may one thousandth be left, and the largest vote takes it.

    Args:
        votes: ``(photographs, pools, classes, positions)``.
        biases: ``(photographs, classes)``.
    """
    wanted = np.round(1000 * (votes.sum(axis=3) + biases[:, None])) - np.round(1000 * biases)[:, None]
    rounded: Array = np.floor(1000 * votes).astype(np.int64)
    for index in np.ndindex(wanted.shape):
        row, lost = rounded[index], 1000 * votes[index] - rounded[index]
        order = np.argsort(-lost, kind="stable")[: np.count_nonzero(lost)]
        row[order[: max(int(wanted[index]) - int(row.sum()), 0)]] += 1
        row[np.abs(votes[index]).argmax()] += int(wanted[index]) - int(row.sum())
    return rounded


def _sums(votes: Array) -> tuple[int, int]:
    return int(votes[votes > 0].sum()), int(votes[votes < 0].sum())


def _half(votes: Array) -> int:
    """Count the positions, from the largest vote down, that together hold half of the votes for."""
    running = np.cumsum(np.sort(votes[votes > 0])[::-1])
    return int(np.searchsorted(2 * running, running[-1]) + 1) if running.size else 0


def _percent(part: int, whole: int) -> str:
    """Give a share with one decimal, half upwards, in whole numbers as the page does."""
    tenths = (2000 * abs(part) + abs(whole)) // (2 * abs(whole))
    return f"{tenths // 10}.{tenths % 10}"


def _plain(value: int) -> str:
    return f"{'−' if value < 0 else ''}{abs(value) // 1000}.{abs(value) % 1000:03d}"


def _signed(value: int) -> str:
    return f"{'+' if value > 0 else ''}{_plain(value)}"
