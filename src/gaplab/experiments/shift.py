"""Experiment 2: a garment moved over the frame, before networks with each head."""

from __future__ import annotations

import torch

from gaplab import models
from gaplab.data import FRAME, ROOM, SMALL, place, resize, stratified
from gaplab.experiments.heads import KEPT, shared_rate
from gaplab.experiments.settings import Settings
from gaplab.experiments.sweep import Result, Row, Run, State, Store
from gaplab.experiments.training_run import garment_pictures, rebuilt, training_run
from gaplab.training import batches

VARIANTS: dict[str, tuple[Row, Row]] = {
    "centred": ({}, {}),
    "shifted": ({}, {"shift": True}),
    "antialiased": ({"antialias": True}, {}),
    "transposed": ({}, {"transpose": True}),
}
"""Options of the network and of its pictures; ``shifted`` alone learns from garments that move."""


def trained(settings: Settings, store: Store, variants: tuple[str, ...] = tuple(VARIANTS)) -> list[Run]:
    """List the runs that train a network on small garments for each variant, head and seed, all at one rate."""
    rate = shared_rate(settings, store)
    return [
        training_run(
            f"{settings.network}-{head}-{variant}-s{seed}",
            network={"name": settings.network, "head": head, **VARIANTS[variant][0]},
            pictures=garment_pictures(settings, garment=SMALL, **VARIANTS[variant][1]),
            recipe={"epochs": settings.shift_epochs, "lr": rate},
            seed=seed,
            table="shift_networks",
            labels={"network": settings.network, "head": head, "variant": variant},
            keep=True,
        )
        for variant in variants
        for seed in settings.seeds
        for head in (KEPT if variant != "transposed" else KEPT[:1])
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
                "transpose": run.arguments["pictures"].get("transpose", False),
            },
            needs=run,
        )
        for run in trained(settings, store)
    ]


@torch.no_grad()
def move_everywhere(network: Row, labels: Row, images: int, transpose: bool, state: State) -> Result:
    """Move test garments to every place in the frame and compare what the network says with what it says at the centre.

    Columns: ``dx``, ``dy`` in pixels from the centre, right and down; ``accuracy``; ``agreement``, the fraction of
    images whose predicted class is the one at the centre; ``pooled_drift``, the mean over images of the Euclidean
    distance between what the classifier reads there and at the centre, over the mean distance of an image's vector at
    the centre from the mean over images; ``logit_drift``, the same for the logits.
    """
    model = rebuilt(network, state)
    pictures, targets = stratified("test", images)
    small = resize(pictures.mT.contiguous() if transpose else pictures, SMALL)
    rows = []
    centre = _read(model, place(small, FRAME))
    spreads = [_mean((vectors - vectors.mean(dim=0)).norm(dim=1)) for vectors in centre]
    targets = targets.to(centre[0].device)
    for dy in range(-ROOM, ROOM + 1):
        for dx in range(-ROOM, ROOM + 1):
            here = _read(model, place(small, FRAME, dx, dy))
            drifts = [_mean((a - b).norm(dim=1)) / spread for a, b, spread in zip(here, centre, spreads, strict=True)]
            classes = here[1].argmax(dim=1)
            rows.append(
                {
                    **labels,
                    "dx": dx,
                    "dy": dy,
                    "accuracy": _mean(classes == targets),
                    "agreement": _mean(classes == centre[1].argmax(dim=1)),
                    "pooled_drift": drifts[0],
                    "logit_drift": drifts[1],
                }
            )
    return Result({"shift": rows})


def _read(model: torch.nn.Module, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what the classifier reads and the logits."""
    seen = [models.parts(model, batch) for batch in batches(images)]
    return torch.cat([parts.pooled for parts in seen]), torch.cat([parts.logits for parts in seen])


def _mean(values: torch.Tensor) -> float:
    return float(values.cpu().double().mean())  # float64 is unknown to MPS
