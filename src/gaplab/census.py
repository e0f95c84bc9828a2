"""A census of torchvision's classifiers: how each turns a map or a sequence of tokens into one vector.

A head is found by following the logits back through PyTorch's graph of the forward pass, to the operation that ends
the spatial axes. Names of models, classes and attributes play no part. Everything runs on the meta device.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import pandas as pd
import torch
import torchvision
from torch import nn
from torch.func import functional_call
from tqdm import tqdm

from gaplab.counting import leaf_hooks, on_meta, total_macs, training_size
from gaplab.errors import ReaderError
from gaplab.models import count_parameters

GAP_LINEAR = "average, linear"
GAP_MLP = "average, hidden layer, linear"
CLASS_MAPS = "class maps, average"
FLATTEN = "flatten, linear layers"
TOKEN = "class token, linear"
MAXIMUM = "maximum, linear"
OTHER = "another head"

KINDS = (GAP_LINEAR, GAP_MLP, CLASS_MAPS, FLATTEN, TOKEN, MAXIMUM, OTHER)
"""Kinds of head, by what ends the spatial axes and what stands between it and the logits."""

# Steps that keep one number a channel, or one a channel and position: a head is read through them.
_KEEP = (
    *(
        "Alias",
        "AsStrided",
        "Clone",
        "Permute",
        "ReshapeAlias",
        "Squeeze",
        "Transpose",
        "UnsafeView",
        "Unsqueeze",
        "View",
    ),
    *("Elu", "Gelu", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyRelu", "Relu", "Sigmoid", "Silu", "Tanh"),
    *("NativeBatchNorm", "NativeDropout", "NativeLayerNorm"),
)
_RESHAPE = ("View", "UnsafeView", "ReshapeAlias")


class Head(NamedTuple):
    """How a network ends.

    Attributes:
        kind: One of `KINDS`.
        layers: Linear layers behind the step that ends the spatial axes; a convolution on a 1 x 1 map is one.
        positions: Cells or tokens that this step reads for each channel; 1 or more.
        parameters: Weights and biases of the head: of all that stands behind the step and, where nothing does, of the
            convolution that makes the class maps.
        attention: Whether the network, head or body, uses attention.
    """

    kind: str
    layers: int
    positions: int
    parameters: int
    attention: bool


def head_of(network: nn.Module, size: int = 224, channels: int = 3) -> Head:
    """Find a classifier's head by following its logits back to the step that ends the spatial axes.

    Args:
        network: Takes images ``(N, channels, size, size)`` and returns logits ``(N, classes)``; its parameters need
            gradients. It may be on any device. Its mode is left as it was.
        size: Side of the images in pixels.
        channels: Channels of the images.

    Raises:
        ReaderError: The network does not return one tensor ``(N, classes)`` that depends on parameters.
    """
    was_training = network.training
    # On the meta device operations bear the same names whatever the network's own device calls them.
    state = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    shapes = {name: torch.empty_like(t, device="meta", requires_grad=t.requires_grad) for name, t in state.items()}
    with torch.enable_grad():
        logits = functional_call(network.eval(), shapes, torch.zeros(2, channels, size, size, device="meta"))
    network.train(was_training)
    if not isinstance(logits, torch.Tensor) or logits.dim() != 2 or logits.grad_fn is None:
        raise ReaderError(f"{type(network).__name__} does not return logits (N, classes): give a trainable classifier.")
    attention = any("oftmax" in _name(node) or "Attention" in _name(node) for node in _all(logits.grad_fn))
    layers, parameters = 0, 0
    for node, inputs, shape, before in _back(logits.grad_fn):
        name = _name(node)
        kind, positions = _ends(name, shape, before)
        own = sum(count_parameters_of(i) for i in inputs)
        # A convolution that reads the whole map is the flattening layer under another name.
        layers += int(name in ("Addmm", "Mm", "Convolution"))
        parameters += own
        if kind is None:
            continue
        if kind == "average":
            kind = (CLASS_MAPS, GAP_LINEAR)[layers] if layers < 2 else GAP_MLP
        if kind == CLASS_MAPS:
            parameters += _class_map_layer(node)
        return Head(kind, layers, positions, parameters, attention)
    return Head(OTHER, layers, 1, parameters, attention)


def _ends(name: str, shape: torch.Size, before: torch.Size) -> tuple[str | None, int]:
    """Say which kind of step ends the spatial axes here, if it does, and how many positions it reads."""
    positions = math.prod(before) // max(1, math.prod(shape))
    axes = [side for side in before[1:] if side > 1]
    if name in ("Mean", "AvgPool2D", "AdaptiveAvgPool2D") and positions > 1:
        return "average", positions
    if name in ("Amax", "MaxPool2DWithIndices", "AdaptiveMaxPool2D") and positions > 1:
        return MAXIMUM, positions
    if name == "Select" and len(before) == 3:
        return TOKEN, before[1]
    if name in _RESHAPE and len(shape) == 2 and len(axes) > 1:
        return FLATTEN, math.prod(before[2:])
    if name == "Convolution":
        return (None if max(before[2:]) == 1 else FLATTEN), math.prod(before[2:])
    return (None if name in (*_KEEP, "Addmm", "Mm") else OTHER), 1


def _name(node: Any) -> str:
    """Return an operation's name without the suffix of its backward function: ``MeanBackward1`` is ``Mean``."""
    return str(node.name()).rsplit("::", 1)[-1].partition("Backward")[0]


def _parents(node: Any) -> list[Any]:
    return [parent for parent, _ in node.next_functions if parent is not None]


def _weight(node: Any) -> torch.Tensor | None:
    """Return the parameter that a node holds, if it is one, or one that is only transposed."""
    while _name(node) in ("T", "Transpose", "View", "Permute") and len(_parents(node)) == 1:
        node = _parents(node)[0]
    variable: torch.Tensor | None = getattr(node, "variable", None)
    return variable


def count_parameters_of(node: Any) -> int:
    """Count the numbers of the parameter that a node of the graph holds; 0 if it holds none."""
    weight = _weight(node)
    return 0 if weight is None else weight.numel()


def _back(node: Any) -> Iterator[tuple[Any, list[Any], torch.Size, torch.Size]]:
    """Walk from the logits along the data: each node, its inputs, its output's shape and its data input's shape."""
    while True:
        inputs = _parents(node)
        data = [parent for parent in inputs if _weight(parent) is None]
        if not data:
            return
        yield node, inputs, _shape(node), _shape(data[0])
        node = data[0]


def _shape(node: Any) -> torch.Size:
    """Return the shape of what an operation gave in the forward pass."""
    return torch.Size(node._input_metadata[0].shape)


def _class_map_layer(node: Any) -> int:
    """Count the parameters of the convolution whose maps, one a class, a node averages."""
    for each, inputs, _, _ in _back(node):
        if _name(each) == "Convolution":
            return sum(count_parameters_of(i) for i in inputs)
    return 0


def _all(node: Any) -> Iterator[Any]:
    """Yield every node of a graph once."""
    seen, waiting = {node}, [node]
    while waiting:
        yield (current := waiting.pop())
        fresh = [parent for parent in _parents(current) if parent not in seen]
        seen.update(fresh)
        waiting += fresh


def published(name: str) -> torchvision.models.WeightsEnum:
    """Return the weights whose published figures the census quotes: ``IMAGENET1K_V1``, or else the first."""
    kinds = list(torchvision.models.get_model_weights(name))
    first: torchvision.models.WeightsEnum = next((w for w in kinds if w.name == "IMAGENET1K_V1"), kinds[0])
    return first


def census(names: Iterable[str] | None = None) -> pd.DataFrame:
    """Inspect torchvision's classifiers, all 80 of them unless some are named.

    Auxiliary classifiers, which inference never runs, are left out.

    Args:
        names: Names of ``torchvision.models.list_models(module=torchvision.models)``.

    Returns:
        One row a network: ``name``; ``family``, its class in torchvision; ``head``, ``layers``,
        ``positions`` and ``attention`` as in `Head`; ``parameters`` of the whole network and ``head_share``, the head's
        part (0 to 1), both counted; and as published ``weights``, ``accuracy`` (top-1 on ImageNet, %) and ``gflops``
        (billions of multiply-adds an image).

    Raises:
        ReaderError: A network is unknown.
    """
    rows = []
    chosen = torchvision.models.list_models(module=torchvision.models) if names is None else list(names)
    for name in tqdm(chosen, desc="census", unit="network", leave=False):
        network = on_meta(name)
        weights = published(name)
        head = head_of(network, training_size(name))
        total = count_parameters(network)
        rows.append(
            {
                "name": name,
                "family": type(network).__name__,
                "head": head.kind,
                "layers": head.layers,
                "positions": head.positions,
                "attention": head.attention,
                "parameters": total,
                "head_share": head.parameters / total,
                "weights": weights.name,
                "accuracy": weights.meta["_metrics"]["ImageNet-1K"]["acc@1"],
                "gflops": weights.meta["_ops"],
            }
        )
    return pd.DataFrame(rows)


def lightest_and_heaviest() -> list[str]:
    """Name the network with the fewest and the one with the most published multiply-adds of each family.

    A family is one module of torchvision, such as ``torchvision.models.resnet``. A family of one has one name.
    """
    families: dict[str, list[str]] = {}
    for name in torchvision.models.list_models(module=torchvision.models):
        families.setdefault(torchvision.models.get_model_builder(name).__module__, []).append(name)
    ordered = [sorted(own, key=lambda name: float(published(name).meta["_ops"])) for own in families.values()]
    return [name for own in ordered for name in dict.fromkeys((own[0], own[-1]))]


class PoolSaving(NamedTuple):
    """Multiply-adds of one picture with the last map pooled and with it flattened, every other layer alike.

    Attributes:
        name: The network.
        family: Its class in torchvision.
        pooled: Multiply-adds if the map is pooled to one number a channel.
        flattened: Multiply-adds if the first linear layer reads every position.
    """

    name: str
    family: str
    pooled: int
    flattened: int

    @property
    def saved(self) -> float:
        """The part of the flattened network's multiply-adds that pooling saves, 0 to 1."""
        return 1 - self.pooled / self.flattened


def pool_saving(name: str) -> PoolSaving | None:
    """Count what pooling saves, or would save, of a network's multiply-adds at its training size.

    Args:
        name: A name of ``torchvision.models.list_models(module=torchvision.models)``.

    Returns:
        Nothing if no linear layer reads the pooled or flattened map: class maps, or a class token.

    Raises:
        ReaderError: The network is unknown.
    """
    network, size = on_meta(name), training_size(name)
    head = head_of(network, size)
    if head.kind not in (GAP_LINEAR, GAP_MLP, FLATTEN):
        return None
    readers: list[nn.Linear] = []

    def note(module: nn.Module, x: torch.Tensor, _: torch.Tensor) -> None:
        if isinstance(module, nn.Linear) and x.dim() == 2:
            readers.append(module)

    with leaf_hooks(network, note):
        macs = total_macs(network, (1, 3, size, size), "meta")
    weights = readers[0].weight.numel()
    if head.kind == FLATTEN:
        return PoolSaving(name, type(network).__name__, macs - weights + weights // head.positions, macs)
    return PoolSaving(name, type(network).__name__, macs, macs + (head.positions - 1) * weights)
