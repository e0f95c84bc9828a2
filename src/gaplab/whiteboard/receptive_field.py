"""Whiteboard: the receptive field of a stack of layers."""

from __future__ import annotations

from typing import Any

from gaplab.errors import ReaderError
from gaplab.whiteboard.judging import Draws, Question, call, is_whole, parts

QUESTION = Question(
    level="screen",
    minutes=6,
    chapter="02_translation_invariance",
    ask="""
Write `receptive_field(layers)`: `layers` is a list of convolutions and pools in order, each a tuple `(kernel,
stride, dilation)`. Return two whole numbers: how long the stretch of the input is, along one side and in pixels,
from the first to the last pixel that can change one cell of the last map, both included; and by how many pixels the
stretches of two neighbouring cells are shifted. Padding plays no part. An empty list is the input itself: `(1, 1)`.
""",
    follow_up="""
The last map of torchvision's ResNet-50 has a receptive field of 427 pixels, and the input has 224. Does each cell
see the whole picture, and what follows for the pool?
""",
    answer="""
On paper nearly every cell reaches all of it, and the rest of its window lies in the padding. In effect it does not:
the influence falls off from the centre roughly like a Gaussian (Luo et al., 2016), and a residual path of 1x1
convolutions leaves much of it local. So the cells still differ and the map still tells where things are, which
class activation maps show; and a pool adds no reach that the field on paper did not have, but weighs all places
alike.
""",
    why="""
The field grows by (kernel - 1) · dilation steps of the current spacing, and only then does the layer's stride widen
the spacing.
""",
)


def receptive_field(layers: list[tuple[int, int, int]]) -> tuple[int, int]:
    """Return the receptive field and the spacing of neighbouring cells, both in pixels."""
    field = spacing = 1
    for kernel, stride, dilation in layers:
        field += (kernel - 1) * dilation * spacing
        spacing *= stride
    return field, spacing


def check(receptive_field: Any, seed: int = 1) -> None:
    """Compare with the pixels found by walking back from two neighbouring cells.

    Raises:
        ReaderError: One sentence about the first thing that is wrong.
    """
    draws = Draws(seed)
    drawn = [[(draws.whole(1, 4), draws.whole(1, 2), draws.whole(1, 2)) for _ in range(4)] for _ in range(6)]
    # A stem with a stride and a pool; dilation behind a stride; a stride alone, larger than its kernel.
    fixed = [
        [],
        [(3, 1, 1)],
        [(7, 2, 1), (3, 2, 1), (3, 1, 1)],
        [(3, 2, 1), (3, 1, 2), (3, 1, 4)],
        [(1, 2, 1), (2, 3, 1)],
    ]
    for layers in fixed + drawn:
        case = f"the layers {layers}"
        result = parts(call(receptive_field, layers, case=case), 2, "two whole numbers", case)
        first, second = (_first_and_last(layers, cell) for cell in (0, 1))
        wanted = (first[1] - first[0] + 1, second[0] - first[0])
        for name, found, right in zip(("field", "spacing"), result, wanted):  # noqa: B905
            if not is_whole(found):
                raise ReaderError(f"For {case}, {found!r} came back for the {name}: give a whole number.")
            if found != right:
                raise ReaderError(
                    f"For {case}, your {name} of {found} pixels is too {'small' if found < right else 'large'}."
                )


def _first_and_last(layers: list[tuple[int, int, int]], cell: int) -> tuple[int, int]:
    """Walk back from one cell to the first and the last pixel that it depends on; padding moves both alike."""
    low = high = cell
    for kernel, stride, dilation in layers[::-1]:
        low, high = low * stride, high * stride + (kernel - 1) * dilation
    return low, high
