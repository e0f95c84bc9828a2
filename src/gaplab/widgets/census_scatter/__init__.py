"""Census scatter: published classifiers as points, by parameters, cost, head share and accuracy, told apart by head."""

from __future__ import annotations

import html
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import traitlets

from gaplab.errors import ReaderError, unknown_name
from gaplab.widgets.base import PageWidget, WidgetValueError

AXES = {
    "parameters": "Parameters",
    "gflops": "GFLOPS",
    "head_share": "Head share",
    "accuracy": "Accuracy",
}
"""What an axis can show, and what the menus call it."""

MOST_HEADS = 8
"""As many as there are markers."""


@dataclass(frozen=True)
class CensusModel:
    """One classifier of the census.

    Attributes:
        name: As its library calls it, for example ``"resnet50"``.
        family: Whose member it is, for example ``"ResNet"``.
        head: Type of its head, for example ``"average pool, linear"``.
        head_share: Part of its parameters that is in the head, 0 to 1.
        accuracy: Published top-1 accuracy on ImageNet in percent.
        parameters: Weights and biases.
        gflops: Published cost of one picture; torchvision's GFLOPS are thousand million multiply-adds.
    """

    name: str
    family: str
    head: str
    head_share: float
    accuracy: float
    parameters: int
    gflops: float

    def as_state(self) -> dict[str, Any]:
        """Return the model as the page takes it: names and whole numbers, which print the same everywhere.

        Raises:
            ReaderError: A number is out of its range.
        """
        for what, value, low, high in (
            ("head share", self.head_share, 0, 1),
            ("accuracy in percent", self.accuracy, 0, 100),
            ("number of parameters", self.parameters, 1, 2**53),
            ("GFLOPS", self.gflops, 0.001, 2**53 / 1000),
        ):
            if not (math.isfinite(value) and low <= value <= high):
                raise ReaderError(f"The {what} of {self.name} is {value}: give a number from {low} to {high}.")
        return {
            "name": self.name,
            "family": self.family,
            "head": self.head,
            "head_share": round(10_000 * self.head_share),
            "accuracy": round(1000 * self.accuracy),
            "parameters": int(self.parameters),
            "gflops": round(1000 * self.gflops),
        }


class CensusScatter(PageWidget):
    """Choose what is on each axis, leave out heads or families, and walk over the models.

    Shares travel in hundredths of a percent, accuracies in thousandths of a percent, GFLOPS in thousandths.

    Args:
        models: The classifiers.
        x: What is across, a key of `AXES`.
        y: What is upwards, another key of `AXES`.
        model: Name of the one picked out first; ResNet-50 if left out and there, else the first.

    Raises:
        ReaderError: No models, a name twice, more head types than markers, a number out of range, or a first state
            that does not exist.
    """

    slug: ClassVar[str] = "census-scatter"

    models = traitlets.List(traitlets.Dict()).tag(sync=True)
    heads = traitlets.List(traitlets.Unicode()).tag(sync=True)
    x = traitlets.Unicode("parameters").tag(sync=True)
    y = traitlets.Unicode("accuracy").tag(sync=True)
    family = traitlets.Unicode("").tag(sync=True)
    hidden = traitlets.List(traitlets.Unicode()).tag(sync=True)
    model = traitlets.Unicode().tag(sync=True)

    def __init__(
        self, models: Sequence[CensusModel], x: str = "parameters", y: str = "accuracy", model: str | None = None
    ) -> None:
        """Check the models, then the first state."""
        self._names = [one.name for one in models]
        if not models or len(set(self._names)) != len(models):
            raise ReaderError("The census scatter needs at least one model, and each name once.")
        # The most frequent head comes first, and so has the first colour, whatever the order of the models.
        self._heads = [head for head, _ in Counter(one.head for one in models).most_common()]
        if len(self._heads) > MOST_HEADS:
            raise ReaderError(
                f"There are {len(self._heads)} types of head and {MOST_HEADS} markers: put some types together."
            )
        self._families = list(dict.fromkeys(one.family for one in models))
        likely = [name for name in self._names if name.lower().replace("-", "") == "resnet50"]
        super().__init__(
            models=[one.as_state() for one in models],
            heads=self._heads,
            x=x,
            y=y,
            model=(likely or self._names)[0] if model is None else model,
        )

    @traitlets.validate("x", "y", "family", "hidden", "model")
    def _check(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        chosen = {"x": self.x, "y": self.y} | {name: value}
        for axis in ("x", "y"):
            if chosen[axis] not in AXES:
                raise WidgetValueError(str(unknown_name("axis", chosen[axis], AXES)))
        if chosen["x"] == chosen["y"]:
            raise WidgetValueError(f"Both axes would show {chosen['x']}: choose two different ones.")
        if name == "family" and value and value not in self._families:
            raise WidgetValueError(str(unknown_name("family", value, self._families)))
        for head in value if name == "hidden" else ():
            if head not in self._heads:
                raise WidgetValueError(str(unknown_name("type of head", head, self._heads)))
        if name == "model" and value not in self._names:
            raise WidgetValueError(str(unknown_name("model", value, self._names)))
        return value

    def shown(self) -> list[dict[str, Any]]:
        """Return the models that pass the filters, in the order in which the arrow keys right and left visit them."""
        kept = [m for m in self.models if m["head"] not in self.hidden and self.family in ("", m["family"])]
        return sorted(kept, key=lambda m: (m[self.x], m[self.y], m["name"]))

    def describe(self) -> str:
        """Say in words what is shown, and the model picked out; if it is filtered out, the first one shown."""
        shown = self.shown()
        if not shown:
            return "No model matches."
        axes = f"{AXES[self.y]} against {AXES[self.x].lower() if self.x != 'gflops' else 'GFLOPS'}"
        picked = next((m for m in shown if m["name"] == self.model), shown[0])
        facts = (f"{label} {text(picked)}" for label, text in FACTS.items())
        return f"{axes}, {len(shown)} of {len(self.models)} models. {picked['name']}: {', '.join(facts)}."

    def fallback(self) -> str:
        """Return the sentence and the models as a table, for readers without scripts."""
        heading = "".join(f'<th scope="col">{label}</th>' for label in FACTS)
        rows = "".join(
            f'<tr><th scope="row">{html.escape(m["name"])}</th>'
            + "".join(f"<td>{html.escape(text(m))}</td>" for text in FACTS.values())
            + "</tr>"
            for m in self.shown()
        )
        return (
            f"<p>{html.escape(self.describe())}</p>"
            f'<table class="gl-table"><thead><tr><th scope="col">Model</th>{heading}</tr>'
            f"</thead><tbody>{rows}</tbody></table>"
        )


def _decimal(units: int, digits: int) -> str:
    """Print a whole number of 10^-digits as a decimal, without zeros at its end."""
    whole, part = divmod(units, 10**digits)
    return f"{whole:,}.{part:0{digits}d}".rstrip("0").rstrip(".")


FACTS: dict[str, Callable[[dict[str, Any]], str]] = {
    "Family": lambda m: m["family"],
    "Head": lambda m: m["head"],
    "Head share": lambda m: f"{_decimal(m['head_share'], 2)} %",
    "Accuracy": lambda m: f"{_decimal(m['accuracy'], 3)} %",
    "Parameters": lambda m: f"{m['parameters']:,}",
    "GFLOPS": lambda m: _decimal(m["gflops"], 3),
}
"""What is told of a model, in this order: label to the text."""
