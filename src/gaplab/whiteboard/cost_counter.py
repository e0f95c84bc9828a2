"""Whiteboard: parameters and multiply-adds of a list of layers."""

from __future__ import annotations

from typing import Any

from gaplab.errors import ReaderError
from gaplab.whiteboard.judging import Draws, Question, call, is_whole, parts

QUESTION = Question(
    level="onsite",
    minutes=12,
    chapter="01_parameter_count",
    ask="""
Write `cost(layers, channels, height, width)`: the parameters and the multiply-adds of one picture, two whole
numbers `(parameters, multiply_adds)`, for a network that is a list of layers, read in order. Each layer is a
dictionary. `{"kind": "conv", "out": 64, "kernel": 7, "stride": 2, "padding": 3, "groups": 1, "bias": False}` is a
square convolution, `{"kind": "norm"}` a batch norm with scale and shift, `{"kind": "max", "kernel": 3, "stride": 2,
"padding": 1}` a max pool, `{"kind": "gap"}` a global average pool, `{"kind": "flatten"}` does what it says, and
`{"kind": "linear", "out": 10, "bias": True}` follows `gap`, `flatten` or another linear layer. A side becomes
floor((side + 2·padding - kernel) / stride) + 1. Only the products of convolutions and linear layers count as
multiply-adds; biases, norms and pools count none.
""",
    follow_up="""
Your counter says that one network needs half the multiply-adds of another, and yet it is slower. How can that be?
""",
    answer="""
Time is often spent on moving numbers, not on multiplying them. A depthwise convolution does few products for each
number it reads, so memory sets its speed; norms, activations and pools move whole maps and count nothing here; many
small layers cost a start each; and a kernel may be written well for one shape and badly for another. Count bytes
moved beside products, and measure on the device that it is for.
""",
    why="""
A weight of a convolution is used once for each output cell: parameters first, then the same number times the
output's area.
""",
)


def cost(layers: list[dict[str, Any]], channels: int, height: int, width: int) -> tuple[int, int]:
    """Return parameters and multiply-adds of a list of layers."""
    parameters = multiply_adds = 0
    c, h, w = channels, height, width
    for layer in layers:
        kind = layer["kind"]
        if kind in ("conv", "max"):
            k, s, p = layer["kernel"], layer["stride"], layer["padding"]
            h, w = (h + 2 * p - k) // s + 1, (w + 2 * p - k) // s + 1
        if kind == "conv":
            weights = layer["out"] * (c // layer["groups"]) * k * k
        elif kind == "linear":
            weights = layer["out"] * c  # h and w are one by now
        elif kind == "norm":
            parameters += 2 * c
        elif kind == "gap":
            h = w = 1
        elif kind == "flatten":
            c, h, w = c * h * w, 1, 1
        if kind in ("conv", "linear"):
            c = layer["out"]
            parameters += weights + (c if layer["bias"] else 0)
            multiply_adds += weights * h * w
    return parameters, multiply_adds


def check(cost: Any, seed: int = 1) -> None:
    """Compare with a count that walks over every output cell, for networks that grow layer by layer.

    Raises:
        ReaderError: One sentence about the first thing that is wrong.
    """
    draws = Draws(seed)
    for what, layers, given in _networks(draws):
        channels, height, width = given
        case = f"{what} on a {channels} x {height} x {width} input"
        wanted = _counted(layers, channels, height, width)
        result = parts(call(cost, layers, channels, height, width, case=case), 2, "two whole numbers", case)
        for name, found, right in zip(("parameters", "multiply-adds"), result, wanted):  # noqa: B905
            if not is_whole(found):
                raise ReaderError(f"For {case}, {found!r} came back for the {name}: give a whole number.")
            if found != right:
                raise ReaderError(f"For {case}, your {found:,} {name} are too {'few' if found < right else 'many'}.")


def _networks(draws: Draws) -> list[tuple[str, list[dict[str, Any]], tuple[int, int, int]]]:
    groups = draws.whole(2, 3)
    channels, side, out = groups * draws.whole(2, 3), draws.whole(7, 9), draws.whole(2, 9)
    shape = (channels, side, side + draws.whole(1, 4))

    def conv(out: int, kernel: int, stride: int, padding: int, groups: int = 1, bias: bool = False) -> dict[str, Any]:
        names = ("kind", "out", "kernel", "stride", "padding", "groups", "bias")
        return dict(zip(names, ("conv", out, kernel, stride, padding, groups, bias)))  # noqa: B905

    linear, bare = ({"kind": "linear", "out": out, "bias": bias} for bias in (True, False))
    norm, gap, flatten = ({"kind": kind} for kind in ("norm", "gap", "flatten"))
    pool: dict[str, Any] = {"kind": "max", "kernel": 3, "stride": 2, "padding": 1}
    stem: list[dict[str, Any]] = [conv(8, 7, 2, 3), norm, pool]
    depthwise: list[dict[str, Any]] = [conv(8, 3, 2, 1, 8), norm, conv(out, 1, 1, 0), norm, gap, flatten, linear]
    flattened: list[dict[str, Any]] = [flatten, bare, linear]
    return [
        ("one 1x1 convolution", [conv(out, 1, 1, 0)], shape),
        ("one 3x3 convolution with bias", [conv(out, 3, 1, 0, bias=True)], shape),
        ("one 3x3 convolution with stride", [conv(out, 3, 2, 1)], shape),
        (f"one 3x3 convolution with {groups} groups", [conv(2 * groups, 3, 1, 1, groups, True)], shape),
        ("a convolution and its norm", [conv(out, 3, 1, 1), norm], shape),
        ("a pool and a linear layer", [gap, linear], shape),
        ("flatten and a linear layer without bias", [flatten, bare], shape),
        ("a ResNet stem, a depthwise convolution and a head",
         stem + depthwise, (3, 2 * shape[1], 2 * shape[2])),
        ("a stem with a flattened head of two layers", stem + flattened, (3, 4 * side, shape[2] + 8)),
    ]  # fmt: skip


def _counted(layers: list[dict[str, Any]], channels: int, height: int, width: int) -> tuple[int, int]:
    """Count by walking: each output cell of each output channel has as many products as it has inputs."""
    parameters = products = 0
    for layer in layers:
        kind = layer["kind"]
        if kind == "norm":
            parameters += channels + channels
        elif kind == "gap":
            height = width = 1
        elif kind == "flatten":
            channels, height, width = channels * height * width, 1, 1
        elif kind == "linear":
            for _ in range(layer["out"]):
                parameters += channels + layer["bias"]
                products += channels
            channels = layer["out"]
        else:
            rows, columns = (
                (side + 2 * layer["padding"] - layer["kernel"]) // layer["stride"] + 1 for side in (height, width)
            )
            if kind == "conv":
                for _ in range(layer["out"]):
                    inputs = channels // layer["groups"] * layer["kernel"] ** 2
                    parameters += inputs + layer["bias"]
                    products += inputs * rows * columns
                channels = layer["out"]
            height, width = rows, columns
    return parameters, products
