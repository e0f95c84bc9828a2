"""Weights that follow from a seed alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn

from gaplab.device import device

N = TypeVar("N", bound=nn.Module)


def seeded(seed: int, make: Callable[[], N]) -> N:
    """Build a network from a seed, on ``device()``, without touching the global random state.

    Args:
        seed: Of the initial weights, drawn on the CPU so that every device starts from the same numbers.
        make: Builds the network.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = make()
    # A meta tensor has no numbers to move: a network that is built to be counted stays there.
    return network if next(network.parameters()).is_meta else network.to(device())
