"""Experiment 1: heads against the number of training images, after tuning the learning rate once for each head."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from gaplab import models
from gaplab.experiments.networks import training_run
from gaplab.experiments.settings import Settings
from gaplab.experiments.sweep import Row, Run, Store

HEADS: tuple[models.Head, ...] = ("gap", "max", "flatten", "fc", "fc_dropout")
KEPT: tuple[models.Head, ...] = ("gap", "max", "flatten")
"""Heads whose networks are kept for the chapters and for the experiments on shift, size and position."""


def tuning(settings: Settings, store: Store) -> list[Run]:
    """List the runs that try each learning rate on each head, on validation images."""
    return [
        training_run(
            f"tuning-{head}-lr{rate}-s{seed}",
            network={"name": settings.small_network, "head": head},
            train_size=settings.tuning_size,
            test_size=settings.validation_size,
            epochs=settings.tuning_epochs,
            lr=rate,
            seed=seed,
            table="tuning",
            labels={"network": settings.small_network, "head": head},
            validation_from=settings.validation_from,
        )
        for head in HEADS
        for rate in settings.tuning_rates
        for seed in settings.tuning_seeds
    ]


def tuned_rate(settings: Settings, store: Store, head: str) -> float:
    """Return the learning rate with the best mean validation accuracy for a head."""
    return best_rate(store.rows(tuning(settings, store), "tuning"), head)


def best_rate(rows: Iterable[Row], head: str) -> float:
    """Return the learning rate with the best mean validation accuracy over seeds; the lower one of equals."""
    scores: dict[float, list[float]] = {}
    for row in rows:
        if row["head"] == head:
            scores.setdefault(row["lr"], []).append(row["validation_accuracy"])
    return max(sorted(scores), key=lambda rate: float(np.mean(scores[rate])))


def kept(settings: Settings, store: Store) -> list[Run]:
    """List the runs that train the networks that the book keeps, one a head and seed."""
    return [
        training_run(
            f"{settings.network}-{head}-s{seed}",
            network={"name": settings.network, "head": head},
            train_size=settings.train_size,
            test_size=settings.test_size,
            epochs=settings.epochs,
            lr=tuned_rate(settings, store, head),
            seed=seed,
            table="heads",
            labels={"network": settings.network, "head": head},
            target=max(settings.grid_targets.values()),
            history="heads_history",
            keep=True,
        )
        for seed in settings.seeds
        for head in KEPT
    ]


def grid(settings: Settings, store: Store) -> list[Run]:
    """List the runs of the grid: every head, training size and seed, on the cheaper network."""
    return [
        training_run(
            f"grid-{settings.small_network}-{head}-n{size}-s{seed}",
            network={"name": settings.small_network, "head": head},
            train_size=size,
            test_size=settings.test_size,
            epochs=settings.grid_epochs[size],
            lr=tuned_rate(settings, store, head),
            seed=seed,
            table="heads",
            labels={"network": settings.small_network, "head": head},
            target=settings.grid_targets[size],
            history="heads_history",
        )
        for size, seeds in settings.grid_seeds.items()
        for seed in seeds
        for head in HEADS
    ]
