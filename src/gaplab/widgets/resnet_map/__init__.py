"""ResNet map: a whole ResNet-50 from the picture to the logits, each stage with its numbers and its chapter."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import traitlets

from gaplab.errors import ReaderError
from gaplab.widgets.base import PageWidget, WidgetValueError


@dataclass(frozen=True)
class Stage:
    """One stage of the network.

    Attributes:
        name: As torchvision calls it, for example ``"layer4"``.
        does: What it does, in a few words.
        channels: Channels of its output.
        side: Side of its output in cells.
        parameters: Learned numbers in it.
        macs: Multiply-adds for one picture.
        question: What the book asks of it.
        chapter: Title of the chapter that puts it on trial.
        href: That chapter's page.
    """

    name: str
    does: str
    channels: int
    side: int
    parameters: int
    macs: int
    question: str
    chapter: str
    href: str


class ResnetMap(PageWidget):
    """Walk through a network stage by stage.

    Args:
        name: The network, for example ``"ResNet-50"``.
        stages: Its stages in order, the picture first.
        stage: Position of the stage shown first.

    Raises:
        ReaderError: No stages, or a first stage that does not exist.
    """

    slug: ClassVar[str] = "resnet-map"

    name = traitlets.Unicode().tag(sync=True)
    stages = traitlets.List(traitlets.Dict()).tag(sync=True)
    stage = traitlets.Int(0).tag(sync=True)

    def __init__(self, name: str, stages: Sequence[Stage], stage: int = 0) -> None:
        """Check the stages, then the first state."""
        if not stages:
            raise ReaderError("The ResNet map needs at least one stage.")
        super().__init__(name=name, stages=[asdict(each) for each in stages], stage=stage)

    @traitlets.validate("stage")
    def _check(self, proposal: Any) -> int:
        if not 0 <= proposal["value"] < len(self.stages):
            raise WidgetValueError(f"There is no stage {proposal['value']}: choose 0 to {len(self.stages) - 1}.")
        return int(proposal["value"])

    def describe(self) -> str:
        """Say the chosen stage's shape and cost."""
        return _sentence(self.stages[self.stage])

    def fallback(self) -> str:
        """Return all stages as a table."""
        rows = "".join(
            f'<tr><th scope="row">{html.escape(s["name"])}</th><td>{s["channels"]:,} × {s["side"]} × {s["side"]}</td>'
            f"<td>{s['parameters']:,}</td><td>{s['macs']:,}</td>"
            f'<td><a href="{s["href"]}">{html.escape(s["question"])}</a></td></tr>'
            for s in self.stages
        )
        return (
            '<table class="gl-table"><thead><tr><th scope="col">Stage</th><th scope="col">Output</th>'
            '<th scope="col">Parameters</th><th scope="col">Multiply-adds</th>'
            '<th scope="col">On trial</th></tr></thead>'
            f"<tbody>{rows}</tbody></table>"
        )


def _sentence(stage: dict[str, Any]) -> str:
    return (
        f"{stage['name']}: {stage['does']}. Output {stage['channels']:,} × {stage['side']} × {stage['side']}, "
        f"{stage['parameters']:,} parameters, {stage['macs']:,} multiply-adds."
    )
