"""Whiteboard: a basic residual block with a projection."""

from __future__ import annotations

import itertools
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gaplab.errors import ReaderError
from gaplab.whiteboard.judging import Draws, Question, call, same, told

QUESTION = Question(
    level="onsite",
    minutes=12,
    chapter="03_nin_lineage",
    ask="""
Write ResNet's basic block as an `nn.Module`, `ResidualBlock(in_channels, out_channels, stride=1)`: a 3x3
convolution that has the stride, batch norm, ReLU, a 3x3 convolution, batch norm; the shortcut is added, and then
comes a ReLU. Padding is 1, and no convolution has a bias. The shortcut is the input itself where the shapes agree,
and else a 1x1 convolution with the stride, followed by batch norm. Use `nn.Conv2d` and `nn.BatchNorm2d`, one for
each place; names and initial values are yours.
""",
    follow_up="""
You may set initial values so that a new block computes the identity (up to the last ReLU). How, what does it help,
and which gradients are zero in the first step?
""",
    answer="""
Set the scale of the second batch norm to zero, so that the branch adds nothing; Goyal et al. (2017) do it to train
with large batches, since the network then begins as a shallower one. In the first step the gradient reaches that
scale itself and its shift, and through the shortcut the layers below; it does not reach the two convolutions and
the batch norm between them, for the zero scale multiplies it. After one step the scale is no longer zero, and they
learn.
""",
    why="""
The projection stands exactly where the addition would fail: another number of channels or a stride. The ReLU comes
behind the addition, so the branch can subtract.
""",
)


class ResidualBlock(nn.Module):
    """ResNet's basic block (He et al., 2016): two 3x3 convolutions and a shortcut."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        """Build the branch, and a projection where the shapes differ."""
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.shortcut = nn.Sequential()
        if stride != 1 or in_channels != out_channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Add the branch to the shortcut."""
        branch = F.relu(self.bn1(self.conv1(x)))
        branch = self.bn2(self.conv2(branch))
        return F.relu(branch + self.shortcut(x))


def check(ResidualBlock: Any, seed: int = 1) -> None:  # noqa: N803 a class is handed over
    """Build blocks with and without a projection; recompute them and the input's gradient from their own layers.

    Raises:
        ReaderError: One sentence about the first thing that is wrong.
    """
    draws = Draws(seed)
    channels, out = draws.whole(2, 3), draws.whole(4, 5)
    for given, made, stride in (
        (channels, out, 2),
        (channels, channels, 1),
        (channels, channels, 2),
        (channels, out, 1),
    ):
        what = f"ResidualBlock({given}, {made}, stride={stride})"
        block = call(ResidualBlock, given, made, stride, case=what)
        if not isinstance(block, nn.Module):
            raise ReaderError(f"{what} is no nn.Module.")
        for dtype in (torch.float64, torch.float32):
            block = block.to(dtype)
            layers = _layers(block, given, made, stride, what)
            _redraw(block, draws)
            for training, shape in ((False, (1, given, 5, 8)), (True, (2, given, 7, 4)), (False, (3, given, 4, 4))):
                block.train(training)
                x = torch.tensor(draws.numbers(*shape), dtype=dtype, requires_grad=True)
                possible = _outputs(layers, x, stride, training)
                sent = torch.tensor(draws.numbers(possible[0].numel()), dtype=dtype).view_as(possible[0])
                case = (
                    f"{what} in {str(dtype)[6:]}, input {told(shape)}, {'training' if training else 'evaluation'} mode"
                )
                found = call(block, x.clone(), case=case)  # no leaf: one may write into those by mistake
                if not isinstance(found, Tensor) or found.shape != possible[0].shape:
                    same(found, possible[0].tolist(), case, "", x)
                scale = 1e-3 if dtype == torch.float32 else 1e-9
                alike = [each for each in possible if _close(found, each, scale)]
                if not alike:
                    raise ReaderError(
                        f"For {case}, the numbers differ: are the layers in order, each used once, is the shortcut "
                        "right, and where does the last ReLU stand?"
                    )
                if dtype == torch.float32:
                    continue  # rounding puts a sum next to zero on one side of the ReLU or on the other
                slopes = [torch.autograd.grad(each, x, sent)[0] for each in alike]
                slope = torch.zeros_like(x)
                if found.requires_grad:
                    (slope,) = torch.autograd.grad(found, x, sent, materialize_grads=True)
                if not any(_close(slope, each, scale) for each in slopes):
                    raise ReaderError(
                        f"For {case}, the numbers are right and the gradient at the input is not: it flows through "
                        "the branch and through the shortcut."
                    )


def _close(found: Tensor, wanted: Tensor, scale: float) -> bool:
    return torch.allclose(found, wanted, rtol=scale, atol=scale * float(wanted.abs().max()))


def _layers(
    block: nn.Module, given: int, made: int, stride: int, what: str
) -> tuple[list[nn.Conv2d], list[nn.BatchNorm2d]]:
    """Return the block's convolutions, those of 3x3 first, and its norms.

    Raises:
        ReaderError: They are not those of the block.
    """
    found = [module for module in block.modules() if isinstance(module, nn.Conv2d)]
    norms = [module for module in block.modules() if isinstance(module, nn.BatchNorm2d)]
    projected = stride != 1 or given != made
    kernels = sorted(conv.kernel_size for conv in found)
    wanted = [(1, 1)] * projected + [(3, 3)] * 2
    if kernels != wanted or len(norms) != len(wanted):
        raise ReaderError(
            f"{what} should have {len(wanted)} convolutions and as many batch norms, two of 3x3"
            f"{' and one of 1x1' if projected else ''}: it has {len(found)} and {len(norms)}."
        )
    if any(conv.bias is not None for conv in found):
        raise ReaderError(f"{what} has a convolution with a bias, which the batch norm behind it would remove.")
    if any(norm.weight is None or norm.running_mean is None for norm in norms):
        raise ReaderError(f"{what} has a batch norm without learned scale or without running statistics.")
    return sorted(found, key=lambda conv: -conv.kernel_size[0]), norms


def _redraw(block: nn.Module, draws: Draws) -> None:
    """Give every weight and statistic a value of its own, so that no two layers can be confused."""
    with torch.no_grad():
        for name, value in block.state_dict().items():
            if value.is_floating_point():
                low = 0.5 if "var" in name or value.dim() == 1 else -1.0
                numbers = [draws.number(low, 1.5) for _ in range(value.numel())]
                value.copy_(torch.tensor(numbers, dtype=torch.float64).view_as(value))


def _outputs(
    layers: tuple[list[nn.Conv2d], list[nn.BatchNorm2d]], x: Tensor, stride: int, training: bool
) -> list[Tensor]:
    """Return the block's output for every order of layers that look alike, since names are the candidate's."""
    convs, norms = layers

    def normed(y: Tensor, norm: nn.BatchNorm2d) -> Tensor:
        assert norm.running_mean is not None
        assert norm.running_var is not None
        mean, var = norm.running_mean.clone(), norm.running_var.clone()
        return F.batch_norm(y, mean, var, norm.weight, norm.bias, training, eps=norm.eps)

    found = []
    for (first, second), order in itertools.product(itertools.permutations(convs[:2]), itertools.permutations(norms)):
        if first.weight.shape[1] != x.shape[1] or second.weight.shape[1] != first.weight.shape[0]:
            continue
        y = F.conv2d(x, first.weight, stride=stride, padding=1)
        y = F.conv2d(F.relu(normed(y, order[0])), second.weight, padding=1)
        shortcut = normed(F.conv2d(x, convs[2].weight, stride=stride), order[2]) if len(convs) > 2 else x
        found.append(F.relu(normed(y, order[1]) + shortcut))
    if not found:
        raise ReaderError("The 3x3 convolutions have channels that do not fit one behind the other.")
    return found
