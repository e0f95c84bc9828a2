"""Experiment 4, continued: short training over a grid of two rates, and with the pool's value and gradient multiplied.

The factors tell the size of a gradient from its sparsity: every pool is rescaled, and not the maximum alone.
"""

from __future__ import annotations

from gaplab.experiments.heads import KEPT
from gaplab.experiments.settings import Settings
from gaplab.experiments.sweep import Row, Run, Store
from gaplab.experiments.training_run import garment_pictures, training_run

SIDE = 7
"""Side of the last map: global max pooling's gradient has 7 times the L2 norm of the average's."""
LONGER = 4.1
"""How many times as long as the average's vector is max's at initialisation; chapter 5 measures it."""
RESCALED: dict[str, tuple[float, float]] = {
    "gap": (1.0, 1.0),
    "gap x 4.1": (LONGER, LONGER),
    "gap / 1.7": (1 / 1.7, 1 / 1.7),
    "gap / 4.1": (1 / LONGER, 1 / LONGER),
    "gap, gradient x 7": (1.0, SIDE),
    "max": (1.0, 1.0),
    "max / 4.1": (1 / LONGER, 1 / LONGER),
    "max / 7": (1 / SIDE, 1 / SIDE),
    "max, gradient / 7": (1.0, 1 / SIDE),
}
"""Variants of the heads: factors on what the pool returns and on what goes back through it."""
EQUALLY_LONG = (("gap x 4.1", "max"), ("gap", "max / 4.1"), ("gap / 1.7", "max / 7"))
"""Pairs of them whose vectors are equally long at initialisation; deeper networks get no others."""


def stability(settings: Settings, store: Store) -> list[Run]:
    """List the short training runs over the grid of two learning rates, the backbone's and the classifier's.

    A constant rate without warm-up. The classifier's rate is a factor of the backbone's; the flattened head gets one.
    """
    return [
        _brief(
            settings,
            f"stability-resnet{depth}-{head}-lr{rate}-x{factor:.2g}-s{seed}",
            "stability",
            {"network": f"resnet{depth}", "head": head, "classifier_rate": factor},
            {"name": f"resnet{depth}", "head": head},
            {"lr": rate, "classifier_rate": factor},
            seed,
        )
        for depth in settings.depths
        for head in KEPT
        for factor in (settings.brief_factors if head != "flatten" else (1.0,))
        for rate in settings.brief_rates
        for seed in settings.seeds
    ]


def rescaled(settings: Settings, store: Store) -> list[Run]:
    """List short training runs as those of `stability` at one rate, with each of `RESCALED`."""
    return [
        _brief(
            settings,
            f"rescaled-resnet{depth}-{index}-lr{rate}-s{seed}",
            "rescaled",
            {"network": f"resnet{depth}", "head": variant.partition(",")[0].split()[0], "variant": variant},
            {"name": f"resnet{depth}", "head": variant.partition(",")[0].split()[0]},
            {"lr": rate},
            seed,
            rescale={"value": value, "gradient": gradient},
        )
        for depth in settings.rescaled_depths
        for index, (variant, (value, gradient)) in enumerate(RESCALED.items())
        if depth == settings.rescaled_depths[0] or any(variant in pair for pair in EQUALLY_LONG)
        for rate in settings.rescaled_rates
        for seed in settings.seeds
    ]


def _brief(
    settings: Settings,
    name: str,
    table: str,
    labels: Row,
    network: Row,
    rates: Row,
    seed: int,
    rescale: Row | None = None,
) -> Run:
    return training_run(
        name,
        network=network,
        pictures=garment_pictures(settings, train_size=settings.brief_size, test_size=min(1000, settings.test_size)),
        recipe={"epochs": settings.brief_epochs, "schedule": "constant"} | rates,
        seed=seed,
        table=table,
        labels=labels,
        rescale=rescale,
        refit=min(1000, settings.brief_size),
    )
