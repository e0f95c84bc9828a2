"""Experiment 2: a garment moved over the frame, before networks with each head."""

from __future__ import annotations

import torch

from gaplab.data import FRAME, ROOM, SMALL, place, resize, stratified
from gaplab.experiments.heads import KEPT, tuned_rate
from gaplab.experiments.networks import rebuilt, training_run
from gaplab.experiments.settings import Settings
from gaplab.experiments.sweep import Result, Row, Run, State, Store
from gaplab.training import predict

VARIANTS: dict[str, Row] = {
    "centred": {},
    "shifted": {},
    "antialiased": {"antialias": True},
}
"""Options of the network; ``shifted`` alone learns from garments that move, the others from centred ones."""


def trained(settings: Settings, store: Store, variants: tuple[str, ...] = tuple(VARIANTS)) -> list[Run]:
    """List the runs that train a network on small garments for each variant, head and seed."""
    return [
        training_run(
            f"{settings.network}-{head}-{variant}-s{seed}",
            network={"name": settings.network, "head": head, **VARIANTS[variant]},
            train_size=settings.train_size,
            test_size=settings.test_size,
            epochs=settings.small_epochs,
            lr=tuned_rate(settings, store, head),
            seed=seed,
            table="shift_networks",
            labels={"network": settings.network, "head": head, "variant": variant},
            garment=SMALL,
            shift=variant == "shifted",
            keep=True,
        )
        for variant in variants
        for seed in settings.seeds
        for head in KEPT
    ]


def measured(settings: Settings, store: Store) -> list[Run]:
    """List the runs that move test garments over all positions, one a trained network."""
    return [
        Run(
            f"shift-{run.name}",
            move_everywhere,
            {
                "network": run.arguments["network"],
                "labels": run.arguments["labels"] | {"seed": run.arguments["seed"]},
                "images": settings.shift_images,
            },
            needs=run,
        )
        for run in trained(settings, store)
    ]


def move_everywhere(network: Row, labels: Row, images: int, state: State) -> Result:
    """Move test garments to every place in the frame and compare the logits with those at the centre.

    Columns: ``dx``, ``dy`` in pixels from the centre, right and down; ``accuracy``; ``agreement``, the fraction of
    images whose predicted class is the one at the centre; ``logit_change``, the mean over images of the Euclidean
    distance between the two logit vectors; ``logit_spread``, the mean distance of a logit vector at the centre from
    the mean over images, which is the unit to judge that change by.
    """
    model = rebuilt(network, state)
    pictures, targets = stratified("test", images)
    small = resize(pictures, SMALL)
    centre = predict(model, place(small, FRAME))
    targets = targets.to(centre.device)
    spread = float((centre - centre.mean(dim=0)).norm(dim=1).mean())
    rows = []
    for dy in range(-ROOM, ROOM + 1):
        for dx in range(-ROOM, ROOM + 1):
            logits = predict(model, place(small, FRAME, dx, dy))
            rows.append(
                {
                    **labels,
                    "dx": dx,
                    "dy": dy,
                    "accuracy": _mean(logits.argmax(dim=1) == targets),
                    "agreement": _mean(logits.argmax(dim=1) == centre.argmax(dim=1)),
                    "logit_change": _mean((logits - centre).norm(dim=1)),
                    "logit_spread": spread,
                }
            )
    return Result({"shift": rows})


def _mean(values: torch.Tensor) -> float:
    return float(values.cpu().double().mean())  # float64 is unknown to MPS
