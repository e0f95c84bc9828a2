"""Experiment 4: gradients by depth at initialisation, degradation, and a classifier that learns more slowly."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from gaplab import models
from gaplab.data import normalise, stratified
from gaplab.device import device
from gaplab.experiments.heads import POOLED
from gaplab.experiments.settings import Settings
from gaplab.experiments.sweep import Result, Row, Run, Store
from gaplab.experiments.training_run import garment_pictures, training_run
from gaplab.gradients import at

KINDS: dict[str, Row] = {
    "plain without batch norm": {"family": "plain", "norm": False},
    "plain": {"family": "plain", "norm": True},
    "residual": {"family": "resnet", "norm": True},
    "residual without batch norm": {"family": "resnet", "norm": False},
}
INITS = ("he", "default")


def gradients(settings: Settings, store: Store) -> list[Run]:
    """List the runs that measure gradients at initialisation, one an initialisation, kind, depth and seed."""
    return [
        Run(
            f"gradients-{kind.replace(' ', '-')}-{init}-{depth}-s{seed}",
            gradient_by_block,
            {"kind": kind, "init": init, "depth": depth, "seed": seed, "images": settings.gradient_images},
        )
        for init in INITS
        for kind in KINDS
        for depth in settings.depths
        for seed in settings.more_seeds
    ]


def gradient_by_block(kind: str, init: str, depth: int, seed: int, images: int) -> Result:
    """Send one batch forward and back through an untrained network with a GAP head.

    Columns: ``block`` from 1 at the stem's side to ``blocks``; ``stage`` 1 to 3; ``activation_gradient``, the mean
    over images of the L2 norm of the gradient of that image's loss with respect to the block's output;
    ``weight_gradient``, the L2 norm of the mean loss's gradient with respect to the block's first convolution;
    ``loss``, the mean cross-entropy.
    """
    options = KINDS[kind] | {"init": init}
    model = models.build(f"{options.pop('family')}{depth}", "gap", seed=seed, **options)
    pictures, labels = stratified("train", max(10, images // 10 * 10))
    inputs, targets = normalise(pictures), labels.to(device())
    blocks = {name: part for name, part in model.named_modules() if isinstance(part, models.BasicBlock)}
    found = at(model, inputs, list(blocks), lambda logits: F.cross_entropy(logits, targets))
    loss = F.cross_entropy(model(inputs), targets)
    weights = torch.autograd.grad(loss, [block.conv1.weight for block in blocks.values()])
    rows = []
    for index, (name, weight) in enumerate(zip(blocks, weights, strict=True), 1):
        # The loss is a mean over images: times their number, each image's gradient is that of its own loss.
        per_image = found[name].flatten(1).norm(dim=1) * len(pictures)
        rows.append(
            {
                "kind": kind,
                "init": init,
                "depth": depth,
                "seed": seed,
                "block": index,
                "blocks": len(blocks),
                "stage": int(name.removeprefix("layer")[0]),
                "activation_gradient": float(per_image.mean()),
                "weight_gradient": float(weight.norm()),
                "loss": float(loss.detach()),
            }
        )
    return Result({"gradients": rows})


def degradation(settings: Settings, store: Store) -> list[Run]:
    """List the runs that train plain and residual networks of two depths alike, which is the ResNet paper's subject.

    The residual ones also with a maximum, for the question whether depth makes it worse.
    """
    return [
        training_run(
            f"degradation-{family}{depth}-{head}-lr{rate}-s{seed}",
            network={"name": f"{family}{depth}", "head": head},
            pictures=garment_pictures(settings, train_size=settings.degradation_size),
            recipe={"epochs": settings.degradation_epochs, "lr": rate},
            seed=seed,
            table="degradation",
            labels={"network": f"{family}{depth}", "head": head},
            history="degradation_history",
        )
        for family, head in (("plain", "gap"), ("resnet", "gap"), ("resnet", "max"))
        for depth in settings.degradation_depths
        for rate in settings.rates
        for seed in settings.seeds
    ]


def slower_classifier(settings: Settings, store: Store) -> list[Run]:
    """List runs as the residual ones of `degradation` whose classifier learns more slowly than the backbone.

    Three epochs say that this is what a maximum lacks; these say whether it lasts. One rate for all layers is tried
    here too, and a rate below those of `degradation`, with more seeds.
    """
    return [
        training_run(
            f"slower-resnet{depth}-{head}-lr{rate}-x{factor:.2g}-s{seed}",
            network={"name": f"resnet{depth}", "head": head},
            pictures=garment_pictures(settings, train_size=settings.degradation_size),
            recipe={"epochs": settings.degradation_epochs, "lr": rate, "classifier_rate": factor},
            seed=seed,
            table="slower_classifier",
            labels={"network": f"resnet{depth}", "head": head, "classifier_rate": factor},
        )
        for depth in settings.degradation_depths
        for head in POOLED
        for rate in settings.slower_rates
        for factor in (1.0, *settings.slower_factors)
        for seed in settings.more_seeds
    ]
