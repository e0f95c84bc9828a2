"""The book's networks: CIFAR-style ResNets with interchangeable heads, NIN, and torchvision's ResNets re-headed.

Every builder draws its weights from ``seed`` alone, leaves the global random state as it was, and returns the network
on ``gaplab.device()`` in training mode.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, Literal, NamedTuple, TypeVar, cast, get_args

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from gaplab.device import device
from gaplab.errors import ReaderError, unknown_name

N = TypeVar("N", bound=nn.Module)

Head = Literal["gap", "max", "gem", "flatten", "grid", "fc", "fc_dropout"]
HEADS: tuple[Head, ...] = get_args(Head)
"""Kinds of head: three global pools with a linear layer behind, and four that flatten the map first."""

HIDDEN = 512
"""Units of the hidden layer in the heads ``fc`` and ``fc_dropout``."""


class GeM(nn.Module):
    """Generalised-mean pooling with a learned exponent (Radenovic, Tolias, Chum 2019, arXiv 1711.02512).

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


class CifarResNet(nn.Module):
    """The ResNet paper's CIFAR network of 6n+2 layers, section 4.2: ``conv1``, three stages, pool, ``fc``.

    Stage widths are 16, 32, 64; the second and the third stage halve the map, so that 28 px end as 7x7.

    Shapes: images ``(N, in_channels, H, W)``; ``features(x)`` is ``(N, 64, ceil(H / 4), ceil(W / 4))``; logits
    ``(N, classes)``.
    """

    def __init__(
        self,
        depth: int,
        head: Head = "gap",
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


def make_head(head: Head, channels: int, side: int, classes: int) -> tuple[nn.Module, nn.Module]:
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


DEPTHS = (8, 20, 32, 56, 110)
NETWORKS = tuple(f"{kind}{depth}" for kind in ("resnet", "plain") for depth in DEPTHS)
"""Names that `build` takes: ``resnet`` with shortcuts, ``plain`` without, by number of layers."""


def build(
    name: str,
    head: Head = "gap",
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


def resnet8(head: Head = "gap", **options: Any) -> CifarResNet:
    """Build the smallest network of the family, n = 1; options as in `build`."""
    return build("resnet8", head, **options)


def resnet20(head: Head = "gap", **options: Any) -> CifarResNet:
    """Build the paper's ResNet-20, n = 3; options as in `build`."""
    return build("resnet20", head, **options)


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
            `gaplab.weights.official`. The pools keep the trained classifier; ``flatten`` gets a fresh one.
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
        from gaplab.weights import official

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
    return build(name, cast(Head, head), seed=seed, **options)


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


def _he_init(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
