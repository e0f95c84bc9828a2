"""The training run that all experiments share, and the data as they see them."""

from __future__ import annotations

import math
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from gaplab import data, models
from gaplab.data import FRAME, garments
from gaplab.experiments.sweep import Result, Row, Run, State
from gaplab.gradients import Rescaled
from gaplab.training import Augment, accuracy, fit

CHANCE_LOSS = math.log(len(data.CLASSES))
"""Cross-entropy of a network that gives every class the same probability."""


def shift_at_random(room: int) -> Augment:
    """Return an augmentation that moves each image by up to ``room`` px in x and in y, uniformly.

    The images must have a black margin of ``room`` px: moving is done by rolling the frame around.
    """

    def augment(images: Tensor, draws: torch.Generator) -> Tensor:
        count, _, height, width = images.shape
        moves = torch.randint(-room, room + 1, (2, count, 1, 1), generator=draws).to(images.device)
        rows = (torch.arange(height, device=images.device).view(1, -1, 1) - moves[1]) % height
        columns = (torch.arange(width, device=images.device).view(1, 1, -1) - moves[0]) % width
        return images[torch.arange(count, device=images.device).view(-1, 1, 1), 0, rows, columns][:, None]

    return augment


def train_network(
    network: Row,
    train_size: int,
    test_size: int,
    epochs: int,
    lr: float,
    seed: int,
    table: str,
    labels: Row,
    garment: int = FRAME,
    shift: bool = False,
    schedule: Literal["one_cycle", "constant"] = "one_cycle",
    validation_from: int | None = None,
    target: float | None = None,
    history: str | None = None,
    keep: bool = False,
    rescale: Row | None = None,
) -> Result:
    """Train one network and measure it: the run that most experiments are made of.

    Args:
        network: Arguments of `gaplab.models.make`, without the seed.
        train_size: Training images, the first of each class.
        test_size: Test images for the final accuracy; 10,000 is all of them.
        epochs: Passes over the training images.
        lr: Highest learning rate.
        seed: Of the weights, the order of the images, dropout and shifts.
        table: Evidence table that gets the run's row.
        labels: Further columns of that row.
        garment: Side of the garment in the frame, in pixels.
        shift: Move the training garments at random, within the frame.
        schedule: As in `gaplab.training.fit`.
        validation_from: Measure on ``test_size`` training images in place of test images: those of each class that
            come after so many, which no run learns from.
        target: Test accuracy whose first epoch is noted.
        history: Table that gets a row an epoch, if any.
        keep: Return the network, rounded as it will be stored, and measure the rounded one.
        rescale: Factors of `gaplab.gradients.Rescaled` on the pool, if any.
    """
    model = models.make(**network, seed=seed)
    if rescale is not None:
        model.pool = Rescaled(cast(nn.Module, model.pool), **rescale)
    train = garments("train", train_size, garment)
    if validation_from is None:
        test = garments("test", test_size, garment)
    else:
        test = garments("train", test_size, garment, skip=validation_from)
    # The curve over epochs is taken on the images that the package ships, which is quick; the final number on all.
    curve = None if validation_from is not None else garments("test", min(1000, test_size), garment)
    log = fit(
        model,
        train,
        curve,
        epochs=epochs,
        lr=lr,
        seed=seed,
        augment=shift_at_random((FRAME - garment) // 2) if shift else None,
        schedule=schedule,
        evaluate_at_most=1000,
        progress=False,
    )
    state = rounded(model) if keep else None
    if state is not None:
        restore(model, state)
    final_loss = float(log["loss"].iloc[-1])
    row: Row = {
        **labels,
        "seed": seed,
        "train_size": train_size,
        "epochs": epochs,
        "lr": lr,
        "parameters": models.count_parameters(model),
        "train_accuracy": accuracy(model, train),
        ("test_accuracy" if validation_from is None else "validation_accuracy"): accuracy(model, test),
        "final_loss": final_loss,
    }
    if target is not None:
        reached = log.loc[log["test_accuracy"] >= target, "epoch"]
        row |= {"target": target, "epochs_to_target": int(reached.iloc[0]) if len(reached) else None}
    rows: dict[str, list[Row]] = {table: [row]}
    if history is not None:
        head = {**labels, "seed": seed, "train_size": train_size}
        rows[history] = [head | {str(key): value for key, value in entry.items()} for entry in log.to_dict("records")]
        for entry in rows[history]:
            entry["epoch"] = int(entry["epoch"])
    card = {
        "network": network,
        "data": {"name": "Fashion-MNIST", "train_images": train_size, "garment_px": garment, "frame_px": FRAME},
        "recipe": {"epochs": epochs, "lr": lr, "schedule": schedule, "shifted_in_training": shift, "batch_size": 64},
        "seed": seed,
        "test_images": test_size,
        "test_accuracy": row.get("test_accuracy"),
        "subset_accuracy": accuracy(model, garments("test", 1000, garment)) if keep else None,
    }
    return Result(rows, state, card)


def diverged(final_loss: float) -> bool:
    """Say whether a training run diverged: its last epoch's mean loss is not finite, or above that of guessing."""
    return not math.isfinite(final_loss) or final_loss > CHANCE_LOSS


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
