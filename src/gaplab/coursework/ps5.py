"""Checks of problem set 5, between the average and the maximum."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gaplab import data, models, weights
from gaplab.coursework import checking, variant
from gaplab.errors import ReaderError

Pool = Callable[..., Any]
STAGES = ("layer1", "layer2", "layer3")


def size() -> int:
    """Return the side in pixels of the first exercise's picture."""
    return variant("ps5 size", 40, 32, 36, 44, 48, 56)


def skip() -> int:
    """Return how many test garments of each class the experiment passes over."""
    return variant("ps5 skip", 0, 10, 20, 30, 40, 50)


def check_prediction(prediction: object) -> None:
    """Let PyTorch back-propagate through the pools and through a block of ResNet-20, and compare."""
    names = (
        "cells with a gradient behind global max",
        "L2 norm behind max, as a multiple of average",
        "cells with a gradient, all equal, torch.amax",
        "cells with a gradient, all equal, F.max_pool2d",
        "cells that one cell reaches, one block back",
    )
    said, generator = checking.predicted(prediction, names), torch.Generator().manual_seed(5)
    network = models.resnet20("max").cpu().eval()
    with torch.no_grad():
        features = network.features(torch.randn(1, 1, size(), size(), generator=generator))
    x = torch.rand(features.shape, generator=generator, dtype=torch.float64)  # no two cells alike
    flat = torch.zeros_like(x[:, :1])

    def gradient(pool: Callable[[Tensor], Tensor], maps: Tensor) -> Tensor:
        maps = maps.clone().requires_grad_()
        return torch.autograd.grad(pool(maps).sum(), maps)[0][0, 0]

    def reach(stage: nn.Module) -> int:
        """Count the cells at a block's input that get a gradient from one cell at its output, all else apart."""
        block = list(stage.children())[-1].double().eval()
        with torch.no_grad():
            for parameter in block.parameters():
                parameter.abs_()  # positive all along, so that no ReLU and no cancellation stops a gradient
        maps = torch.ones(1, 64, 10, 10, dtype=torch.float64, requires_grad=True)
        found = torch.autograd.grad(block(maps)[0, 0, 5, 5], maps)[0]
        return int((found[0].abs().sum(dim=0) > 0).sum())

    by_max, by_mean = gradient(lambda m: m.amax(dim=(2, 3)), x), gradient(lambda m: m.mean(dim=(2, 3)), x)
    wanted = (
        int((by_max != 0).sum()),
        float(by_max.norm() / by_mean.norm()),
        int((gradient(lambda m: m.amax(dim=(2, 3)), flat) != 0).sum()),
        int((gradient(lambda m: F.max_pool2d(m, m.shape[2:]), flat) != 0).sum()),
        reach(cast(nn.Module, network.layer3)),
    )
    room = (0.0, 0.01, 0.0, 0.0, 0.0)
    judged = zip(names, wanted, room, strict=True)
    checking.off([name for name, true, within in judged if not abs(said[name] - true) <= within * true], len(names))
    checking.passed("Predictions")


def _maps(generator: torch.Generator, dtype: torch.dtype, scale: float = 1.0, zeros: bool = True) -> Tensor:
    """Draw maps as behind a ReLU: channels of different strength, no cell negative, some zero, never all of them."""
    # Never square, and several pictures, channels, rows and columns, so that no axis can be taken for another.
    pictures, channels, height, more = (int(torch.randint(2, 4, (1,), generator=generator)) for _ in range(4))
    shape = (pictures, channels, height, height + more)
    maps = torch.rand(shape, generator=generator, dtype=torch.float64) + 0.05
    if zeros:
        maps = maps * (torch.rand(shape, generator=generator) > 0.3)
        maps[:, :, -1, -1] = 0
    maps[:, :, 0, 0] += 0.1
    maps *= 10 ** (-2 * torch.rand((*shape[:2], 1, 1), generator=generator, dtype=torch.float64))
    return (scale * maps).to(dtype)


CASES = ((1.0, 1.0), (2.0, 1.0), (3.0, 30.0), (7.5, 1.0), (90.0, 1000.0))
"""Exponents, each with the scale of the activations on which it is tried."""


def _gem_checks() -> tuple[Callable[..., None], ...]:
    """Make the checks that know GeM and its gradient, which lie in here, out of an answer's reach."""

    def value(x: Tensor, p: float) -> Tensor:
        # By way of logarithms: (N, C, H, W) to (N, C).
        powers = p * x.double().log().flatten(2)
        return ((torch.logsumexp(powers, dim=2) - torch.tensor(powers.shape[2]).double().log()) / p).exp()

    def slope(x: Tensor, p: float, upstream: Tensor) -> Tensor:
        ratio = x.double() / value(x, p)[:, :, None, None]
        return (ratio ** (p - 1) * upstream.double()[:, :, None, None] / x[0, 0].numel()).to(x.dtype)

    def check_gem(gem: Pool, seed: int = 5) -> None:
        """Compare GeM pooling with its definition, and its own gradient with the derivative."""
        generator = torch.Generator().manual_seed(seed)
        for (p, scale), dtype in itertools.product(CASES, (torch.float64, torch.float32)):
            # At p = 1 a norm has a kink at zero, and PyTorch's own takes the derivative 0 there.
            maps = _maps(generator, dtype, scale, zeros=p > 1)
            for each in (maps, maps[:1, :1, :1, :1].clone()):  # and one cell of one channel of one picture
                case = f"maps of shape {tuple(each.shape)}, type {dtype}, activations up to {scale:g} and p = {p:g}"
                given = each.clone().requires_grad_()
                pooled = checking.run(gem, given, p, case=case)
                hint = "compare with the definition; if they are inf or nan, a power has left the range of the type."
                # Room for cells that are held above a millionth, as published code does and the book's own layer.
                tolerance = 2e-7 if dtype == torch.float64 else 1e-4
                checking.same_tensor(pooled, value(each, p).to(dtype), case, hint, tolerance)
                checking.untouched(each, given.detach(), "the maps")
                wanted = slope(each, p, torch.ones_like(pooled))
                hint = "autograd, sent back through your gem, should give the derivative of the definition."
                gradient = checking.gradient(pooled, given)
                checking.same_tensor(gradient, wanted, f"the gradient through gem, {case}", hint, max(tolerance, 1e-6))
        checking.passed("gem")

    def check_gem_gradient(gem_gradient: Pool, seed: int = 5) -> None:
        """Compare a hand-written gradient of GeM with the derivative, for any gradient that comes from above."""
        generator = torch.Generator().manual_seed(seed)
        for (p, scale), dtype in itertools.product(CASES, (torch.float64, torch.float32)):
            maps = _maps(generator, dtype, scale)
            upstream = torch.randn(maps.shape[:2], generator=generator, dtype=torch.float64).to(dtype)
            case = f"maps of shape {tuple(maps.shape)}, type {dtype}, activations up to {scale:g} and p = {p:g}"
            given, came = maps.clone(), upstream.clone()
            with torch.inference_mode():  # by formula: there is no graph here to send anything back through
                result = checking.run(gem_gradient, given, p, came, case=f"{case} (autograd is switched off here)")
            hint = "differentiate the definition once more, and do not forget the chain rule."
            tolerance = 1e-7 if dtype == torch.float64 else 1e-4
            checking.same_tensor(result, slope(maps, p, upstream), case, hint, tolerance)
            checking.untouched(maps, given, "the maps")
            checking.untouched(upstream, came, "the gradient from above")
        checking.passed("gem_gradient")

    def pools() -> dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]]:
        """Return pools ``(N, C, H, W)`` to ``(N, C)`` with the gradient of their sum."""

        def by_max(x: Tensor) -> Tensor:
            return (x == x.amax(dim=(2, 3), keepdim=True)).to(x.dtype)

        return {
            "the average": (lambda x: x.mean(dim=(2, 3)), lambda x: torch.full_like(x, 1 / x[0, 0].numel())),
            "the maximum": (lambda x: x.amax(dim=(2, 3)), by_max),
            "GeM": (
                lambda x: x.pow(3).mean(dim=(2, 3)).pow(1 / 3),
                lambda x: slope(x, 3.0, torch.ones_like(x[:, :, 0, 0])),
            ),
            "the average with a minus before it": (
                lambda x: -x.mean(dim=(2, 3)),
                lambda x: torch.full_like(x, -1 / x[0, 0].numel()),
            ),
            "a thousandth of the average": (
                lambda x: x.mean(dim=(2, 3)) / 1000,
                lambda x: torch.full_like(x, 1 / x[0, 0].numel() / 1000),
            ),
        }

    def check_gross_faults(gradient_is_right: Callable[..., Any], seed: int = 5) -> None:
        """Show a gradient check right gradients, and wrong ones that differ everywhere."""
        _try_gradients(gradient_is_right, pools(), _gross(), seed, (torch.float64,))
        checking.passed("gradient_is_right, gradients that are wrong everywhere")

    def check_gradient_checker(gradient_is_right: Callable[..., Any], seed: int = 5) -> None:
        """Show a gradient check right gradients, and wrong ones that differ in few places or by little."""
        _try_gradients(gradient_is_right, pools(), None, seed, (torch.float64, torch.float32))
        checking.passed("gradient_is_right")

    return check_gem, check_gem_gradient, check_gross_faults, check_gradient_checker


def check_lse(lse: Pool, seed: int = 5) -> None:
    """Compare log-sum-exp pooling with its definition, its limits and the gradient of the definition."""
    generator = torch.Generator().manual_seed(seed)
    cases = ((1.0, 1.0), (0.3, 5.0), (8.0, 2.0), (1e-5, 1.0), (1e-3, 1.0), (0.05, 1.0), (50.0, 1000.0))
    for (r, scale), dtype in itertools.product(cases, (torch.float64, torch.float32)):
        if r < 1e-2 and dtype == torch.float32:
            continue  # the logarithm of a number near one has few digits left to be divided by r
        maps = _maps(generator, torch.float64, scale)
        maps = (maps - scale * torch.rand(1, generator=generator, dtype=torch.float64)).to(dtype)
        case = f"maps of shape {tuple(maps.shape)}, type {dtype}, activations up to {scale:g} and r = {r:g}"
        given = maps.clone().requires_grad_()
        pooled = checking.run(lse, given, r, case=case)
        exponents = r * maps.double().flatten(2)
        cells = torch.tensor(float(exponents.shape[2]), dtype=torch.float64)
        wanted = ((torch.logsumexp(exponents, dim=2) - cells.log()) / r).to(dtype)
        # The logarithm of a number near one, divided by a small r, has few digits left.
        tolerance = 1e-9 + 1e-14 / r if dtype == torch.float64 else 1e-5
        hint = "compare with the definition; if they are inf or nan, an exponential has left the range of the type."
        checking.same_tensor(pooled, wanted, case, hint, tolerance, scale=scale)
        checking.untouched(maps, given.detach(), "the maps")
        gradient = checking.gradient(pooled, given)
        softmax = torch.softmax(exponents, dim=2).view(maps.shape).to(dtype)
        hint = "autograd, sent back through your lse, should give what you derived."
        # An exponent r x is rounded to the type before it is raised: at r x = 50,000 in float32 by thousandths. How far
        # that moves the gradient depends on the way, and every way is right.
        rounding = 1e-9 + 1e-4 * (dtype == torch.float32) + 8 * torch.finfo(dtype).eps * r * scale
        checking.same_tensor(gradient, softmax, f"the gradient through lse, {case}", hint, rounding)
    checking.passed("lse")


Gradient = Callable[[Tensor], Tensor]


def _try_gradients(
    gradient_is_right: Callable[..., Any],
    pools: dict[str, tuple[Gradient, Gradient]],
    faults: dict[str, Gradient] | None,
    seed: int,
    dtypes: tuple[torch.dtype, ...],
) -> None:
    """Show a gradient check right gradients and wrong ones, and see which it believes."""
    generator = torch.Generator().manual_seed(seed)
    for dtype in dtypes:
        shape = (2, 2, *(int(torch.randint(3, 5, (1,), generator=generator)) for _ in range(2)))
        # No ties, and no two cells so near that a small step would change the maximum.
        order = torch.randperm(2 * 2 * shape[2] * shape[3], generator=generator)
        maps = (0.1 + order.view(shape) / len(order)).to(dtype)
        for name, (pool, right) in pools.items():
            # Right to within a thousandth of the largest element is right.
            near = right(maps) + 4e-4 * right(maps).abs().max() * torch.randn(shape, generator=generator).sign().to(
                dtype
            )
            for what, gradient in (("", right), ("to within a thousandth ", lambda _, near=near: near)):
                given, before = maps.clone(), maps.clone()
                case = f"the {what}right gradient of {name}, in {dtype},"
                if not checking.answered(checking.run(gradient_is_right, pool, gradient, given, case=case), True):
                    raise ReaderError(f"Your check does not answer True for {case} on maps of shape {shape}.")
                checking.untouched(before, given, "the maps")
            for fault, spoil in (faults or _faults(generator)).items():
                case = f"a gradient of {name} with this fault: {fault}"
                spoilt = spoil(right(maps))
                answer = checking.run(gradient_is_right, pool, lambda _, spoilt=spoilt: spoilt, maps.clone(), case=case)
                if not checking.answered(answer, False):
                    raise ReaderError(f"Your check answers {answer!r} for {case}.")


def _gross() -> dict[str, Gradient]:
    return {
        "it is zero everywhere": torch.zeros_like,
        "it is twice as large": lambda g: 2 * g,
        "it has the wrong sign": lambda g: -g,
        "it is not divided by the number of cells": lambda g: g * g[0, 0].numel(),
        "it has one value for each channel": lambda g: 1.5 * g.mean(dim=(2, 3), keepdim=True).expand_as(g),
    }


def _faults(generator: torch.Generator) -> dict[str, Callable[[Tensor], Tensor]]:
    def at(gradient: Tensor, *values: float) -> Tensor:
        """Put each value into a cell of its own, drawn anew."""
        marked = torch.zeros_like(gradient)
        for cell, value in zip(torch.randperm(gradient.numel(), generator=generator).tolist(), values, strict=False):
            marked.view(-1)[cell] = value * gradient.abs().max()
        return marked

    def only(right: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        """Spoil everything but one part, given by a view of it."""

        def spoil(gradient: Tensor) -> Tensor:
            spoilt = 1.5 * gradient + 0.2 * gradient.abs().max()
            right(spoilt).copy_(right(gradient))
            return spoilt

        return spoil

    def last(gradient: Tensor) -> Tensor:
        marked = torch.zeros_like(gradient)
        marked[-1, -1, -1, -1] = 0.1 * gradient.abs().max()
        return marked

    return {
        "one element is off": lambda g: g + at(g, 0.1),
        "two elements are off by opposite amounts": lambda g: g + at(g, 0.1, -0.1),
        "one element is missing, as nan": lambda g: torch.where(at(g, 1.0) > 0, torch.nan, g),
        "one element is infinite": lambda g: torch.where(at(g, 1.0) > 0, torch.inf, g),
        "only the first element is right": only(lambda g: g[0, 0, 0, 0]),
        "only the first channel is right": only(lambda g: g[:, 0]),
        "only the first picture is right": only(lambda g: g[0]),
        "it is two per cent too large": lambda g: 1.02 * g,
        "it is half a per cent too large": lambda g: 1.005 * g,
        "one element is off by half a per cent of the largest": lambda g: g + at(g, 0.005),
        "an element of the second picture is off": lambda g: g + last(g),
    }


def _spread_checks() -> tuple[Callable[..., None], ...]:
    """Make the checks that measure the two shares themselves, in here, out of an answer's reach."""
    known: dict[tuple[str, str], dict[str, tuple[float, float]]] = {}

    def spread(network: nn.Module, images: Tensor, labels: Tensor) -> dict[str, tuple[float, float]]:
        # Stage after stage, without hooks.
        was_training = network.training
        net = cast(Any, network.eval())
        x, outputs = F.relu(net.bn1(net.conv1(images))), {}
        for name in STAGES:
            x = outputs[name] = getattr(net, name)(x)
        logits = net.fc(torch.flatten(net.pool(x), 1))
        loss = F.cross_entropy(logits, labels.to(logits.device), reduction="sum")
        gradients = torch.autograd.grad(loss, list(outputs.values()))
        network.train(was_training)
        shares = {}
        for name, gradient in zip(outputs, gradients, strict=True):
            # Float64 has to be had on the CPU: Apple's GPUs lack it.
            energy = gradient.cpu().double().square().sum(dim=1).flatten(1)
            effective = energy.sum(dim=1).square() / energy.square().sum(dim=1) / energy.shape[1]
            shares[name] = (float((gradient != 0).float().mean()), float(effective.mean()))
        return shares

    def check_gradient_spread(gradient_spread: Callable[..., Any], seed: int = 5) -> None:
        """Compare a student's measurement with another route, on untrained networks and images drawn at random."""
        generator = torch.Generator().manual_seed(seed)
        heads: tuple[models.HeadName, ...] = ("gap", "max", "gem")
        for index, (head, depth) in enumerate(itertools.product(heads, (8, 20))):
            network = models.build(f"resnet{depth}", head, seed=(seed + index) % 2**31)
            if index in (1, 2):
                with torch.no_grad():  # gradients so small that their squares leave float32
                    cast(nn.Linear, network.fc).weight.mul_(1e-18)
            network.train(bool(index % 2))
            count, side = (int(torch.randint(low, high, (1,), generator=generator)) for low, high in ((2, 6), (16, 33)))
            images = torch.randn(count, 1, side, side, generator=generator).to(next(network.parameters()).device)
            labels = torch.randint(10, (count,), generator=generator).to(images.device)
            kept = checking.Kept(network, gradients=True)
            case = f"ResNet-{depth} with the head {head} on {count} images of {side} px"
            given = checking.run(gradient_spread, network, images, labels, case=case)
            kept.check()
            _compare(given, spread(network, images, labels), case)
        checking.passed("gradient_spread")

    def check_experiment(experiment: object, images: Tensor, labels: Tensor, seed: int = 5) -> None:
        """Check the form of the table, and measure all its rows again.

        Args:
            experiment: The student's table.
            images: On which it was measured, uint8.
            labels: Theirs.
            seed: Unused: nothing is drawn here.
        """
        shares = (0.0, 1.0)
        columns = {"head": None, "seed": (0, 2), "stage": None, "not_zero": shares, "energy": shares}
        table = checking.frame(experiment, columns, "experiment")
        table = table[table["head"].isin(("gap", "max"))]
        wanted = set(itertools.product(("gap", "max"), (0, 1, 2), STAGES))
        have = [(str(row["head"]), int(row["seed"]), str(row["stage"])) for _, row in table.iterrows()]
        if missing := wanted - set(have):
            raise ReaderError(f"{len(missing)} of {len(wanted)} rows are missing, one of them {min(missing)}.")
        if len(have) != len(set(have)):
            raise ReaderError("Some network and stage stand in the table twice: keep one row for each.")
        pictures = str((len(images), float(images.float().mean())))
        for (head, number, stage), (_, row) in zip(have, table.iterrows(), strict=True):
            name = f"resnet20-{head}-s{number}"
            if (name, pictures) not in known:
                known[name, pictures] = spread(weights.load(name), data.normalise(images), labels)
            again = known[name, pictures].get(stage, (math.nan, math.nan))
            if not max(abs(again[0] - row["not_zero"]), abs(again[1] - row["energy"])) <= 0.001:
                raise ReaderError(
                    f"The row {(head, number, stage)}, measured again on the same pictures, gives other numbers."
                )
        checking.passed("Form of the experiment")

    return check_gradient_spread, check_experiment


def _compare(given: object, wanted: dict[str, tuple[float, float]], case: str) -> None:
    if not isinstance(given, dict) or set(given) != set(wanted):
        raise ReaderError(f"For {case} a dictionary with the keys {', '.join(wanted)} is wanted.")
    for name, pair in wanted.items():
        value = given[name]
        if not isinstance(value, tuple) or len(value) != 2 or not all(isinstance(v, float) for v in value):
            raise ReaderError(f"For {case} the entry {name!r} has to be a tuple of two floats, not {value!r}.")
        for what, mine, true in zip(
            ("share that is not zero", "share that holds the energy"), value, pair, strict=True
        ):
            if not abs(mine - true) <= (0.0002 + 0.002 * true) * checking.slack():
                raise ReaderError(f"For {case} the {what} at {name} is off: read its definition once more.")


check_gem, check_gem_gradient, check_gross_faults, check_gradient_checker = _gem_checks()
check_gradient_spread, check_experiment = _spread_checks()
