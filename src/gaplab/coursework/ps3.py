"""Checks of problem set 3, NIN's head and ResNet's."""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gaplab import counting, data, models
from gaplab.claims import CAVEATS, FAILS, HOLDS
from gaplab.coursework import checking
from gaplab.errors import ReaderError

EXPLODES = 100.0
"""Ratio of the first block's gradient to the last one's above which it is said to explode; it vanishes below 1/100."""


def check_costs(prediction: object) -> None:
    """Give ResNet-50 the other order of pool and classifier, and count."""
    network = counting.on_meta("resnet50")
    old = counting.macs_by_module(network)["fc"]
    network.avgpool = nn.Sequential(nn.Conv2d(2048, 1000, 1, device="meta"), nn.AdaptiveAvgPool2d(1))
    network.fc = nn.Identity()
    wanted = {
        "parameters of the new head": models.count_parameters(network.avgpool),
        "times the multiply-adds of the old head": counting.macs_by_module(network)["avgpool"] / old,
    }
    checking.predictions(prediction, wanted)
    checking.passed("Predicted costs")


def check_cells(prediction: object, seed: int = 3) -> None:
    """Differentiate a logit behind a pool at both sizes, and sum where the pool averages."""
    shape, generator = counting.last_map("resnet50"), torch.Generator().manual_seed(seed)
    weight, slopes, logits = torch.randn(8, generator=generator), {}, {}
    for size in (224, 320):
        side = shape.side(size)
        feature_map = torch.randn(8, side, side, generator=generator).requires_grad_()
        logits[size] = (weight @ feature_map.mean(dim=(1, 2)), weight @ feature_map.sum(dim=(1, 2)))
        (slope,) = torch.autograd.grad(logits[size][0], feature_map)
        slopes[size] = float(slope.norm(dim=0).mean())
    wanted = {
        "cells of the last map at 320 px": shape.side(320) ** 2,
        "gradient of a logit at one cell, 320 px over 224 px": slopes[320] / slopes[224],
        "times the logits at 224 px if the head sums instead": float((logits[224][1] / logits[224][0]).detach()),
    }
    checking.predictions(prediction, wanted, dict.fromkeys(wanted, 0.02))
    checking.passed("Predicted cells")


def check_global_avg_pool(global_avg_pool: Callable[[Tensor], Any], seed: int = 3) -> None:
    """Compare with PyTorch's own pool, in values and in gradients."""
    generator = torch.Generator().manual_seed(seed)
    for pictures, channels, height, width in ((4, 3, 7, 7), (1, 5, 4, 9), (3, 1, 6, 2), (1, 1, 1, 1), (2, 6, 1, 8)):
        dtype = torch.float64 if height > width else torch.float32
        maps = torch.randn(pictures, channels, height, width, generator=generator, dtype=dtype)
        given, case = maps.clone().requires_grad_(), f"{pictures} maps of {channels} x {height} x {width}"
        pooled = checking.run(global_avg_pool, given, case=case)
        wanted = F.adaptive_avg_pool2d(maps, 1)[:, :, 0, 0]
        checking.same_tensor(pooled, wanted, case, "each number is the mean of one channel of one picture.", 1e-5)
        checking.untouched(maps, given.detach(), "the maps")
        if not pooled.requires_grad:
            raise ReaderError("No gradient flows back through your pool: a network could not be trained with it.")
    checking.passed("global_avg_pool")


Vote = Callable[[Tensor, Tensor, Tensor, Tensor], Any]


def check_vote_map(vote_map: Vote, seed: int = 3) -> None:
    """Compare each vote with the classifier's answer for a picture in which every cell is that one."""
    draws, generator = random.Random(seed), torch.Generator().manual_seed(seed)
    for pictures, height, width in ((3, 7, 7), (1, 3, 5), (5, 4, 2)):
        channels, classes = draws.randint(3, 8), draws.randint(9, 12)
        fc = models.seeded(seed, lambda c=channels, k=classes: nn.Linear(c, k)).cpu()  # type: ignore[misc]
        maps = torch.randn(pictures, channels, height, width, generator=generator)
        of = torch.randint(classes, (pictures,), generator=generator)
        given, case = maps.clone(), f"{pictures} maps of {channels} x {height} x {width} and the classes {of.tolist()}"
        weight, bias = (parameter.detach().clone() for parameter in (fc.weight, fc.bias))
        votes = checking.run(vote_map, given, weight, bias, of.clone(), case=case)
        with torch.no_grad():
            cells = maps.permute(0, 2, 3, 1).reshape(-1, channels)
            answers = fc(cells).view(pictures, height, width, classes)
            logits = fc(F.adaptive_avg_pool2d(maps, 1).flatten(1))[range(pictures), of]
        wanted = torch.stack([answers[n, :, :, k] for n, k in enumerate(of.tolist())])
        if isinstance(votes, Tensor) and votes.shape == wanted.shape:
            far = float((votes.mean(dim=(1, 2)) - logits).abs().max())
            if not far < 1e-4:
                raise ReaderError(f"For {case} the mean of your votes misses the logit by up to {far:.3g}.")
        hint = "each cell has to vote as the classifier would if the whole map were like it."
        checking.same_tensor(votes, wanted, case, hint, 1e-4)
        checking.untouched(maps, given, "the maps")
    checking.passed("vote_map")


def check_linear_from_nin(linear_from_nin: Callable[[nn.Conv2d], Any], seed: int = 3) -> None:
    """Compare pool after convolution with linear after pool."""
    draws, generator = random.Random(seed), torch.Generator().manual_seed(seed)
    for square, bias, dtype in (
        (False, True, torch.float64),
        (False, False, torch.float64),
        (True, True, torch.float64),
        (False, True, torch.float32),
    ):
        channels = draws.randint(2, 9)
        classes = channels if square else channels + draws.randint(1, 9)
        convolution = models.seeded(
            seed, lambda c=channels, k=classes, b=bias: nn.Conv2d(c, k, 1, bias=b)  # type: ignore[misc]
        ).cpu().to(dtype)  # fmt: skip
        case = f"{channels} channels, {classes} classes, {'with' if bias else 'without'} bias, {dtype}"
        before = copy.deepcopy(convolution)
        linear = checking.run(linear_from_nin, convolution, case=case)
        if not isinstance(linear, nn.Linear):
            raise ReaderError(f"For {case} an nn.Linear is wanted, but {type(linear).__name__} came back.")
        if (linear.bias is not None) != bias:
            raise ReaderError(f"For {case} the linear layer has {'no' if bias else 'a'} bias.")
        if not all(parameter.requires_grad for parameter in linear.parameters()):
            raise ReaderError("The linear layer cannot be trained on: its parameters take no gradient.")
        for height, width in ((7, 7), (3, 10)):
            maps = torch.randn(4, channels, height, width, generator=generator, dtype=dtype)
            with torch.no_grad():
                wanted = F.adaptive_avg_pool2d(convolution(maps), 1).flatten(1)
                pooled = F.adaptive_avg_pool2d(maps, 1).flatten(1)
                given = checking.run(linear, pooled, case=case)
            hint = "linear after pool has to be pool after convolution."
            checking.same_tensor(given, wanted, case, hint, 1e-5)
        with torch.no_grad():
            for parameter in linear.parameters():
                parameter.zero_()
        if any(not torch.equal(a, b) for a, b in zip(convolution.parameters(), before.parameters(), strict=True)):
            raise ReaderError("Training the linear layer would change the convolution: give it copies of the weights.")
    checking.passed("linear_from_nin")


Probabilities = Callable[[Tensor], Any]


def check_nin_probabilities(nin_probabilities: Probabilities, seed: int = 3) -> None:
    """Compare the probabilities of a NIN with softmax of its logits."""
    generator = torch.Generator().manual_seed(seed)
    for pictures, classes, height, width in ((5, 10, 7, 7), (1, 10, 8, 8), (3, 4, 2, 9), (2, 1000, 1, 1)):
        maps = 3 * torch.randn(pictures, classes, height, width, generator=generator)
        given, case = maps.clone(), f"{pictures} pictures, {classes} class maps of {height} x {width}"
        found = checking.run(nin_probabilities, given, case=case)
        wanted = F.softmax(F.adaptive_avg_pool2d(maps, 1)[:, :, 0, 0], dim=1)
        hint = "what does the text average, and when comes the softmax?"
        checking.same_tensor(found, wanted, case, hint, 1e-5)
        checking.untouched(maps, given, "the class maps")
    checking.passed("nin_probabilities")


def check_catches(catches: Callable[[Probabilities], Any], colleague: Probabilities) -> None:
    """Try a student's test on an implementation that is right and on the colleague's, which is not."""

    def right(maps: Tensor) -> Tensor:
        return F.softmax(F.avg_pool2d(maps, maps.shape[2:]).flatten(1), dim=1)

    for what, implementation, wanted in (
        ("an implementation that is right", right, False),
        ("the colleague's implementation", colleague, True),
        ("one that gives every class the same probability", lambda m: torch.full(m.shape[:2], 1 / m.shape[1]), True),
    ):
        found = checking.run(catches, implementation, case=what)
        if type(found) is not bool:
            raise ReaderError(f"For {what} a plain True or False is wanted, but {found!r} came back.")
        if found != wanted:
            raise ReaderError(f"Your test {'lets pass' if wanted else 'rejects'} {what}.")
    checking.passed("catches")


Ratio = Callable[[nn.Module, Tensor, Tensor], Any]


def check_first_to_last(first_to_last: Ratio, seed: int = 3) -> None:
    """Compare the ratio of two gradients with one that autograd gives for these two weights alone."""
    images, labels = data.stratified("train", 40)
    inputs = data.normalise(images)
    batches = list(zip(inputs.split(20), labels.to(inputs.device).split(20), strict=True))
    for name, norm in (("resnet8", True), ("plain20", True), ("resnet8", False)):
        network = models.build(name, norm=norm, seed=seed % 1000).train()
        case = f"{name} {'with' if norm else 'without'} batch norm"
        weights = [p.detach().clone() for p in network.parameters()]
        found = [checking.run(first_to_last, network, *batch, case=case) for batch in batches]
        if any(type(value) is not float for value in found):
            raise ReaderError(f"For {case} a plain number (float) is wanted, but {found[0]!r} came back.")
        if any(not torch.equal(p, before) for p, before in zip(network.parameters(), weights, strict=True)):
            raise ReaderError("Your code changed the weights of the network: measure the gradient, and take no step.")
        for value, batch in zip(found, batches, strict=True):
            if not abs(value / _ratio(network.train(), *batch) - 1) < 0.02:
                raise ReaderError(
                    f"For {case} your ratio {value:.4g} is wrong: which two gradients, of one batch alone?"
                )
    checking.passed("first_to_last")


def _ratio(network: nn.Module, inputs: Tensor, targets: Tensor) -> float:
    convolutions = {name: p for name, p in network.named_parameters() if name.endswith("conv1.weight")}
    last_block = [name for name in convolutions if name.startswith("layer3.")][-1]
    ends = (convolutions["layer1.0.conv1.weight"], convolutions[last_block])
    first, last = torch.autograd.grad(F.cross_entropy(network(inputs), targets), ends)
    return float(first.norm() / last.norm())


def check_gradients(gradients: object, conclusion: object, verdict: object, seed: int = 3) -> None:
    """Check the form of the table, measure two rows again, and ask whether the conclusion follows from it.

    Args:
        gradients: The student's table.
        conclusion: What the student says the gradient does at depth 56, by kind of network.
        verdict: The student's verdict.
        seed: Of the rows that are measured again.
    """
    columns = {"kind": None, "depth": (8, 110), "seed": (0, 1000), "ratio": (0.0, math.inf)}
    table = checking.frame(gradients, columns, "gradients")
    for kind in ("plain", "resnet"):
        for depth in (8, 20, 56):
            rows = table[(table["kind"] == kind) & (table["depth"] == depth)]
            if len(set(rows["seed"])) < 3 or len(set(rows["ratio"])) < 3:
                raise ReaderError(f"The table has not three seeds of {kind}{depth}: one run shows no spread.")
    images, labels = data.stratified("train", 40)
    inputs = data.normalise(images)
    for _, row in table.sample(3, random_state=seed % 2**32).iterrows():
        name = f"{row['kind']}{row['depth']:.0f}"
        network = models.build(name, seed=int(row["seed"])).train()
        again = _ratio(network, inputs, labels.to(inputs.device))
        if not abs(math.log(row["ratio"] / again)) < 0.3:
            raise ReaderError(f"The ratio of {name}, seed {row['seed']:.0f}, is another one when it is measured again.")
    deep = table[table["depth"] == 56]
    wanted = {kind: _word(rows["ratio"].map(math.log).mean()) for kind, rows in deep.groupby("kind")}
    if not isinstance(conclusion, dict) or set(conclusion) != {"plain", "resnet"}:
        raise ReaderError("conclusion has to be a dictionary with the keys 'plain' and 'resnet'.")
    for kind, word in conclusion.items():
        if word not in ("vanishes", "explodes", "neither"):
            raise ReaderError(f"The conclusion on {kind} is {word!r}: give 'vanishes', 'explodes' or 'neither'.")
        if word != wanted[kind]:
            raise ReaderError(f"The conclusion on {kind} does not follow from the table's rows of depth 56.")
    if verdict not in (HOLDS, CAVEATS, FAILS):
        raise ReaderError(f"The verdict is {verdict!r}: give HOLDS, CAVEATS or FAILS.")
    if (verdict == HOLDS) != (wanted["plain"] == "vanishes"):
        raise ReaderError("The verdict does not follow from your own table.")
    checking.passed("Experiment")


def _word(log_ratio: float) -> str:
    if abs(log_ratio) <= math.log(EXPLODES):
        return "neither"
    return "explodes" if log_ratio > 0 else "vanishes"
