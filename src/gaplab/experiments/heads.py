"""Experiment 1: heads against the number of training images, over a grid of learning rates."""

from __future__ import annotations

import pandas as pd

from gaplab import models
from gaplab.evidence import choose, common_rate
from gaplab.experiments.settings import Settings
from gaplab.experiments.sweep import Run, Store
from gaplab.experiments.training_run import garment_pictures, training_run

ENDINGS: tuple[models.HeadName, ...] = ("gap", "max", "flatten", "fc", "fc_dropout")
"""All heads of the grid."""
KEPT: tuple[models.HeadName, ...] = ("gap", "max", "flatten")
"""Heads whose networks are kept for the chapters and for the experiments on shift, size and position."""
POOLED = KEPT[:2]
"""Those of them that take a map of any size, and whose vector has one number a channel."""


def main(settings: Settings, store: Store) -> list[Run]:
    """List the runs that try each learning rate on the main network with each of the kept heads."""
    return [
        training_run(
            f"heads-{settings.network}-{head}-lr{rate}-s{seed}",
            network={"name": settings.network, "head": head},
            pictures=garment_pictures(settings),
            recipe={"epochs": settings.epochs, "lr": rate},
            seed=seed,
            table="heads",
            labels={"network": settings.network, "head": head},
            history="heads_history",
        )
        for head in KEPT
        for rate in settings.rates
        for seed in settings.more_seeds
    ]


def shared_rate(settings: Settings, store: Store) -> float:
    """Return the one rate that serves all kept heads on the main network best; variants are compared at it."""
    return common_rate(pd.DataFrame(store.rows(main(settings, store), "heads")), ["head"])


def at_chosen_rates(runs: list[Run], store: Store, table: str) -> list[Run]:
    """Return those runs whose learning rate is the one that validation images choose for runs of their labels."""
    keys = list(runs[0].arguments["labels"])
    rates = {key: choose(own).best[0] for key, own in pd.DataFrame(store.rows(runs, table)).groupby(keys)}
    return [
        run
        for run in runs
        if run.arguments["recipe"]["lr"] == rates[tuple(run.arguments["labels"][key] for key in keys)]
    ]


def kept(settings: Settings, store: Store) -> list[Run]:
    """List the runs that train the networks that the book keeps: on all images, at one rate, one a head and seed."""
    rate = shared_rate(settings, store)
    return [
        training_run(
            f"{settings.network}-{head}-s{seed}",
            network={"name": settings.network, "head": head},
            pictures={"train_size": settings.whole_size, "test_size": settings.test_size},
            recipe={"epochs": settings.whole_epochs, "lr": rate},
            seed=seed,
            table="whole",
            labels={"network": settings.network, "head": head},
            history="whole_history",
            keep=True,
        )
        for seed in settings.seeds
        for head in KEPT
    ]


def grid(settings: Settings, store: Store) -> list[Run]:
    """List the runs of the grid: every head, training size, learning rate and seed, on the cheaper network."""
    return [
        training_run(
            f"grid-{settings.small_network}-{head}-n{size}-lr{rate}-s{seed}",
            network={"name": settings.small_network, "head": head},
            pictures=garment_pictures(settings, train_size=size),
            recipe={"epochs": epochs, "lr": rate},
            seed=seed,
            table="heads",
            labels={"network": settings.small_network, "head": head},
            history="heads_history",
        )
        for size, (epochs, seeds) in settings.grid.items()
        for head in ENDINGS
        for rate in settings.grid_rates
        for seed in seeds
    ]
