"""Head calculator: what a flattened head and a GAP head cost behind a chosen backbone."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import traitlets

from gaplab.errors import ReaderError, unknown_name
from gaplab.shapes import LastMap
from gaplab.widgets.base import PageWidget, WidgetValueError

SIZES = (32, 640)
"""Smallest and largest input side that the calculator offers, in pixels."""

CLASSES = (2, 21_841)
"""Smallest and largest number of classes; 21,841 is the whole of ImageNet."""


@dataclass(frozen=True)
class Backbone:
    """A row of the calculator: a network up to its last map.

    Attributes:
        name: As the reader chooses it, for example ``"ResNet-50"``.
        last_map: C, and the layers that change the side of the map, from ``counting.last_map``.
        backbone_parameters: Parameters of everything before the head.
        head_parameters: Parameters of the head that the network was published with.
    """

    name: str
    last_map: LastMap
    backbone_parameters: int
    head_parameters: int

    def as_state(self) -> dict[str, Any]:
        """Return the row as the module in the page takes it; a step is ``[kernel, stride, padding, ceil_mode]``."""
        return {
            "name": self.name,
            "channels": self.last_map.channels,
            "path": [list(step) for step in self.last_map.path],
            "backbone_parameters": self.backbone_parameters,
            "head_parameters": self.head_parameters,
        }


class HeadCalculator(PageWidget):
    """Choose a backbone, an input size and a number of classes; compare a flattened head with a GAP head.

    Args:
        rows: The backbones on offer, in the order of the menu.
        network: Name of the one shown first; ``"ResNet-50"`` if it is among the rows, else the first row.
        size: Side of the input in pixels.
        classes: Number of classes of the linear layer.

    Raises:
        ReaderError: No rows, two rows of one name, an unknown network, a size or a number of classes out of range.
    """

    slug: ClassVar[str] = "head-calculator"

    rows = traitlets.List(traitlets.Dict()).tag(sync=True)
    limits = traitlets.Dict().tag(sync=True)
    network = traitlets.Unicode().tag(sync=True)
    size = traitlets.Int(224).tag(sync=True)
    classes = traitlets.Int(1000).tag(sync=True)

    def __init__(
        self, rows: Sequence[Backbone], network: str | None = None, size: int = 224, classes: int = 1000
    ) -> None:
        """Check the rows, then the first state."""
        self._backbones = {row.name: row for row in rows}
        if not rows or len(self._backbones) != len(rows):
            raise ReaderError("The head calculator needs at least one backbone, and each name once.")
        if network is None:
            network = "ResNet-50" if "ResNet-50" in self._backbones else rows[0].name
        super().__init__(
            rows=[row.as_state() for row in rows],
            limits={"size": list(SIZES), "classes": list(CLASSES)},
            network=network,
            size=size,
            classes=classes,
        )

    @traitlets.validate("network", "size", "classes")
    def _check(self, proposal: Any) -> Any:
        chosen = {"network": self.network, "size": self.size, "classes": self.classes}
        if problem := self._problem(**chosen | {proposal["trait"].name: proposal["value"]}):
            raise WidgetValueError(problem)
        return proposal["value"]

    def _problem(self, network: str, size: int, classes: int) -> str | None:
        if network not in self._backbones:
            return str(unknown_name("network", network, self._backbones))
        if not SIZES[0] <= size <= SIZES[1]:
            return _out_of_range("input size", f"{size:,} px", SIZES)
        if not CLASSES[0] <= classes <= CLASSES[1]:
            return _out_of_range("number of classes", f"{classes:,}", CLASSES)
        row = self._backbones[network]
        if not row.last_map.side(size):
            return (
                f"{network} cannot take an input of {size:,} px: choose at least {row.last_map.smallest_size():,} px."
            )
        return None

    def describe(self) -> str:
        """Say the result in one sentence, the same that the page shows."""
        row = self._backbones[self.network]
        side, channels = row.last_map.side(self.size), row.last_map.channels
        pooled = channels * self.classes
        weights = f"{side * side * pooled:,} weights"
        start = f"At {self.size:,} px the last map of {row.name} is {side} × {side} × {channels:,}"
        if side == 1:
            return f"{start}: for {self.classes:,} classes the flattened head and the GAP head both have {weights}."
        return (
            f"{start}: for {self.classes:,} classes the flattened head has {weights}, "
            f"{side * side:,} times the GAP head's {pooled:,}."
        )

    def fallback(self) -> str:
        """Return the sentence and a table of all backbones at this size, for readers without scripts."""
        lines = []
        for row in self._backbones.values():
            side, channels = row.last_map.side(self.size), row.last_map.channels
            pooled = channels * self.classes
            cells = [f"{side} × {side} × {channels:,}", f"{side * side * pooled:,}", f"{pooled:,}"]
            if not side:
                cells = [f"needs {row.last_map.smallest_size():,} px", "", ""]
            lines.append(
                f'<tr><th scope="row">{html.escape(row.name)}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
            )
        return (
            f"<p>{html.escape(self.describe())}</p>"
            '<table class="gl-table"><thead><tr><th scope="col">Backbone</th><th scope="col">Last map</th>'
            '<th scope="col">Weights, flattened head</th><th scope="col">Weights, GAP head</th></tr></thead>'
            f"<tbody>{''.join(lines)}</tbody></table>"
        )


def _out_of_range(what: str, given: str, limits: tuple[int, int]) -> str:
    return f"The {what} is {given}: choose a whole number from {limits[0]:,} to {limits[1]:,}."
