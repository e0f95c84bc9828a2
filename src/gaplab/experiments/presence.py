"""Experiment 7: is a garment *present*, or is there *much* of it? Scenes with one, two, four or nine of them."""

from __future__ import annotations

from gaplab.data import SMALL, scenes
from gaplab.experiments.heads import at_chosen_rates
from gaplab.experiments.settings import Settings
from gaplab.experiments.sweep import Result, Row, Run, State, Store
from gaplab.experiments.training_run import garment_pictures, rebuilt, training_run
from gaplab.training import predict

POOLS = ("gap", "max", "gem")
PLANTED = (1, 2, 4, 9)
"""Garments in a scene of nine cells."""
TRAININGS: dict[str, tuple[int, ...]] = {"one to nine": PLANTED, "always four": (4,)}
SIDES = (16, 12, 10, 8, 6)
"""Sides of a lone garment that shrinks in its cell of 16 px."""


def trained(settings: Settings, store: Store) -> list[Run]:
    """List the runs that learn from scenes, one a training, head, rate and seed."""
    return [
        training_run(
            f"scenes-{head}-{training.replace(' ', '-')}-lr{rate}-s{seed}",
            network={"name": settings.small_network, "head": head, "size": 3 * SMALL},
            pictures=garment_pictures(
                settings,
                train_size=settings.scene_size,
                test_size=settings.scene_images,
                validation_size=settings.scene_images,
                planted=list(planted),
            ),
            recipe={"epochs": settings.scene_epochs, "lr": rate},
            seed=seed,
            table="presence_networks",
            labels={"network": settings.small_network, "head": head, "training": training},
            keep=True,
        )
        for training, planted in TRAININGS.items()
        for head in POOLS
        for rate in settings.rates
        for seed in settings.seeds
    ]


def measured(settings: Settings, store: Store) -> list[Run]:
    """List the runs that count and shrink garments before the networks whose rate the validation scenes choose."""
    return [
        Run(
            f"presence-{run.name}",
            count_and_shrink,
            {
                "network": run.arguments["network"],
                "labels": run.arguments["labels"] | {"seed": run.arguments["seed"]},
                "images": settings.scene_images,
            },
            needs=run,
        )
        for run in at_chosen_rates(trained(settings, store), store, "presence_networks")
    ]


def count_and_shrink(network: Row, labels: Row, images: int, state: State) -> Result:
    """Test a network on scenes with more or fewer garments, and on lone garments that shrink.

    Columns: ``planted`` garments of ``side`` px; ``accuracy``; ``margin``, the mean over scenes of the right class's
    logit less the highest other one; ``logit``, the mean of the right class's logit less the mean of all ten.
    """
    model = rebuilt(network, state)
    rows = []
    for planted, side in [*((count, SMALL) for count in PLANTED), *((1, side) for side in SIDES[1:])]:
        pictures, targets = scenes("test", images, (planted,), seed=1, side=side)
        logits = predict(model, pictures).cpu().double()
        right = logits.gather(1, targets[:, None])[:, 0]
        others = logits.scatter(1, targets[:, None], float("-inf")).amax(dim=1)
        rows.append(
            {
                **labels,
                "planted": planted,
                "side": side,
                "accuracy": float((logits.argmax(dim=1) == targets).double().mean()),
                "margin": float((right - others).mean()),
                "logit": float((right - logits.mean(dim=1)).mean()),
            }
        )
    return Result({"presence": rows})
