"""Experiment 5: NIN's control, small, and a NIN with each pool, over a grid of learning rates."""

from __future__ import annotations

from gaplab.experiments.settings import Settings
from gaplab.experiments.sweep import Run, Store
from gaplab.experiments.training_run import garment_pictures, training_run

NETWORKS = (
    ("control_cnn", "fc"),
    ("control_cnn", "fc_dropout"),
    ("control_cnn", "gap"),
    ("nin", "gap"),
    ("nin", "max"),
)


def control(settings: Settings, store: Store) -> list[Run]:
    """List the runs that try each learning rate on each network."""
    return [
        training_run(
            f"{name}-{head}-lr{rate}-s{seed}",
            network={"name": name, "head": head},
            pictures=garment_pictures(settings),
            recipe={"epochs": settings.nin_epochs if name == "nin" else settings.control_epochs, "lr": rate},
            seed=seed,
            table="nin_control",
            labels={"network": name, "head": head},
            history="nin_history",
            keep=seed == settings.seeds[0],
        )
        for name, head in NETWORKS
        for rate in settings.low_rates
        for seed in settings.seeds
    ]
