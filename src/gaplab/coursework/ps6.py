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
from gaplab.coursework import checking
from gaplab.errors import ReaderError

MakeHead = Callable[[int, int], Any]
"""Channels and classes to a pool and a classifier."""

SHIFTS = tuple(move for move in itertools.product((-2, 0, 2), (-2, 0, 2)) if move != (0, 0))
"""Moves by whole pixels, down and right, over which consistency is measured."""


def mount(my_head: MakeHead, seed: int, depth: int = 20) -> models.CifarResNet:
    """Build the book's ResNet with another head.

    Args:
        my_head: Makes the pool and the classifier for 64 channels and 10 classes.
        seed: Of the initial weights. The backbone's are those of ``models.resnet20(seed=seed)``.
        depth: Of the network, as in its name.
    """

    def make() -> models.CifarResNet:
        network = models.CifarResNet(depth)
        network.pool, network.fc = my_head(64, 10)
        return network

    return models.seeded(seed, make)


def check_head(my_head: MakeHead, seed: int = 6) -> None:
    """Try a head on maps of every kind, and refuse the average, the maximum and what depends on the map's size."""
    generator = torch.Generator().manual_seed(seed)
    channels, classes = (int(torch.randint(3, 9, (1,), generator=generator)) for _ in range(2))
    made = checking.run(my_head, channels, classes, case=f"{channels} channels and {classes} classes")
    if not isinstance(made, tuple) or len(made) != 2 or not all(isinstance(part, nn.Module) for part in made):
        raise ReaderError("my_head has to return a tuple of two modules, the pool and the classifier.")
    pool, fc = made
    if not isinstance(fc, nn.Linear) or fc.out_features != classes:
        raise ReaderError("The classifier has to be one nn.Linear with as many outputs as there are classes.")
    pool = pool.double().eval()
    for height, width in ((7, 7), (1, 1), (3, 8), (10, 10), (14, 5)):
        maps = torch.rand(3, channels, height, width, generator=generator, dtype=torch.float64)
        maps = maps * (torch.rand(maps.shape, generator=generator) > 0.3)
        case = f"maps of {height} x {width} cells"
        given = maps.clone().requires_grad_()
        pooled = checking.run(pool, given, case=case)
        if not isinstance(pooled, Tensor) or pooled.shape != (3, fc.in_features):
            found = tuple(pooled.shape) if isinstance(pooled, Tensor) else type(pooled).__name__
            raise ReaderError(f"For {case} the pool gives {found}, but the classifier reads (3, {fc.in_features}).")
        checking.untouched(maps, given.detach(), "the maps")
        if not torch.isfinite(pooled).all():
            raise ReaderError(f"For {case} the pool gives numbers that are not finite.")
        _check_gradients(pool, pooled, given, case)
        alone = torch.cat([pool(maps[i : i + 1]) for i in range(3)])
        checking.same_tensor(alone, pooled, case, "a picture's vector must not depend on its neighbours in the batch.")
    maps = torch.rand(4, channels, 7, 7, generator=generator, dtype=torch.float64)
    pooled = pool(maps)
    for name, known in (("average", maps.mean(dim=(2, 3))), ("maximum", maps.amax(dim=(2, 3)))):
        if pooled.shape == known.shape and torch.allclose(pooled, known, rtol=1e-3):
            raise ReaderError(f"This is the {name} once more: the trial needs a head of your own.")
    level = torch.rand(1, channels, 1, 1, generator=generator, dtype=torch.float64)
    vectors = [pool(level.expand(1, channels, side, side).contiguous()) for side in (10, 5, 2, 1)]
    if not all(torch.allclose(vectors[0], other, rtol=1e-3, atol=1e-6) for other in vectors[1:]):
        raise ReaderError("The same even picture on a larger map gives another vector: its scale depends on the size.")
    checking.passed("my_head")


def _check_gradients(pool: nn.Module, pooled: Tensor, maps: Tensor, case: str) -> None:
    parameters = [parameter for parameter in pool.parameters() if parameter.requires_grad]
    if not pooled.requires_grad:
        raise ReaderError(f"For {case} no gradient flows back through the pool: the backbone could not learn.")
    gradients = torch.autograd.grad(pooled.square().sum(), [maps, *parameters], allow_unused=True)
    if gradients[0] is None or not (gradients[0] != 0).any():
        raise ReaderError(f"For {case} no gradient reaches the maps: the backbone could not learn.")
    if any(gradient is None for gradient in gradients):
        raise ReaderError(f"For {case} some parameter of the pool takes no part in its output: remove or use it.")
    if not all(torch.isfinite(gradient).all() for gradient in gradients):
        raise ReaderError(f"For {case} the gradient is not finite: think of cells that are zero or equal.")


def _truth(my_head: MakeHead) -> dict[str, float]:
    with torch.random.fork_rng():
        torch.manual_seed(6)
        pool, fc = my_head(64, 10)
    generator = torch.Generator().manual_seed(6)
    maps = (0.01 + torch.rand(8, 64, 7, 7, generator=generator)).requires_grad_()
    pooled = pool.eval()(maps)
    # A sum could cancel where the pool's outputs are weighted alike, so each output gets a weight of its own.
    weighted = (pooled * (0.5 + torch.rand(pooled.shape, generator=generator))).sum()
    gradient = torch.autograd.grad(weighted, maps)[0]
    share = 100 * float((gradient != 0).float().mean())
    return {
        "parameters of the head": models.count_parameters(pool) + models.count_parameters(fc),
        "multiply-adds of the classifier": fc.in_features * fc.out_features,
        "numbers that the classifier reads at 56 px": fc.in_features,
        "cells with a gradient behind the pool, %": share,
    }


def check_prediction(prediction: object, my_head: MakeHead) -> None:
    """Count and measure the student's own head, and compare."""
    checking.predictions(prediction, _truth(my_head), {"cells with a gradient behind the pool, %": 0.05})
    checking.passed("Predictions")


def true_behaviour(network: nn.Module, images: Tensor, labels: Tensor) -> dict[str, float]:
    """Measure accuracy, consistency under small moves, and accuracy at 40 px, for the comparison."""

    @torch.no_grad()
    def classes(pictures: Tensor) -> Tensor:
        return cast(Tensor, network(data.normalise(pictures))).argmax(dim=1).cpu()

    was_training = network.training
    network.eval()
    plain = classes(images)
    moved = torch.stack([classes(torch.roll(images, move, dims=(2, 3))) for move in SHIFTS])
    larger = classes(data.resize(images, 40))
    network.train(was_training)
    return {
        "accuracy": float((plain == labels).float().mean()),
        "consistency": float((moved == plain).float().mean()),
        "accuracy_at_40": float((larger == labels).float().mean()),
    }


def true_gradients(network: nn.Module, images: Tensor, labels: Tensor) -> dict[str, float]:
    """Measure how far each picture's gradient is spread over the last map, and its norm, for the comparison."""
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


class _Corner(nn.Module):
    """Looks at one cell alone, so that every move matters."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the cell at the top left: ``(N, C, H, W)`` to ``(N, C)``."""
        return x[:, :, 0, 0]


def _subjects(seed: int) -> dict[str, tuple[nn.Module, Tensor, Tensor]]:
    """Return untrained networks, each with images and labels, on which measurements are compared."""
    generator = torch.Generator().manual_seed(seed)
    heads: dict[str, MakeHead] = {
        "average": lambda c, k: (nn.AdaptiveAvgPool2d(1), nn.Linear(c, k)),
        "maximum": lambda c, k: (nn.AdaptiveMaxPool2d(1), nn.Linear(c, k)),
        "one cell": lambda c, k: (_Corner(), nn.Linear(c, k)),
    }
    subjects: dict[str, tuple[nn.Module, Tensor, Tensor]] = {}
    for index, (name, head) in enumerate(heads.items()):
        network = mount(head, (seed + index) % 2**31, depth=8)
        images, labels = data.stratified("train", 20, skip=int(torch.randint(190, (1,), generator=generator)))
        with torch.no_grad():
            logits = network.eval()(data.normalise(images))
            # Untrained networks name one class for everything: centre and stretch their logits.
            fc = cast(nn.Linear, network.fc)
            fc.bias.copy_(-5 * (logits - fc.bias).mean(dim=0))
            fc.weight.mul_(5)
        network.train(bool(index % 2))
        subjects[f"an untrained ResNet-8 that pools by {name}"] = (network, images, labels)
    return subjects


def _check_measurement(
    function: Callable[..., Any], truth: Callable[..., dict[str, float]], seed: int, tolerance: float
) -> None:
    for case, (network, images, labels) in _subjects(seed).items():
        was_training = network.training
        state = {key: value.clone() for key, value in network.state_dict().items()}
        pictures = images.clone()
        given = checking.run(function, network, pictures, labels, case=case)
        wanted = truth(network, images, labels)
        if network.training != was_training:
            raise ReaderError("Your code leaves the network in another mode than it found it: put it back.")
        if any(not torch.equal(value, network.state_dict()[key]) for key, value in state.items()):
            raise ReaderError("Your code changed the network, batch norm's statistics included: measure in eval mode.")
        if any(module._forward_hooks or module._backward_hooks for module in network.modules()):
            raise ReaderError("A hook is still attached to the network after your measurement: remove it.")
        checking.untouched(images, pictures, "the images")
        if not isinstance(given, dict) or set(given) != set(wanted):
            raise ReaderError(f"A dictionary with the keys {', '.join(wanted)} is wanted.")
        for name, value in wanted.items():
            if not isinstance(given[name], float):
                raise ReaderError(f"The entry {name!r} has to be a float, not {given[name]!r}.")
            if not abs(given[name] - value) <= tolerance * max(1.0, abs(value)):
                raise ReaderError(f"For {case} the entry {name!r} is off: read its definition once more.")


def check_behaviour(behaviour: Callable[..., Any], seed: int = 6) -> None:
    """Compare accuracy, consistency and accuracy at 40 px with another measurement of untrained networks."""
    _check_measurement(behaviour, true_behaviour, seed, 0.01)
    checking.passed("behaviour")


def check_gradients(gradients: Callable[..., Any], seed: int = 6) -> None:
    """Compare the statistics of the gradient with another measurement of untrained networks."""
    _check_measurement(gradients, true_gradients, seed, 0.002)
    checking.passed("gradients")


def random_table(generator: np.random.Generator) -> pd.DataFrame:
    """Draw a table of results: two heads, two to six seeds, rows in any order."""
    seeds = generator.choice(100, size=int(generator.integers(2, 7)), replace=False)
    common = generator.normal(0, 3, len(seeds))  # what a seed does to both heads
    gain = generator.choice([-2.0, -0.3, 0.0, 0.3, 2.0])
    rows = []
    for head, level in (("gap", 0.0), ("mine", gain)):
        noise = generator.normal(0, 0.6, len(seeds))
        rows += [
            {"head": head, "seed": int(seed), "score": base + level + error, "other": float(generator.normal())}
            for seed, base, error in zip(seeds, common, noise, strict=True)
        ]
    return pd.DataFrame(rows).sample(frac=1, random_state=int(generator.integers(2**31))).reset_index(drop=True)


def true_decision(table: pd.DataFrame, measure: str) -> tuple[float, float, str]:
    """Return the mean difference over seeds, its standard error, and the verdict."""
    wide = table.pivot(index="seed", columns="head", values=measure)
    gains = (wide["mine"] - wide["gap"]).to_numpy()
    mean = float(sum(gains) / len(gains))
    error = math.sqrt(sum((gain - mean) ** 2 for gain in gains) / (len(gains) - 1) / len(gains))
    return mean, error, "higher" if mean > 2 * error else "lower" if mean < -2 * error else "undecided"


def check_decide(decide: Callable[[pd.DataFrame, str], Any], seed: int = 6) -> None:
    """Compare verdicts with the rule, on tables drawn at random."""
    generator = np.random.default_rng(seed)
    for trial in range(60):
        table = random_table(generator)
        measure = "score" if trial % 4 else "other"
        count = table["seed"].nunique()
        case = f"a table of {count} seeds in any order"
        given_table = table.copy()
        given = checking.run(decide, given_table, measure, case=case)
        if not given_table.equals(table):
            raise ReaderError("Your code changed the table that it was given: work on a copy.")
        if not isinstance(given, dict) or set(given) != {"difference", "error", "verdict"}:
            raise ReaderError("A dictionary with the keys difference, error and verdict is wanted.")
        mean, error, verdict = true_decision(table, measure)
        for name, value, what in (
            ("difference", mean, "the mean over seeds of mine minus gap"),
            ("error", error, "the standard error of the paired differences"),
        ):
            if not isinstance(given[name], float) or not abs(given[name] - value) <= 1e-6 * max(1.0, abs(value)):
                raise ReaderError(f"For {case} the entry {name!r} is {given[name]!r}, which is not {what}.")
        if given["verdict"] != verdict:
            raise ReaderError(f"For {case} the verdict {given['verdict']!r} does not follow from your own two numbers.")
    checking.passed("decide")
