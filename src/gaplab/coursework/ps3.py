"""Checks of problem set 3, NIN's head and ResNet's."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any
from unittest import mock

import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gaplab import counting, data, models
from gaplab.claims import CAVEATS, FAILS, HOLDS
from gaplab.coursework import checking, variant
from gaplab.errors import ReaderError

EXPLODES = 100.0
"""Ratio of the first block's gradient to the last one's above which it is said to explode; it vanishes below 1/100."""


def classes() -> int:
    """Return how many classes the heads of the first exercise have: ImageNet's, or this student's own number."""
    return variant("ps3 classes", 1000, 200, 365, 500, 1200, 2000)


def size() -> int:
    """Return the side in pixels of the first exercise's larger picture."""
    return variant("ps3 size", 320, 256, 288, 352, 384, 448)


def check_costs(prediction: object) -> None:
    """Give ResNet-50 the other order of pool and classifier, and count."""
    names = ("parameters of the new head", "times the multiply-adds of the old head")
    said, network = checking.predicted(prediction, names), counting.on_meta("resnet50", classes())
    old = counting.macs_by_module(network)["fc"]
    network.avgpool = nn.Sequential(nn.Conv2d(2048, classes(), 1, device="meta"), nn.AdaptiveAvgPool2d(1))
    network.fc = nn.Identity()
    wanted = (models.count_parameters(network.avgpool), counting.macs_by_module(network)["avgpool"] / old)
    checking.off([name for name, true in zip(names, wanted, strict=True) if said[name] != true], 2)
    checking.passed("Predicted costs")


def check_cells(prediction: object, seed: int = 3) -> None:
    """Differentiate a logit behind a pool at both sizes, and sum where the pool averages."""
    large = size()
    names = (
        f"cells of the last map at {large} px",
        f"gradient of a logit at one cell, {large} px over 224 px",
        "times the logits at 224 px if the head sums instead",
    )
    said = checking.predicted(prediction, names)
    shape, generator = counting.last_map("resnet50"), torch.Generator().manual_seed(seed)
    weight, slopes, logits = torch.randn(8, generator=generator), {}, {}
    for pixels in (224, large):
        side = shape.side(pixels)
        feature_map = torch.randn(8, side, side, generator=generator).requires_grad_()
        logits[pixels] = (weight @ feature_map.mean(dim=(1, 2)), weight @ feature_map.sum(dim=(1, 2)))
        (slope,) = torch.autograd.grad(logits[pixels][0], feature_map)
        slopes[pixels] = float(slope.norm(dim=0).mean())
    wanted = (shape.side(large) ** 2, slopes[large] / slopes[224], float((logits[224][1] / logits[224][0]).detach()))
    room = (0.0, 0.02, 0.02)  # cells are counted
    judged = zip(names, wanted, room, strict=True)
    checking.off([name for name, true, within in judged if not abs(said[name] - true) <= within * true], len(names))
    checking.passed("Predicted cells")


def check_global_avg_pool(global_avg_pool: Callable[[Tensor], Any], seed: int = 3) -> None:
    """Compare with PyTorch's own pool, on maps as they come and as they are behind a ReLU."""
    generator = torch.Generator().manual_seed(seed)
    for pictures, channels, height, width in ((4, 3, 7, 7), (1, 5, 4, 9), (3, 1, 6, 2), (1, 1, 1, 1), (2, 6, 1, 8)):
        dtype = torch.float64 if height > width else torch.float32
        maps = torch.randn(pictures, channels, height, width, generator=generator, dtype=dtype)
        for kind, each in (("", maps), (" behind a ReLU", maps.relu())):
            given, case = each.clone(), f"{pictures} maps of {channels} x {height} x {width}{kind}"
            pooled = checking.run(global_avg_pool, given, case=case)
            wanted = F.adaptive_avg_pool2d(each, 1)[:, :, 0, 0]
            checking.same_tensor(pooled, wanted, case, "each number is the mean of one channel of one picture.", 1e-5)
            checking.untouched(each, given, "the maps")
    maps = torch.randn(2, 3, 2, 3, generator=generator)
    maps[1, 2, 0, 1] = torch.nan
    pooled = checking.run(global_avg_pool, maps.clone(), case="a map with a cell that is nan")
    if not isinstance(pooled, Tensor) or pooled.isnan().nonzero().tolist() != [[1, 2]]:
        raise ReaderError("A cell that is nan has to show in the mean of its channel, and in no other.")
    checking.passed("global_avg_pool")


Vote = Callable[[Tensor, Tensor, Tensor, Tensor], Any]


def check_vote_map(vote_map: Vote, seed: int = 3) -> None:
    """Compare each vote with the classifier's answer for a picture in which every cell is that one."""
    draws, generator = random.Random(seed), torch.Generator().manual_seed(seed)
    for pictures, height, width in ((3, 7, 7), (1, 3, 5), (5, 4, 2), (2, 3, 4)):
        # Once there is only one channel and one class.
        channels, classes = (draws.randint(3, 8), draws.randint(9, 12)) if height > 3 else (1, 1)
        fc = models.seeded(seed, lambda c=channels, k=classes: nn.Linear(c, k)).cpu()  # type: ignore[misc]
        maps = torch.randn(pictures, channels, height, width, generator=generator)
        of = torch.randperm(classes, generator=generator)[:pictures] if classes > 1 else torch.zeros(pictures).long()
        given, case = maps.clone(), f"{pictures} maps of {channels} x {height} x {width} and the classes {of.tolist()}"
        weight, bias = (parameter.detach().clone() for parameter in (fc.weight, fc.bias))
        copies = [part.clone() for part in (weight, bias, of)]
        votes = checking.run(vote_map, given, *copies, case=case)
        with torch.no_grad():
            cells = maps.permute(0, 2, 3, 1).reshape(-1, channels)
            answers = fc(cells).view(pictures, height, width, classes)
            logits = fc(F.adaptive_avg_pool2d(maps, 1).flatten(1))[range(pictures), of]
        wanted = torch.stack([answers[n, :, :, k] for n, k in enumerate(of.tolist())])
        if isinstance(votes, Tensor) and votes.shape == wanted.shape:
            far = float((votes.mean(dim=(1, 2)) - logits).abs().max())
            if not far < 1e-4:
                raise ReaderError(f"For {case} the mean of your votes misses the logit by up to {far:.3g}.")
        hint = "each cell has to vote as the classifier would if the whole map were like it."
        checking.same_tensor(votes, wanted, case, hint, 1e-4)
        checking.untouched(maps, given, "the maps")
        for before, after, what in zip(
            (weight, bias, of), copies, ("the weight", "the bias", "the classes"), strict=True
        ):
            checking.untouched(before, after, what)
    checking.passed("vote_map")


def check_linear_from_nin(linear_from_nin: Callable[[nn.Conv2d], Any], seed: int = 3) -> None:
    """Compare pool after convolution with linear after pool."""
    draws, generator = random.Random(seed), torch.Generator().manual_seed(seed)
    for channels, classes, bias, dtype in (
        (draws.randint(2, 9), draws.randint(10, 18), True, torch.float64),
        (draws.randint(2, 9), draws.randint(10, 18), False, torch.float64),
        (5, 5, True, torch.float64),
        (draws.randint(10, 18), draws.randint(2, 9), True, torch.float32),
        (1, draws.randint(2, 9), True, torch.float32),
        (draws.randint(2, 9), 1, False, torch.float32),
        (1, 1, True, torch.float64),
    ):
        convolution = models.seeded(
            seed, lambda c=channels, k=classes, b=bias: nn.Conv2d(c, k, 1, bias=b)  # type: ignore[misc]
        ).cpu().to(dtype)  # fmt: skip
        case = f"{channels} channels, {classes} classes, {'with' if bias else 'without'} bias, {dtype}"
        kept = checking.Kept(convolution)
        linear = checking.run(linear_from_nin, convolution, case=case)
        if not isinstance(linear, nn.Linear):
            raise ReaderError(f"For {case} an nn.Linear is wanted, but {type(linear).__name__} came back.")
        if (linear.in_features, linear.out_features) != (channels, classes):
            raise ReaderError(
                f"For {case} the layer has in_features={linear.in_features} and out_features={linear.out_features}."
            )
        if (linear.bias is not None) != bias:
            raise ReaderError(f"For {case} the linear layer has {'no' if bias else 'a'} bias.")
        if not all(parameter.requires_grad for parameter in linear.parameters()):
            raise ReaderError("The linear layer cannot be trained on: its parameters take no gradient.")
        for height, width in ((7, 7), (3, 10)):
            maps = torch.randn(4, channels, height, width, generator=generator, dtype=dtype)
            with torch.no_grad():
                wanted = F.adaptive_avg_pool2d(convolution(maps), 1).flatten(1)
                pooled = F.adaptive_avg_pool2d(maps, 1).flatten(1)
                given = checking.run(linear, pooled, case=case)
            hint = "linear after pool has to be pool after convolution."
            checking.same_tensor(given, wanted, case, hint, 1e-5)
        kept.check("the convolution")
        with torch.no_grad():
            for parameter in linear.parameters():
                parameter.zero_()  # as training would, and the convolution must not feel it
        kept.check("the convolution")
    checking.passed("linear_from_nin")


Probabilities = Callable[[Tensor], Any]


def check_nin_probabilities(nin_probabilities: Probabilities, seed: int = 3) -> None:
    """Compare the probabilities of a NIN with softmax of its logits."""
    generator = torch.Generator().manual_seed(seed)
    for pictures, classes, height, width in ((5, 10, 7, 7), (1, 10, 8, 8), (3, 4, 2, 9), (2, 1000, 1, 1)):
        maps = 3 * torch.randn(pictures, classes, height, width, generator=generator)
        # Averages of logits in the tens, as a trained network has them.
        maps += 10 * torch.rand(pictures, classes, 1, 1, generator=generator)
        given, case = maps.clone(), f"{pictures} pictures, {classes} class maps of {height} x {width}"
        found = checking.run(nin_probabilities, given, case=case)
        wanted = F.softmax(F.adaptive_avg_pool2d(maps, 1)[:, :, 0, 0], dim=1)
        hint = "what does the text average, and when comes the softmax?"
        checking.same_tensor(found, wanted, case, hint, 1e-5)
        checking.untouched(maps, given, "the class maps")
    checking.passed("nin_probabilities")


def check_catches(catches: Callable[[Probabilities], Any], colleague: Probabilities) -> None:
    """Try a student's test on implementations that are right and on wrong ones, the colleague's among them.

    At grading it meets others, of the same kinds.
    """
    uneven = torch.linspace(0.9, 1.1, 7)
    rights: dict[str, Probabilities] = {
        "an implementation that is right": lambda m: F.softmax(F.avg_pool2d(m, m.shape[2:]).flatten(1), dim=1),
        "one that is right and adds in another order": lambda m: (m.sum(dim=3).sum(dim=2) / m[0, 0].numel()).softmax(
            dim=1
        ),
    }
    wrongs: dict[str, Probabilities] = {
        "the colleague's implementation": colleague,
        "one that gives every class the same probability": lambda m: torch.full_like(m[:, :, 0, 0], 1 / m.shape[1]),
        "one that gives every picture the first one's probabilities": lambda m: (
            m.mean(dim=(2, 3)).softmax(dim=1)[:1].expand(len(m), -1)
        ),
        "one that weights the columns slightly differently": lambda m: (
            (m * uneven.to(m.dtype)[torch.arange(m.shape[3]) % 7]).mean(dim=(2, 3)).softmax(dim=1)
        ),
        "one whose last probability is nan": lambda m: torch.cat(
            [m.mean(dim=(2, 3)).softmax(dim=1)[:, :-1], torch.full_like(m[:, :1, 0, 0], torch.nan)], dim=1
        ),
    }
    try_test(catches, rights, wrongs)
    checking.passed("catches")


def try_test(
    catches: Callable[[Probabilities], Any], rights: dict[str, Probabilities], wrongs: dict[str, Probabilities]
) -> None:
    """Try a student's test on implementations, where its own ``nin_probabilities`` cannot be asked.

    Args:
        catches: The student's test.
        rights: Implementations that it has to accept, by what they are.
        wrongs: Those that it has to catch.
    """

    def refuse(_: object) -> None:
        raise ReaderError("a test that compares with your own nin_probabilities shares its mistakes.")

    names = getattr(catches, "__globals__", {})
    hidden = {"nin_probabilities": refuse} if "nin_probabilities" in names else {}
    with mock.patch.dict(names, hidden):
        for wanted, implementations in ((False, rights), (True, wrongs)):
            for what, implementation in implementations.items():
                found = checking.run(catches, implementation, case=what)
                if checking.answered(found, not wanted):
                    raise ReaderError(f"Your test {'lets pass' if wanted else 'rejects'} {what}.")
                if not checking.answered(found, wanted):
                    raise ReaderError(f"For {what} a plain True or False is wanted, but {found!r} came back.")


Ratio = Callable[[nn.Module, Tensor, Tensor], Any]


def _experiment_checks() -> tuple[Callable[..., None], Callable[..., None]]:
    """Make the two checks of the experiment. What they both measure lies in here, out of an answer's reach."""
    known: dict[tuple[str, int], float] = {}

    def ratio(network: nn.Module, inputs: Tensor, targets: Tensor) -> float:
        convolutions = {name: p for name, p in network.named_parameters() if name.endswith("conv1.weight")}
        last_block = [name for name in convolutions if name.startswith("layer3.")][-1]
        ends = (convolutions["layer1.0.conv1.weight"], convolutions[last_block])
        first, last = torch.autograd.grad(F.cross_entropy(network(inputs), targets), ends)
        return float(first.norm() / last.norm())

    def follows(log_ratio: float) -> str:
        if abs(log_ratio) <= math.log(EXPLODES):
            return "neither"
        return "explodes" if log_ratio > 0 else "vanishes"

    def check_first_to_last(first_to_last: Ratio, seed: int = 3) -> None:
        """Compare the ratio of two gradients with one that autograd gives for these two weights alone."""
        images, labels = data.stratified("train", 40)
        inputs = data.normalise(images)
        batches = list(zip(inputs.split(20), labels.to(inputs.device).split(20), strict=True))
        for name, norm, training in (
            *(("resnet8", True, True), ("plain20", True, False), ("resnet8", False, True), ("resnet32", True, False)),
        ):
            network = models.build(name, norm=norm, seed=seed % 1000).train(training)
            case = f"{name} {'with' if norm else 'without'} batch norm"
            weights = [p.detach().clone() for p in network.parameters()]
            found = [checking.real(checking.run(first_to_last, network, *batch, case=case), case) for batch in batches]
            if any(not torch.equal(p, before) for p, before in zip(network.parameters(), weights, strict=True)):
                raise ReaderError(
                    "Your code changed the weights of the network: measure the gradient, and take no step."
                )
            for value, batch in zip(found, batches, strict=True):
                if not abs(value / ratio(network.train(), *batch) - 1) < 0.003 * checking.slack():
                    raise ReaderError(
                        f"For {case} your ratio {value:.4g} is wrong: which two gradients, of one batch, in which mode?"
                    )
        checking.passed("first_to_last")

    def check_gradients(gradients: object, conclusion: object, verdict: object, seed: int = 3) -> None:
        """Check the form of the table, measure its rows again, and ask whether the conclusion follows from it.

        Args:
            gradients: The student's table.
            conclusion: What the student says the gradient does at depth 56, by kind of network.
            verdict: The student's verdict.
            seed: Of those rows beyond the first thirty that are measured again.
        """
        columns = {"kind": None, "depth": (8, 110), "seed": (0, 1000), "ratio": (0.0, math.inf)}
        table = checking.frame(gradients, columns, "gradients")
        for kind in ("plain", "resnet"):
            for depth in (8, 20, 56):
                rows = table[(table["kind"] == kind) & (table["depth"] == depth)]
                if len(set(rows["seed"])) < 3:
                    raise ReaderError(f"The table has not three seeds of {kind}{depth}: one run shows no spread.")
        images, labels = data.stratified("train", 40)
        inputs = data.normalise(images)
        # Row by row, as deep networks cost most: what is asked for first, then a draw of what is further there.
        asked = table["depth"].isin((8, 20, 56))
        further = table[~asked].sample(frac=1, random_state=seed % 2**32)
        for _, row in pd.concat([table[asked], further])[:30].iterrows():
            name, of = f"{row['kind']}{row['depth']:.0f}", int(row["seed"])
            if (name, of) not in known:
                known[name, of] = ratio(models.build(name, seed=of).train(), inputs, labels.to(inputs.device))
            # The same computation on the same machine: what it may differ by is rounding in another order.
            if not abs(math.log(max(row["ratio"], 1e-300) / known[name, of])) < 0.05:
                raise ReaderError(f"The ratio of {name}, seed {of}, is another one when it is measured again.")
        deep = table[table["depth"] == 56]
        wanted = {kind: follows(rows["ratio"].map(math.log).mean()) for kind, rows in deep.groupby("kind")}
        if not isinstance(conclusion, dict) or set(conclusion) != {"plain", "resnet"}:
            raise ReaderError("conclusion has to be a dictionary with the keys 'plain' and 'resnet'.")
        for kind, word in conclusion.items():
            if word not in ("vanishes", "explodes", "neither"):
                raise ReaderError(f"The conclusion on {kind} is {word!r}: give 'vanishes', 'explodes' or 'neither'.")
            if word != wanted[kind]:
                raise ReaderError(f"The conclusion on {kind} does not follow from the table's rows of depth 56.")
        if verdict not in (HOLDS, CAVEATS, FAILS):
            raise ReaderError(f"The verdict is {verdict!r}: give HOLDS, CAVEATS or FAILS.")
        if (verdict == HOLDS) != (wanted["plain"] == "vanishes"):
            raise ReaderError("The verdict does not follow from your own table.")
        checking.passed("Experiment")

    return check_first_to_last, check_gradients


check_first_to_last, check_gradients = _experiment_checks()
