"""Checks of problem set 1, what the head costs."""

from __future__ import annotations

import copy
import functools
import random
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import nn

from gaplab import counting, models
from gaplab.claims import CAVEATS, FAILS, HOLDS
from gaplab.coursework import checking
from gaplab.errors import ReaderError

NEGLIGIBLE = 5.0
"""Percent of a network's multiply-adds below which the claim of the last experiment calls a head negligible."""


def check_parameters(prediction: object) -> None:
    """Compare the predicted parameters and bytes of ResNet-50's heads with the counted ones."""
    many = counting.budget("resnet50", 21_841)
    wanted = {
        "percent of the parameters in a head of 21,841 classes": 100 * many.head_share,
        "megabytes of that head under Adam": counting.training_bytes(many.head, "adam") / 1e6,
    }
    checking.predictions(prediction, wanted, dict.fromkeys(wanted, 0.08))
    checking.passed("Predicted parameters")


def check_growth(prediction: object) -> None:
    """Compare the predicted growth with ResNet-50's, counted at both sizes."""
    shape, network = counting.last_map("resnet50"), counting.on_meta("resnet50")
    work = {size: counting.macs_by_module(network, size) for size in (224, 448)}
    small, large = (counts[""] - counts["fc"] for counts in work.values())
    wanted = {
        "backbone's multiply-adds, 448 px over 224 px": large / small,
        "GAP head's multiply-adds, 448 px over 224 px": work[448]["fc"] / work[224]["fc"],
        "flattened head's weights, 257 px over 256 px": (shape.side(257) / shape.side(256)) ** 2,
    }
    checking.predictions(prediction, wanted, dict.fromkeys(wanted, 0.02))
    checking.passed("Predicted growth")


def check_classes_for_share(classes_for_share: Callable[[int, int, int], Any], seed: int = 1) -> None:
    """Try the number of classes on its own definition: it reaches the share, and one class less does not."""
    draws = random.Random(seed)
    cases = [(900, 9, 50), (100, 1, 1), (23_508_032, 2048, 50)]
    cases += [(draws.randint(100, 10**8), draws.randint(1, 4096), draws.randint(1, 99)) for _ in range(60)]
    for backbone, channels, percent in cases:
        case = f"a backbone of {backbone:,} parameters, {channels} channels and {percent} %"
        classes = checking.run(classes_for_share, backbone, channels, percent, case=case)
        if type(classes) is not int:
            raise ReaderError(f"For {case} a whole number (int) is wanted, but {classes!r} came back.")
        if classes < 1 or not _reaches(backbone, channels, classes, percent):
            raise ReaderError(f"For {case} your {classes:,} classes do not yet reach that share.")
        if _reaches(backbone, channels, classes - 1, percent):
            raise ReaderError(
                f"For {case} fewer classes than your {classes:,} reach that share: has the head more weights?"
            )
    checking.passed("classes_for_share")


def _reaches(backbone: int, channels: int, classes: int, percent: int) -> bool:
    if classes < 1:
        return False
    head = models.count_parameters(nn.Linear(channels, classes, device="meta"))
    return 100 * head >= percent * (backbone + head)


Count = Callable[[nn.Sequential, int, int, int], Any]
Head = tuple[str, nn.Sequential, tuple[int, int, int]]


def vector_heads(draws: random.Random) -> list[Head]:
    """Draw heads whose only weights are linear layers: pooled, flattened, and with a hidden layer."""
    heads: list[Head] = []
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


def convolution_heads(draws: random.Random) -> list[Head]:
    """Draw heads with convolutions before the pool: 1x1 as in NIN, with stride, padding and groups."""
    heads: list[Head] = []
    for _ in range(3):
        groups = draws.randint(2, 4)
        channels, height, width = groups * draws.randint(2, 6), draws.randint(5, 7), draws.randint(8, 11)
        classes, shape = draws.randint(2, 30), (channels, height, width)
        ending = [nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        strided = nn.Conv2d(channels, groups * 3, (3, 1), stride=draws.randint(2, 3), padding=(1, 0), groups=groups)
        heads += [
            ("a 1x1 convolution and a pool", nn.Sequential(nn.Conv2d(channels, classes, 1), *ending), shape),
            ("a 3x3 convolution without padding", nn.Sequential(nn.Conv2d(channels, classes, 3), *ending), shape),
            (f"a convolution with stride and {groups} groups, and a linear layer",
             nn.Sequential(strided, *ending, nn.Linear(groups * 3, classes, bias=False)), shape),
        ]  # fmt: skip
    return heads


def check_head_macs(head_macs: Count, heads: Iterable[Head]) -> None:
    """Compare a count of multiply-adds with PyTorch's own counter, head by head."""
    for what, head, shape in heads:
        case = f"{what}, map {shape[0]} x {shape[1]} x {shape[2]},"
        wanted, before = counting.total_macs(head.eval(), (1, *shape)), copy.deepcopy(head)
        counts = [checking.run(head_macs, head, *shape, case=case) for _ in range(2)]
        for given in counts:
            if type(given) is not int:
                raise ReaderError(f"For {case} a whole number (int) is wanted, but {given!r} came back.")
            if given != wanted:
                raise ReaderError(f"For {case} your count {given:,} is wrong{_suspicion(given, wanted, head)}.")
        if any(module._forward_hooks for module in head.modules()):
            raise ReaderError("Your code leaves hooks on the head that it was given: remove them when it is done.")
        if str(head) != str(before):
            raise ReaderError("Your code changed the head that it was given: leave it as it was.")
    checking.passed("head_macs")


def _suspicion(given: int, wanted: int, head: nn.Module) -> str:
    weights = sum(p.numel() for p in head.parameters() if p.dim() > 1)
    if given == 2 * wanted:
        return ": one multiplication together with one addition is one multiply-add"
    if given in (weights, models.count_parameters(head)):
        return ": that is how many parameters there are, not how often each is used"
    return ""


Measure = Callable[[nn.Module, torch.optim.Optimizer], Any]
OPTIMISERS: dict[str, Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]] = {
    "SGD": lambda parameters: torch.optim.SGD(parameters, lr=0.01),
    "SGD with momentum": lambda parameters: torch.optim.SGD(parameters, lr=0.01, momentum=0.9),
    "Adam": lambda parameters: torch.optim.Adam(parameters),
    "AdamW with amsgrad": lambda parameters: torch.optim.AdamW(parameters, amsgrad=True),
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
    for optimiser, dtype, frozen in (
        *((name, torch.float32, False) for name in OPTIMISERS),
        (draws.choice(list(OPTIMISERS)), torch.float64, False),
        ("SGD with momentum", torch.bfloat16, False),
        (draws.choice(list(OPTIMISERS)), torch.float32, True),
    ):
        network, chosen = trained_once(draws, optimiser, dtype, frozen)
        trained = sum(p.numel() for p in network.parameters() if p.requires_grad)
        still = models.count_parameters(network) - trained
        wanted = (copies[optimiser] * trained + still) * dtype.itemsize
        case = f"{optimiser}, {str(dtype).removeprefix('torch.')}{', backbone frozen' if frozen else ''},"
        given = checking.run(training_bytes, network, chosen, case=case)
        if type(given) is not int:
            raise ReaderError(f"For {case} a whole number of bytes (int) is wanted, but {given!r} came back.")
        # Adam keeps a step counter of 4 bytes for each tensor, which may be counted or not.
        if not 0 <= given - wanted <= 4 * len(list(network.parameters())):
            raise ReaderError(
                f"For {case} {given:,} bytes is too {'few' if given < wanted else 'many'}: which tensors are kept, "
                "how often is each, and how many bytes has a number?"
            )
    checking.passed("training_bytes")


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
    more = [(draws.choice(models.TORCHVISION_RESNETS), h, draws.randint(32, 300), draws.randint(2, 30_000))
            for h in ("gap", "flatten")]  # fmt: skip
    for condition in more:
        case = "head_share of {}, head {}, {} px, {:,} classes".format(*condition)
        if not _close(given := checking.run(head_share, *condition, case=case), _share(*condition)):
            raise ReaderError(f"{case} is {given!r}, which is not the head's percentage of all multiply-adds.")
    by_share = sorted(rows, key=lambda row: row["share"])
    # Building a network takes a part of a second: of many rows some are counted again, the two that decide among them.
    for row in (by_share[0], by_share[-1], *draws.sample(rows, k=6)):
        if not _close(row["share"], _share(*(row[key] for key in keys))):
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


@functools.cache
def _share(network: str, head: str, size: int, classes: int) -> float:
    """Count the head's percentage of all multiply-adds on the built network."""
    if network not in models.TORCHVISION_RESNETS or head not in ("gap", "flatten"):
        raise ReaderError(f"There is no condition {network!r}, {head!r} here: take a ResNet, and 'gap' or 'flatten'.")
    with torch.device("meta"):
        built = models.torchvision_resnet(network, head, classes=classes, size=size)  # type: ignore[arg-type]
    counts: Mapping[str, int] = counting.macs_by_module(built.eval(), size)
    return 100 * counts["fc"] / counts[""]


def _close(given: object, wanted: float) -> bool:
    return isinstance(given, int | float) and abs(given - wanted) <= 1e-3 * wanted
