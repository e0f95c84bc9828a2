"""What networks are trained and tested on: garments whole, small, moving, transposed, of many sizes, or in scenes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from gaplab.data import FRAME, garments, scenes
from gaplab.experiments.sweep import Row
from gaplab.training import Augment, Labelled


@dataclass(frozen=True)
class Pictures:
    """Which pictures, as arguments that JSON can hold."""

    train_size: int
    test_size: int
    validation_size: int = 0
    """Training images that no run learns from, of each class those after ``validation_from``; none if 0."""
    validation_from: int = 0
    garment: int = FRAME
    """Side of the garment in the frame, in pixels."""
    shift: bool = False
    """Move the training garments at random, within the frame."""
    transpose: bool = False
    """Swap rows and columns of every image."""
    jitter: tuple[int, ...] = ()
    """Scale each batch of training images to one of these sides."""
    resized: bool = False
    """Scale every image back to the frame, after ``jitter``."""
    planted: tuple[int, ...] = ()
    """Make scenes, with so many garments of the label's class among clutter."""

    @classmethod
    def from_json(cls, fields: Row) -> Pictures:
        """Make it of a run's arguments, whose tuples JSON turns into lists."""
        named: Row = {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
        return cls(**named)


class Sets(NamedTuple):
    """Images with labels."""

    train: Labelled
    validation: Labelled | None
    test: Labelled
    augment: Augment | None


def sets(pictures: Pictures, seed: int) -> Sets:
    """Load what ``pictures`` describes; ``seed`` draws the scenes for training."""
    validation = None
    if pictures.planted:
        train = scenes("train", pictures.train_size, pictures.planted, seed=seed)
        test = scenes("test", pictures.test_size, pictures.planted, seed=0)
        if pictures.validation_size:
            skip = pictures.validation_from
            validation = scenes("train", pictures.validation_size, pictures.planted, seed=1, skip=skip)
        return Sets(train, validation, test, None)
    train = garments("train", pictures.train_size, pictures.garment)
    test = garments("test", pictures.test_size, pictures.garment)
    if pictures.validation_size:
        validation = garments("train", pictures.validation_size, pictures.garment, skip=pictures.validation_from)
    if pictures.transpose:
        train, test = ((images.mT.contiguous(), labels) for images, labels in (train, test))
        validation = validation and (validation[0].mT.contiguous(), validation[1])
    augment = None
    if pictures.shift:
        augment = shift_at_random((FRAME - pictures.garment) // 2)
    elif pictures.jitter:
        augment = scale_at_random(pictures.jitter, FRAME if pictures.resized else None)
    return Sets(train, validation, test, augment)


def shift_at_random(room: int) -> Augment:
    """Return an augmentation that moves each image by up to ``room`` px in x and in y, uniformly.

    The images must have a black margin of ``room`` px: moving is done by rolling the frame around.
    """

    def augment(images: Tensor, draws: torch.Generator) -> Tensor:
        count, _, height, width = images.shape
        moves = torch.randint(-room, room + 1, (2, count, 1, 1), generator=draws).to(images.device)
        rows = (torch.arange(height, device=images.device).view(1, -1, 1) - moves[1]) % height
        columns = (torch.arange(width, device=images.device).view(1, 1, -1) - moves[0]) % width
        return images[torch.arange(count, device=images.device).view(-1, 1, 1), 0, rows, columns][:, None]

    return augment


def scale_at_random(sides: Sequence[int], back_to: int | None = None) -> Augment:
    """Return an augmentation that scales each batch to one of ``sides``, and then, if asked, to ``back_to`` px.

    One side a batch, for a batch is one tensor.
    """

    def augment(images: Tensor, draws: torch.Generator) -> Tensor:
        side = sides[int(torch.randint(len(sides), (1,), generator=draws))]
        scaled = rescaled(images, side)
        return scaled if back_to is None else rescaled(scaled, back_to)

    return augment


def rescaled(images: Tensor, side: int) -> Tensor:
    """Scale images to another side as `gaplab.data.resize` does, on their own device and scale."""
    if images.shape[-1] == side:
        return images
    return F.interpolate(images, size=(side, side), mode="bilinear", antialias=True, align_corners=False)
