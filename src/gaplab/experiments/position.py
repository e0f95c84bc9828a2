"""Experiment 6: does the pooled vector still know where the object was? Linear probes, with chance beside them."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from gaplab import models
from gaplab.data import ROOM, SMALL, Split, resize, stratified
from gaplab.experiments import shift
from gaplab.experiments.heads import POOLED, shared_rate
from gaplab.experiments.settings import Settings
from gaplab.experiments.sweep import Result, Row, Run, State, Store
from gaplab.experiments.training_run import garment_pictures, rebuilt, training_run
from gaplab.probes import linear_probe, pooled, refit_classifier, standardised
from gaplab.shifting import scattered
from gaplab.training import refit_batch_norm

CELLS = 3
"""The frame is cut into CELLS x CELLS parts; the coarse probe names the part."""


def circular(settings: Settings, store: Store) -> list[Run]:
    """List the runs that train networks with circular padding on garments that move, one a head and seed."""
    rate = shared_rate(settings, store)
    return [
        training_run(
            f"{settings.network}-{head}-circular-s{seed}",
            network={"name": settings.network, "head": head, "padding": "circular"},
            pictures=garment_pictures(settings, garment=SMALL, shift=True),
            recipe={"epochs": settings.shift_epochs, "lr": rate},
            seed=seed,
            table="shift_networks",
            labels={"network": settings.network, "head": head, "variant": "circular"},
            keep=True,
        )
        for seed in settings.seeds
        for head in POOLED
    ]


def zero_padded(settings: Settings, store: Store) -> list[Run]:
    """List the runs of the shift experiment whose networks are probed: zero padding, still or moving garments."""
    runs = shift.trained(settings, store, ("centred", "shifted"))
    return [run for run in runs if run.arguments["network"]["head"] in POOLED]


def measured(settings: Settings, store: Store) -> list[Run]:
    """List the probes: trained networks, and untrained ones of both kinds of padding."""
    probes = []
    for run in zero_padded(settings, store) + circular(settings, store):
        network = run.arguments["network"]
        labels = {
            "network": settings.network,
            "head": network["head"],
            "padding": network.get("padding", "zeros"),
            "training": "moving garments" if run.arguments["pictures"].get("shift") else "centred garments",
            "seed": run.arguments["seed"],
        }
        arguments = {"network": network, "labels": labels, "images": settings.position_images}
        probes.append(Run(f"position-{run.name}", probe, arguments, needs=run))
    for head in POOLED:
        for padding in ("zeros", "circular"):
            for seed in settings.seeds:
                network = {"name": settings.network, "head": head, "padding": padding}
                labels = {key: network.get(key, settings.network) for key in ("network", "head", "padding")}
                labels |= {"training": "none", "seed": seed}
                arguments = {"network": network, "labels": labels, "images": settings.position_images}
                probes.append(Run(f"position-untrained-{head}-{padding}-s{seed}", probe, arguments))
    return probes


def probe(network: Row, labels: Row, images: int, state: State | None = None) -> Result:
    """Fit linear probes from the pooled vector to the place of the garment, and test them on other garments.

    Columns: ``r2``, the explained part of the variance of x and y together (0 is what the mean explains), and
    ``error_px``, the mean distance in pixels between the true and the predicted place, both by ridge regression;
    ``chance_error_px``, that distance for the training places' mean; ``cell_accuracy``, how often a linear
    classifier names the right one of 3 x 3 parts of the frame; ``chance_accuracy``, that of the commonest part.
    """
    seed = int(labels["seed"])
    if state is None:
        model: nn.Module = models.make(**network, seed=seed)
        refit_batch_norm(model, _scattered("train", images, seed)[0])  # else its activations have no sensible scale
    else:
        model = rebuilt(network, state)
    (train, train_places), (test, test_places) = (_scattered(split, images, seed) for split in ("train", "test"))
    x, y = pooled(model, train), pooled(model, test)
    predicted, centre = linear_probe(x, train_places, y), train_places.mean(dim=0)
    error, chance = (test_places - predicted), (test_places - centre)
    cells, test_cells = (_cell(places) for places in (train_places, test_places))
    named = classify(x, cells, y)
    row = {
        **labels,
        "images": images,
        "r2": float(1 - error.square().sum() / (test_places - test_places.mean(dim=0)).square().sum()),
        "error_px": float(error.norm(dim=1).mean()),
        "chance_error_px": float(chance.norm(dim=1).mean()),
        "cell_accuracy": float((named == test_cells).double().mean()),
        "chance_accuracy": float((test_cells == cells.bincount().argmax()).double().mean()),
    }
    return Result({"position": [row]})


def _scattered(split: Split, count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return small garments at random places and those places, as `gaplab.shifting.scattered` does."""
    # Train and test places must differ: the split is part of the seed.
    return scattered(resize(stratified(split, count)[0], SMALL), 2 * seed + (split == "test"))


def _cell(places: Tensor) -> Tensor:
    column, row = ((places + ROOM) * CELLS / (2 * ROOM + 1)).floor().long().unbind(dim=1)
    return row * CELLS + column


def classify(train: Tensor, cells: Tensor, test: Tensor) -> Tensor:
    """Name the cell of each test vector by logistic regression on the training vectors, both ``(N, C)``."""
    # A column of ones in place of a bias: the penalty holds it too.
    x, y = (F.pad(vectors, (0, 1), value=1.0) for vectors in standardised(train, test))
    start = nn.Linear(x.shape[1], CELLS * CELLS, bias=False, dtype=x.dtype)
    nn.init.zeros_(start.weight)
    named: Tensor = refit_classifier(start, x, cells, steps=200)(y).argmax(dim=1)
    return named
