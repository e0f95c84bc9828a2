"""Experiment 4: gradients by depth at initialisation, and short training over a grid of learning rates.

The short training also runs with the pool's gradient multiplied, to tell the size of a gradient from its sparsity.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from gaplab import models
from gaplab.data import normalise, stratified
from gaplab.device import device
from gaplab.experiments.networks import diverged, train_network
from gaplab.experiments.settings import Settings
from gaplab.experiments.sweep import Result, Row, Run, Store

KINDS: dict[str, Row] = {
    "plain without batch norm": {"family": "plain", "norm": False},
    "plain": {"family": "plain", "norm": True},
    "residual": {"family": "resnet", "norm": True},
    "residual without batch norm": {"family": "resnet", "norm": False},
}
STABILITY_HEADS = ("gap", "max")
SIDE = 7
"""Side of the last map: global max pooling's gradient has 7 times the L2 norm of the average's."""
RESCALED: dict[str, tuple[float, float]] = {
    "max, gradient / 7": (1.0, 1 / SIDE),
    "max, value and gradient / 7": (1 / SIDE, 1 / SIDE),
    "gap, gradient x 7": (1.0, SIDE),
}
"""Variants of the heads: factors on what the pool returns and on what goes back through it."""


def gradients(settings: Settings, store: Store) -> list[Run]:
    """List the runs that measure gradients at initialisation, one a kind, depth and seed."""
    return [
        Run(
            f"gradients-{kind.replace(' ', '-')}-{depth}-s{seed}",
            gradient_by_block,
            {"kind": kind, "depth": depth, "seed": seed, "images": settings.gradient_images},
        )
        for kind in KINDS
        for depth in settings.depths
        for seed in settings.gradient_seeds
    ]


def gradient_by_block(kind: str, depth: int, seed: int, images: int) -> Result:
    """Send one batch forward and back through an untrained network with a GAP head.

    Columns: ``block`` from 1 at the stem's side to ``blocks``; ``stage`` 1 to 3; ``activation_gradient``, the mean
    over images of the L2 norm of the gradient of that image's loss with respect to the block's output;
    ``weight_gradient``, the L2 norm of the mean loss's gradient with respect to the block's first convolution;
    ``loss``, the mean cross-entropy.
    """
    options = dict(KINDS[kind])
    model = models.build(f"{options.pop('family')}{depth}", "gap", seed=seed, **options)
    pictures, labels = stratified("train", max(10, images // 10 * 10))
    outputs: list[Tensor] = []

    def keep(_: torch.nn.Module, __: tuple[Tensor, ...], output: Tensor) -> None:
        output.retain_grad()
        outputs.append(output)

    blocks = [
        (stage, block)
        for stage, layer in enumerate((model.layer1, model.layer2, model.layer3), 1)
        for block in layer
        if isinstance(block, models.BasicBlock)
    ]
    handles = [block.register_forward_hook(keep) for _, block in blocks]
    try:
        loss = F.cross_entropy(model(normalise(pictures)), labels.to(device()))
        torch.autograd.backward(loss)
    finally:
        for handle in handles:
            handle.remove()
    rows = []
    for index, ((stage, block), output) in enumerate(zip(blocks, outputs, strict=True), 1):
        assert output.grad is not None
        assert block.conv1.weight.grad is not None
        # The loss is a mean over images: times their number, each image's gradient is that of its own loss.
        per_image = output.grad.flatten(1).norm(dim=1) * len(pictures)
        rows.append(
            {
                "kind": kind,
                "depth": depth,
                "seed": seed,
                "block": index,
                "blocks": len(blocks),
                "stage": stage,
                "activation_gradient": float(per_image.mean()),
                "weight_gradient": float(block.conv1.weight.grad.norm()),
                "loss": float(loss.detach()),
            }
        )
    return Result({"gradients": rows})


def stability(settings: Settings, store: Store) -> list[Run]:
    """List the short training runs over the grid of learning rates, without warm-up."""
    return [
        Run(
            f"stability-resnet{depth}-{head}-lr{rate}-s{seed}",
            train_briefly,
            {
                "network": {"name": f"resnet{depth}", "head": head},
                "train_size": settings.stability_size,
                "test_size": min(1000, settings.test_size),
                "epochs": settings.stability_epochs,
                "lr": rate,
                "seed": seed,
                "table": "stability",
                "labels": {"network": f"resnet{depth}", "head": head},
                "schedule": "constant",
            },
        )
        for depth in settings.stability_depths
        for rate in settings.stability_rates
        for seed in settings.seeds
        for head in STABILITY_HEADS
    ]


def rescaled(settings: Settings, store: Store) -> list[Run]:
    """List short training runs as those of `stability`, with each of `RESCALED`."""
    return [
        Run(
            f"rescaled-resnet{depth}-{variant.replace(', ', '-').replace(' ', '')}-lr{rate}-s{seed}".replace("/", "by"),
            train_briefly,
            {
                "network": {"name": f"resnet{depth}", "head": variant.partition(",")[0]},
                "train_size": settings.stability_size,
                "test_size": min(1000, settings.test_size),
                "epochs": settings.stability_epochs,
                "lr": rate,
                "seed": seed,
                "table": "rescaled",
                "labels": {"network": f"resnet{depth}", "head": variant},
                "schedule": "constant",
                "rescale": {"value": value, "gradient": gradient},
            },
        )
        for depth, rates in settings.rescaled_rates.items()
        for variant, (value, gradient) in RESCALED.items()
        for rate in rates
        for seed in settings.seeds
    ]


def train_briefly(**arguments: object) -> Result:
    """Train as `train_network` does, and say whether the run diverged."""
    result = train_network(**arguments)  # type: ignore[arg-type]
    for row in result.rows[str(arguments["table"])]:
        row["diverged"] = diverged(row["final_loss"])
    return result
