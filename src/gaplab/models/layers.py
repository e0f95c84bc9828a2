"""Layers and blocks: pools, the blur before sub-sampling, shortcuts, and the blocks of ResNet and NIN."""

from __future__ import annotations

from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class GeM(nn.Module):
    """Generalised-mean pooling with a learned exponent (Radenović, Tolias, Chum 2019, arXiv 1711.02512).

    ``(mean over H, W of x^p)^(1/p)`` for each channel: p = 1 is the average, p towards infinity the maximum. Inputs
    are clamped to ``eps`` from below, because a power of a negative number is undefined.

    Shapes: ``(N, C, H, W)`` to ``(N, C, 1, 1)``.
    """

    def __init__(self, p: float = 3.0, eps: float = 1e-6) -> None:
        """Start from exponent ``p``; ``eps`` is the clamp."""
        super().__init__()
        self.p = nn.Parameter(torch.tensor(p))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Pool a map."""
        powers = x.clamp(min=self.eps).pow(self.p)
        return powers.mean(dim=(2, 3), keepdim=True).pow(1 / self.p)


class Rescaled(nn.Module):
    """A pool whose value and whose gradient are multiplied by two separate factors.

    Shapes: those of the pool.
    """

    def __init__(self, pool: nn.Module, value: float = 1.0, gradient: float = 1.0) -> None:
        """Wrap ``pool``; ``value`` multiplies what it returns, ``gradient`` what goes back through it."""
        super().__init__()
        self.pool, self.value, self.gradient = pool, value, gradient

    def forward(self, x: Tensor) -> Tensor:
        """Pool a map."""
        pooled = self.pool(x)
        backward = pooled * self.gradient
        # The added term corrects the value and, detached, leaves the gradient alone.
        return cast(Tensor, backward + (pooled * self.value - backward).detach())


class BlurPool(nn.Module):
    """Down-sample by two after a fixed binomial blur (Zhang 2019, arXiv 1904.11486; his ``Tri-3`` filter).

    Shapes: ``(N, C, H, W)`` to ``(N, C, ceil(H / 2), ceil(W / 2))``.
    """

    kernel: Tensor

    def __init__(self, channels: int) -> None:
        """Make the filter for maps of ``channels`` channels."""
        super().__init__()
        taps = torch.tensor([1.0, 2.0, 1.0]) / 4
        # A constant of the operation and no learned state, so it stays out of the checkpoint.
        self.register_buffer("kernel", torch.outer(taps, taps).expand(channels, 1, 3, 3).clone(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Blur and sub-sample a map."""
        # Zhang pads by reflection; a map of one pixel has nothing to reflect.
        padded = F.pad(x, (1, 1, 1, 1), mode="reflect" if min(x.shape[-2:]) > 1 else "replicate")
        return F.conv2d(padded, self.kernel, stride=2, groups=x.shape[1])


class PadShortcut(nn.Module):
    """Option A of the ResNet paper: sub-sample, and pad the new channels with zeros; it has no parameters.

    Shapes: ``(N, C, H, W)`` to ``(N, channels, ceil(H / 2), ceil(W / 2))``.
    """

    def __init__(self, in_channels: int, channels: int, antialias: bool) -> None:
        """Widen from ``in_channels`` to ``channels``, blurring first if ``antialias``."""
        super().__init__()
        self.extra = channels - in_channels
        self.blur = BlurPool(in_channels) if antialias else None

    def forward(self, x: Tensor) -> Tensor:
        """Return the shortcut branch of a block that changes width."""
        x = self.blur(x) if self.blur is not None else x[:, :, ::2, ::2]
        return F.pad(x, (0, 0, 0, 0, 0, self.extra))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with batch norm, and a shortcut around them (He et al. 2016, arXiv 1512.03385).

    Shapes: ``(N, in_channels, H, W)`` to ``(N, channels, ceil(H / stride), ceil(W / stride))``.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int,
        *,
        shortcut: Literal["A", "B"] | None,
        norm: bool,
        antialias: bool,
        padding: Literal["zeros", "circular"],
    ) -> None:
        """Make the block; ``shortcut=None`` leaves a plain block without a shortcut. Options as in `build`."""
        super().__init__()
        blurs = antialias and stride == 2

        def conv(inputs: int, step: int) -> nn.Conv2d:
            return nn.Conv2d(inputs, channels, 3, step, padding=1, padding_mode=padding, bias=not norm)

        self.conv1 = conv(in_channels, 1 if blurs else stride)
        self.bn1 = nn.BatchNorm2d(channels) if norm else nn.Identity()
        # Zhang: convolve at full resolution, ReLU, and only then blur and sub-sample.
        self.blur = BlurPool(channels) if blurs else nn.Identity()
        self.conv2 = conv(channels, 1)
        self.bn2 = nn.BatchNorm2d(channels) if norm else nn.Identity()
        self.downsample: nn.Module | None = None
        if shortcut is not None:
            self.downsample = nn.Identity()
            if stride != 1 or in_channels != channels:
                self.downsample = _shortcut(shortcut, in_channels, channels, stride, norm, blurs)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block."""
        out = self.blur(F.relu(self.bn1(self.conv1(x))))
        out = self.bn2(self.conv2(out))
        return F.relu(out if self.downsample is None else out + self.downsample(x))


def _shortcut(
    option: Literal["A", "B"], in_channels: int, channels: int, stride: int, norm: bool, blurs: bool
) -> nn.Module:
    if option == "A":
        return PadShortcut(in_channels, channels, blurs)
    first = BlurPool(in_channels) if blurs else nn.Identity()
    project = nn.Conv2d(in_channels, channels, 1, 1 if blurs else stride, bias=not norm)
    return nn.Sequential(first, project, nn.BatchNorm2d(channels) if norm else nn.Identity())


class MlpConv(nn.Sequential):
    """NIN's block: a convolution and two 1x1 convolutions, each with ReLU (Lin, Chen, Yan 2014, arXiv 1312.4400)."""

    def __init__(self, in_channels: int, widths: tuple[int, int, int], kernel: int) -> None:
        """Make a block of three convolutions of the given widths; ``kernel`` is the first one's side."""
        layers: list[nn.Module] = []
        for index, width in enumerate(widths):
            side = 1 if index else kernel
            layers += [nn.Conv2d(in_channels, width, side, padding=side // 2), nn.ReLU()]
            in_channels = width
        super().__init__(*layers)
