"""What a pooled vector tells: linear probes and classifiers that are fitted to it."""

from __future__ import annotations

import copy
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gaplab import models
from gaplab.training import batches

TINY = 1e-6
"""Keeps a channel that never changes from being divided by nought."""


@torch.no_grad()
def pooled(network: nn.Module, images: Tensor) -> Tensor:
    """Return the pooled vectors of images, ``(N, C)``, and leave the network in evaluation mode.

    Args:
        network: As `gaplab.models.parts` takes it.
        images: uint8 or float on a scale from 0 to 255, ``(N, 1, H, W)``.
    """
    network.eval()
    return torch.cat([models.parts(network, batch).pooled for batch in batches(images)])


def standardised(train: Tensor, test: Tensor) -> tuple[Tensor, Tensor]:
    """Return vectors less the training vectors' mean, over their deviation, channel by channel.

    Args:
        train: ``(N, C)``.
        test: ``(M, C)``.

    Returns:
        Both, float64 on the CPU.
    """
    x, y = train.detach().cpu().double(), test.detach().cpu().double()
    mean, scale = x.mean(dim=0), x.std(dim=0) + TINY
    return (x - mean) / scale, (y - mean) / scale


def linear_probe(train: Tensor, targets: Tensor, test: Tensor, strength: float = 1.0) -> Tensor:
    """Predict targets from vectors by ridge regression on standardised vectors.

    Args:
        train: Vectors ``(N, C)`` whose targets are known.
        targets: Float64 ``(N, K)`` on the CPU, for example places, or classes as one-hot vectors.
        test: Vectors ``(M, C)``.
        strength: Of the penalty on the squared weights.

    Returns:
        Predicted targets ``(M, K)``, float64 on the CPU.
    """
    x, y = standardised(train, test)
    centre = targets.mean(dim=0)
    # The dual form: a system of N equations, however many channels there are.
    kernel = x @ x.T + strength * torch.eye(len(x), dtype=torch.float64)
    return cast(Tensor, y @ (x.T @ torch.linalg.solve(kernel, targets - centre)) + centre)


def refit_classifier(
    linear: nn.Linear, features: Tensor, labels: Tensor, penalty: float = 1e-3, steps: int = 100
) -> nn.Linear:
    """Fit a linear classifier to vectors by logistic regression, from a given one; return the new one.

    Args:
        linear: Where the fit starts and what the penalty draws it to; it is left as it was.
        features: ``(N, C)``.
        labels: int64 ``(N,)``.
        penalty: Weight of half the squared distance from the given classifier's weights.
        steps: L-BFGS takes that many at most.
    """
    fitted = copy.deepcopy(linear)
    labels = labels.to(features.device)
    optimiser = torch.optim.LBFGS(fitted.parameters(), max_iter=steps, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        distance = (fitted.weight - linear.weight.detach()).square().sum()
        loss = F.cross_entropy(fitted(features), labels) + penalty / 2 * distance
        torch.autograd.backward(loss)
        return loss

    optimiser.step(closure)
    return fitted
