"""Experiment 4: gradients by depth at initialisation, degradation, and short training over a grid of two rates.

The short training also runs with the pool's value and gradient multiplied, to tell the size of a gradient from its
sparsity: every pool is rescaled, and not the maximum alone.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from gaplab import models
from gaplab.data import normalise, stratified
from gaplab.device import device
from gaplab.experiments.networks import garment_pictures, training_run
from gaplab.experiments.settings import Settings
from gaplab.experiments.sweep import Result, Row, Run, Store
from gaplab.gradients import at

KINDS: dict[str, Row] = {
    "plain without batch norm": {"family": "plain", "norm": False},
    "plain": {"family": "plain", "norm": True},
    "residual": {"family": "resnet", "norm": True},
    "residual without batch norm": {"family": "resnet", "norm": False},
}
INITS = ("he", "default")
POOLS = ("gap", "max", "flatten")
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
        for head in POOLS
        for factor in (settings.brief_factors if head != "flatten" else (1.0,))
        for rate in settings.brief_rates
        for seed in settings.seeds
    ]


def rescaled(settings: Settings, store: Store) -> list[Run]:
    """List short training runs as those of `stability`, with each of `RESCALED`."""
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
