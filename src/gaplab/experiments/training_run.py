"""The training run that all experiments share, so that what is compared differs in what is named alone."""

from __future__ import annotations

from typing import Any, cast

import pandas as pd
import torch
from torch import nn

from gaplab import models
from gaplab.experiments.pictures import Pictures, sets
from gaplab.experiments.settings import Settings
from gaplab.experiments.sweep import Result, Row, Run, State
from gaplab.training import fit, judge, refit_batch_norm

MOST = 10_000
"""Training images on which a finished network is judged, the first of them."""


def train_network(
    network: Row,
    pictures: Row,
    recipe: Row,
    seed: int,
    table: str,
    labels: Row,
    history: str | None = None,
    keep: bool = False,
    rescale: Row | None = None,
    refit: int = 0,
) -> Result:
    """Train one network and measure it: the run that most experiments are made of.

    Args:
        network: Arguments of `gaplab.models.make`, without the seed.
        pictures: Fields of `Pictures`.
        recipe: Fields of `gaplab.training.Recipe` that the plan decides: ``epochs``, ``lr`` and the like.
        seed: Of the weights, the order of the images, dropout and what is drawn at random.
        table: Evidence table that gets the run's row.
        labels: Further columns of that row.
        history: Table that gets about ten rows on the way, if any.
        keep: Return the network, rounded as it will be stored, and measure the rounded one.
        rescale: Factors of `gaplab.models.Rescaled` on the pool, if any.
        refit: Measure batch norm's statistics anew on so many training images before the network is judged: after a
            short run its running averages lag behind the weights.
    """
    model = models.make(**network, seed=seed)
    if rescale is not None:
        model.pool = models.Rescaled(cast(nn.Module, model.pool), **rescale)
    asked = Pictures.from_json(pictures)
    data = sets(asked, seed)
    curve = (data.test[0][:1000], data.test[1][:1000]) if history else None
    log = fit(
        model,
        data.train,
        curve,
        **recipe,
        seed=seed,
        augment=data.augment,
        evaluate_every=max(1, recipe["epochs"] // 10) if history else recipe["epochs"],
        evaluate_at_most=1000,
        progress=False,
    )
    if refit:
        refit_batch_norm(model, data.train[0][:refit])
    state = rounded(model) if keep else None
    if state is not None:
        restore(model, state)
    loss, accuracy = judge(model, (data.train[0][:MOST], data.train[1][:MOST]))
    row: Row = {
        **labels,
        "seed": seed,
        "train_size": asked.train_size,
        "epochs": recipe["epochs"],
        "lr": recipe["lr"],
        "parameters": models.count_parameters(model),
        "train_loss": loss,
        "train_accuracy": accuracy,
    }
    if data.validation is not None:
        row["validation_accuracy"] = judge(model, data.validation)[1]
    row["test_loss"], row["test_accuracy"] = judge(model, data.test)
    rows: dict[str, list[Row]] = {table: [row]}
    if history is not None:
        rows[history] = _curve(log, {**labels, "seed": seed, "train_size": asked.train_size, "lr": recipe["lr"]})
    return Result(rows, state)


def _curve(log: pd.DataFrame, labels: Row) -> list[Row]:
    measured = log.dropna(subset=["test_accuracy"]).to_dict("records")
    return [
        labels | {str(key): value for key, value in entry.items()} | {"epoch": int(entry["epoch"])}
        for entry in measured
    ]


def rounded(network: nn.Module) -> State:
    """Return a network's state as it is stored: weights in float16, biases and batch norm in float32, on the CPU."""
    state = {}
    for name, value in network.state_dict().items():
        # clone(): without it a channels-last weight would keep a layout that safetensors refuses.
        value = value.detach().to("cpu").clone(memory_format=torch.contiguous_format)
        state[name] = value.half() if value.dim() > 1 else value
    return state


def restore(network: nn.Module, state: State) -> nn.Module:
    """Load a stored state into a network, in place, and return it in evaluation mode."""
    network.load_state_dict(state)
    return network.eval()


def rebuilt(network: Row, state: State) -> nn.Module:
    """Build a network and load a stored state into it."""
    return restore(models.make(**network), state)


def training_run(name: str, **arguments: Any) -> Run:
    """Make a `Run` of `train_network`."""
    return Run(name, train_network, arguments)


def garment_pictures(settings: Settings, **options: Any) -> Row:
    """Return the fields of `Pictures` that most runs have; ``options`` change or add some."""
    usual = {
        "train_size": settings.train_size,
        "test_size": settings.test_size,
        "validation_size": settings.validation_size,
        "validation_from": settings.validation_from,
    }
    return usual | options
