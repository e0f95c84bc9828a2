"""Training and evaluation of the book's small networks, for live cells and for the long sweep alike."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.lr_scheduler import OneCycleLR
from torch.optim.swa_utils import update_bn
from tqdm import tqdm

from gaplab.data import normalise
from gaplab.device import device
from gaplab.errors import ReaderError, lone_numbers_explained
from gaplab.models import classifier

N = TypeVar("N", bound=nn.Module)

Labelled = tuple[Tensor, Tensor]
"""Images, uint8 (or float on a scale from 0 to 255) ``(N, 1, H, W)``, and labels, int64 ``(N,)``."""

Augment = Callable[[Tensor, torch.Generator], Tensor]
"""Changes a batch of normalised images ``(N, 1, H, W)`` at random, drawing from the CPU generator given."""


@dataclass(frozen=True)
class Recipe:
    """How a network is trained: SGD with Nesterov momentum on the cross-entropy."""

    epochs: int = 6
    """Passes over the training images."""
    lr: float = 0.1
    """Highest learning rate."""
    batch_size: int = 64
    """Images a step."""
    momentum: float = 0.9
    weight_decay: float = 5e-4
    """On every parameter."""
    schedule: Literal["one_cycle", "constant"] = "one_cycle"
    """``"one_cycle"`` lets the learning rate rise to ``lr`` over the first fifth of the steps and fall to almost
    nothing (Smith, Topin 2017, arXiv 1708.07120); ``"constant"`` keeps it at ``lr`` from the first step."""
    classifier_rate: float = 1.0
    """The classifier's learning rate is that many times ``lr``; other than 1 it needs a network with one linear layer
    behind its pool (`gaplab.models.classifier`)."""

    def optimiser(self, network: nn.Module, steps: int) -> tuple[torch.optim.Optimizer, Callable[[], None]]:
        """Make the optimiser for that many steps, and what moves its rates on after each."""
        groups: list[dict[str, Any]] = [{"params": list(network.parameters()), "lr": self.lr}]
        if self.classifier_rate != 1:
            head = list(classifier(network).parameters())
            rest = [weight for weight in network.parameters() if all(weight is not own for own in head)]
            groups = [{"params": rest, "lr": self.lr}, {"params": head, "lr": self.classifier_rate * self.lr}]
        decay, nesterov = self.weight_decay, self.momentum > 0
        optimiser = torch.optim.SGD(groups, momentum=self.momentum, weight_decay=decay, nesterov=nesterov)
        if self.schedule == "constant":
            return optimiser, lambda: None
        rising = max(0.2, 2 / (steps + 1))  # OneCycleLR divides by zero where the rise is shorter than a step
        highest = [group["lr"] for group in groups]
        cycle = OneCycleLR(optimiser, highest, total_steps=steps + 1, pct_start=rising, cycle_momentum=False)
        return optimiser, cycle.step


def fit(
    network: nn.Module,
    train: Labelled,
    test: Labelled | None = None,
    *,
    seed: int = 0,
    augment: Augment | None = None,
    evaluate_every: int = 1,
    evaluate_at_most: int = 2000,
    label: str = "training",
    progress: bool = True,
    **recipe: Any,
) -> pd.DataFrame:
    """Train a network in place and return how it went, one row an epoch.

    A progress bar shows the time left; ``TQDM_DISABLE=1`` in the environment silences it.

    Args:
        network: On ``device()``; it is left in evaluation mode.
        train: Images and labels to learn from.
        test: Images and labels that it is measured on after each epoch, if any.
        seed: Of the order of the images, of dropout and of ``augment``.
        augment: Changes each batch at random, if given.
        evaluate_every: Accuracy is measured after every so many epochs, and after the last.
        evaluate_at_most: Accuracy after an epoch is measured on that many images at most, the first of each set.
        label: Shown beside the progress bar.
        progress: Show the bar.
        **recipe: Fields of `Recipe`, such as ``epochs`` and ``lr``.

    Returns:
        Columns ``epoch`` (from 1), ``loss`` (mean training loss over the epoch's steps), ``train_accuracy`` and
        ``test_accuracy`` (fractions, in evaluation mode; NaN where they were not measured). Training ends early after
        an epoch whose loss is not finite.

    Raises:
        ReaderError: There are no training images, ``epochs`` or ``batch_size`` is less than 1, or batch norm gets one
            number a channel (`gaplab.errors.lone_numbers_explained`).
    """
    asked = Recipe(**recipe)
    epochs, batch_size = asked.epochs, asked.batch_size
    if not len(train[0]) or epochs < 1 or batch_size < 1:
        raise ReaderError(
            f"{len(train[0])} training images, {epochs} epochs and batches of {batch_size} were given: "
            "each must be 1 or more."
        )
    where = device()
    images, labels = normalise(train[0]), train[1].to(where)
    network.to(where).to(memory_format=torch.channels_last)  # a third faster on a CPU
    steps = epochs * math.ceil(len(images) / batch_size)
    optimiser, move_on = asked.optimiser(network, steps)
    draws = torch.Generator().manual_seed(seed)
    history: list[dict[str, float]] = []
    quiet = {} if progress else {"disable": True}
    # Dropout draws from the global generators: they get this run's seed, and the caller's state back afterwards.
    with (
        lone_numbers_explained(),
        torch.random.fork_rng(),
        tqdm(total=steps, desc=label, unit="step", leave=False, **quiet) as bar,
    ):
        torch.manual_seed(seed)
        for epoch in range(1, epochs + 1):
            network.train()
            losses = []
            for batch in torch.split(torch.randperm(len(images), generator=draws).to(where), batch_size):
                inputs = images[batch] if augment is None else augment(images[batch], draws)
                loss = F.cross_entropy(network(inputs), labels[batch])
                optimiser.zero_grad()
                torch.autograd.backward(loss)
                optimiser.step()
                move_on()
                losses.append(loss.detach())
                bar.update()
            row = {"epoch": epoch, "loss": float(torch.stack(losses).mean())}
            row |= {"train_accuracy": math.nan, "test_accuracy": math.nan}
            if epoch % evaluate_every == 0 or epoch == epochs:
                row["train_accuracy"] = accuracy(network, _first(train, evaluate_at_most))
                row["test_accuracy"] = accuracy(network, _first(test, evaluate_at_most)) if test else math.nan
            history.append(row)
            if not math.isfinite(row["loss"]):
                break
    network.eval()
    return pd.DataFrame(history)


def _first(data: Labelled, count: int) -> Labelled:
    return data[0][:count], data[1][:count]


def batches(images: Tensor, size: int = 100) -> Iterable[Tensor]:
    """Yield normalised batches of images, on ``device()``, so that a large set never is there all at once.

    Args:
        images: uint8 or float on a scale from 0 to 255, ``(N, 1, H, W)``.
        size: Images a batch.
    """
    return (normalise(batch) for batch in torch.split(images, size))


@torch.no_grad()
def predict(network: nn.Module, images: Tensor) -> Tensor:
    """Return a network's logits in evaluation mode, and leave its mode as it was.

    Args:
        network: On ``device()``.
        images: uint8 or float on a scale from 0 to 255, ``(N, 1, H, W)``.

    Returns:
        ``(N, classes)``, on ``device()``.
    """
    was_training = network.training
    network.eval()
    logits = torch.cat([network(batch) for batch in batches(images)])
    network.train(was_training)
    return logits


def accuracy(network: nn.Module, data: Labelled) -> float:
    """Return the fraction of images that a network classifies rightly, in evaluation mode.

    Args:
        network: On ``device()``.
        data: Images and labels.
    """
    return judge(network, data)[1]


def judge(network: nn.Module, data: Labelled) -> tuple[float, float]:
    """Return a network's mean cross-entropy and the fraction of images that it classifies rightly, in evaluation mode.

    Args:
        network: On ``device()``.
        data: Images and labels.
    """
    logits = predict(network, data[0])
    labels = data[1].to(logits.device)
    right = int((logits.argmax(dim=1) == labels).sum()) / len(labels)
    return float(F.cross_entropy(logits, labels)), right


def calibrate(network: N, batches: Tensor | Iterable[Tensor]) -> N:
    """Measure every batch norm's mean and variance anew, in place, so that random weights give sane maps.

    No weight changes. Over several batches the statistics are plain averages.

    Args:
        network: On the images' device; it is left in evaluation mode.
        batches: Images as the network takes them, ``(N, C, H, W)``: one batch, or several.

    Raises:
        ReaderError: Batch norm gets one number a channel (`gaplab.errors.lone_numbers_explained`).
    """
    with lone_numbers_explained():
        update_bn([batches] if isinstance(batches, Tensor) else batches, network)
    return network.eval()


def refit_batch_norm(network: N, images: Tensor) -> N:
    """Do as `calibrate`, on as many images as there are.

    Args:
        network: On ``device()``.
        images: uint8 or float on a scale from 0 to 255, ``(N, 1, H, W)``.
    """
    return calibrate(network, batches(images))
