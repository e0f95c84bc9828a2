"""From a trained PyTorch network to a plan and bytes that a page can run."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from timm.layers import Conv2dSame  # type: ignore[attr-defined]
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from gaplab import data, files, models, weights
from gaplab.errors import ReaderError
from gaplab.live.shipped import FOLDER

RESNETS = (
    "resnet20-gap-s0",
    *(f"resnet20-{head}-centred-s0" for head in ("gap", "max", "flatten")),
)
"""The checkpoints that pages can run: chapter 4's and 5's network, and the three that chapter 2 moves garments past."""
PHOTOGRAPHS = ("chelsea", "astronaut", "coffee", "rocket")
"""The photographs that pages have, all free of rights: see SOURCES.md."""
PHOTO_NETWORK = "efficientnet_lite0"
SMALL = 20_000
"""Where matrices become int8, those of fewer weights stay in float16: there rounding costs most and saves least."""
MIT = "ResNet-20 trained on Fashion-MNIST for the book 'Why ResNet Ends in Average Pooling'; MIT, The gaplab authors."
APACHE = (
    "EfficientNet-Lite0 trained on ImageNet, Apache License 2.0 (APACHE-2.0.txt), Copyright (c) 2020, ML Illustrated. "
    "Changed: batch norm folded into the convolutions, weights rounded to int8 and float16."
)


class Exported(NamedTuple):
    """A network for a page, and its twin."""

    plan: dict[str, Any]
    """Layers as data; ``engine/plan.js`` describes it."""
    weights: bytes
    """float32 (scales of int8 matrices, biases), then float16, then int8, each in the order of the layers."""
    twin: nn.Module
    """The PyTorch network with batch norm folded and with the very numbers, rounded, that the page has."""


def trained(name: str) -> nn.Module:
    """Return a network that pages can run, on the CPU, by the name under which they load it.

    Args:
        name: One of `RESNETS`, or `PHOTO_NETWORK`.
    """
    network = weights.photo_network(name) if name == PHOTO_NETWORK else weights.load(name)
    return network.cpu()


def export(name: str, network: nn.Module) -> Exported:
    """Export a network.

    Args:
        name: What pages call it.
        network: A ResNet of `gaplab.models` with a head ``gap``, ``max`` or ``flatten``, or EfficientNet-Lite0, in
            evaluation mode on the CPU.

    Raises:
        ReaderError: It is another network, or has a part that the engine has no layer for.
    """
    # Batch norm is folded in double precision, so that the one rounding is that to the page's numbers.
    classes: tuple[str, ...]
    twin = copy.deepcopy(network).double().requires_grad_(False)
    recorder = _Recorder()
    if isinstance(twin, models.CifarResNet):
        _record_resnet(recorder, twin)
        licence, limit, classes = MIT, None, tuple(data.CLASSES)
        picture: dict[str, Any] = {
            "channels": twin.conv1.in_channels,
            "side": data.FRAME,
            "mean": [data.MEAN],
            "std": [data.STD],
        }
    elif isinstance(twin, weights.PhotoNetwork) and twin.name == PHOTO_NETWORK:
        _record_lite0(recorder, cast(Any, twin.body))
        licence, limit, classes = APACHE, SMALL, tuple(twin.categories)
        # The scale of its own training; the book's photographs come normalised with ImageNet's mean and deviation.
        mean, std = (buffer[1].flatten().tolist() for buffer in (twin.mean, twin.std))
        picture = {"channels": 3, "side": 224, "mean": mean, "std": std}
    else:
        raise _unknown(type(network).__name__)
    recorder.names["map"] = len(recorder.layers)
    linear = models.classifier(twin)
    head: dict[str, Any] = {"pool": _pool_name(twin), "inputs": linear.in_features, "outputs": linear.out_features}
    # A flattened map of 28 px is 7 x 7 cells of 64 channels; a pool leaves one cell.
    channels = [record["outputs"] for record in recorder.layers if "outputs" in record][-1]
    head["side"] = math.isqrt(linear.in_features // channels)
    content = _rounded([*recorder.matrices, (head, linear)], limit)
    plan: dict[str, Any] = {"name": name, "licence": licence, "picture": picture, "classes": list(classes)}
    plan |= {"names": recorder.names, "head": head, "layers": recorder.layers}
    return Exported(plan, content, twin.float())


def _unknown(what: str) -> ReaderError:
    return ReaderError(f"No page can run {what}: choose one of {', '.join([*RESNETS, PHOTO_NETWORK])}.")


def _pool_name(network: nn.Module) -> str:
    pools = {nn.AdaptiveAvgPool2d: "gap", nn.AdaptiveMaxPool2d: "max", nn.Identity: "flatten"}
    if isinstance(network, weights.PhotoNetwork):
        return "gap"
    if (found := pools.get(type(network.pool))) is None:
        raise _unknown(f"a head with {type(network.pool).__name__}")
    return found


class _Recorder:
    """Writes down layers in the order in which they run; each method returns the number of the tensor it makes."""

    def __init__(self) -> None:
        self.layers: list[dict[str, Any]] = []
        self.matrices: list[tuple[dict[str, Any], nn.Module]] = []
        self.names = {"picture": 0}

    def _layer(self, **record: Any) -> int:
        self.layers.append(record)
        return len(self.layers)

    def convolution(self, source: int, owner: nn.Module, conv_name: str, norm_name: str, activation: str = "") -> int:
        """Fold a batch norm into its convolution, in the network itself, and write down what they have become.

        The activation is that of the norm, where it has one (timm's), or what ``activation`` says.
        """
        conv, norm = getattr(owner, conv_name), getattr(owner, norm_name)
        depthwise = conv.groups > 1
        if conv.padding_mode != "zeros" or (depthwise and conv.groups != conv.out_channels):
            raise _unknown(f"a {conv}")
        if isinstance(norm, nn.BatchNorm2d):
            conv = fuse_conv_bn_eval(conv, norm)
            setattr(owner, conv_name, conv)
            own = getattr(norm, "act", nn.Identity())
            setattr(owner, norm_name, own)
            activation = "relu6" if isinstance(own, nn.ReLU6) else activation
        # "same" is TensorFlow's padding, which depends on the side of the map.
        padding = "same" if isinstance(conv, Conv2dSame) else conv.padding[0]
        tensor = self._layer(
            kind="convolution",
            **{"from": source},
            activation=activation or None,
            kernel=conv.kernel_size[0],
            stride=conv.stride[0],
            padding=padding,
            depthwise=depthwise,
            inputs=conv.in_channels,
            outputs=conv.out_channels,
        )
        self.matrices.append((self.layers[-1], conv))
        return tensor

    def sum(self, source: int, other: int, activation: str | None = None) -> int:
        """Write down the sum at the end of a block."""
        return self._layer(kind="sum", **{"from": source, "and": other}, activation=activation)

    def shortcut(self, source: int, module: nn.Module) -> int:
        """Write down a shortcut: none is needed for one that hands its input on."""
        if isinstance(module, nn.Identity):
            return source
        if not isinstance(module, models.PadShortcut) or module.blur is not None:
            raise _unknown(f"a block with a {type(module).__name__}, blurring or projecting,")
        return self._layer(kind="shortcut", **{"from": source}, extra=module.extra)


def _record_resnet(recorder: _Recorder, network: models.CifarResNet) -> None:
    tensor = recorder.names["stem"] = recorder.convolution(0, network, "conv1", "bn1", "relu")
    for stage in ("layer1", "layer2", "layer3"):
        for index, block in enumerate(cast(nn.Sequential, getattr(network, stage))):
            if block.downsample is None or not isinstance(block.blur, nn.Identity):
                raise _unknown("a plain or an antialiased network")
            inner = recorder.convolution(tensor, block, "conv1", "bn1", "relu")
            inner = recorder.convolution(inner, block, "conv2", "bn2")
            tensor = recorder.sum(inner, recorder.shortcut(tensor, cast(nn.Module, block.downsample)), "relu")
            recorder.names[f"{stage}.{index}"] = tensor
        recorder.names[stage] = tensor


def _record_lite0(recorder: _Recorder, body: nn.Module) -> None:
    tensor = recorder.names["stem"] = recorder.convolution(0, body, "conv_stem", "bn1")
    for index, stage in enumerate(cast(nn.Sequential, body.blocks)):
        for number, block in enumerate(cast(nn.Sequential, stage)):
            inner = tensor
            # The first block has no 1 x 1 convolution in front, since it need not widen.
            names = ("conv_pw", "conv_dw", "conv_pwl") if hasattr(block, "conv_pwl") else ("conv_dw", "conv_pw")
            for norm, conv in enumerate(names, start=1):
                inner = recorder.convolution(inner, block, conv, f"bn{norm}")
            tensor = recorder.names[f"blocks.{index}.{number}"] = (
                recorder.sum(inner, tensor) if block.has_skip else inner
            )
        recorder.names[f"blocks.{index}"] = tensor
    recorder.convolution(tensor, body, "conv_head", "bn2")


def _rounded(matrices: list[tuple[dict[str, Any], nn.Module]], limit: int | None) -> bytes:
    """Round weights in the network itself, note in each record where they went, and return them as bytes.

    Args:
        matrices: Records of layers, each with its convolution or linear layer, in double precision.
        limit: Matrices of at least so many weights become int8, each row with a scale of its own; None keeps all in
            float16. Biases stay in float32: they are few, and an error in one moves a whole channel.
    """
    floats, halves, eighths = [], [], []
    place = 0
    for record, module in matrices:
        rows = cast(Tensor, module.weight).flatten(1)
        if limit is not None and rows.numel() >= limit:
            scale = (rows.abs().amax(dim=1, keepdim=True) / 127).float()
            steps = (rows / scale).round()
            rounded = scale * steps.float()
            floats.append(scale.flatten())
            eighths.append(steps.to(torch.int8).flatten())
        else:
            rounded = rows.half()
            halves.append(rounded.flatten())
        bias = cast(Tensor, module.bias).float()
        floats.append(bias)
        record |= {
            "weight": place,
            "bias": place + rows.numel(),
            "form": "int8" if rounded.dtype == torch.float32 else "float16",
        }
        place += rows.numel() + len(bias)
        weight = cast(Tensor, module.weight)
        weight.copy_(rounded.view_as(weight))
        cast(Tensor, module.bias).copy_(bias)
    sections = ((floats, "<f4"), (halves, "<f2"), (eighths, "i1"))
    return b"".join(part.numpy().astype(kind).tobytes() for parts, kind in sections for part in parts)


def write(folder: Path = FOLDER) -> None:
    """Write every network that pages can run, and the photographs that they can be shown.

    Args:
        folder: Gets a plan, ``NAME.json``, and weights, ``NAME.bin``, of each; and the photographs, ``NAME.webp``.
    """
    for name in PHOTOGRAPHS:
        data.write_photograph(name, folder / f"{name}.webp")
    for name in (*RESNETS, PHOTO_NETWORK):
        found = export(name, trained(name))
        files.write(folder / f"{name}.json", json.dumps(found.plan, separators=(",", ":"), ensure_ascii=False) + "\n")
        files.write(folder / f"{name}.bin", found.weights)


if __name__ == "__main__":
    write()
