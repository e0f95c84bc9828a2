"""Counting parameters and multiply-adds of torchvision's classifiers, and finding their last map, without memory.

Everything is counted on PyTorch's meta device, where tensors have shapes and no storage, so that VGG-16 or
ResNet-152 costs neither time nor memory.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import torchvision
from numpy.typing import NDArray
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode

from gaplab.errors import ReaderError, unknown_name
from gaplab.models import count_parameters, hooked
from gaplab.shapes import LastMap, Step

Hook = Callable[[nn.Module, torch.Tensor, torch.Tensor], None]


class _WeightsOnMeta(TorchFunctionMode):
    """Makes weights without storage, but leaves alone the small tensors that a constructor computes with.

    ``torch.device("meta")`` as a context would also catch ``arange`` and ``linspace``, whose values RegNet and Swin
    need to work out their own widths and depths.
    """

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if function in (torch.empty, torch.zeros, torch.ones, torch.randn) and kwargs.get("device") is None:
            kwargs["device"] = "meta"
        return function(*args, **kwargs)


def on_meta(name: str, num_classes: int = 1000) -> nn.Module:
    """Build a torchvision classifier with its training-only extras left out.

    GoogLeNet and Inception carry auxiliary classifiers that inference never runs; they are not built.

    Args:
        name: A name of ``torchvision.models.list_models(module=torchvision.models)``, such as ``"resnet50"``.
        num_classes: Outputs of the classifier.

    Returns:
        The network in eval mode on the meta device: shapes without numbers.

    Raises:
        ReaderError: The network is unknown or ``num_classes`` is below 1.
    """
    known = torchvision.models.list_models(module=torchvision.models)
    if name not in known:
        raise unknown_name("network", name, known)
    if num_classes < 1:
        raise ReaderError(f"A classifier needs at least 1 class, not {num_classes}.")
    extras: dict[str, Any] = {}
    if name in ("googlenet", "inception_v3"):
        # init_weights would draw 25 million truncated normals to no purpose.
        extras = {"aux_logits": False, "init_weights": False}
    with _WeightsOnMeta():
        model: nn.Module = torchvision.models.get_model(name, weights=None, num_classes=num_classes, **extras)
    return model.to("meta").eval()


@contextmanager
def leaf_hooks(model: nn.Module, hook: Hook) -> Iterator[None]:
    """Call ``hook(module, input, output)`` after each leaf module that maps one tensor to one; always detach."""

    def adapter(module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        if args and isinstance(args[0], torch.Tensor) and isinstance(output, torch.Tensor):
            hook(module, args[0], output)

    with hooked([module for module in model.modules() if not any(module.children())], adapter):
        yield


def run_shapes(model: nn.Module, size: int, channels: int = 3) -> torch.Tensor:
    """Send one ``(1, channels, size, size)`` picture through a network on that network's own device.

    Raises:
        ReaderError: The network cannot take a picture of that size.
    """
    where = next(model.parameters()).device
    if size < 1:
        raise ReaderError(f"An input of {size} x {size} pixels does not exist: choose a size of 1 or more.")
    try:
        with torch.no_grad():
            result: torch.Tensor = model(torch.empty(1, channels, size, size, device=where))
    except (RuntimeError, ValueError, AssertionError) as problem:
        reason = (str(problem) or "it cannot divide the picture into its windows").splitlines()[0].rstrip(".")
        raise ReaderError(
            f"{type(model).__name__} cannot take a {size} x {size} picture: {reason}. Choose another size."
        ) from None
    return result


@dataclasses.dataclass(frozen=True)
class Budget:
    """Where a classifier keeps its parameters, in weights and biases.

    Attributes:
        name: torchvision's name of the network.
        backbone: Parameters before the classifier head.
        head: Parameters that act on the flattened or pooled vector.
    """

    name: str
    backbone: int
    head: int

    @property
    def total(self) -> int:
        """All parameters."""
        return self.backbone + self.head

    @property
    def head_share(self) -> float:
        """The head's part of all parameters, 0 to 1."""
        return self.head / self.total


def budget(name: str, num_classes: int = 1000) -> Budget:
    """Split a classifier's parameters into backbone and head, by what flows through them.

    A module belongs to the head if it works on vectors ``(N, features)``: the space has been flattened or
    pooled away before it. The network's own attribute names play no part.

    Raises:
        ReaderError: The network is unknown.
    """
    model = on_meta(name, num_classes)
    heads: dict[int, nn.Module] = {}

    def note(module: nn.Module, x: torch.Tensor, _: torch.Tensor) -> None:
        if x.dim() == 2:
            heads[id(module)] = module

    with leaf_hooks(model, note):
        run_shapes(model, training_size(name))
    head = sum(count_parameters(m) for m in heads.values())
    return Budget(name, count_parameters(model) - head, head)


def training_size(name: str) -> int:
    """Return the side in pixels of the images that a torchvision classifier was designed for."""
    return 299 if name == "inception_v3" else 224


def last_map(name: str) -> LastMap:
    """Find the last feature map of a convolutional torchvision classifier by watching a forward pass.

    Layers that keep the side at any input size are left out, and so is the shortcut beside a block that has
    changed the side already.

    Raises:
        ReaderError: The network is unknown, or it works on tokens (a vision transformer).
    """
    model = on_meta(name)
    path: list[Step] = []
    side, channels = training_size(name), 3

    def note(module: nn.Module, x: torch.Tensor, y: torch.Tensor) -> None:
        nonlocal side, channels
        if x.dim() == 3:
            raise ReaderError(
                f"{name} works on a sequence of tokens and has no map to pool: choose a convolutional network."
            )
        # A squeeze-and-excitation gate works on a 1 x 1 map beside the main path.
        if y.dim() != 4 or x.shape[-1] != side:
            return
        if isinstance(module, nn.AdaptiveAvgPool2d):  # its input may be several branches joined
            channels = x.shape[1]
            return
        channels = y.shape[1]
        if isinstance(module, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d) and not (step := _step(module)).keeps_side:
            path.append(step)
            side = y.shape[-1]

    with leaf_hooks(model, note):
        run_shapes(model, side)
    return LastMap(channels, tuple(path))


def _step(layer: nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d) -> Step:
    def first(value: Any) -> int:
        return int(value[0] if isinstance(value, tuple) else value)

    kernel = first(getattr(layer, "dilation", 1)) * (first(layer.kernel_size) - 1) + 1
    return Step(kernel, first(layer.stride), first(layer.padding), bool(getattr(layer, "ceil_mode", False)))


def total_macs(model: nn.Module, shape: Sequence[int], device: str = "cpu") -> int:
    """Count the multiply-adds of a forward pass on an input of any shape, as `macs_by_module` counts them.

    Args:
        model: A network or a part of one.
        shape: Shape of the whole input, the batch included.
        device: Where the model lies; on ``"meta"`` nothing is computed.
    """
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        model(torch.empty(*shape, device=device))
    return counter.get_total_flops() // 2


def macs_by_module(model: nn.Module, size: int = 224) -> dict[str, int]:
    """Count multiply-adds of one picture by module, with PyTorch's own counter.

    ``FlopCounterMode`` counts the floating-point operations of convolutions and matrix products, two for
    each multiply-add; pooling, normalisation and activations are not counted, as is the field's custom.

    Returns:
        Multiply-adds by dotted module name; the key ``""`` holds the whole network.
    """
    counter = FlopCounterMode(display=False)
    with counter:
        run_shapes(model, size)
    root = type(model).__name__
    counts: dict[str, int] = {}
    for name, by_operator in counter.get_flop_counts().items():
        key = "" if name in ("Global", root) else name.removeprefix(f"{root}.")
        counts[key] = sum(by_operator.values()) // 2
    return counts


def shares_by_stage(
    model: nn.Module, macs: Mapping[str, int], stages: Mapping[str, Sequence[str]]
) -> dict[str, NDArray[np.float64]]:
    """Split a network's parameters and multiply-adds among its stages, in percent of all stages.

    Args:
        model: The network.
        macs: Its multiply-adds, from `macs_by_module`.
        stages: For each stage's label the dotted names of its modules; every parameter must be in one of them.

    Returns:
        ``"parameters"`` and ``"multiply-adds"``, each ``(stages,)``.

    Raises:
        ReaderError: The stages leave out parameters of the network, or count some twice.
    """
    parameters = [sum(count_parameters(model.get_submodule(m)) for m in modules) for modules in stages.values()]
    if sum(parameters) != count_parameters(model):
        raise ReaderError(
            f"The stages hold {sum(parameters):,} of {count_parameters(model):,} parameters: name each module once."
        )
    work = [sum(macs.get(m, 0) for m in modules) for modules in stages.values()]
    return {
        "parameters": 100 * np.array(parameters) / sum(parameters),
        "multiply-adds": 100 * np.array(work) / macs[""],
    }


def training_bytes(parameters: int, optimiser: str) -> int:
    """Count the bytes that float32 weights cost in training: the weights, their gradients and optimiser state.

    Args:
        parameters: How many weights and biases.
        optimiser: ``"none"`` (inference: weights alone), ``"sgd"``, ``"momentum"`` (one moment a weight)
            or ``"adam"`` (two).

    Raises:
        ReaderError: The optimiser is none of these.
    """
    copies = {"none": 1, "sgd": 2, "momentum": 3, "adam": 4}
    if optimiser not in copies:
        raise unknown_name("optimiser", optimiser, copies)
    return 4 * copies[optimiser] * parameters
