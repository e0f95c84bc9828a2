"""Shift explorer: drag a garment over the frame and watch three networks, which differ in their head, follow."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import traitlets
from numpy.typing import NDArray

from gaplab.errors import ReaderError, unknown_name
from gaplab.widgets.base import PageWidget, WidgetValueError

Array = NDArray[Any]

HEADS = {"gap": "GAP", "max": "max", "flatten": "flatten"}
"""The heads that the explorer compares, and what it calls them."""


@dataclass(frozen=True)
class MovedGarment:
    """One garment, and what each network makes of it at every place.

    Attributes:
        label: Its class, a position among the explorer's class names.
        pixels: The garment itself, uint8 ``(S, S)``.
        probabilities: For each head, softmax outputs at each place: ``(P, classes)``.
        maps: For each head, the last feature map averaged over its channels: ``(P, H, W)``.
        changes: For each head, how far what the head reads is from what it reads at the centre, as a fraction of
            the distance between garments: ``(P,)``.

    The ``P = (2 * room + 1)^2`` places come row by row: dy from top to bottom, in each row dx from left to right.
    """

    label: int
    pixels: Array
    probabilities: Mapping[str, Array]
    maps: Mapping[str, Array]
    changes: Mapping[str, Array]


class ShiftExplorer(PageWidget):
    """Move a garment in its frame; see three heads' probabilities, feature maps and accuracies at that place.

    Everything was computed by the networks beforehand and is looked up in the page: probabilities and accuracies in
    tenths of a percent, changes in whole percent, maps in 256 steps on one scale for each garment and head.

    Args:
        garments: The garments on offer.
        classes: Names of the classes.
        accuracy: For each head of `HEADS`, accuracy over many garments at each place, ``(P,)``.
        measured: What the accuracy is over, for the line under it, for example ``"200 garments, 3 seeds"``.
        frame: Side of the frame in pixels.
        garment: Position of the garment shown first.
        dx: First place, pixels right of the centre.
        dy: First place, pixels down of the centre.

    Raises:
        ReaderError: No garments, arrays that do not fit together, or a first state that does not exist.
    """

    slug: ClassVar[str] = "shift-explorer"

    classes = traitlets.List(traitlets.Unicode()).tag(sync=True)
    labels = traitlets.List(traitlets.Int()).tag(sync=True)
    heads = traitlets.List(traitlets.List(traitlets.Unicode())).tag(sync=True)
    geometry = traitlets.Dict().tag(sync=True)
    measured = traitlets.Unicode().tag(sync=True)
    pixels = traitlets.Bytes().tag(sync=True)
    probabilities = traitlets.Bytes().tag(sync=True)
    changes = traitlets.Bytes().tag(sync=True)
    maps = traitlets.Bytes().tag(sync=True)
    accuracies = traitlets.Bytes().tag(sync=True)
    garment = traitlets.Int(0).tag(sync=True)
    head = traitlets.Unicode("gap").tag(sync=True)
    dx = traitlets.Int(0).tag(sync=True)
    dy = traitlets.Int(0).tag(sync=True)

    def __init__(
        self,
        garments: Sequence[MovedGarment],
        classes: Sequence[str],
        accuracy: Mapping[str, Array],
        measured: str,
        frame: int = 28,
        garment: int = 0,
        dx: int = 0,
        dy: int = 0,
    ) -> None:
        """Quantise the arrays and check that they fit together, then the first state."""
        if not garments:
            raise ReaderError("The shift explorer needs at least one garment.")
        first = garments[0]
        small = first.pixels.shape[0]
        cells = first.maps["gap"].shape[-1]
        self._room = (frame - small) // 2
        shape = (len(garments), len(HEADS), (2 * self._room + 1) ** 2)
        self._probabilities = _stack([[g.probabilities[h] for h in HEADS] for g in garments], 1000, np.uint16)
        self._changes = _stack([[g.changes[h] for h in HEADS] for g in garments], 100, np.uint16)
        self._accuracy = _stack([accuracy[h] for h in HEADS], 1000, np.uint16)
        maps = np.stack([np.stack([g.maps[h] / g.maps[h].max() for h in HEADS]) for g in garments])
        pictures = np.stack([g.pixels for g in garments])
        found = (self._probabilities.shape, self._changes.shape, self._accuracy.shape, maps.shape, pictures.shape)
        if found != ((*shape, len(classes)), shape, shape[1:], (*shape, cells, cells), (shape[0], small, small)):
            raise ReaderError(
                f"The shift explorer's arrays do not fit together: {found} for {len(garments)} garments of {small} px "
                f"in a frame of {frame} px, {len(HEADS)} heads and {len(classes)} classes."
            )
        super().__init__(
            classes=list(classes),
            labels=[g.label for g in garments],
            heads=[list(item) for item in HEADS.items()],
            geometry={"frame": frame, "garment": small, "cells": cells, "room": self._room},
            measured=measured,
            pixels=pictures.astype(np.uint8).tobytes(),
            probabilities=self._probabilities.tobytes(),
            changes=self._changes.tobytes(),
            maps=np.round(255 * maps).astype(np.uint8).tobytes(),
            accuracies=self._accuracy.tobytes(),
            garment=garment,
            dx=dx,
            dy=dy,
        )

    @traitlets.validate("garment", "head", "dx", "dy")
    def _check(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        if name == "head" and value not in HEADS:
            raise WidgetValueError(str(unknown_name("head", value, HEADS)))
        if name == "garment" and not 0 <= value < len(self.labels):
            raise WidgetValueError(f"Garment {value} was asked for: choose from 0 to {len(self.labels) - 1}.")
        if name in ("dx", "dy") and abs(value) > self._room:
            raise WidgetValueError(f"{name} is {value} px: choose a whole number from -{self._room} to {self._room}.")
        return value

    @property
    def place(self) -> int:
        """Position of the present place in the arrays."""
        return int((self.dy + self._room) * (2 * self._room + 1) + self.dx + self._room)

    def describe(self) -> str:
        """Say the result in words, the same that the page shows."""
        place = self.place
        seen, changed = [], []
        for index, name in enumerate(HEADS.values()):
            tenths = self._probabilities[self.garment, index, place]
            best = int(tenths.argmax())
            seen.append(f"{name} says {self.classes[best]} ({tenths[best] / 10:.1f} %)")
            changed.append(f"{self._changes[self.garment, index, place]} % ({name})")
        return (
            f"{self.classes[self.labels[self.garment]]} {_where(self.dx, self.dy)}: {', '.join(seen)}. "
            f"What the head reads has changed by {', '.join(changed)} of the distance between garments."
        )

    def fallback(self) -> str:
        """Return the sentence and each head's accuracies, for readers without scripts."""
        side = 2 * self._room + 1
        lines = []
        for name, tenths in zip(HEADS.values(), self._accuracy.reshape(-1, side, side), strict=True):
            corners = tenths[[0, 0, -1, -1], [0, -1, 0, -1]].mean()
            cells = (tenths[self._room, self._room], tenths.mean(), corners)
            row = "".join(f"<td>{value / 10:.1f} %</td>" for value in cells)
            lines.append(f'<tr><th scope="row">{name}</th>{row}</tr>')
        return (
            f"<p>{html.escape(self.describe())}</p>"
            f'<table class="gl-table"><thead><tr><th scope="col">Accuracy ({html.escape(self.measured)})</th>'
            '<th scope="col">Centre</th><th scope="col">All places</th><th scope="col">Corners</th></tr></thead>'
            f"<tbody>{''.join(lines)}</tbody></table>"
        )


def _stack(rows: Any, scale: int, kind: type) -> Array:
    """Stack arrays and round them to whole multiples of ``1 / scale``, little-endian as the page reads them."""
    stacked = np.stack([np.stack(row) if isinstance(row, list) else row for row in rows])
    return np.round(scale * stacked).astype(np.dtype(kind).newbyteorder("<"))


def _where(dx: int, dy: int) -> str:
    parts = [
        f"{abs(pixels)} px {names[pixels > 0]}"
        for pixels, names in ((dx, ("left", "right")), (dy, ("up", "down")))
        if pixels
    ]
    return "moved " + " and ".join(parts) if parts else "in the centre"
