"""Checks of problem set 1, what the head costs."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterable
from typing import Any
from unittest import mock

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from gaplab import counting, models
from gaplab.claims import CAVEATS, FAILS, HOLDS
from gaplab.coursework import checking, variant
from gaplab.errors import ReaderError

NEGLIGIBLE = 5.0
"""Percent of a network's multiply-adds below which the claim of the last experiment calls a head negligible."""


def classes() -> int:
    """Return how many classes the head of the first exercise has: ImageNet-21k's, or this student's own number."""
    return variant("ps1 classes", 21_841, 8_000, 10_000, 12_500, 16_000, 28_000)


def check_parameters(prediction: object) -> None:
    """Compare the predicted parameters and bytes of ResNet-50's heads with the counted ones."""
    names = (f"percent of the parameters in a head of {classes():,} classes", "megabytes of that head under Adam")
    said, many = checking.predicted(prediction, names), counting.budget("resnet50", classes())
    wanted = (100 * many.head_share, counting.training_bytes(many.head, "adam") / 1e6)
    checking.off([n for n, true in zip(names, wanted, strict=True) if not abs(said[n] - true) <= 0.08 * true], 2)
    checking.passed("Predicted parameters")


def check_growth(prediction: object) -> None:
    """Compare the predicted growth with ResNet-50's, counted at both sizes."""
    names = (
        "backbone's multiply-adds, 448 px over 224 px",
        "GAP head's multiply-adds, 448 px over 224 px",
        "flattened head's weights, 257 px over 256 px",
    )
    said = checking.predicted(prediction, names)
    shape, network = counting.last_map("resnet50"), counting.on_meta("resnet50")
    work = {size: counting.macs_by_module(network, size) for size in (224, 448)}
    small, large = (counts[""] - counts["fc"] for counts in work.values())
    wanted = (large / small, work[448]["fc"] / work[224]["fc"], (shape.side(257) / shape.side(256)) ** 2)
    checking.off([n for n, true in zip(names, wanted, strict=True) if not abs(said[n] - true) <= 0.02 * true], 3)
    checking.passed("Predicted growth")


def check_classes_for_share(classes_for_share: Callable[[int, int, int], Any], seed: int = 1) -> None:
    """Try the number of classes on its own definition: it reaches the share, and one class less does not."""
    draws = random.Random(seed)
    cases = [(900, 9, 50), (100, 1, 1), (23_508_032, 2048, 50)]
    # Of any size: beyond 2**53 floats have no digits left for the last class.
    for digits in range(3, 31):
        channels, percent = draws.randint(1, 4096), draws.randint(1, 99)
        backbone = draws.randint(10 ** (digits - 1), 10**digits)
        # With this many parameters a whole number of classes has exactly that share, and with one more it has not.
        exact = (channels + 1) * (100 - percent) * max(1, backbone // channels)
        cases += [(n, channels, percent) for n in (backbone, exact, exact + 1, exact - 1)]

    def reaches(classes: int) -> bool:
        head = classes * (channels + 1)
        return classes >= 1 and 100 * head >= percent * (backbone + head)

    for backbone, channels, percent in cases:
        case = f"a backbone of {backbone:,} parameters, {channels} channels and {percent} %"
        classes = checking.whole(checking.run(classes_for_share, backbone, channels, percent, case=case), case)
        if not reaches(classes):
            raise ReaderError(f"For {case} your {classes:,} classes do not yet reach that share.")
        if reaches(classes - 1):
            raise ReaderError(
                f"For {case} fewer classes than your {classes:,} reach that share: has the head more weights, or were "
                "numbers rounded?"
            )
    checking.passed("classes_for_share")


Count = Callable[[nn.Sequential, int, int, int], Any]
Head = tuple[str, nn.Sequential, tuple[int, int, int]]


def vector_heads(seed: int = 1) -> list[Head]:
    """Draw heads whose only weights are linear layers: pooled, flattened, and with a hidden layer."""
    draws, heads = random.Random(seed), list[Head]()
    for _ in range(3):
        channels, height, width = draws.randint(2, 40), draws.randint(2, 7), draws.randint(8, 11)
        classes, hidden, cells = draws.randint(2, 30), draws.randint(31, 60), height * width
        shape = (channels, height, width)
        pool, bias = nn.AdaptiveAvgPool2d(1), draws.random() < 0.5
        flat = nn.Sequential(nn.Flatten(), nn.Linear(channels * cells, classes))
        hidden_head = [nn.Linear(channels * cells, hidden), nn.ReLU(), nn.Dropout(0.5), nn.Linear(hidden, classes)]
        heads += [
            ("pool and one linear layer", nn.Sequential(pool, nn.Flatten(), nn.Linear(channels, classes, bias)), shape),
            ("one linear layer on the flattened map", flat, shape),
            ("a hidden layer on the flattened map", nn.Sequential(nn.Flatten(), *hidden_head), shape),
        ]  # fmt: skip
    return heads


def convolution_heads(seed: int = 1) -> list[Head]:
    """Draw heads with convolutions before the pool: 1x1 as in NIN, with stride, padding and groups."""
    draws, heads = random.Random(seed), list[Head]()
    for stride in ((1, 2), (3, 1), (2, 3)):
        groups = draws.randint(2, 4)
        channels, height, width = groups * draws.randint(2, 6), draws.randint(5, 7), draws.randint(8, 11)
        classes, shape = draws.randint(2, 30), (channels, height, width)
        ending = [nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        strided = nn.Conv2d(channels, groups * 3, (3, 2), stride, padding=(1, 0), groups=groups)
        heads += [
            ("a 1x1 convolution and a pool", nn.Sequential(nn.Conv2d(channels, classes, 1), *ending), shape),
            ("a 3x3 convolution without padding", nn.Sequential(nn.Conv2d(channels, classes, 3), *ending), shape),
            (f"a convolution with stride and {groups} groups, and a linear layer",
             nn.Sequential(strided, *ending, nn.Linear(groups * 3, classes, bias=False)), shape),
        ]  # fmt: skip
    return heads


def check_head_macs(head_macs: Count, heads: Iterable[Head]) -> None:
    """Compare a count of multiply-adds with PyTorch's own counter, head by head."""

    def refuse(*_: object) -> None:
        raise ReaderError("PyTorch's counter is the judge, so it cannot be the answer: count yourself.")

    for index, (what, head, shape) in enumerate(heads):
        head.train(index % 2 == 0)
        kept = checking.Kept(head, gradients=True)
        channels, height, width = shape
        shapes = [shape]
        if not isinstance(head[0], nn.Flatten):
            shapes.append((channels, height + 2, width + 1))  # the same head on a larger map
        for at in (*shapes, shape):
            case = f"{what}, map {at[0]} x {at[1]} x {at[2]},"
            wanted = counting.total_macs(copy.deepcopy(head).eval(), (1, *at))
            with mock.patch.object(FlopCounterMode, "__enter__", refuse):
                given = checking.whole(checking.run(head_macs, head, *at, case=case), case)
            if given != wanted:
                raise ReaderError(f"For {case} your count {given:,} is wrong{_suspicion(given, wanted, head)}.")
            kept.check("the head")
    checking.passed("head_macs")


def _suspicion(given: int, wanted: int, head: nn.Module) -> str:
    weights = sum(p.numel() for p in head.parameters() if p.dim() > 1)
    if given == 2 * wanted:
        return ": one multiplication together with one addition is one multiply-add"
    if given in (weights, models.count_parameters(head)):
        return ": that is how many parameters there are, not how often each is used"
    return ""


class _Counting(torch.optim.SGD):
    """SGD that also keeps a plain number for each weight, as several optimisers do."""

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Take a step, and count it."""
        super().step(closure)
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self.state[parameter]["steps"] = self.state[parameter].get("steps", 0) + 1


Measure = Callable[[nn.Module, torch.optim.Optimizer], Any]
OPTIMISERS: dict[str, Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]] = {
    "SGD": lambda parameters: torch.optim.SGD(parameters, lr=0.01),
    "SGD with momentum": lambda parameters: torch.optim.SGD(parameters, lr=0.01, momentum=0.9),
    "Adam": lambda parameters: torch.optim.Adam(parameters),
    "AdamW with amsgrad": lambda parameters: torch.optim.AdamW(parameters, amsgrad=True),
    "an optimiser with numbers of its own": lambda parameters: _Counting(parameters, lr=0.01, momentum=0.9),
}


def trained_once(
    draws: random.Random, optimiser: str, dtype: torch.dtype = torch.float32, frozen: bool = False
) -> tuple[nn.Module, torch.optim.Optimizer]:
    """Build a small network of nested modules and take one training step.

    Args:
        draws: Of the widths.
        optimiser: A key of `OPTIMISERS`.
        dtype: Of the weights.
        frozen: Whether the backbone is frozen, as in transfer learning; the optimiser then gets the head alone.
    """
    width = draws.randint(3, 9)
    block = nn.Sequential(nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width)), nn.ReLU())
    network = nn.Sequential(block, nn.Sequential(nn.Flatten(), nn.Linear(width * 36, draws.randint(2, 9)))).to(dtype)
    block.requires_grad_(not frozen)
    chosen = OPTIMISERS[optimiser]([p for p in network.parameters() if p.requires_grad])
    torch.autograd.backward(network(torch.randn(2, 3, 8, 8, dtype=dtype)).float().sum())
    chosen.step()
    return network, chosen


def check_training_bytes(training_bytes: Measure, seed: int = 1) -> None:
    """Compare the bytes with arithmetic (float32, all layers trained), then for another type and a frozen backbone."""
    draws = random.Random(seed)
    copies = {"SGD": 2, "SGD with momentum": 3, "Adam": 4, "AdamW with amsgrad": 5}
    cases = [(name, torch.float32, False) for name in OPTIMISERS]
    cases += [(draws.choice(list(copies)), torch.float64, False), ("SGD with momentum", torch.bfloat16, False)]
    cases += [(draws.choice(list(copies)), torch.float32, True)]
    for optimiser, dtype, frozen in cases:
        network, chosen = trained_once(draws, optimiser, dtype, frozen)
        trained = [p for p in network.parameters() if p.requires_grad]
        still = [p for p in network.parameters() if not p.requires_grad]
        wanted = (
            copies.get(optimiser, 3) * sum(p.numel() for p in trained) + sum(p.numel() for p in still)
        ) * dtype.itemsize
        # Adam keeps a step counter for each tensor, in 4 bytes.
        wanted += 4 * len(trained) if "Adam" in optimiser else 0
        case = f"{optimiser}, {str(dtype).removeprefix('torch.')}{', backbone frozen' if frozen else ''},"
        _compare_bytes(training_bytes, network, chosen, wanted, case)
    tied = nn.Sequential(nn.Linear(6, 6, bias=False), nn.Linear(6, 6, bias=False))
    tied[1].weight = tied[0].weight
    sgd = torch.optim.SGD(tied.parameters(), lr=0.1, momentum=0.9)
    torch.autograd.backward(tied(torch.ones(1, 6)).sum())
    sgd.step()
    _compare_bytes(training_bytes, tied, sgd, 3 * 36 * 4, "two layers that share one weight, kept once,")
    checking.passed("training_bytes")


def _compare_bytes(
    training_bytes: Measure, network: nn.Module, optimiser: torch.optim.Optimizer, wanted: int, case: str
) -> None:
    kept = checking.Kept(network, gradients=True)
    given = checking.whole(checking.run(training_bytes, network, optimiser, case=case), case)
    if given != wanted:
        raise ReaderError(
            f"For {case} {given:,} bytes is too {'few' if given < wanted else 'many'}: which tensors are kept, "
            "how often is each, and how many bytes has a number?"
        )
    kept.check()


def check_experiment(
    head_share: Callable[[str, str, int, int], Any], rows: object, verdict: object, seed: int = 1
) -> None:
    """Check the form of the experiment, count its rows again, and ask whether the verdict follows from them.

    Args:
        head_share: The student's function of network, head, size and classes.
        rows: The student's measurements.
        verdict: The student's verdict.
        seed: Of further conditions on which the function is tried.
    """
    draws = random.Random(seed)
    keys = ("network", "head", "size", "classes")
    if not isinstance(rows, list) or not all(isinstance(row, dict) and {*keys, "share"} <= set(row) for row in rows):
        raise ReaderError(f"rows has to be a list of dictionaries with the keys {', '.join(keys)} and share.")
    if len({tuple(row[key] for key in keys) for row in rows}) < 8:
        raise ReaderError("The experiment has fewer than eight different conditions: measure more.")
    for key in keys:
        if len({row[key] for row in rows}) < 2:
            raise ReaderError(f"All rows have the same {key}: vary it, or you cannot say whether it matters.")
    trunks: dict[tuple[str, int], int] = {}

    def holds(given: object, network: str, head: str, size: int, classes: int) -> bool:
        if network not in models.TORCHVISION_RESNETS or head not in ("gap", "flatten"):
            raise ReaderError(
                f"There is no condition {network!r}, {head!r} here: take a ResNet, and 'gap' or 'flatten'."
            )
        if (network, size) not in trunks:
            counts = counting.macs_by_module(counting.on_meta(network), size)
            trunks[network, size] = counts[""] - counts["fc"]
        shape = counting.last_map(network)
        work = shape.channels * classes * (shape.side(size) ** 2 if head == "flatten" else 1)
        wanted = 100 * work / (work + trunks[network, size])
        return isinstance(given, int | float) and abs(given - wanted) <= 1e-3 * wanted

    for head in ("gap", "flatten", "gap"):
        condition = (draws.choice(models.TORCHVISION_RESNETS), head, draws.randint(32, 300), draws.randint(2, 30_000))
        case = "head_share of {}, head {}, {} px, {:,} classes".format(*condition)
        if not holds(given := checking.run(head_share, *condition, case=case), *condition):
            raise ReaderError(f"{case} is {given!r}, which is not the head's percentage of all multiply-adds.")
    for row in rows:
        if not holds(row["share"], *(row[key] for key in keys)):
            raise ReaderError(f"The row {row} does not hold the head's percentage: fill it from head_share.")
    if max(row["share"] for row in rows) < 4 * NEGLIGIBLE:
        raise ReaderError(
            f"No row has a share of {4 * NEGLIGIBLE:g} % or more. A claim is tried where it is weakest: which small "
            "networks, sizes or numbers of classes make the backbone's work small and the head's large?"
        )
    if min(row["share"] for row in rows) >= NEGLIGIBLE:
        raise ReaderError(f"No row is below {NEGLIGIBLE:g} %: show also where the claim stands.")
    if verdict not in (HOLDS, CAVEATS, FAILS):
        raise ReaderError(f"The verdict is {verdict!r}: give HOLDS, CAVEATS or FAILS.")
    if verdict == HOLDS:
        raise ReaderError("Your own rows hold a case against the claim, and yet the verdict says that it holds.")
    checking.passed("Experiment")
