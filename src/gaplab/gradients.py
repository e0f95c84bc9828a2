"""Plumbing of chapter 5: gradients at named layers, how they are spread over the map, and pools that can be swapped."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gaplab.errors import ReaderError
from gaplab.models import Rescaled as Rescaled
from gaplab.models import hooked

Objective = Callable[[Tensor], Tensor]
"""Turns logits ``(N, classes)`` into the number whose gradient is taken; a sum over images keeps each image's own."""


def at(network: nn.Module, images: Tensor, layers: Sequence[str], objective: Objective) -> dict[str, Tensor]:
    """Return the gradient of an objective with respect to the outputs of named layers.

    Weights get no gradient, and the network's mode stays as it is.

    Args:
        network: On the images' device.
        images: ``(N, C, H, W)``, as the network takes them.
        layers: Names as in `torch.nn.Module.named_modules`, for example ``"layer4.1"``.
        objective: Of the logits, for example one class's score summed over images.

    Returns:
        For each layer a detached gradient of its output's shape, ``(N, C, H, W)``.

    Raises:
        ReaderError: There is no such layer, or the objective does not depend on its output.
    """
    found: dict[str, Tensor] = {}
    names = {_layer(network, name): name for name in layers}

    def watch(module: nn.Module, _: Any, output: Tensor) -> None:
        # Unlike retain_grad(), a hook stays with this very value when a later layer changes it in place.
        output.register_hook(lambda gradient: found.__setitem__(names[module], gradient.detach().clone()))

    with torch.enable_grad(), hooked(names, watch):
        inputs = images.detach().requires_grad_()
        torch.autograd.grad(objective(network(inputs)), inputs, allow_unused=True)
    missing = [name for name in layers if name not in found]
    if missing:
        raise ReaderError(f"No gradient reaches {', '.join(missing)}: choose a layer that lies before the objective.")
    return {name: found[name] for name in layers}


def _layer(network: nn.Module, name: str) -> nn.Module:
    try:
        return network.get_submodule(name)
    except AttributeError as error:
        raise ReaderError(
            f"{type(network).__name__} has no layer called {name!r}: named_modules() lists its layers."
        ) from error


class Spread(NamedTuple):
    """How a gradient is spread over its positions and channels; each field has one number an image, ``(N,)``."""

    density: Tensor
    """Share of the numbers that are not zero."""
    effective: Tensor
    """Effective density, ``(sum |g|)^2 / (n sum g^2)``: 1 if all n numbers are equally large, 1/n if one is alone."""
    l1: Tensor
    """Sum of absolute values."""
    l2: Tensor
    """Euclidean norm."""


def spread(gradient: Tensor) -> Spread:
    """Measure how a gradient is spread.

    The effective density is the participation ratio of the absolute values: unlike the share of non-zero numbers, it
    is not deceived by numbers that are tiny. A gradient that is zero throughout has effective density 0.

    Args:
        gradient: ``(N, C, H, W)``, or any other shape with the images first.
    """
    flat = gradient.flatten(1).double().abs() if gradient.device.type != "mps" else gradient.flatten(1).abs()
    l1, squares = flat.sum(dim=1), flat.square().sum(dim=1)
    effective = torch.where(squares > 0, l1.square() / (flat.shape[1] * squares), torch.zeros_like(l1))
    return Spread((flat > 0).to(flat.dtype).mean(dim=1), effective, l1, squares.sqrt())


def of_batches(network: nn.Module, images: Tensor, labels: Tensor, size: int = 64) -> Tensor:
    """Return what an optimiser gets from each of several batches: the gradient of its loss.

    The network is in training mode while it is measured, as it is in training; it is left as it was.

    Args:
        network: On the images' device.
        images: ``(N, C, H, W)``, as the network takes them; they are taken in order.
        labels: int64 ``(N,)``.
        size: Images a batch.

    Returns:
        ``(batches, weights)``: the gradients of the batches' mean cross-entropies, in the weights of all convolutions.
    """
    # A copy, for a forward pass in training mode moves batch norm's statistics.
    network = copy.deepcopy(network).train()
    weights = [module.weight for module in network.modules() if isinstance(module, nn.Conv2d)]
    found = []
    with torch.enable_grad():
        for batch, right in zip(torch.split(images, size), torch.split(labels, size), strict=True):
            loss = F.cross_entropy(network(batch), right)
            found.append(torch.cat([own.flatten() for own in torch.autograd.grad(loss, weights)]))
    return torch.stack(found)


@contextmanager
def pooled_by(network: nn.Module, pool: nn.Module) -> Iterator[None]:
    """Give a network another global pool for the length of a ``with`` block; weights and classifier stay.

    Args:
        network: One of `gaplab.models`, a `torchvision.models.ResNet`, or a photograph network.
        pool: Takes ``(N, C, H, W)`` to ``(N, C, 1, 1)``, for example ``nn.AdaptiveMaxPool2d(1)``.

    Raises:
        ReaderError: The network has no global pool that is known here.
    """
    owner = cast(nn.Module, getattr(network, "body", network))
    for name in ("pool", "avgpool", "global_pool"):
        if isinstance(own := getattr(owner, name, None), nn.Module):
            # timm's pool also flattens, and what follows it expects that; elsewhere flattening twice does no harm.
            setattr(owner, name, nn.Sequential(pool, nn.Flatten(1)))
            try:
                yield
            finally:
                setattr(owner, name, own)
            return
    raise ReaderError(f"{type(network).__name__} has no global pool that is known here: choose a ResNet or a NIN.")
