"""The families that the book trains: CIFAR-style ResNets with interchangeable heads, NIN, and NIN's control."""

from __future__ import annotations

from typing import Any, Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gaplab.errors import ReaderError, unknown_name
from gaplab.models.heads import HeadName, make_head
from gaplab.models.layers import BasicBlock, MlpConv
from gaplab.models.seeding import seeded


class CifarResNet(nn.Module):
    """The ResNet paper's CIFAR network of 6n+2 layers, section 4.2: ``conv1``, three stages, pool, ``fc``.

    Stage widths are 16, 32, 64; the second and the third stage halve the map, so that 28 px end as 7x7.

    Shapes: images ``(N, in_channels, H, W)``; ``features(x)`` is ``(N, 64, ceil(H / 4), ceil(W / 4))``; logits
    ``(N, classes)``.
    """

    def __init__(
        self,
        depth: int,
        head: HeadName = "gap",
        *,
        in_channels: int = 1,
        classes: int = 10,
        size: int = 28,
        shortcut: Literal["A", "B"] | None = "A",
        norm: bool = True,
        antialias: bool = False,
        padding: Literal["zeros", "circular"] = "zeros",
        init: Literal["he", "default"] = "he",
    ) -> None:
        """Make a network of ``depth`` layers; ``shortcut=None`` makes it plain. Options as in `build`."""
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 16, 3, padding=1, padding_mode=padding, bias=not norm)
        self.bn1 = nn.BatchNorm2d(16) if norm else nn.Identity()
        stages, channels = [], 16
        for index, width in enumerate((16, 32, 64)):
            blocks = []
            for block in range((depth - 2) // 6):
                stride = 2 if index and not block else 1
                options = {"shortcut": shortcut, "norm": norm, "antialias": antialias, "padding": padding}
                blocks.append(BasicBlock(channels, width, stride, **cast(Any, options)))
                channels = width
            stages.append(nn.Sequential(*blocks))
        self.layer1, self.layer2, self.layer3 = stages
        for module in self.modules() if init == "he" else ():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        self.pool, self.fc = make_head(head, channels, -(-size // 4), classes)

    def features(self, x: Tensor) -> Tensor:
        """Return the last feature map, which the head receives: ``(N, 64, ceil(H / 4), ceil(W / 4))``."""
        x = F.relu(self.bn1(self.conv1(x)))
        return cast(Tensor, self.layer3(self.layer2(self.layer1(x))))

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        return cast(Tensor, self.fc(torch.flatten(self.pool(self.features(x)), 1)))


DEPTHS = (8, 20, 32, 56, 110)
NETWORKS = tuple(f"{kind}{depth}" for kind in ("resnet", "plain") for depth in DEPTHS)
"""Names that `build` takes: ``resnet`` with shortcuts, ``plain`` without, by number of layers."""


def build(
    name: str,
    head: HeadName = "gap",
    *,
    in_channels: int = 1,
    classes: int = 10,
    size: int = 28,
    shortcut: Literal["A", "B"] = "A",
    norm: bool = True,
    antialias: bool = False,
    padding: Literal["zeros", "circular"] = "zeros",
    init: Literal["he", "default"] = "he",
    seed: int = 0,
) -> CifarResNet:
    """Build one of the CIFAR family by name.

    Args:
        name: One of `NETWORKS`, for example ``"resnet20"`` or ``"plain56"``.
        head: One of `HEADS`; see `make_head`.
        in_channels: Channels of the images.
        classes: Number of logits.
        size: Side of the images in pixels; only the flattening heads depend on it.
        shortcut: ``"A"`` pads with zeros (the paper's choice for CIFAR, no parameters), ``"B"`` projects by 1x1
            convolution. Plain networks have neither.
        norm: Batch norm after every convolution; without it convolutions have a bias.
        antialias: Blur before each sub-sampling (Zhang 2019).
        padding: Of the 3x3 convolutions: ``"zeros"`` or ``"circular"``.
        init: Of the convolutions: ``"he"`` keeps a signal's size through ReLU (He et al. 2015, arXiv 1502.01852), as
            the ResNet paper has it; ``"default"`` is what PyTorch gives a convolution by itself, which is smaller.
        seed: Of the initial weights.

    Raises:
        ReaderError: A name or an option is unknown, or a number is less than 1.
    """
    if name not in NETWORKS:
        raise unknown_name("network", name, NETWORKS)
    if shortcut not in ("A", "B"):
        raise unknown_name("shortcut", shortcut, ("A", "B"))
    if padding not in ("zeros", "circular"):
        raise unknown_name("padding", padding, ("zeros", "circular"))
    if init not in ("he", "default"):
        raise unknown_name("initialisation", init, ("he", "default"))
    for what, number in (("in_channels", in_channels), ("classes", classes), ("size", size)):
        if number < 1:
            raise ReaderError(f"{what} is {number}: choose a whole number of 1 or more.")
    residual = name.startswith("resnet")
    return seeded(
        seed,
        lambda: CifarResNet(
            int(name.removeprefix("resnet" if residual else "plain")),
            head,
            in_channels=in_channels,
            classes=classes,
            size=size,
            shortcut=shortcut if residual else None,
            norm=norm,
            antialias=antialias,
            padding=padding,
            init=init,
        ),
    )


def resnet8(head: HeadName = "gap", **options: Any) -> CifarResNet:
    """Build the smallest network of the family, n = 1; options as in `build`."""
    return build("resnet8", head, **options)


def resnet20(head: HeadName = "gap", **options: Any) -> CifarResNet:
    """Build the paper's ResNet-20, n = 3; options as in `build`."""
    return build("resnet20", head, **options)


class NIN(nn.Module):
    """Network in Network, in the shape of the paper's CIFAR-10 model: one map per class, average, no linear layer.

    Shapes: images ``(N, in_channels, H, W)``; ``features(x)`` is ``(N, classes, H / 4, W / 4)``, and its mean over
    the positions is the logits ``(N, classes)``.
    """

    def __init__(
        self, head: Literal["gap", "max"] = "gap", width: int = 48, in_channels: int = 1, classes: int = 10
    ) -> None:
        """Make the network; arguments as in `nin`."""
        super().__init__()
        narrow, narrower = width * 5 // 6, width // 2
        self.layer1 = nn.Sequential(
            MlpConv(in_channels, (width, narrow, narrower), 5), nn.MaxPool2d(3, 2, 1), nn.Dropout(0.5)
        )
        self.layer2 = nn.Sequential(
            MlpConv(narrower, (width, width, width), 5), nn.AvgPool2d(3, 2, 1, count_include_pad=False), nn.Dropout(0.5)
        )
        self.layer3 = MlpConv(width, (width, width, classes), 3)
        self.pool = nn.AdaptiveAvgPool2d(1) if head == "gap" else nn.AdaptiveMaxPool2d(1)
        _he_init(self)

    def features(self, x: Tensor) -> Tensor:
        """Return the class maps: ``(N, classes, H / 4, W / 4)``."""
        return cast(Tensor, self.layer3(self.layer2(self.layer1(x))))

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        return torch.flatten(self.pool(self.features(x)), 1)


def nin(
    width: int = 48, *, head: Literal["gap", "max"] = "gap", in_channels: int = 1, classes: int = 10, seed: int = 0
) -> NIN:
    """Build a NIN.

    Args:
        width: Channels of the wide layers; the paper's model has 192, which is slow on a processor without a GPU.
        head: ``gap``, or ``max`` for the mistake that a textbook once shipped: one maximum a class map.
        in_channels: Channels of the images.
        classes: Number of logits.
        seed: Of the initial weights.

    Raises:
        ReaderError: There is no such head.
    """
    if head not in ("gap", "max"):
        raise unknown_name("head of a NIN", head, ("gap", "max"))
    return seeded(seed, lambda: NIN(head, width, in_channels, classes))


class ControlCNN(nn.Module):
    """The conventional CNN of NIN's control experiment (section 4.6), small: its last layer makes one map per class.

    The paper compares three endings on the same ten maps: a linear layer, dropout and a linear layer, or their
    average. Its last layer is locally connected; here it is a convolution.

    Shapes: images ``(N, in_channels, size, size)``; ``features(x)`` is ``(N, classes, size / 4, size / 4)``.
    """

    def __init__(self, head: Literal["fc", "fc_dropout", "gap"], in_channels: int, classes: int, size: int) -> None:
        """Make the network; arguments as in `control_cnn`."""
        super().__init__()
        self.layer1 = nn.Sequential(nn.Conv2d(in_channels, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
        self.layer2 = nn.Sequential(nn.Conv2d(32, 32, 5, padding=2), nn.ReLU(), nn.AvgPool2d(3, 2, 1))
        self.layer3 = nn.Sequential(nn.Conv2d(32, 64, 5, padding=2), nn.ReLU())
        self.layer4 = nn.Sequential(nn.Conv2d(64, classes, 3, padding=1), nn.ReLU())
        self.pool: nn.Module = nn.AdaptiveAvgPool2d(1) if head == "gap" else nn.Identity()
        linear = nn.Linear(classes * (-(-size // 4)) ** 2, classes) if head != "gap" else nn.Identity()
        self.fc: nn.Module = nn.Sequential(nn.Dropout(0.5), linear) if head == "fc_dropout" else linear
        _he_init(self)

    def features(self, x: Tensor) -> Tensor:
        """Return the class maps: ``(N, classes, size / 4, size / 4)``."""
        return cast(Tensor, self.layer4(self.layer3(self.layer2(self.layer1(x)))))

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        return cast(Tensor, self.fc(torch.flatten(self.pool(self.features(x)), 1)))


def control_cnn(
    head: Literal["fc", "fc_dropout", "gap"], *, in_channels: int = 1, classes: int = 10, size: int = 28, seed: int = 0
) -> ControlCNN:
    """Build the small conventional CNN of NIN's control experiment.

    Args:
        head: ``fc``, ``fc_dropout`` or ``gap``, in the paper's sense: what follows the map per class.
        in_channels: Channels of the images.
        classes: Number of logits.
        size: Side of the images in pixels.
        seed: Of the initial weights.

    Raises:
        ReaderError: There is no such head.
    """
    if head not in ("fc", "fc_dropout", "gap"):
        raise unknown_name("head of the control network", head, ("fc", "fc_dropout", "gap"))
    return seeded(seed, lambda: ControlCNN(head, in_channels, classes, size))


def make(name: str, head: str, *, seed: int = 0, **options: Any) -> nn.Module:
    """Build any of the networks that the book trains, by name.

    Args:
        name: One of `NETWORKS`, ``"nin"`` or ``"control_cnn"``.
        head: As in `build`, `control_cnn` or `nin`.
        seed: Of the initial weights.
        **options: As in `build`, `nin` or `control_cnn`.

    Raises:
        ReaderError: A name or an option is unknown.
    """
    if name == "nin":
        return nin(head=cast(Any, head), seed=seed, **options)
    if name == "control_cnn":
        return control_cnn(cast(Any, head), seed=seed, **options)
    return build(name, cast(HeadName, head), seed=seed, **options)


def _he_init(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
