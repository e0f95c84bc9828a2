"""Checks of problem set 4, a picture of any size."""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from gaplab import counting, data, models, shapes, sizes, weights
from gaplab.coursework import checking, variant
from gaplab.errors import ReaderError

Layers = Sequence[tuple[int, int, int]]
"""Window, stride and padding of each layer, from the picture's side on."""


def network() -> str:
    """Return which of torchvision's ResNets the first exercise asks about."""
    return variant("ps4 network", "resnet50", "resnet18", "resnet34")


def picture() -> tuple[int, int]:
    """Return height and width of the first exercise's oblong picture, in pixels."""
    return variant("ps4 picture", (300, 450), (240, 400), (270, 400), (330, 400), (360, 460), (400, 300))


def check_prediction(prediction: object) -> None:
    """Run the network on the oblong picture, as shapes without numbers, and compare."""
    factor = "times the multiply-adds at 224 x 224"
    said = checking.predicted(prediction, ("global average pool", "AvgPool2d(7, stride=1)", "flatten", factor))
    built, work = counting.on_meta(network()), {}
    for sides in ((224, 224), picture()):
        with sizes.watch(built, {"map": "layer4", "pooled": "avgpool"}) as seen:
            work[sides] = counting.total_macs(built, (1, 3, *sides), "meta")
    last = torch.empty(1, *seen["map"], device="meta")
    wanted = (torch.empty(seen["pooled"], device="meta"), nn.AvgPool2d(7, stride=1)(last), last)
    names = ("global average pool", "AvgPool2d(7, stride=1)", "flatten")
    wrong = [name for name, numbers in zip(names, wanted, strict=True) if said[name] != numbers.numel()]
    times = work[picture()] / work[224, 224]
    checking.off([*wrong, *([factor] if not abs(said[factor] - times) <= 0.05 * times else [])], 4)
    checking.passed("Predictions")


def random_layers(draws: random.Random) -> list[tuple[int, int, int]]:
    """Draw layers whose padding is smaller than half the window, as in every network of the book."""
    layers = []
    for _ in range(draws.randint(1, 6)):
        window = draws.randint(1, 7)
        layers.append((window, draws.randint(1, 3), draws.randint(0, (window - 1) // 2)))
    return layers


def forward(layers: Layers, side: int) -> int:
    """Return the side of the last map for a picture, 0 if a window does not fit."""
    return shapes.Stretch("layers", 1, tuple(shapes.Step(*layer) for layer in layers)).side(side)


def check_sizes_for(sizes_for: Callable[[Layers, int], Any], seed: int = 4) -> None:
    """Compare the interval of sizes with the layers themselves, on real networks and on random layers."""
    draws = random.Random(seed)
    cases: list[tuple[str, Layers, int]] = []
    for name in ("resnet18", "vgg16", "alexnet"):
        path = [(step.kernel, step.stride, step.padding) for step in counting.last_map(name).path]
        cases.append((f"{name} and a last map of side", path, draws.randint(2, 20)))
    cases += [("the layers {layers} and the side", random_layers(draws), draws.randint(1, 30)) for _ in range(40)]
    cases += [("the layers {layers} and the side", random_layers(draws), 1) for _ in range(4)]
    cases += [("no layer at all and the side", [], draws.randint(1, 30))]
    for words, layers, side in cases:
        case = f"{words.format(layers=layers)} {side}"
        kept = list(layers)
        given = checking.run(sizes_for, kept, side, case=case)
        if not isinstance(given, tuple) or len(given) != 2:
            raise ReaderError(f"For {case} a tuple of two whole numbers is wanted, but {given!r} came back.")
        if kept != list(layers):
            raise ReaderError("Your code changed the list of layers that it was given: work on a copy.")
        smallest, largest = (checking.whole(size, case) for size in given)
        for size in (smallest, largest):
            if size < 1 or forward(layers, size) != side:
                raise ReaderError(f"For {case} your interval holds {size} px, which does not lead to that side.")
        if forward(layers, smallest - 1) == side and smallest > 1:
            raise ReaderError(f"For {case} a size below your smallest, {smallest} px, leads to that side too.")
        if forward(layers, largest + 1) == side:
            raise ReaderError(f"For {case} a size above your largest, {largest} px, leads to that side too.")
    checking.passed("sizes_for")


Convert = Callable[[nn.Sequential, int, int, int], Any]


def check_head_to_convolutions(head_to_convolutions: Convert, seed: int = 4, larger: bool = True) -> None:
    """Compare the convolutions with the head that they came from.

    Args:
        head_to_convolutions: The student's function.
        seed: Of the heads and the maps.
        larger: Whether the convolutions are also run on larger maps, and their layers, copies and biases looked at;
            else only on the head's own map.
    """
    draws = random.Random(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for height, width, biases in (
            (3, 3, (True, True, True)),
            (2, 4, (True, True, True)),
            (5, 3, (False, False, False)),
            (1, 6, (False, True, draws.random() < 0.5)),
            (1, 1, (True, False, True)),
        ):
            channels, hidden, classes = draws.randint(2, 6), draws.randint(7, 11), draws.randint(3, 6)
            if height == width == 1:
                channels = 1
            inputs = channels * height * width
            head = nn.Sequential(
                *(nn.Dropout(0.2), nn.Linear(inputs, hidden, biases[0]), nn.ReLU()),
                *(nn.Dropout(0.7), nn.Linear(hidden, hidden + 1, biases[1]), nn.Tanh()),
                nn.Linear(hidden + 1, classes, biases[2]),
            )
            head.train(draws.random() < 0.5)
            _check_converted(head_to_convolutions, head.double(), (channels, height, width), draws, larger)
        one = nn.Sequential(nn.Linear(12, 1)).double()
        _check_converted(head_to_convolutions, one, (2, 3, 2), draws, larger)
        # The book's own head with one hidden layer, in its own precision.
        book = models.make_head("fc_dropout", 8, 7, 10)[1].eval()
        assert isinstance(book, nn.Sequential)
        _check_converted(head_to_convolutions, book, (8, 7, 7), draws, larger, tolerance=1e-4)
    checking.passed("head_to_convolutions")


def _check_converted(
    convert: Convert,
    head: nn.Sequential,
    shape: tuple[int, int, int],
    draws: random.Random,
    larger: bool,
    tolerance: float = 1e-8,
) -> None:
    channels, height, width = shape
    case = f"a head on {channels} maps of {height} x {width}"
    before, kept = copy.deepcopy(head).eval(), checking.Kept(head)
    result = checking.run(convert, head, channels, height, width, case=case)
    if not isinstance(result, nn.Sequential) or any(isinstance(module, nn.Linear) for module in result.modules()):
        raise ReaderError(f"For {case} an nn.Sequential without Linear layers is wanted: each becomes a convolution.")
    kept.check("the head")
    if sum(isinstance(module, nn.Conv2d) for module in result.modules()) != sum(
        isinstance(module, nn.Linear) for module in head.modules()
    ):
        raise ReaderError(f"For {case} as many convolutions are wanted as there are linear layers.")
    if larger:
        _check_layers(head, result, case)
    if not head.training and any(m.training for m in result.modules() if isinstance(m, nn.Dropout)):
        raise ReaderError(f"For {case} in evaluation mode your convolutions drop numbers: keep each layer as it is.")
    result = result.eval()
    dtype = next(head.parameters()).dtype
    more, further = draws.randint(1, 4), draws.randint(1, 4)
    for batch, down, right in ((1, 0, 0), (3, 0, 0), *(((2, more, further + more), (1, 0, 1)) if larger else ())):
        maps = torch.randn(batch, channels, height + down, width + right, dtype=dtype)
        given, size = maps.clone(), f"{height + down} x {width + right}"
        with torch.no_grad():
            scores = checking.run(result, given, case=f"{case}, {batch} pictures with maps of {size},")
            windows = [
                [before(maps[:, :, y : y + height, x : x + width].flatten(1)) for x in range(right + 1)]
                for y in range(down + 1)
            ]
        wanted = torch.stack([torch.stack(row, dim=-1) for row in windows], dim=-2)
        hint = "every score has to be the old head's on the window at that place; mind how flatten reads a map."
        checking.same_tensor(scores, wanted, f"{case}, run on {size},", hint, tolerance)
        checking.untouched(maps, given, "the maps")
    if larger:
        kept = checking.Kept(head)
        with torch.no_grad():
            for parameter in result.parameters():
                parameter.zero_()  # as training would change them, and the old head must not feel it
        kept.check("the head")


def _check_layers(head: nn.Module, result: nn.Module, case: str) -> None:
    """Compare layer by layer: a convolution with a bias where the linear layer has one, and all else kept."""
    convolutions = [module for module in result.modules() if isinstance(module, nn.Conv2d)]
    layers = [module for module in head.modules() if isinstance(module, nn.Linear)]
    if [layer.bias is not None for layer in layers] != [one.bias is not None for one in convolutions]:
        raise ReaderError(f"For {case} a convolution has a bias exactly if its linear layer has one.")
    if not all(parameter.requires_grad for parameter in result.parameters()):
        raise ReaderError("The convolutions cannot be trained on: their parameters take no gradient.")

    def others(of: nn.Module) -> list[str]:
        leaves = [module for module in of.modules() if not list(module.children())]
        return [str(module) for module in leaves if not isinstance(module, nn.Linear | nn.Conv2d)]

    if others(head) != others(result):
        raise ReaderError(
            f"For {case} the layers between are {', '.join(others(result)) or 'gone'}, but "
            f"{', '.join(others(head))} are wanted: keep each as it is, where it is."
        )


def check_pool_ragged(pool_ragged: Callable[..., Any], seed: int = 4, oblong: bool = True) -> None:
    """Compare pictures of different sizes pooled in one batch with each pooled alone.

    Args:
        pool_ragged: The student's function.
        seed: Of the sizes and the maps.
        oblong: Whether pictures have any size; else they are squares of whole strides.
    """
    draws, generator = random.Random(seed), torch.Generator().manual_seed(seed)
    for trial in range(12):
        stride = draws.choice((4, 8, 16, 32)) if trial else 32
        number = draws.randint(2, 4) if trial % 3 else 1
        if oblong:
            pictures = [(draws.randint(1, 9 * stride), draws.randint(1, 9 * stride)) for _ in range(number)]
        else:
            pictures = [(stride * side, stride * side) for side in draws.choices(range(1, 8), k=number)]
        cells = [(-(-height // stride), -(-width // stride)) for height, width in pictures]
        side = draws.randint(0, 2), draws.randint(1, 2)
        tallest, widest = max(rows for rows, _ in cells) + side[0], max(columns for _, columns in cells) + side[1]
        # What lies outside a picture's own cells means nothing, so it is far from zero here.
        channels, dtype = 1 if trial == 1 else draws.randint(1, 5), torch.float32 if trial % 5 == 4 else torch.float64
        maps = (50 + 10 * torch.randn(number, channels, tallest, widest, generator=generator)).to(dtype)
        if trial % 4 == 3:
            maps.fill_(1e4)
        for each, (rows, columns) in zip(maps, cells, strict=True):
            each[:, :rows, :columns] = torch.randn(len(each), rows, columns, generator=generator).to(dtype)
            if trial % 2:  # a cell of zero, as behind a ReLU, is a cell like any other
                each[:, :rows, :columns].relu_()
        given, sizes = maps.clone().requires_grad_(), list(pictures)
        leaf = maps.clone().requires_grad_()
        case = f"pictures of {' and '.join(f'{h} x {w}' for h, w in pictures)} px at a total stride of {stride}"
        # Once the stride is left out, as 32 is its default.
        pooled = checking.run(pool_ragged, given, sizes, *([stride] if trial else []), case=case)
        wanted = torch.stack([e[:, :r, :c].mean(dim=(1, 2)) for e, (r, c) in zip(leaf, cells, strict=True)])
        tolerance, hint = 1e-9 if dtype == torch.float64 else 1e-5, "count the cells that belong to each picture, and "
        checking.same_tensor(pooled, wanted, case, f"{hint}only those.", tolerance, scale=1)
        if not torch.equal(maps, given.detach()) or sizes != pictures:
            raise ReaderError("Your code changed the maps or the sizes that it was given: work on a copy.")
        slope = checking.gradient(wanted, leaf)
        checking.same_tensor(checking.gradient(pooled, given), slope, f"the gradient, {case}", f"{hint}no other.", 1e-5)
    checking.passed("pool_ragged")


def check_experiment(experiment: object, measure: Callable[[int, int], Any], seed: int = 4) -> None:
    """Check the form of the table, and measure its rows again."""
    columns = {"seed": (0, 2), "size": (1, 112), "direct": (0.0, 1.0), "resized": (0.0, 1.0)}
    table = checking.frame(experiment, columns, "experiment")
    if set(table["seed"]) != {0, 1, 2}:
        raise ReaderError("The table holds not all three networks: measure seeds 0, 1 and 2.")
    at = set(table["size"])
    if not (any(size < data.FRAME for size in at) and any(size > data.FRAME for size in at) and len(at) >= 3):
        raise ReaderError(f"The sizes are {sorted(at)}: take three or more, some below {data.FRAME} px and some above.")
    if any(set(rows["seed"]) != {0, 1, 2} for _, rows in table.groupby("size")):
        raise ReaderError("Some size was not measured on all three networks: without that there is no spread.")
    if (table["direct"] == table["resized"]).all():
        raise ReaderError("The columns 'direct' and 'resized' are the same everywhere: what is resized, and to what?")
    columns_of = [rows.sort_values("size")[["direct", "resized"]].to_numpy() for _, rows in table.groupby("seed")]
    if all(np.array_equal(columns_of[0], other) for other in columns_of[1:]):
        raise ReaderError("All three networks have the same accuracies at every size: are they three?")
    # All rows of a usual table; of a larger one some, drawn anew each time.
    for _, row in table.sample(min(len(table), 18), random_state=seed % 2**32).iterrows():
        case = f"seed {row['seed']:g} and {row['size']:g} px"
        again = checking.run(measure, int(row["seed"]), int(row["size"]), case=case)
        if not isinstance(again, tuple) or len(again) != 2:
            raise ReaderError(f"measure has to return a tuple of two accuracies, but {again!r} came back.")
        if not max(abs(again[0] - row["direct"]), abs(again[1] - row["resized"])) <= 0.02:
            raise ReaderError(
                f"The row of {case} measured again gives other numbers: fill the table from measure itself."
            )
    # And once at a size that the table has not, for a function may keep what it once measured; one that shows a network
    # nothing at one size, since it has been asked before, is asked for the next.
    at = at | {data.FRAME}
    further = _other_sizes(range(10, 61), at, 12, seed)
    for number in (0, 1, 2):
        looks = ((size, _seen(measure, number, size)) for size in further)
        size, seen = next((look for look in looks if look[1]), (further[0], {}))
        for side in (size, data.FRAME):
            if (side, side) not in seen:
                raise ReaderError(
                    f"For seed {number} and {size} px measure shows the network of that seed no pictures of {side} px."
                )
    _check_pictures(measure, _other_sizes(range(8, 21), at, 3, seed + 2))
    if _resized_first(measure, _other_sizes(range(20, 41), at, 6, seed + 1)):
        raise ReaderError("measure returns the accuracy on resized pictures first: first comes the direct one.")
    direct, resized = checking.run(measure, 0, data.FRAME, case=f"seed 0 and {data.FRAME} px")
    if abs(direct - resized) > 0.02:
        raise ReaderError(f"At {data.FRAME} px there is nothing to resize, and yet measure gives two accuracies.")
    if direct < 0.2:
        raise ReaderError(
            f"At {data.FRAME} px measure finds {direct:.2f} right, hardly more than guessing: do the labels belong to "
            "the pictures?"
        )
    checking.passed("Form of the experiment")


def _other_sizes(sides: range, at: set[int], count: int, seed: int) -> list[int]:
    """Draw sizes that a table has not; where it has nearly all of them, from all but 28 px."""
    others = [size for size in sides if size not in at]
    return random.Random(seed).sample(others if len(others) >= count else [*set(sides) - {data.FRAME}], k=count)


def _resized_first(measure: Callable[[int, int], Any], at: list[int]) -> bool:
    """Whether the first of the two accuracies suffers more if a network names all resized pictures wrongly."""
    stem = cast(Any, weights.load("resnet20-gap-s0")).conv1.weight
    spoilt = False

    def spoil(module: nn.Module, inputs: Any, logits: Any) -> torch.Tensor | None:
        nonlocal spoilt
        own = getattr(getattr(module, "conv1", None), "weight", None)
        if own is None or not torch.equal(own, stem) or inputs[0].shape[-1] != data.FRAME:
            return None
        spoilt = True
        return cast(torch.Tensor, logits.roll(1, dims=1))

    ahead = 0.0
    handle = register_module_forward_hook(cast(Any, spoil))
    try:
        for size in at:
            spoilt = False
            direct, resized = checking.run(measure, 0, size, case=f"seed 0 and {size} px")
            # A function that keeps what it measured may show the network nothing here.
            ahead += float(direct - resized) if spoilt else 0
    finally:
        handle.remove()
    return ahead < 0


def _check_pictures(measure: Callable[[int, int], Any], small: list[int]) -> None:
    """Refuse training pictures, and pictures of 28 px that have not lost what the small ones lack."""

    def share(split: data.Split, size: int) -> float:
        """Return how many of the pictures of 28 px that a network is shown are those of a split as they are."""
        own = data.normalise(data.stratified(split, 1000)[0]).flatten(1).cpu()
        shown = _seen(measure, 0, size).get((data.FRAME, data.FRAME))
        if shown is None:  # it keeps what it measured, and shows the network nothing
            return math.nan
        # Other garments are at least 3 away, and so is the same one that was smaller.
        return float((torch.cdist(shown.flatten(1).to(own), own).amin(dim=1) < 1.0).float().mean())

    if share("train", data.FRAME) > 0.6:
        raise ReaderError(f"At {data.FRAME} px measure shows the network training images: take the test images.")
    for size in small:
        if share("test", size) > 0.99:
            raise ReaderError(
                f"For {size} px the pictures that measure resizes to {data.FRAME} px are the test images themselves: "
                f"resize the pictures of {size} px."
            )


def _seen(measure: Callable[[int, int], Any], number: int, size: int) -> dict[tuple[int, ...], torch.Tensor]:
    """Let a student's function measure, and return what the network of that seed is shown, by height and width."""
    stem = cast(Any, weights.load(f"resnet20-gap-s{number}")).conv1.weight
    seen: dict[tuple[int, ...], list[torch.Tensor]] = {}

    def note(module: nn.Module, inputs: Any) -> None:
        if isinstance(module, nn.Conv2d) and module.in_channels == 1 and torch.equal(module.weight, stem):
            seen.setdefault(tuple(inputs[0].shape[2:]), []).append(inputs[0].detach().cpu())

    handle = register_module_forward_pre_hook(note)
    try:
        checking.run(measure, number, size, case=f"seed {number} and {size} px")
    finally:
        handle.remove()
    return {side: torch.cat(batches) for side, batches in seen.items()}
