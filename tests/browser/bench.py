"""Widgets made for the tests, and what is done to them: put on a bare page, asked what they told the model, timed."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from numpy.typing import NDArray
from playwright.sync_api import Page

from gaplab import claims, data, live, models, sizes, weights
from gaplab.interview import pages
from gaplab.shapes import LastMap, Step
from gaplab.widgets import (
    Backbone,
    CensusModel,
    Choice,
    Curve,
    Explored,
    GradientMicroscope,
    Laboratory,
    Microscopic,
    MockInterview,
    MovedGarment,
    Predictions,
    Question,
    ResnetMap,
    ShiftExplorer,
    SizeExplorer,
    Stage,
    VerdictLedger,
    VotedPhotograph,
    VoteExplorer,
)
from gaplab.widgets.shift_explorer import HEADS

Array = NDArray[Any]
BOOK = Path(__file__).parents[2] / "book"
FRAME_MS = 16


def static_page(folder: Path, *parts: str, theme: str = "light") -> str:
    """Write a bare page of widgets' own HTML, and return its ``file://`` address."""
    page = folder / "page.html"
    if any('data-widget="laboratory"' in part for part in parts) and not (folder / "_live").exists():
        live.write_scripts(folder / "_live")
    page.write_text(
        f'<!doctype html><html lang="en" data-theme="{theme}"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
        f"<title>Widgets</title><body><main><h1>Widgets</h1>{'<h2>Again</h2>'.join(parts)}</main></body></html>",
        encoding="utf-8",
    )
    return page.as_uri()


def saved(page: Page) -> list[dict[str, Any]]:
    """What a mounted widget told its model so far, nothing being left unsaved."""
    assert page.evaluate("model.unsaved()") == []
    return page.evaluate("model.saved")


def slowest(page: Page, steps: str, passes: int = 5) -> float:
    """Milliseconds of the slowest of some steps, script and layout, each in its best pass.

    Counted is what the command that takes a step costs the page's own thread, which other processes do not
    lengthen.

    Args:
        page: Where a widget is drawn.
        steps: JavaScript for a list of steps, each a function or a change that Python would make of ``model``.
        passes: How often all steps are tried until each has fitted into a frame.
    """
    client = page.context.new_cdp_session(page)
    client.send("Performance.enable", {"timeDomain": "threadTicks"})

    def spent() -> float:
        return next(
            m["value"]
            for m in client.send("Performance.getMetrics")["metrics"]
            if m["name"] == "DevToolsCommandDuration"
        )

    def milliseconds(step: int) -> float:
        before = spent()
        page.evaluate("(step) => { take(step); }", step)
        return 1000 * (spent() - before)

    count = page.evaluate(
        f"""() => {{
          const steps = {steps};
          window.take = (step) => {{
            if (typeof steps[step] === "function") steps[step]();
            else model.fromPython(steps[step]);
            document.querySelector(".gaplab-widget").getBoundingClientRect(); // layout counts too
          }};
          return steps.length;
        }}"""
    )
    best = [math.inf] * count
    for _ in range(passes):
        best = [min(known, milliseconds(step)) for step, known in enumerate(best)]
        if max(best) < FRAME_MS:
            break
    client.detach()
    return max(best)


# The census scatter ---------------------------------------------------------------------------------------------------

CENSUS_HEADS = {
    "alexnet": "flatten, hidden layers",
    "vgg": "flatten, hidden layers",
    "vit": "class token",
    "squeezenet": "1×1 convolution, average pool",
    "maxvit": "average pool, hidden layer",
}


def census() -> list[CensusModel]:
    """Every classifier of torchvision as its weights' metadata give it.

    The head share is of one linear layer on 1,000 features: which layers really are the head is not tried here.
    """
    models = []
    for name in torchvision.models.list_models(module=torchvision.models):
        metas = [weights.meta for weights in torchvision.models.get_model_weights(name)]
        meta = next(m for m in metas if not math.isnan(m["_metrics"]["ImageNet-1K"]["acc@1"]))
        family = re.match(r"[a-z]+", name)
        assert family
        models.append(
            CensusModel(
                name=name,
                family=family[0],
                head=CENSUS_HEADS.get(family[0], "average pool, linear"),
                head_share=min(1_001_000 / meta["num_params"], 1),
                accuracy=meta["_metrics"]["ImageNet-1K"]["acc@1"],
                parameters=meta["num_params"],
                gflops=meta["_ops"],
            )
        )
    return models


MODELS = census()


# The gradient microscope ----------------------------------------------------------------------------------------------

SIDE = 7
BACK_POOLS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "average": lambda maps: maps.mean(dim=(2, 3)),
    "gem3": lambda maps: models.GeM(3.0)(maps).flatten(1),
    "max": lambda maps: maps.amax(dim=(2, 3)),
}


@lru_cache(maxsize=1)
def real_maps() -> list[Microscopic]:
    """Channels of EfficientNet-Lite0's last map for a photograph, with their gradients before the last convolution.

    One has several equal maxima, because the network's ReLU stops at 6; the last has no gradient one block back.
    """
    network = weights.photo_network()
    seen: dict[str, torch.Tensor] = {}
    with models.hooked(network.body.conv_head, lambda _, inputs, __: seen.update(before=inputs[0])):
        parts = models.parts(network, data.photograph("chelsea").tensor)
    channels = parts.feature_map[0].flatten(1)
    tied = int(((channels == 6).sum(dim=1) > 1).nonzero()[0])
    partly = int(
        (((channels == 0).sum(dim=1) > 5) & (channels.amax(dim=1) < 6) & (channels.amax(dim=1) > 2)).nonzero()[0]
    )
    found = []
    for channel in (partly, tied):
        back = {}
        for key, pooled in BACK_POOLS.items():
            target = pooled(parts.feature_map)[0, channel]
            (gradient,) = torch.autograd.grad(target, seen["before"], retain_graph=True)
            back[key] = gradient[0].sum(dim=0).cpu().numpy()
        found.append(Microscopic(f"channel {channel}", parts.feature_map[0, channel].detach().cpu().numpy(), back))
    return [*found, Microscopic("no gradient back", found[0].values / 2)]


def microscope(**chosen: Any) -> GradientMicroscope:
    return GradientMicroscope(real_maps(), **chosen)


# The head calculator --------------------------------------------------------------------------------------------------

RESNET = tuple(Step(kernel, 2, kernel // 2) for kernel in (7, 3, 3, 3, 3))
ALEXNET = (Step(11, 4, 2), Step(3, 2, 0), Step(3, 2, 0), Step(3, 2, 0))
GOOGLENET = (Step(7, 2, 3), *(Step(3, 2, 0, True),) * 3, Step(2, 2, 0, True))
ROWS = [
    Backbone("AlexNet", LastMap(256, ALEXNET), 2_469_696, 58_631_144),
    Backbone("VGG-16", LastMap(512, (Step(2, 2, 0),) * 5), 14_714_688, 123_642_856),
    Backbone("GoogLeNet", LastMap(1024, GOOGLENET), 5_599_904, 1_025_000),
    Backbone("ResNet-50", LastMap(2048, RESNET), 23_508_032, 2_049_000),
]


# The shift explorer ---------------------------------------------------------------------------------------------------

CLASSES = ("Boot", "Bag", "Coat")
FRAME, SMALL, ROOM, CELLS = 12, 6, 3, 4
SQUARE = 2 * ROOM + 1
PLACES = SQUARE * SQUARE


def made_garments() -> list[MovedGarment]:
    """Two garments with arrays in which every number differs from its neighbours, so that a wrong look-up shows."""
    draws = np.random.default_rng(0)

    def softmax(x: Any) -> Any:
        return np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)

    return [
        MovedGarment(
            label=label,
            pixels=draws.integers(1, 256, (SMALL, SMALL)).astype(np.uint8),
            probabilities={head: softmax(3 * draws.normal(size=(PLACES, len(CLASSES)))) for head in HEADS},
            maps={head: draws.random((PLACES, CELLS, CELLS)) for head in HEADS},
            changes={head: draws.random(PLACES) for head in HEADS},
        )
        for label in (0, 1)
    ]


GARMENTS = made_garments()
ACCURACY = {head: np.random.default_rng(index).random(PLACES) for index, head in enumerate(HEADS)}


def shift_explorer(**chosen: int) -> ShiftExplorer:
    return ShiftExplorer(GARMENTS, CLASSES, ACCURACY, "2 garments, 1 seed", frame=FRAME, **chosen)


# The size explorer ----------------------------------------------------------------------------------------------------

NETWORKS = [
    *(Explored(label, sizes.stages(name)) for label, name in (("ResNet-50", "resnet50"), ("VGG-16", "vgg16"))),
    Explored("AlexNet", sizes.stages("alexnet")),
    Explored("ResNet-20", sizes.RESNET20, trained=28, largest=80, channels=1),
]
CURVES = [
    Curve("average", "average", {16: (0.40, 0.42, 0.47), 28: (0.90, 0.91, 0.92), 56: (0.40, 0.50, 0.60)}),
    Curve("max", "max", {16: (0.30, 0.31, 0.32), 28: (0.88, 0.89, 0.87), 56: (0.33, 0.35, 0.37)}),
    Curve("refitted", "average", {16: (0.8, 0.8, 0.8), 28: (0.9, 0.9, 0.9), 56: (0.81, 0.82, 0.83)}),
]


def size_explorer(network: str | None = None, size: int | None = None, head: str = "average") -> SizeExplorer:
    return SizeExplorer(NETWORKS, CURVES, "ResNet-20", network, size, head)


# The vote explorer ----------------------------------------------------------------------------------------------------

NAMES = ("astra", "bruno", "celia", "dario", "elena", "fritz")
KINDS, HEIGHT, WIDTH = 6, 6, 7
POOLS = ("average", "maximum")


def made_photographs() -> list[VotedPhotograph]:
    """Photographs whose every number differs, on a map that is not square, so that a wrong look-up shows."""
    draws = np.random.default_rng(0)
    made = []
    for name in NAMES:
        maximum = 3 * draws.normal(0.5, 1, (KINDS, HEIGHT, WIDTH))
        maximum[:, draws.random((HEIGHT, WIDTH)) < 0.2] = 0
        made.append(
            VotedPhotograph(
                name=name,
                picture=np.kron(draws.integers(0, 256, (8, 8, 3)), np.ones((28, 28, 1))).astype(np.uint8),
                classes=[f"{name}'s class {k}" for k in range(KINDS)],
                bias=draws.normal(0, 0.1, KINDS),
                average=draws.normal(0.05, 0.2, (KINDS, HEIGHT, WIDTH)),
                maximum=maximum,
            )
        )
    return made


PHOTOGRAPHS = made_photographs()


def vote_explorer(**chosen: Any) -> VoteExplorer:
    return VoteExplorer(PHOTOGRAPHS, **({"cell": 9} | chosen))


# The laboratory -------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def lab_garments() -> dict[str, Array]:
    """The first test garment of each class."""
    images, labels = data.fashion_mnist("test")
    return {name: images[int((labels == k).nonzero()[0]), 0].numpy() for k, name in enumerate(data.CLASSES)}


def laboratory(**chosen: Any) -> Laboratory:
    return Laboratory(lab_garments(), **chosen)


# Predictions, the map, the ledger and the interview -------------------------------------------------------------------


def predictions() -> Predictions:
    choices = [Choice("low", 0, 10), Choice("high", 10, 100)]
    return Predictions([Question("How much?", choices, 1, "cell"), Question("And how often?", choices, 0, "cell")])


def resnet_map() -> ResnetMap:
    stages = [
        Stage("conv1", "convolves", 64, 112, 9408, 118_013_952, "Why so?", "Chapter 5", "05.html"),
        Stage("layer4", "convolves", 2048, 7, 14_964_736, 811_000_000, "What for?", "Chapter 2", "02.html"),
        Stage("fc", "classifies", 1000, 1, 2_049_000, 2_048_000, "Whose?", "Chapter 3", "03.html"),
    ]
    return ResnetMap("ResNet-50", stages)


def verdict_ledger() -> VerdictLedger:
    kinds = [*claims.MARKS]
    verdicts = {
        id_: claims.Verdict(id_, kinds[i % len(kinds)], 3.0, "things", 0.0, (), (0, 9), "Seen.", "cell")
        for i, id_ in enumerate(claims.claims())
    }
    return VerdictLedger(verdicts, {n: f"0{n}.html" for n in range(1, 7)})


@lru_cache(maxsize=1)
def bank() -> list[Any]:
    """The questions of the interview kit."""
    return list(pages.bank(BOOK)[0])


def mock_interview() -> MockInterview:
    """The mock interview as its page has it."""
    return MockInterview(bank(), pages.interruptions(bank(), BOOK), pages.ladders(bank(), BOOK))
