"""Size explorer: every stage's map for any input size, which heads still work on it, and what accuracy was measured."""

from __future__ import annotations

import html
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import traitlets

from gaplab.errors import ReaderError, unknown_name
from gaplab.shapes import Stretch, sides
from gaplab.widgets.base import PageWidget, WidgetValueError

HEADS = {
    "average": "Global average pool",
    "max": "Global max pool",
    "flatten": "Flattened map, fully connected",
    "window": "Average pool with a fixed window",
    "adaptive": "Adaptive pool, fully connected",
    "convolution": "Fully connected as a convolution",
}
"""The heads on offer, in the order of the menu: key to label."""


@dataclass(frozen=True)
class Explored:
    """A network up to its last map.

    Attributes:
        name: As the reader chooses it, for example ``"ResNet-50"``.
        stages: From the input on, from ``sizes.stages``.
        trained: Side of the images that it was trained on, in pixels; heads of a fixed size are built for its last map.
        largest: Largest side on offer, in pixels.
        channels: Channels of the input.
    """

    name: str
    stages: tuple[Stretch, ...]
    trained: int = 224
    largest: int = 640
    channels: int = 3

    def last_side(self, size: int) -> int:
        """Return the side of the last map for an input of ``size`` pixels; 0 if some window does not fit."""
        return sides(self.stages, size)[-1]

    def as_state(self) -> dict[str, Any]:
        """Return the network as the module in the page takes it; a step is ``[kernel, stride, padding, ceil_mode]``."""
        return {
            "name": self.name,
            "trained": self.trained,
            "largest": self.largest,
            "channels": self.channels,
            "stages": [
                {"name": stage.name, "channels": stage.channels, "steps": [list(step) for step in stage.steps]}
                for stage in self.stages
            ],
        }


@dataclass(frozen=True)
class Curve:
    """Accuracy measured at several input sizes.

    Attributes:
        label: For the legend.
        head: Key of `HEADS` that the measured networks have.
        points: Size in pixels to accuracy for each seed, as fractions.
    """

    label: str
    head: str
    points: Mapping[int, Sequence[float]]

    def as_state(self) -> dict[str, Any]:
        """Return mean and sample standard deviation over seeds in tenths of a percent, whole numbers."""
        tenths = [[1000 * value for value in values] for values in self.points.values()]
        return {
            "label": self.label,
            "head": self.head,
            "sizes": list(self.points),
            "mean": [round(statistics.fmean(values)) for values in tenths],
            "spread": [round(statistics.stdev(values)) for values in tenths],
            "seeds": min(len(values) for values in tenths),
        }


class Outcome(NamedTuple):
    """What a head makes of a map."""

    works: bool
    words: str


def outcome(head: str, side: int, channels: int, trained_side: int) -> Outcome:
    """Say what a head makes of a map of another size than that it was built for.

    Args:
        head: A key of `HEADS`.
        side: Side of the map, at least 1.
        channels: Its channels.
        trained_side: Side of the map that heads of a fixed size were built for.
    """
    built, window = trained_side * trained_side * channels, side - trained_side + 1
    here = side * side * channels
    misfit = f"A window of {trained_side} × {trained_side} does not fit into a map of {side} × {side}."
    if head in ("average", "max"):
        return Outcome(True, f"{channels:,} numbers, as many as the classifier reads.")
    if head == "flatten":
        words = f"The map flattens to {here:,} numbers"
        if side == trained_side:
            return Outcome(True, f"{words}, as many as the layer has weights for.")
        return Outcome(False, f"{words}; the layer has weights for {built:,}.")
    if head == "window":
        if window < 1:
            return Outcome(False, misfit)
        words = f"A window of {trained_side} × {trained_side} leaves {window} × {window} × {channels:,}"
        if window == 1:
            return Outcome(True, f"{words}, as much as the classifier reads.")
        return Outcome(False, f"{words} = {window * window * channels:,} numbers; the classifier reads {channels:,}.")
    if head == "adaptive":
        how = "copied" if side == trained_side else "averaged" if side > trained_side else "stretched"
        return Outcome(True, f"Cells are {how} into {trained_side} × {trained_side} × {channels:,}, for any map.")
    if window < 1:
        return Outcome(False, misfit)
    if window == 1:
        return Outcome(True, "1 × 1 score for each class, the same as the layer's.")
    return Outcome(True, f"{window} × {window} scores for each class, one for each window.")


class SizeExplorer(PageWidget):
    """Choose a network, an input size and a head; see every map to scale and whether the head still works.

    Args:
        networks: Those on offer, in the order of the menu.
        curves: Accuracy against size, all measured on the network called ``measured_on``.
        measured_on: Name of one of the networks.
        network: Name of the one shown first; the first if left out.
        size: Side of the input in pixels; the network's training size if left out.
        head: A key of `HEADS`.

    Raises:
        ReaderError: No network, two of one name, an unknown name or head, or a size out of range.
    """

    slug: ClassVar[str] = "size-explorer"

    networks = traitlets.List(traitlets.Dict()).tag(sync=True)
    curves = traitlets.List(traitlets.Dict()).tag(sync=True)
    heads = traitlets.List(traitlets.List()).tag(sync=True)
    measured_on = traitlets.Unicode().tag(sync=True)
    network = traitlets.Unicode().tag(sync=True)
    size = traitlets.Int(224).tag(sync=True)
    head = traitlets.Unicode("average").tag(sync=True)

    def __init__(
        self,
        networks: Sequence[Explored],
        curves: Sequence[Curve],
        measured_on: str,
        network: str | None = None,
        size: int | None = None,
        head: str = "average",
    ) -> None:
        """Check the networks, then the first state."""
        self._networks = {one.name: one for one in networks}
        if not networks or len(self._networks) != len(networks):
            raise ReaderError("The size explorer needs at least one network, and each name once.")
        if measured_on not in self._networks:
            raise unknown_name("network", measured_on, self._networks)
        for curve in curves:
            if curve.head not in HEADS:
                raise unknown_name("head", curve.head, HEADS)
        first = self._networks.get(network or networks[0].name)
        super().__init__(
            networks=[one.as_state() for one in networks],
            curves=[curve.as_state() for curve in curves],
            heads=[list(pair) for pair in HEADS.items()],
            measured_on=measured_on,
            network=network or networks[0].name,
            size=size if size is not None else first.trained if first else 224,
            head=head,
        )

    @traitlets.validate("network", "size", "head")
    def _check(self, proposal: Any) -> Any:
        chosen = {"network": self.network, "size": self.size, "head": self.head}
        if problem := self._problem(**chosen | {proposal["trait"].name: proposal["value"]}):
            raise WidgetValueError(problem)
        return proposal["value"]

    def _problem(self, network: str, size: int, head: str) -> str | None:
        if network not in self._networks:
            return str(unknown_name("network", network, self._networks))
        if head not in HEADS:
            return str(unknown_name("head", head, HEADS))
        largest = self._networks[network].largest
        if not 1 <= size <= largest:
            return f"The input size is {size:,} px: choose a whole number from 1 to {largest:,}."
        return None

    def _outcome(self, head: str) -> Outcome:
        """Say what a head makes of the network's last map at the chosen size."""
        network = self._networks[self.network]
        side = network.last_side(self.size)
        if not side:
            smallest = next(size for size in range(1, network.largest + 1) if network.last_side(size))
            return Outcome(False, f"No map is left at {self.size:,} px: {network.name} needs {smallest:,} px or more.")
        return outcome(head, side, network.stages[-1].channels, network.last_side(network.trained))

    def describe(self) -> str:
        """Say in words what the page shows: the last map, and what the chosen head makes of it."""
        network = self._networks[self.network]
        side, result = network.last_side(self.size), self._outcome(self.head)
        start = f"At {self.size:,} px {network.name} has no last map."
        if side:
            start = (
                f"At {self.size:,} px the last map of {network.name} is {_shape(side, network.stages[-1].channels)}."
            )
        return f"{start} {HEADS[self.head]}: it {'works' if result.works else 'breaks'}. {result.words}"

    def fallback(self) -> str:
        """Return the sentence, the stages and the heads at this size, for readers without scripts."""
        network = self._networks[self.network]
        rows = [("input", self.size, network.channels)]
        rows += [
            (stage.name, side, stage.channels)
            for stage, side in zip(network.stages, sides(network.stages, self.size), strict=True)
        ]
        maps = "".join(
            f'<tr><th scope="row">{html.escape(name)}</th><td>{_shape(side, channels) if side else "none"}</td></tr>'
            for name, side, channels in rows
        )
        heads = _items(self._outcome, HEADS)
        curves = "".join(_curve_row(curve) for curve in self.curves)
        return (
            f"<p>{html.escape(self.describe())}</p>"
            f'<table class="gl-table"><thead><tr><th scope="col">Stage</th><th scope="col">Map</th></tr></thead>'
            f"<tbody>{maps}</tbody></table><ul>{heads}</ul>"
            f"<p>Accuracy of {html.escape(self.measured_on)} by input size:</p><ul>{curves}</ul>"
        )


def _shape(side: int, channels: int) -> str:
    return f"{side} × {side} × {channels:,}"


def _items(result: Callable[[str], Outcome], heads: Mapping[str, str]) -> str:
    lines = []
    for head, label in heads.items():
        works, words = result(head)
        lines.append(f"<li><b>{label}</b> {'works' if works else 'breaks'}. {html.escape(words)}</li>")
    return "".join(lines)


def _curve_row(curve: Mapping[str, Any]) -> str:
    points = zip(curve["sizes"], curve["mean"], strict=True)
    return f"<li>{html.escape(curve['label'])}: {', '.join(f'{s} px {m / 10:.1f} %' for s, m in points)}</li>"
