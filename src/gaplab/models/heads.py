"""Heads, and torchvision's ResNets with another head in the place of their own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal, cast, get_args

import torch
import torchvision
from torch import Tensor, nn

from gaplab.errors import ReaderError, unknown_name
from gaplab.models.layers import GeM
from gaplab.models.seeding import seeded

HeadName = Literal["gap", "max", "gem", "flatten", "grid", "fc", "fc_dropout"]
HEADS: tuple[HeadName, ...] = get_args(HeadName)
"""Kinds of head: three global pools with a linear layer behind, and four that flatten the map first."""

HIDDEN = 512
"""Units of the hidden layer in the heads ``fc`` and ``fc_dropout``."""


def make_head(head: HeadName, channels: int, side: int, classes: int) -> tuple[nn.Module, nn.Module]:
    """Build a head: the pool, and the classifier that takes its flattened output.

    Args:
        head: One of `HEADS`. ``gap``, ``max`` and ``gem`` pool the whole map to one number a channel; ``flatten``
            keeps every position; ``grid`` first pools a map of any size to ``side`` x ``side`` cells, as torchvision's
            VGG does, and then keeps every position; ``fc`` puts `HIDDEN` units with ReLU in between, and
            ``fc_dropout`` adds dropout of one half before each of the two linear layers, as AlexNet has it.
        channels: Channels C of the map.
        side: Side H = W of the map in cells; only the flattening heads depend on it.
        classes: Number of logits.

    Raises:
        ReaderError: There is no such head, or ``side`` is less than 1.
    """
    if head not in HEADS:
        raise unknown_name("head", head, HEADS)
    if side < 1:
        raise ReaderError(f"A head on a map of side {side} has nothing to read: choose an input size of 1 px or more.")
    pools: dict[str, Callable[[], nn.Module]] = {
        "gap": partial(nn.AdaptiveAvgPool2d, 1),
        "max": partial(nn.AdaptiveMaxPool2d, 1),
        "gem": GeM,
    }
    if head in pools:
        return pools[head](), nn.Linear(channels, classes)
    inputs = channels * side * side
    if head in ("flatten", "grid"):
        return nn.AdaptiveAvgPool2d(side) if head == "grid" else nn.Identity(), nn.Linear(inputs, classes)
    layers: list[nn.Module] = [nn.Linear(inputs, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, classes)]
    if head == "fc_dropout":
        layers = [nn.Dropout(0.5), *layers[:2], nn.Dropout(0.5), layers[2]]
    return nn.Identity(), nn.Sequential(*layers)


TORCHVISION_RESNETS = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")


def torchvision_resnet(
    name: str,
    head: Literal["gap", "max", "gem", "flatten"] = "gap",
    *,
    weights: torchvision.models.WeightsEnum | None = None,
    classes: int = 1000,
    size: int = 224,
    seed: int = 0,
) -> torchvision.models.ResNet:
    """Build one of torchvision's ResNets and give it another head, in place of its ``avgpool`` and ``fc``.

    Args:
        name: One of `TORCHVISION_RESNETS`.
        head: One of ``gap``, ``max``, ``gem``, ``flatten``.
        weights: Official weights, named explicitly, for example ``ResNet50_Weights.IMAGENET1K_V2``; see
            `official`. The pools keep the trained classifier; ``flatten`` gets a fresh one.
        classes: Number of logits.
        size: Side of the images in pixels; only ``flatten`` depends on it.
        seed: Of the initial weights.

    Returns:
        The network on ``device()``, or left on the meta device where it was built under ``torch.device("meta")``.

    Raises:
        ReaderError: A name is unknown, ``size`` is less than 1, or the weights are another network's.
    """
    if name not in TORCHVISION_RESNETS:
        raise unknown_name("ResNet in torchvision", name, TORCHVISION_RESNETS)
    if head not in ("gap", "max", "gem", "flatten"):
        raise unknown_name("head", head, ("gap", "max", "gem", "flatten"))
    if size < 1:
        raise ReaderError(f"size is {size}: choose a whole number of 1 or more.")

    def make() -> torchvision.models.ResNet:
        network = cast(torchvision.models.ResNet, torchvision.models.get_model(name, num_classes=classes))
        network.avgpool, network.fc = cast(Any, make_head(head, network.fc.in_features, -(-size // 32), classes))
        return network

    network = seeded(seed, make)
    if weights is not None:
        # What the official network lacks, or has for pooled maps only, keeps its fresh numbers; all else must fit.
        fresh = {"gem": "avgpool.", "flatten": "fc."}.get(head, ())
        own = {key: value for key, value in network.state_dict().items() if key.startswith(fresh)}
        try:
            network.load_state_dict(official(weights) | own)
        except RuntimeError as error:
            raise ReaderError(
                f"{weights} do not fit a {name} with {classes} classes: choose weights of {name} and 1000 classes."
            ) from error
    return network


def official(weights: torchvision.models.WeightsEnum) -> dict[str, Tensor]:
    """Return official torchvision weights, from torch's cache or downloaded once, with their checksum verified.

    Args:
        weights: Named explicitly, for example ``ResNet50_Weights.IMAGENET1K_V2``.

    Raises:
        ReaderError: They are not in the cache and there is no network, or the file is damaged.
    """
    cached = Path(torch.hub.get_dir()) / "checkpoints" / weights.url.rsplit("/", 1)[1]
    # torch checks a download against the digits in the file's name, but not a file that is there already.
    if cached.exists() and not _sha256(cached).startswith(cached.stem.rsplit("-", 1)[1]):
        raise ReaderError(f"The cached file {cached} is damaged (its checksum differs): delete it and try again.")
    try:
        state: dict[str, Tensor] = weights.get_state_dict(progress=True, check_hash=True, map_location="cpu")
    except (OSError, RuntimeError) as error:
        raise ReaderError(
            f"The official weights {weights} are not at {cached} and could not be downloaded intact: "
            "connect to the network and try again, or use efficientnet_lite0, which needs none."
        ) from error
    return state


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
