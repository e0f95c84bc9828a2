"""Set-up and checks of problem set 6, the capstone: a head of one's own on trial."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gaplab import data, models
from gaplab.coursework import checking, variant
from gaplab.errors import ReaderError

MakeHead = Callable[[int, int], Any]
"""Channels and classes to a pool and a classifier."""


def classes() -> int:
    """Return for how many classes the head of the forecast is made: the garments' ten, or this student's own number."""
    return variant("ps6 classes", 10, 12, 16, 20, 25, 40)


def step() -> int:
    """Return by how many pixels a picture is moved where consistency is measured."""
    return variant("ps6 step", 2, 1, 3, 5)


def mount(my_head: MakeHead, seed: int, depth: int = 20, classes: int = 10) -> models.CifarResNet:
    """Build the book's ResNet with another head.

    Args:
        my_head: Makes the pool and the classifier for 64 channels.
        seed: Of the initial weights. The backbone's are those of ``models.resnet20(seed=seed)``.
        depth: Of the network, as in its name.
        classes: That the classifier tells apart.
    """

    def make() -> models.CifarResNet:
        network = models.CifarResNet(depth)
        network.pool, network.fc = my_head(64, classes)
        return network

    return models.seeded(seed, make)


def check_head(my_head: MakeHead, seed: int = 6) -> None:
    """Try a head on maps of every kind: what it takes, what it gives, and that a gradient flows through it."""
    generator = torch.Generator().manual_seed(seed)
    pool, fc, channels = _made(my_head, generator)
    for dtype in (torch.float32, torch.float64):
        pool = pool.to(dtype).eval()
        for height, width in ((7, 7), (1, 1), (3, 8), (10, 10), (14, 5)):
            maps = torch.rand(3, channels, height, width, generator=generator, dtype=torch.float64).to(dtype)
            maps = maps * (torch.rand(maps.shape, generator=generator) > 0.3)
            for kind, each in (("", maps), (", all zero", maps * 0), (", all equal", maps * 0 + 0.5)):
                case = f"maps of {height} x {width} cells{kind}"
                given = each.clone().requires_grad_()
                pooled = checking.run(pool, given, case=case)
                if not isinstance(pooled, Tensor) or pooled.shape != (3, fc.in_features):
                    found = tuple(pooled.shape) if isinstance(pooled, Tensor) else type(pooled).__name__
                    raise ReaderError(
                        f"For {case} the pool gives {found}, but the classifier reads (3, {fc.in_features})."
                    )
                if pooled.dtype != dtype:
                    raise ReaderError(f"For {case} the pool turns {dtype} into {pooled.dtype}.")
                checking.untouched(each, given.detach(), "the maps")
                if not torch.isfinite(pooled).all():
                    raise ReaderError(f"For {case} the pool gives numbers that are not finite.")
                _check_gradients(pool, pooled, given, case, reaches=not kind)
    checking.passed("my_head, its shapes and gradients")


def check_own(my_head: MakeHead, seed: int = 6) -> None:
    """Refuse a head that is the average or the maximum in other clothes, and one that depends on size or neighbours."""
    generator = torch.Generator().manual_seed(seed)
    pool, _, channels = _made(my_head, generator)
    pool = pool.double().eval()
    maps = torch.rand(4, channels, 7, 7, generator=generator, dtype=torch.float64)
    pooled = checking.run(pool, maps.clone(), case="maps of 7 x 7 cells")
    alone = torch.cat([pool(maps[i : i + 1]) for i in range(4)])
    checking.same_tensor(alone, pooled, "a batch", "a picture's vector must not depend on its neighbours in the batch.")
    # Other maps with the same averages, and other maps with the same maxima: the vector of a head that reads nothing
    # else, whatever it then does with them, cannot tell them apart.
    average, peak = maps.mean(dim=(2, 3), keepdim=True), maps.amax(dim=(2, 3), keepdim=True)
    same_average = average + 0.5 * (maps - average).roll(1, dims=0).roll((2, 3), dims=(2, 3)) * torch.rand(
        4, 1, 1, 1, generator=generator, dtype=torch.float64
    )
    same_peak = torch.where(maps == peak, maps, 0.3 * maps)
    for training in (True, False):
        pool.train(training)
        for name, other in (("average", same_average), ("maximum", same_peak)):
            # Two thousandths of the vector are no reading of its own.
            if torch.allclose(pool(other), pool(maps), rtol=2e-3, atol=1e-9):
                raise ReaderError(
                    f"This reads nothing but the {name} of each channel: the trial needs a head of your own."
                )
    level = torch.rand(1, channels, 1, 1, generator=generator, dtype=torch.float64)
    sizes = ((10, 10), (5, 5), (3, 8), (2, 2), (1, 1))
    vectors = [pool(level.expand(1, channels, *size).contiguous()) for size in sizes]
    if not all(torch.allclose(vectors[0], other, rtol=1e-3, atol=1e-6) for other in vectors[1:]):
        raise ReaderError("The same even picture on a larger map gives another vector: its scale depends on the size.")
    checking.passed("my_head, a pool of its own")


def _made(my_head: MakeHead, generator: torch.Generator) -> tuple[nn.Module, nn.Linear, int]:
    """Let a student's function make its two parts, for drawn numbers of channels and classes."""
    channels, classes = (int(torch.randint(3, 9, (1,), generator=generator)) for _ in range(2))
    made = checking.run(my_head, channels, classes, case=f"{channels} channels and {classes} classes")
    if not isinstance(made, tuple) or len(made) != 2 or not all(isinstance(part, nn.Module) for part in made):
        raise ReaderError("my_head has to return a tuple of two modules, the pool and the classifier.")
    pool, fc = made
    again = my_head(channels, classes)
    if {id(p) for part in made for p in part.parameters()} & {id(p) for part in again for p in part.parameters()}:
        raise ReaderError("Two calls of my_head give the same parameters: make new ones for each network.")
    if not isinstance(fc, nn.Linear) or fc.out_features != classes:
        raise ReaderError("The classifier has to be one nn.Linear with as many outputs as there are classes.")
    return pool, fc, channels


def _check_gradients(pool: nn.Module, pooled: Tensor, maps: Tensor, case: str, reaches: bool) -> None:
    parameters = [parameter for parameter in pool.parameters() if parameter.requires_grad]
    if not pooled.requires_grad:
        raise ReaderError(f"For {case} no gradient flows back through the pool: the backbone could not learn.")
    gradients = torch.autograd.grad(pooled.square().sum(), [maps, *parameters], allow_unused=True)
    if gradients[0] is None or (reaches and not (gradients[0] != 0).any()):
        raise ReaderError(f"For {case} no gradient reaches the maps: the backbone could not learn.")
    if any(gradient is None for gradient in gradients):
        raise ReaderError(f"For {case} some parameter of the pool takes no part in its output: remove or use it.")
    if not all(torch.isfinite(gradient).all() for gradient in gradients):
        raise ReaderError(f"For {case} the gradient is not finite: think of cells that are zero or equal.")


def check_prediction(prediction: object, my_head: MakeHead) -> None:
    """Count and measure the student's own head, and compare."""
    share = "cells with a gradient behind the pool, %"
    names = ("parameters of the head", "multiply-adds of the classifier", "numbers that the classifier reads at 56 px")
    said = checking.predicted(prediction, (*names, share))
    with torch.random.fork_rng():
        torch.manual_seed(6)
        pool, fc = my_head(64, classes())
    generator = torch.Generator().manual_seed(6)
    maps = (0.01 + torch.rand(8, 64, 7, 7, generator=generator)).requires_grad_()
    pooled = pool.eval()(maps)
    # A sum could cancel where the pool's outputs are weighted alike, so each output gets a weight of its own.
    weighted = (pooled * (0.5 + torch.rand(pooled.shape, generator=generator))).sum()
    gradient = torch.autograd.grad(weighted, maps)[0]
    counted = (
        models.count_parameters(pool) + models.count_parameters(fc),
        fc.in_features * fc.out_features,
        fc.in_features,
    )
    wrong = [name for name, true in zip(names, counted, strict=True) if said[name] != true]
    measured = 100 * float((gradient != 0).float().mean())
    checking.off([*wrong, *([share] if not abs(said[share] - measured) <= 0.05 * measured else [])], 4)
    checking.passed("Predictions")


class _Corner(nn.Module):
    """Looks at one cell alone, so that every move matters."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the cell at the top left: ``(N, C, H, W)`` to ``(N, C)``."""
        return x[:, :, 0, 0]


def _subjects(seed: int, faint: str = "") -> dict[str, tuple[nn.Module, Tensor, Tensor]]:
    """Return untrained networks, each with images and labels, on which measurements are compared.

    Args:
        seed: Of weights and images.
        faint: The one among them whose gradients are to be tiny.
    """
    generator = torch.Generator().manual_seed(seed)
    heads: dict[str, MakeHead] = {
        "average": lambda c, k: (nn.AdaptiveAvgPool2d(1), nn.Linear(c, k)),
        "maximum": lambda c, k: (nn.AdaptiveMaxPool2d(1), nn.Linear(c, k)),
        "one cell": lambda c, k: (_Corner(), nn.Linear(c, k)),
    }
    subjects: dict[str, tuple[nn.Module, Tensor, Tensor]] = {}
    for index, (name, head) in enumerate(heads.items()):
        network = mount(head, (seed + index) % 2**31, depth=8)
        images, labels = data.stratified("train", 30, skip=int(torch.randint(190, (1,), generator=generator)))
        with torch.no_grad():
            logits = network.eval()(data.normalise(images))
            # Untrained networks name one class for everything: centre and stretch their logits.
            fc = cast(nn.Linear, network.fc)
            fc.bias.copy_(-5 * (logits - fc.bias).mean(dim=0))
            fc.weight.mul_(5)
            if name == faint:  # gradients so small that their squares leave float32
                fc.weight.mul_(1e-19)
                fc.bias.mul_(0)
        network.train(bool(index % 2))
        subjects[f"an untrained ResNet-8 that pools by {name}"] = (network, images, labels)
    return subjects


def _check_measurement(
    function: Callable[..., Any],
    truth: Callable[..., dict[str, float]],
    subjects: dict[str, tuple[nn.Module, Tensor, Tensor]],
    tolerance: float,
) -> None:
    for case, (network, images, labels) in subjects.items():
        kept, pictures, classes = checking.Kept(network), images.clone(), labels.clone()
        given = checking.run(function, network, pictures, classes, case=case)
        kept.check()
        wanted = truth(network, images, labels)
        checking.untouched(images, pictures, "the images")
        checking.untouched(labels, classes, "the labels")
        if not isinstance(given, dict) or set(given) != set(wanted):
            raise ReaderError(f"A dictionary with the keys {', '.join(wanted)} is wanted.")
        for name, value in wanted.items():
            mine = checking.real(given[name], f"the entry {name!r}")
            if not abs(mine - value) <= tolerance * abs(value) * checking.slack():
                raise ReaderError(f"For {case} the entry {name!r} is off: read its definition once more.")


def check_behaviour(behaviour: Callable[..., Any], seed: int = 6) -> None:
    """Compare accuracy, consistency and accuracy at 40 px with another measurement of untrained networks."""
    places = itertools.product((-step(), 0, step()), repeat=2)
    moves = [move for move in places if move != (0, 0)]

    def truth(network: nn.Module, images: Tensor, labels: Tensor) -> dict[str, float]:
        @torch.no_grad()
        def answers(pictures: Tensor) -> Tensor:
            return cast(Tensor, network(data.normalise(pictures))).argmax(dim=1).cpu()

        was_training = network.training
        network.eval()
        plain = answers(images)
        moved = torch.stack([answers(torch.roll(images, move, dims=(2, 3))) for move in moves])
        larger = answers(data.resize(images, 40))
        network.train(was_training)
        return {
            "accuracy": float((plain == labels).float().mean()),
            "consistency": float((moved == plain).float().mean()),
            "accuracy_at_40": float((larger == labels).float().mean()),
        }

    # Of 240 moved pictures one may stand on the fence between two classes, where rounding decides.
    _check_measurement(behaviour, truth, _subjects(seed), 0.008)
    checking.passed("behaviour")


def check_gradients(gradients: Callable[..., Any], seed: int = 6) -> None:
    """Compare the statistics of the gradient with another measurement of untrained networks."""

    def truth(network: nn.Module, images: Tensor, labels: Tensor) -> dict[str, float]:
        was_training = network.training
        net = cast(Any, network.eval())
        last = net.features(data.normalise(images)).detach().requires_grad_()
        logits = net.fc(torch.flatten(net.pool(last), 1))
        loss = F.cross_entropy(logits, labels.to(logits.device), reduction="sum")
        gradient = torch.autograd.grad(loss, last)[0].cpu().double()
        network.train(was_training)
        energy = gradient.square().sum(dim=1).flatten(1)
        effective = energy.sum(dim=1).square() / energy.square().sum(dim=1) / energy.shape[1]
        return {"gradient_cells": float(effective.mean()), "gradient_norm": float(energy.sum(dim=1).sqrt().mean())}

    _check_measurement(gradients, truth, _subjects(seed, faint="maximum"), 0.002)
    checking.passed("gradients")


def random_table(generator: np.random.Generator) -> pd.DataFrame:
    """Draw a table of results: two heads, two to six seeds, rows in any order."""
    seeds = generator.choice(100, size=int(generator.integers(2, 7)), replace=False)
    common = generator.normal(0, 3, len(seeds))  # what a seed does to both heads
    gain = generator.choice([-2.0, -0.3, 0.0, 0.3, 2.0])
    rows, scale = [], float(generator.choice([1.0, 0.001]))
    for head, level in (("gap", 0.0), ("mine", gain)):
        noise = generator.normal(0, 0.6, len(seeds))
        rows += [
            {
                "head": head,
                "seed": int(seed),
                "score": scale * (base + level + error),
                "other": float(generator.normal()),
            }
            for seed, base, error in zip(seeds, common, noise, strict=True)
        ]
    table = pd.DataFrame(rows).sample(frac=1, random_state=int(generator.integers(2**31)))
    # A table that was cut out of a larger one keeps its index.
    return table if generator.random() < 0.5 else table.reset_index(drop=True)


def _table_of(gains: tuple[float, float]) -> pd.DataFrame:
    """Make a table in which two seeds gain what is given, for numbers that float64 holds exactly where they have to."""
    rows = [("mine", 1, 0.25 + gains[0]), ("gap", 2, 8.5), ("gap", 1, 0.25), ("mine", 2, 8.5 + gains[1])]
    return pd.DataFrame([{"head": head, "seed": seed, "score": score, "other": 0.0} for head, seed, score in rows])


def check_decide(decide: Callable[[pd.DataFrame, str], Any], seed: int = 6, verdicts: bool = True) -> None:
    """Compare differences, their errors and verdicts with the rule, on tables drawn at random.

    Args:
        decide: The student's function.
        seed: Of the tables.
        verdicts: Whether the verdicts are looked at, or the two numbers alone.
    """

    def rule(table: pd.DataFrame, measure: str) -> tuple[float, float, str]:
        wide = table.pivot(index="seed", columns="head", values=measure)
        gains = (wide["mine"] - wide["gap"]).to_numpy()
        mean = float(sum(gains) / len(gains))
        error = math.sqrt(sum((gain - mean) ** 2 for gain in gains) / (len(gains) - 1) / len(gains))
        return mean, error, "higher" if mean > 2 * error else "lower" if mean < -2 * error else "undecided"

    generator = np.random.default_rng(seed)
    # Between the random tables, some on the fence: gains of two seeds with an error of 1, and of 0.
    fence = [(sign * (mean - 1), sign * (mean + 1)) for mean in (1.98, 2.02) for sign in (1, -1)]
    fence += [(0.0, 0.0), (0.5, 0.5), (-0.5, -0.5)]
    for trial in range(60 + len(fence)):
        if trial < 60:
            table, measure = random_table(generator), "score" if trial % 4 else "other"
        else:
            table, measure = _table_of(fence[trial - 60]), "score"
        count = table["seed"].nunique()
        case = f"a table of {count} seeds in any order"
        given_table = table.copy()
        given = checking.run(decide, given_table, measure, case=case)
        if not given_table.equals(table):
            raise ReaderError("Your code changed the table that it was given: work on a copy.")
        if not isinstance(given, dict) or set(given) != {"difference", "error", "verdict"}:
            raise ReaderError("A dictionary with the keys difference, error and verdict is wanted.")
        mean, error, verdict = rule(table, measure)
        for name, value, what in (
            ("difference", mean, "the mean over seeds of mine minus gap"),
            ("error", error, "the standard error of the paired differences"),
        ):
            said = given[name].item() if isinstance(given[name], Tensor) and not given[name].dim() else given[name]
            said = checking.real(said, f"{case}, the entry {name!r},")
            if not abs(said - value) <= 1e-9 * (abs(mean) + error):
                raise ReaderError(f"For {case} the entry {name!r} is {given[name]!r}, which is not {what}.")
        if verdicts and given["verdict"] != verdict:
            raise ReaderError(f"For {case} the verdict {given['verdict']!r} does not follow from your own two numbers.")
    checking.passed("decide")
