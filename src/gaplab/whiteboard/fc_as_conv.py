"""Whiteboard: a fully-connected layer on a flattened map, as a convolution."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from gaplab.errors import ReaderError
from gaplab.whiteboard.judging import Draws, Question, call, same, told

QUESTION = Question(
    level="onsite",
    minutes=8,
    chapter="04_variable_input_size",
    ask="""
A classifier is an `nn.Linear` on maps `(N, C, h, w)` that were flattened by `flatten(1)`. Write
`as_convolution(linear, channels, height, width)`: it returns an `nn.Conv2d` that gives the same logits on a map of
that size, `(N, K, 1, 1)`, and on a larger map one set of logits for each place where the window fits. It has a bias
exactly if the linear layer has one, keeps the number type, and has weights of its own: training it must not change
the linear layer.
""",
    follow_up="""
On a larger picture you average the score map. Is that the same as global average pooling followed by a linear
layer?
""",
    answer="""
No. The convolution keeps an own weight for each of the h x w places in its window, so averaging its scores averages
sliding windows of a layout-sensitive classifier, and it has h·w times the weights. It is the same only if its
weights are equal over all places, and then up to the edges: cells near the border lie in fewer windows than cells
in the middle, so they would count less.
""",
    why="""
`flatten` walks over channels, then rows, then columns, which is the order of a convolution's weight: a `view` is
all it takes, and a copy.
""",
)


def as_convolution(linear: nn.Linear, channels: int, height: int, width: int) -> nn.Conv2d:
    """Return a convolution over the whole map with the linear layer's weights."""
    made = nn.Conv2d(channels, linear.out_features, (height, width), bias=linear.bias is not None)
    made = made.to(linear.weight)
    with torch.no_grad():
        made.weight.copy_(linear.weight.view_as(made.weight))
        if made.bias is not None:
            made.bias.copy_(linear.bias)
    return made


def check(as_convolution: Any, seed: int = 1) -> None:
    """Compare the logits in every window with the linear layer's.

    Raises:
        ReaderError: One sentence about the first thing that is wrong.
    """
    draws = Draws(seed)
    for number, (channels, height, width) in enumerate(
        ((2, 2, 3), (3, 3, 2), (1, 2, 2), (draws.whole(2, 4), 4, 3), (3, 1, 1))
    ):
        dtype, bias = (torch.float64, torch.float32)[number % 2], number != 2
        classes = draws.whole(2, 5)
        case = f"a map of {told((channels, height, width))}, {classes} classes, {'a' if bias else 'no'} bias"
        linear = nn.Linear(channels * height * width, classes, bias).to(dtype)
        with torch.no_grad():
            for parameter in linear.parameters():
                parameter.copy_(torch.tensor(draws.numbers(*parameter.shape), dtype=dtype))
        before = {name: value.clone() for name, value in linear.state_dict().items()}
        made = call(as_convolution, linear, channels, height, width, case=case)
        if not isinstance(made, nn.Conv2d):
            raise ReaderError(f"For {case}, an nn.Conv2d is wanted, but {type(made).__name__} came back.")
        if (made.bias is not None) != bias:
            raise ReaderError(f"For {case}, the convolution has {'no' if bias else 'a'} bias.")
        if not all(parameter.requires_grad and parameter.is_leaf for parameter in made.parameters()):
            raise ReaderError(
                f"For {case}, the convolution cannot be trained: its weights have to be parameters with a gradient."
            )
        for taller, wider, many in ((0, 0, 2), (2, 1, 1), (0, 3, 2)):
            size = (many, channels, height + taller, width + wider)
            x = torch.tensor(draws.numbers(*size), dtype=dtype)
            wanted = torch.empty(many, classes, taller + 1, wider + 1, dtype=dtype)
            for i in range(taller + 1):
                for j in range(wider + 1):
                    wanted[:, :, i, j] = linear(x[:, :, i : i + height, j : j + width].flatten(1)).detach()
            here = f"{case}, on {told(size)}"
            same(call(made, x, case=here), wanted.tolist(), here, "in which order does flatten walk over the map?", x)
        with torch.no_grad():
            for parameter in made.parameters():
                parameter.add_(1)
        if any(not torch.equal(value, before[name]) for name, value in linear.state_dict().items()):
            raise ReaderError(f"For {case}, a change of the convolution changes the linear layer: copy its weights.")
