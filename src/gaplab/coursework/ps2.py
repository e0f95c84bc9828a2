"""Checks of problem set 2, what moves when the picture does."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gaplab import data, models, shifting, training, weights
from gaplab.claims import CAVEATS, FAILS, HOLDS
from gaplab.coursework import checking, variant
from gaplab.errors import ReaderError

KEEPS = 90
"""Percent of its accuracy that a network has to keep for the claim of the last experiment to hold."""


def shifts() -> int:
    """Return by how many pixels the first exercise moves a picture at most: once around, or this student's number."""
    return variant("ps2 shifts", 28, 60, 72, 84, 100, 120)


def grid() -> tuple[int, int]:
    """Return rows and columns of the first exercise's map, six cells or this student's own."""
    return variant("ps2 grid", (2, 3), (2, 2), (3, 2), (2, 4), (4, 2))


def check_shifts(prediction: object) -> None:
    """Move a garment around the ring by every number of pixels, before trained networks, and count what stays."""
    heads, paddings = ("gap", "flatten"), ("windows wrap around", "zero padding")
    said = checking.predicted(prediction, [f"{head}, {padding}" for head in heads for padding in paddings])
    picture = data.normalise(data.stratified("test", 10)[0][:1])
    wrong = []
    for head in heads:
        network = weights.load(f"resnet20-{head}-s0")
        for padding, copy in zip(paddings, (shifting.circular(network), network), strict=True):
            with torch.no_grad():
                before = copy(picture)
                moves = [copy(picture.roll(shift, dims=3)) - before for shift in range(1, shifts() + 1)]
            # Rounding moves a logit by less than a millionth of its size, a real change by more than a hundredth.
            if said[f"{head}, {padding}"] != sum(float(move.norm() / before.norm()) < 1e-4 for move in moves):
                wrong.append(f"{head}, {padding}")
    checking.off(wrong, 4)
    checking.passed("Predicted shifts")


def check_orders(prediction: object, seed: int = 2) -> None:
    """Try all orders of the cells of a map, and count the different answers."""
    said = checking.predicted(prediction, ("global average", "average of each column", "flatten"))
    draws, (height, width) = torch.Generator().manual_seed(seed), grid()
    shapes = ((3, height * width), (5, 3 * height * width))
    cells, weight = (torch.randn(*shape, generator=draws, dtype=torch.float64) for shape in shapes)
    orders = torch.tensor(list(itertools.permutations(range(height * width))))
    maps = cells[:, orders].movedim(1, 0).reshape(len(orders), 3, height, width)
    reads = {
        "global average": maps.mean(dim=(2, 3)),
        "average of each column": maps.mean(dim=2).flatten(1),
        "flatten": maps.flatten(1),
    }
    seen = {how: vectors @ weight[:, : vectors.shape[1]].T for how, vectors in reads.items()}
    # What differs by rounding alone is one answer.
    different = {how: len((1e6 * logits).round().unique(dim=0)) for how, logits in seen.items()}
    checking.off([how for how, count in different.items() if said[how] != count], 3)
    checking.passed("Predicted orders")


def check_indifferent(indifferent: Callable[[Tensor, int, int, int], Any], seed: int = 2) -> None:
    """Compare the pooled head with the flattened one, averaged over every order of the cells."""
    draws, generator = random.Random(seed), torch.Generator().manual_seed(seed)
    for height, width in ((1, 1), (2, 2), (2, 3), (3, 2), (1, 5), (1, 3)):
        channels, classes = (draws.randint(2, 4), draws.randint(5, 7)) if (height, width) != (1, 3) else (1, 1)
        cells, dtype = height * width, torch.float64 if height > 1 else torch.float32
        weight = torch.randn(classes, channels * cells, generator=generator, dtype=dtype)
        feature_map = torch.randn(channels, cells, generator=generator, dtype=dtype)
        orders = list(itertools.permutations(range(cells)))
        wanted = torch.stack([weight @ feature_map[:, list(order)].flatten() for order in orders]).mean(dim=0)
        case = f"{channels} channels of {height} x {width} cells and {classes} classes"
        given = weight.clone()
        pooled = checking.run(indifferent, given, channels, height, width, case=case)
        checking.untouched(weight, given, "the weights")
        if not isinstance(pooled, Tensor) or pooled.shape != (classes, channels) or pooled.dtype != weight.dtype:
            raise ReaderError(f"For {case} a tensor {weight.dtype} of shape {(classes, channels)} is wanted.")
        checking.same_tensor(
            pooled @ feature_map.mean(dim=1), wanted, case,
            "behind the pool your weights do not give the logits that all orders give on average; mind how flatten "
            "reads a map, and that the pool divides.", 1e-9 if height > 1 else 1e-5, scale=float(weight.abs().max()),
        )  # fmt: skip
    checking.passed("indifferent")


def check_consistency(consistency: Callable[[Tensor], Any], shifts: Sequence[int], seed: int = 2) -> None:
    """Compare the share of agreeing pairs with a count pair by pair.

    Args:
        consistency: The student's function of logits ``(S, N, K)``.
        shifts: Numbers of shifts S to try.
        seed: Of the logits.
    """
    generator = torch.Generator().manual_seed(seed)
    for number in shifts:
        for pictures, classes in ((1, 3), (7, 2), (number, number), (40, 10), (3, 1)):
            logits = torch.randn(number, pictures, classes, generator=generator)
            # Classes stay the same more often than chance would have it, as those of a trained network do.
            logits += 1.5 * torch.randn(1, pictures, classes, generator=generator)
            given = logits.clone()
            case = f"{number} shifts of {pictures} pictures with {classes} classes"
            found = checking.run(consistency, given, case=case)
            checking.untouched(logits, given, "the logits")
            found = checking.real(found, case)
            answers = [[max(range(classes), key=row.__getitem__) for row in shift] for shift in logits.tolist()]
            pairs = [(a, b) for a in range(number) for b in range(number) if a < b]
            same = sum(answers[a][n] == answers[b][n] for a, b in pairs for n in range(pictures))
            if not abs(found - same / (len(pairs) * pictures)) < 1e-6:
                raise ReaderError(
                    f"For {case} your {found:.4f} is not the share of agreeing pairs: which pairs are there?"
                )
    checking.passed("consistency")


class OneLogit(nn.Module):
    """A network of ten logits of which only the last one answers to where the brightest column is.

    Args:
        strength: By how much it does for each column.
    """

    def __init__(self, strength: float = 1.0) -> None:
        """Keep the strength."""
        super().__init__()
        self.strength = strength

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(N, 10)`` for pictures ``(N, C, H, W)``."""
        logits = torch.ones(len(x), 10, dtype=x.dtype, device=x.device)
        logits[:, 9] = self.strength * x.mean(dim=(1, 2)).argmax(dim=1).to(x.dtype)
        return logits


def drift_networks(seed: int) -> dict[str, nn.Module]:
    """Build small networks that answer to shifts in different ways, most of them in training mode."""

    def make() -> nn.ModuleDict:
        convolution = [nn.Conv2d(2, 6, 3, stride=2), nn.BatchNorm2d(6), nn.ReLU(), nn.Dropout(0.5)]
        ring = nn.Conv2d(2, 6, 3, padding=1, padding_mode="circular")
        return nn.ModuleDict(
            {
                "a global pool": nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 5)),
                "a ring of stride 1 and a global pool": nn.Sequential(
                    ring, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 5)
                ),
                "the mean of each row": nn.Sequential(nn.AdaptiveAvgPool2d((8, 1)), nn.Flatten(), nn.Linear(16, 5)),
                "the mean of each column": nn.Sequential(nn.AdaptiveAvgPool2d((1, 9)), nn.Flatten(), nn.Linear(18, 5)),
                "batch norm and dropout": nn.Sequential(*convolution, nn.Flatten(), nn.Linear(72, 5)),
                "only one logit that moves": OneLogit(),
                "only one logit that moves, and little": OneLogit(1e-3),
            }
        )

    return dict(models.seeded(seed, make).cpu().double().items())


def check_largest_drift(largest_drift: Callable[[nn.Module, Tensor, Sequence[int]], Any], seed: int = 2) -> None:
    """Compare the drift with one that is measured picture by picture, on networks that are known to move or to stay."""
    draws, generator = random.Random(seed), torch.Generator().manual_seed(seed)

    @torch.no_grad()
    def drift(network: nn.Module, images: Tensor, shifts: Sequence[int]) -> float:
        largest = 0.0
        for image in images:
            before = network(image[None])[0]
            for shift in shifts:
                moved = network(torch.cat([image[:, :, -shift:], image[:, :, :-shift]], dim=2)[None])[0]
                largest = max(largest, float(torch.linalg.vector_norm(moved - before) / before.norm()))
        return largest

    for what, network in drift_networks(seed).items():
        for pictures in (1, 4):
            images = torch.randn(pictures, 2, 8, 9, generator=generator, dtype=torch.float64)
            shifts = draws.sample(range(1, 9), k=1 if pictures == 1 else 3)
            network.train(draws.random() < 0.7)
            kept = checking.Kept(network)
            given, case = images.clone(), f"{what}, {pictures} pictures, shifts {shifts}"
            found = checking.run(largest_drift, network, given, list(shifts), case=case)
            checking.untouched(images, given, "the pictures")
            kept.check()
            found, wanted = checking.real(found, case), drift(network.eval(), images, shifts)
            if not abs(found - wanted) <= 1e-6 * (1 + wanted):
                raise ReaderError(
                    f"For {case} the drift is {wanted:.4f} and yours {found:.4f}: is it the largest over pictures and "
                    "shifts, along the right axis, of all logits together?"
                )
    checking.passed("largest_drift")


Scramble = Callable[[Tensor, int, int], Any]


def check_scramble(scramble: Scramble, seed: int = 2) -> None:
    """Look where each pixel of numbered pictures has gone."""
    draws = random.Random(seed)
    for pictures, channels, side, tile in (
        *((6, 1, 28, 14), (24, 1, 28, 7), (24, 2, 12, 4), (600, 1, 4, 2), (1, 1, 8, 2), (2, 1, 28, 28)),
    ):
        numbers = torch.arange(channels * side * side, dtype=torch.float32).view(1, channels, side, side)
        images = numbers + 1000 * torch.arange(pictures).view(-1, 1, 1, 1)
        # Zero is a seed like any other, and the one that people try first.
        first = 0 if side == 12 else draws.randint(0, 10**6)
        given, case = images.clone(), f"{side} px in tiles of {tile} px"
        moved = checking.run(scramble, given, tile, first, case=case)
        checking.untouched(images, given, "the pictures")
        if not isinstance(moved, Tensor) or moved.shape != images.shape or moved.dtype != images.dtype:
            raise ReaderError(f"For {case} a tensor of the shape and type that went in is wanted.")
        if not torch.equal(moved.flatten(1).sort().values, images.flatten(1)):
            raise ReaderError(f"For {case} pixels are lost, repeated, or have moved to another picture.")
        start, now = _cut(images, tile), _cut(moved, tile)
        orders = now[:, :, 0].argsort(dim=1)
        # Tiles come with their first pixels' numbers in order: sorted by these, every tile has to be whole.
        whole = torch.gather(now, 1, orders[..., None].expand_as(now))
        if not torch.equal(whole, start):
            raise ReaderError(f"For {case} some tiles are torn: move whole tiles, all channels of one together.")
        if side == tile:
            continue
        if pictures > 2 and (orders == orders[0]).all():
            raise ReaderError(f"For {case} all pictures get the same order: draw one for each.")
        if not torch.equal(moved, checking.run(scramble, given, tile, first, case=case)):
            raise ReaderError(f"For {case} the same seed gives another result the second time.")
        tiles = orders.shape[1]
        for another in (first + 1, first + 2, first + draws.randint(3, 10**6)):
            other = checking.run(scramble, given, tile, another, case=case)
            if torch.equal(moved, other):
                raise ReaderError(f"For {case} two seeds give the same result.")
            # That one of 24 pictures gets the same of 16! orders twice happens once in 10**12 times.
            if tiles > 9 and (moved == other).flatten(1).all(dim=1).any():
                raise ReaderError(f"For {case} some picture gets the same order whatever the seed.")
        different = len(set(map(tuple, orders.tolist())))
        # Of 600 pictures in four tiles not one of the 24 orders stays away: that happens once in 10**9 times. And
        # of 24 pictures in nine or more tiles no three have an order in common.
        if (pictures >= 600 and different < math.factorial(tiles)) or (tiles > 4 and different < pictures - 2):
            raise ReaderError(f"For {case} some orders never come: every order of the tiles has to be possible.")
    garments = data.stratified("test", 10)[0]
    moved = checking.run(scramble, garments, 7, seed, case="ten garments")
    if getattr(moved, "dtype", None) != torch.uint8:
        raise ReaderError("Garments go in as uint8 and have to come out as uint8.")
    if not torch.equal(moved.flatten(1).sort().values, garments.flatten(1).sort().values):
        raise ReaderError("Garments lose some of their grey values: move the numbers, and do not compute with them.")
    checking.passed("scramble")


def _cut(images: Tensor, tile: int) -> Tensor:
    """Return the tiles ``(N, tiles, C * tile * tile)``."""
    return F.unfold(images, tile, stride=tile).transpose(1, 2)


def check_scrambled(scrambled: object, kept: object, verdict: object, seed: int = 2) -> None:
    """Check the form of the table, measure some rows again, and ask whether the conclusion follows from it.

    Args:
        scrambled: The student's table.
        kept: What the student worked out from it: percent of the accuracy that is kept, by head.
        verdict: The student's verdict.
        seed: Of the rows that are measured again, and of the order of their tiles.
    """
    draws = random.Random(seed)

    def shuffle(images: Tensor, tile: int) -> Tensor:
        tiles = _cut(images.float(), tile)
        orders = torch.stack([torch.tensor(draws.sample(range(tiles.shape[1]), k=tiles.shape[1])) for _ in images])
        moved = torch.gather(tiles, 1, orders[..., None].expand_as(tiles))
        return F.fold(moved.transpose(1, 2), images.shape[-2:], tile, stride=tile)

    columns = {"head": None, "seed": (0, 2), "tile": (1, 28), "accuracy": (0.0, 1.0)}
    table = checking.frame(scrambled, columns, "scrambled")
    for head in ("gap", "flatten"):
        rows = table[table["head"] == head]
        if len(rows) != len(rows.drop_duplicates(["seed", "tile"])):
            raise ReaderError(f"The table has a condition of {head} more than once.")
        for tile in (28, 14):
            if set(rows[rows["tile"] == tile]["seed"]) != {0, 1, 2}:
                raise ReaderError(f"The table has not all three seeds of {head} at tiles of {tile} px.")
    if not set(table["tile"]) - {14, 28}:
        raise ReaderError("Measure a third size of tile as well, for example 7 px.")
    images, labels = data.stratified("test", 200)
    whole: dict[str, set[float]] = {}
    for _, row in table[table["tile"] == data.FRAME].iterrows():
        name = f"resnet20-{row['head']}-s{row['seed']:.0f}"
        again = training.accuracy(weights.load(name), (images, labels))
        # Nothing is drawn here, so that a row holds this very number, but for a picture or two on the fence.
        if abs(again - row["accuracy"]) > 0.011:
            raise ReaderError(
                f"Measured again, {name} on whole pictures is not right as often as your row says: which network, "
                "which pictures, which labels?"
            )
        whole.setdefault(row["head"], set()).add(again)
    for head, rows in table[table["tile"] == data.FRAME].groupby("head"):
        if rows["accuracy"].nunique() == 1 < len(whole[str(head)]):
            raise ReaderError(f"Three networks of {head} are right equally often on whole pictures: are they three?")
    shuffled = table[table["tile"] != data.FRAME]
    for _, rows in shuffled.groupby(["head", "tile"]):
        row = rows.iloc[draws.randrange(len(rows))]
        name = f"resnet20-{row['head']}-s{row['seed']:.0f}"
        tries = [training.accuracy(weights.load(name), (shuffle(images, int(row["tile"])), labels)) for _ in range(2)]
        # The order of tiles moves the accuracy on 200 garments by about 0.02; six times that is no luck.
        if abs(sum(tries) / 2 - row["accuracy"]) > 0.13:
            raise ReaderError(
                f"Measured again, {name} at tiles of {row['tile']:.0f} px is not right as often as your row says: "
                "which network, which pictures, which labels?"
            )
    for head, rows in shuffled.groupby("head"):
        if rows.groupby("tile")["accuracy"].nunique().max() < 2 and rows["seed"].nunique() > 2:
            raise ReaderError(f"Three networks of {head} have the same accuracy at every size: are they three?")
    means = table.groupby(["head", "tile"])["accuracy"].mean()
    wanted = {head: 100 * means[head, 14] / means[head, 28] for head in ("gap", "flatten")}
    said = checking.predicted(kept, wanted)
    checking.off([head for head, value in wanted.items() if not abs(said[head] - value) <= 0.005 * value], 2)
    if verdict not in (HOLDS, CAVEATS, FAILS):
        raise ReaderError(f"The verdict is {verdict!r}: give HOLDS, CAVEATS or FAILS.")
    if (verdict == HOLDS) != (wanted["gap"] >= KEEPS):
        raise ReaderError("The verdict does not follow from your own table.")
    checking.passed("Experiment")
