"""Fashion-MNIST (the shipped subset and the whole of it) and scikit-image's photographs, as tensors."""

from __future__ import annotations

import gzip
import hashlib
import io
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from gaplab import files
from gaplab.device import device
from gaplab.errors import ReaderError, unknown_name

CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
"""Fashion-MNIST's class names, in label order (Xiao, Rasul, Vollgraf 2017, arXiv 1708.07747)."""

PHOTOGRAPHS = ("astronaut", "camera", "chelsea", "coffee", "motorcycle_left", "rocket")
"""Photographs that come inside scikit-image's wheel, so that no download is needed."""

MEAN, STD = 0.2860, 0.3530
"""Mean and standard deviation of Fashion-MNIST's 60,000 training images, on a scale from 0 (black) to 1."""

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

SUBSET = Path(__file__).parent / "assets" / "fashion_mnist" / "subset.npz"
SUBSET_SHA256 = "4fc3f1ee941097cf915fa2b48192701dcaddd83aa0d0518f85f5352402dcf382"
SUBSET_PER_CLASS = {"train": 200, "test": 100}
WHOLE_PER_CLASS = {"train": 6000, "test": 1000}
DEBIAN = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package ``dataset-fashion-mnist`` puts the whole data set."""

FRAME = 28
"""Side of Fashion-MNIST's images in pixels; the networks' total stride of 4 makes it a map of 7x7 cells."""

SMALL = 16
"""Side of a garment that has room to move within the frame, in pixels."""

ROOM = (FRAME - SMALL) // 2
"""Furthest move of a small garment from the centre, 6 px: three periods of the total stride of 4 from end to end."""

Split = Literal["train", "test"]


class Photograph(NamedTuple):
    """One photograph, for the eye and for the network."""

    picture: np.ndarray
    """uint8, ``(size, size, 3)``: what to draw."""
    tensor: Tensor
    """float32, ``(1, 3, size, size)``, normalised with ImageNet's mean and deviation, on ``device()``."""


def fashion_mnist(split: Split, full: bool = False) -> tuple[Tensor, Tensor]:
    """Load Fashion-MNIST.

    Args:
        split: ``"train"`` or ``"test"``.
        full: All 60,000 or 10,000 images, from Debian's ``dataset-fashion-mnist`` or else torchvision's download.
            Without it the subset in the package: the first 200 training and 100 test images of each class.

    Returns:
        Images, uint8 ``(N, 1, 28, 28)``, and labels, int64 ``(N,)``, both on the CPU.

    Raises:
        ReaderError: The split has another name, or a file is missing or damaged.
    """
    if split not in SUBSET_PER_CLASS:
        raise unknown_name("split of Fashion-MNIST", split, SUBSET_PER_CLASS)
    images, labels = _full(split) if full else _subset(SUBSET)[split]
    return images.clone(), labels.clone()


def stratified(split: Split, size: int, skip: int = 0) -> tuple[Tensor, Tensor]:
    """Return an equal number of images of each class, in the data set's own order.

    They come from the subset in the package if that holds enough, else from the whole; both give the same images.

    Args:
        split: ``"train"`` or ``"test"``.
        size: Images in all, a multiple of ten.
        skip: Images of each class to pass over first.

    Returns:
        Images, uint8 ``(size, 1, 28, 28)``, and labels, int64 ``(size,)``, both on the CPU.

    Raises:
        ReaderError: The split has another name, ``size`` is no positive multiple of ten or more than there are, or the
            data are missing.
    """
    if split not in WHOLE_PER_CLASS:
        raise unknown_name("split of Fashion-MNIST", split, WHOLE_PER_CLASS)
    if size < len(CLASSES) or size % len(CLASSES):
        raise ReaderError(f"{size} images cannot be shared out over ten classes: choose a multiple of 10.")
    count = size // len(CLASSES)
    if skip + count > WHOLE_PER_CLASS[split]:
        raise ReaderError(
            f"{count} images of each class after the first {skip} were asked for, but Fashion-MNIST has "
            f"{WHOLE_PER_CLASS[split]} in its {split} split: ask for fewer."
        )
    images, labels = fashion_mnist(split, full=skip + count > SUBSET_PER_CLASS[split])
    index = _of_each_class(labels, count, skip)
    return images[index], labels[index]


def _of_each_class(labels: Tensor, count: int, skip: int = 0) -> Tensor:
    chosen = [(labels == label).nonzero().flatten()[skip : skip + count] for label in range(len(CLASSES))]
    return torch.cat(chosen).sort().values


def normalise(images: Tensor) -> Tensor:
    """Turn uint8 images into what the networks were trained on, and move them to ``device()``.

    Args:
        images: Fashion-MNIST images, uint8 (0 to 255) ``(N, 1, H, W)`` or one image ``(1, H, W)``; or float on a
            scale from 0 to 255, as `resize` returns.

    Returns:
        float32 of the same shape: scaled to 0 to 1, less `MEAN`, over `STD`.
    """
    return (images.to(device(), torch.float32) / 255 - MEAN) / STD


def resize(images: Tensor, size: int) -> Tensor:
    """Scale square images to another side length, bilinearly and antialiased.

    Args:
        images: ``(N, C, H, H)``, uint8 or float on a scale from 0 to 255.
        size: New side in pixels, at least 1.

    Returns:
        float32 ``(N, C, size, size)`` on a scale from 0 to 255, on the images' device.

    Raises:
        ReaderError: ``size`` is less than 1.
    """
    if size < 1:
        raise ReaderError(f"An image of {size} px has no pixel: choose a size of 1 or more.")
    images = images.to(torch.float32)
    if images.shape[-1] == size:
        return images
    return F.interpolate(images, size=(size, size), mode="bilinear", antialias=True, align_corners=False)


def place(images: Tensor, canvas: int, dx: int = 0, dy: int = 0) -> Tensor:
    """Place images on a larger black canvas, moved from its centre by whole pixels; nothing is cut off.

    Args:
        images: ``(N, C, H, H)`` on a scale where 0 is black.
        canvas: Side of the canvas in pixels, at least ``H``.
        dx: Pixels to the right, negative for left.
        dy: Pixels down, negative for up.

    Returns:
        ``(N, C, canvas, canvas)`` of the same type.

    Raises:
        ReaderError: The image does not fit on the canvas, or would leave it when moved.
    """
    side = images.shape[-1]
    left, top = (canvas - side) // 2 + dx, (canvas - side) // 2 + dy
    if side > canvas:
        raise ReaderError(f"An image of {side} px does not fit on a canvas of {canvas} px: choose a larger canvas.")
    if not (0 <= left <= canvas - side and 0 <= top <= canvas - side):
        room = (canvas - side) // 2
        raise ReaderError(
            f"A move by ({dx}, {dy}) takes an image of {side} px off a canvas of {canvas} px: "
            f"stay within -{room} to {canvas - side - room} px."
        )
    return F.pad(images, (left, canvas - side - left, top, canvas - side - top))


def garments(split: Split, count: int, garment: int = FRAME, skip: int = 0) -> tuple[Tensor, Tensor]:
    """Return Fashion-MNIST scaled to ``garment`` px, in the centre of a black frame of `FRAME` px.

    Args:
        split: ``"train"`` or ``"test"``.
        count: Images in all, equally many of each class.
        garment: Side of the scaled image in pixels, at most `FRAME`; `SMALL` leaves `ROOM` px to every side.
        skip: Images of each class to pass over first.

    Returns:
        Images, float32 on a scale from 0 to 255 ``(count, 1, FRAME, FRAME)``, and labels, int64 ``(count,)``, on the
        CPU.

    Raises:
        ReaderError: As `stratified`, `resize` and `place`.
    """
    images, labels = stratified(split, count, skip)
    return place(resize(images, garment), FRAME), labels


def digits() -> tuple[Tensor, Tensor]:
    """Return scikit-learn's 1,797 handwritten digits, enlarged from 8 px to the frame.

    Alpaydin, Kaynak 1998, from the UCI repository; they come inside scikit-learn's wheel.

    Returns:
        Images, float32 on a scale from 0 to 255 ``(1797, 1, FRAME, FRAME)``, and labels, int64 ``(1797,)``, on the CPU.
    """
    from sklearn.datasets import load_digits

    found = load_digits()
    images = torch.from_numpy(found.images).float()[:, None] * (255 / 16)
    return resize(images, FRAME), torch.from_numpy(found.target).long()


CELLS = 3
"""Cells along one side of a scene."""


def scenes(
    split: Split, count: int, planted: Sequence[int], *, seed: int, skip: int = 0, side: int = SMALL
) -> tuple[Tensor, Tensor]:
    """Return scenes of `CELLS` x `CELLS` cells: some show garments of the label's class, the others clutter.

    Clutter is a garment cut into tiles of 4 px that are laid out anew in any order: its greys and edges without its
    shape. Garments and clutter are drawn from the ``10 * count`` first images of the split, or all, after ``skip`` of
    each class.

    Args:
        split: ``"train"`` or ``"test"``.
        count: Scenes in all, equally many of each class.
        planted: Numbers of cells, 1 to `CELLS` squared, that show a garment; each scene draws one of them.
        seed: Of the scenes.
        skip: Images of each class to pass over first.
        side: Side of the planted garments in pixels, at most `SMALL`, in the middle of their cells.

    Returns:
        Images, float32 on a scale from 0 to 255 ``(count, 1, CELLS * SMALL, CELLS * SMALL)``, and labels, int64
        ``(count,)``, on the CPU.

    Raises:
        ReaderError: As `stratified`, or a number of planted garments or a side is impossible.
    """
    cells = CELLS * CELLS
    if not planted or min(planted) < 1 or max(planted) > cells or not 1 <= side <= SMALL:
        raise ReaderError(
            f"A scene has {cells} cells of {SMALL} px: plant 1 to {cells} garments of 1 to {SMALL} px, "
            f"not {list(planted)} of {side} px."
        )
    draws = torch.Generator().manual_seed(seed)
    pool, pool_labels = stratified(split, min(count, 1000 if split == "test" else 10_000), skip)
    small = resize(pool, SMALL)
    shown = place(resize(small, side), SMALL)
    labels = torch.arange(count) % len(CLASSES)
    by_class = torch.stack([(pool_labels == label).nonzero().flatten() for label in range(len(CLASSES))])
    picks = torch.randint(by_class.shape[1], (count, cells), generator=draws)
    garments_ = shown[by_class[labels[:, None], picks]]
    clutter = _torn(small[torch.randint(len(small), (count, cells), generator=draws)], draws)
    numbers = torch.tensor(planted)[torch.randint(len(planted), (count,), generator=draws)]
    # Ranks of random numbers: each scene's cells in a random order, of which the first ones are planted.
    order = torch.rand(count, cells, generator=draws).argsort(dim=1).argsort(dim=1)
    grid = torch.where((order < numbers[:, None])[..., None, None, None], garments_, clutter)
    rows = grid.view(count, CELLS, CELLS, SMALL, SMALL).transpose(2, 3)
    return rows.reshape(count, 1, CELLS * SMALL, CELLS * SMALL), labels


def _torn(images: Tensor, draws: torch.Generator, tile: int = 4) -> Tensor:
    """Lay out the tiles of each image anew: ``(N, M, 1, SMALL, SMALL)``."""
    count, many = images.shape[:2]
    across = SMALL // tile
    tiles = images.view(count, many, across, tile, across, tile).transpose(3, 4).reshape(count, many, -1, tile, tile)
    order = torch.rand(count, many, across * across, generator=draws).argsort(dim=2)
    torn = tiles.gather(2, order[..., None, None].expand_as(tiles))
    back = torn.view(count, many, across, across, tile, tile).transpose(3, 4)
    return back.reshape(count, many, 1, SMALL, SMALL)


def photograph(name: str, size: int = 224) -> Photograph:
    """Load one of scikit-image's photographs: the central square, scaled to ``size`` px.

    Args:
        name: One of `PHOTOGRAPHS`.
        size: Side in pixels, at least 1.

    Raises:
        ReaderError: There is no such photograph, ``size`` is less than 1, or the file is missing or damaged.
    """
    if name not in PHOTOGRAPHS:
        raise unknown_name("photograph", name, PHOTOGRAPHS)
    if size < 1:
        raise ReaderError(f"A photograph of {size} px has no pixel: choose a size of 1 or more.")
    pixels = _photograph_file(name)
    square = F.interpolate(
        pixels.to(torch.float32), size=(size, size), mode="bicubic", antialias=True, align_corners=False
    )
    square = square.round().clamp(0, 255)
    picture = square[0].permute(1, 2, 0).to(torch.uint8).numpy()
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    return Photograph(picture, ((square / 255 - mean) / std).to(device()))


def write_photograph(name: str, path: Path) -> None:
    """Write the central square of a photograph, as it is, as a lossless WebP file.

    Args:
        name: As in `photograph`.
        path: The file.

    Raises:
        ReaderError: As `photograph`.
    """
    from PIL import Image

    if name not in PHOTOGRAPHS:
        raise unknown_name("photograph", name, PHOTOGRAPHS)
    content = io.BytesIO()
    Image.fromarray(_photograph_file(name)[0].permute(1, 2, 0).numpy()).save(content, "webp", lossless=True, method=6)
    files.write(path, content.getvalue())


def as_picture(photograph: Tensor) -> np.ndarray:
    """Turn a photograph, as a network takes it, back into one to look at.

    Args:
        photograph: ``(1, 3, H, W)``, normalised with ImageNet's mean and deviation.

    Returns:
        uint8 ``(H, W, 3)``.
    """
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    pixels = 255 * (photograph[0].cpu() * std + mean)
    return pixels.round().clamp(0, 255).byte().permute(1, 2, 0).numpy()


@lru_cache(maxsize=len(PHOTOGRAPHS))
def _photograph_file(name: str) -> Tensor:
    """Read the central square of a photograph, uint8 ``(1, 3, side, side)``."""
    from skimage import data
    from skimage.io import imread

    folder = Path(data.__file__).parent
    found = sorted(folder.glob(f"{name}.*"))
    try:
        pixels = imread(found[0])
    except (IndexError, OSError, SyntaxError, ValueError) as error:
        raise ReaderError(
            f"The photograph {name!r} is missing from scikit-image or damaged: reinstall scikit-image."
        ) from error
    if pixels.ndim == 2:
        pixels = np.stack([pixels] * 3, axis=2)
    height, width = pixels.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = np.ascontiguousarray(pixels[top : top + side, left : left + side, :3])
    return torch.from_numpy(square).permute(2, 0, 1)[None]


@lru_cache(maxsize=2)
def _subset(path: Path) -> dict[str, tuple[Tensor, Tensor]]:
    """Read the subset in the package, checksum first."""
    broken = f"The Fashion-MNIST subset {path.name} is {{}}: reinstall gaplab."
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ReaderError(broken.format("missing")) from error
    if hashlib.sha256(content).hexdigest() != SUBSET_SHA256:
        raise ReaderError(broken.format("damaged (its checksum differs)"))
    with np.load(path) as arrays:
        return {
            split: (torch.from_numpy(arrays[f"{split}_images"]), torch.from_numpy(arrays[f"{split}_labels"]))
            for split in SUBSET_PER_CLASS
        }


@lru_cache(maxsize=2)
def _full(split: Split) -> tuple[Tensor, Tensor]:
    """Read a whole split: Debian's files where they are, else torchvision's, downloaded once."""
    if DEBIAN.is_dir():
        prefix = DEBIAN / {"train": "train", "test": "t10k"}[split]
        images = _idx(prefix.with_name(prefix.name + "-images-idx3-ubyte.gz"), 16)
        labels = _idx(prefix.with_name(prefix.name + "-labels-idx1-ubyte.gz"), 8)
        if len(images) != len(labels) * 28 * 28:
            raise ReaderError(f"The files of {split} images and labels in {DEBIAN} disagree: reinstall that package.")
        return images.view(-1, 1, 28, 28), labels.to(torch.int64)
    from torchvision.datasets import FashionMNIST

    cache = Path(torch.hub.get_dir()).parent / "datasets"
    try:
        loaded = FashionMNIST(str(cache), train=split == "train", download=True)
    except (OSError, RuntimeError, ValueError, EOFError) as error:
        raise ReaderError(
            f"The whole of Fashion-MNIST is neither in {DEBIAN} nor in {cache} and could not be downloaded: "
            "install Debian's dataset-fashion-mnist or connect to the network and try again."
        ) from error
    return loaded.data[:, None], loaded.targets.to(torch.int64)


def _idx(path: Path, header: int) -> Tensor:
    try:
        with gzip.open(path) as file:
            content = bytearray(file.read())
    except (OSError, EOFError) as error:
        raise ReaderError(
            f"The Fashion-MNIST file {path} is missing or damaged: reinstall dataset-fashion-mnist."
        ) from error
    return torch.frombuffer(content, dtype=torch.uint8)[header:]


def write_subset(path: Path = SUBSET) -> str:
    """Write the subset anew from the whole data set and return its SHA-256, for ``SUBSET_SHA256``."""
    arrays: dict[str, Any] = {}
    for split, count in SUBSET_PER_CLASS.items():
        images, labels = fashion_mnist(split, full=True)  # type: ignore[arg-type]
        index = _of_each_class(labels, count)
        arrays[f"{split}_images"], arrays[f"{split}_labels"] = images[index].numpy(), labels[index].numpy()
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    files.write(path, content.getvalue())
    return hashlib.sha256(content.getvalue()).hexdigest()
