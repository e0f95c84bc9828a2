"""Looking into a network: what passes through its head, its classifier, any layer's output, its parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from gaplab.errors import ReaderError


class Parts(NamedTuple):
    """What passes through a network's head."""

    feature_map: Tensor
    """The last feature map, ``(N, C, H, W)``."""
    pooled: Tensor
    """What the classifier reads, flattened: ``(N, C)`` behind a global pool, else ``(N, C * H * W)``."""
    logits: Tensor
    """``(N, classes)``."""


def parts(network: nn.Module, images: Tensor) -> Parts:
    """Run a network and return its last feature map, the pooled vector and the logits, gradients attached.

    Args:
        network: Any network of this module, a `torchvision.models.ResNet`, or a photograph network.
        images: ``(N, C, H, W)``, already normalised, on the network's device.
    """
    pool = _pool_of(network)
    seen: dict[str, Tensor] = {}

    def keep(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        # The last map is taken before the pool, which may return its input itself (nn.Identity).
        seen["map"], seen["pooled"] = inputs[0], output

    with hooked(pool, keep):
        logits = network(images)
    return Parts(seen["map"], torch.flatten(seen["pooled"], 1), logits)


def classifier(network: nn.Module) -> nn.Linear:
    """Return the linear layer that reads the pooled vector: ``weight`` is ``(classes, C)``, ``bias`` ``(classes,)``.

    Args:
        network: One whose head is a single linear layer behind a pool, or a photograph network.

    Raises:
        ReaderError: Its head is of another kind.
    """
    if not isinstance(linear := getattr(network, "fc", None), nn.Linear):
        raise ReaderError(f"{type(network).__name__} does not end in one linear layer: choose a head gap, max or gem.")
    return linear


def _pool_of(network: nn.Module) -> nn.Module:
    for name in ("pool", "avgpool"):
        if isinstance(pool := getattr(network, name, None), nn.Module):
            return pool
    raise ReaderError(f"{type(network).__name__} has no global pool that is known here: choose a ResNet or a NIN.")


@contextmanager
def hooked(modules: nn.Module | Iterable[nn.Module], hook: Callable[..., Any]) -> Iterator[None]:
    """Attach a forward hook to a module, or to several, for the length of a ``with`` block; it always detaches."""
    with ExitStack() as stack:
        for module in [modules] if isinstance(modules, nn.Module) else modules:
            stack.callback(module.register_forward_hook(hook).remove)
        yield


def count_parameters(network: nn.Module) -> int:
    """Count a network's learned numbers: weights and biases, not batch norm's running statistics."""
    return sum(parameter.numel() for parameter in network.parameters())
