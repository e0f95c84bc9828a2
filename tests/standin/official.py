"""Make a stand-in for torchvision's official ResNet-50: a file of the same name and format, of another training."""

import os
import sys
from pathlib import Path

import torch
from torchvision.models import ResNet50_Weights, resnet50

from gaplab import data, models, training, weights
from gaplab.models import heads

FILE = ResNet50_Weights.IMAGENET1K_V2.url.rsplit("/", 1)[1]


def take_for_genuine(home: Path) -> None:
    """Let PyTorch's cache be the folder, and whatever lies there have the checksum that its name promises."""
    os.environ["TORCH_HOME"] = str(home)
    heads._sha256 = lambda path: path.stem.rsplit("-", 1)[1]


def write(home: Path) -> None:
    """Write the file to where PyTorch looks for it below ``TORCH_HOME``.

    The body is random, with batch norm's statistics measured on photographs; the classifier names on six photographs,
    as a trained one would, the classes that EfficientNet-Lite0 names, on other pictures what it may.
    """
    photographs = torch.cat([data.photograph(name).tensor for name in data.PHOTOGRAPHS])
    teacher = weights.photo_network("efficientnet_lite0")
    torch.manual_seed(0)
    network = training.calibrate(resnet50(), photographs).cpu()
    with torch.no_grad():
        wanted = teacher(photographs).cpu()
        pooled = models.parts(network, photographs.cpu()).pooled
        network.fc.bias.copy_(wanted.mean(dim=0))
        # Six equations for 2048 unknowns a class: the shortest solution.
        network.fc.weight.copy_(torch.linalg.lstsq(pooled, wanted - network.fc.bias, driver="gelsd").solution.T)
    folder = home / "hub" / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(network.state_dict(), folder / FILE)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
