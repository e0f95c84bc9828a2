"""Experiment 5: NIN's control, small: one conventional CNN that ends in FC, FC with dropout, or GAP."""

from __future__ import annotations

from gaplab.experiments.heads import best_rate
from gaplab.experiments.networks import training_run
from gaplab.experiments.settings import Settings
from gaplab.experiments.sweep import Row, Run, Store

NETWORKS: tuple[Row, ...] = (
    {"name": "control_cnn", "head": "fc"},
    {"name": "control_cnn", "head": "fc_dropout"},
    {"name": "control_cnn", "head": "gap"},
    {"name": "nin", "head": "gap"},
)


def tuning(settings: Settings, store: Store) -> list[Run]:
    """List the runs that try each learning rate on each network, on validation images."""
    return [
        training_run(
            f"tuning-{network['name']}-{network['head']}-lr{rate}-s{seed}",
            network=network,
            train_size=settings.tuning_size,
            test_size=settings.validation_size,
            epochs=settings.tuning_epochs,
            lr=rate,
            seed=seed,
            table="nin_tuning",
            labels={"network": network["name"], "head": network["head"]},
            validation_from=settings.validation_from,
        )
        for network in NETWORKS
        for rate in settings.control_rates
        for seed in settings.tuning_seeds
    ]


def control(settings: Settings, store: Store) -> list[Run]:
    """List the runs that train each network with its learning rate; the NIN with fewer seeds, as it is slow."""
    runs = []
    for network in NETWORKS:
        own = [run for run in tuning(settings, store) if run.arguments["network"] == network]
        rate = best_rate(store.rows(own, "nin_tuning"), network["head"])
        runs += [
            training_run(
                f"{network['name']}-{network['head']}-s{seed}",
                network=network,
                train_size=settings.train_size,
                test_size=settings.test_size,
                epochs=settings.epochs,
                lr=rate,
                seed=seed,
                table="nin_control",
                labels={"network": network["name"], "head": network["head"]},
                keep=True,
            )
            for seed in (settings.seeds if network["name"] == "nin" else settings.control_seeds)
        ]
    return runs
