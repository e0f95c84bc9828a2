"""The head calculator's Python side: what is checked, what it says, and that its maps are the networks' own."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from torch import nn

from gaplab import counting
from gaplab.errors import ReaderError
from gaplab.shapes import LastMap, Step
from gaplab.widgets import (
    Backbone,
    HeadCalculator,
)

RESNET = tuple(Step(kernel, 2, kernel // 2) for kernel in (7, 3, 3, 3, 3))
RESNET_50 = Backbone("ResNet-50", LastMap(2048, RESNET), 23_508_032, 2_049_000)
ALEXNET = Backbone(
    "AlexNet",
    LastMap(256, (Step(11, 4, 2), Step(3, 2, 0), Step(3, 2, 0), Step(3, 2, 0))),
    2_469_696,
    58_631_144,
)

NETWORKS = {
    "alexnet": "features",
    "vgg16": "features",
    "googlenet": "inception5b",
    "resnet18": "layer4",
    "resnet50": "layer4",
    "resnext50_32x4d": "layer4",
    "squeezenet1_0": "features",
    "shufflenet_v2_x1_0": "conv5",
    "mobilenet_v2": "features",
    "mobilenet_v3_large": "features",
    "mnasnet1_0": "layers",
    "efficientnet_b0": "features",
    "efficientnet_v2_s": "features",
    "densenet121": "features",
    "convnext_tiny": "features",
    "inception_v3": "Mixed_7c",
}


def real_side(network: nn.Module, last: str, size: int) -> int:
    """Run the network and return the side of its last map; 0 if it raises before."""
    sides: list[int] = []
    hook = network.get_submodule(last).register_forward_hook(lambda *args: sides.append(args[2].shape[-1]))
    try:
        network(torch.zeros(1, 3, size, size, device="meta"))
    except RuntimeError:
        pass  # behind the map a flattened head may fail: only the map counts here
    finally:
        hook.remove()
    return sides[0] if sides else 0


@pytest.mark.parametrize("name", NETWORKS)
def test_last_map_is_the_real_one(name: str) -> None:
    network, last_map = counting.on_meta(name), counting.last_map(name)
    smallest = last_map.smallest_size()
    for size in sorted({*range(32, 641, 61), 224, 300, smallest, max(smallest - 1, 1)}):
        assert last_map.side(size) == real_side(network, NETWORKS[name], size), f"{name} at {size} px"


@pytest.mark.parametrize("ceil_mode", [False, True])
def test_step_equals_pytorch_for_every_small_pool(ceil_mode: bool) -> None:
    for kernel in range(1, 6):
        for stride in range(1, 5):
            for padding in range(kernel // 2 + 1):
                step = Step(kernel, stride, padding, ceil_mode)
                for size in range(max(kernel - 2 * padding, 1), 24):
                    pooled = nn.MaxPool2d(kernel, stride, padding, ceil_mode=ceil_mode)(torch.zeros(1, 1, size, size))
                    assert step.side(size) == pooled.shape[-1], (step, size)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"network": "ResNet50"}, "There is no network called 'ResNet50': did you mean ResNet-50"),
        ({"size": 0}, "The input size is 0 px: choose a whole number from 32 to 640."),
        ({"size": 641}, "The input size is 641 px: choose a whole number from 32 to 640."),
        ({"classes": 1}, "The number of classes is 1: choose a whole number from 2 to 21,841."),
        ({"classes": 21_842}, "The number of classes is 21,842: choose a whole number from 2 to 21,841."),
        ({"network": "AlexNet", "size": 62}, "AlexNet cannot take an input of 62 px: choose at least 63 px."),
    ],
)
def test_bad_value_is_one_sentence_and_rolls_back(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ReaderError, match=re.escape(sentence)):
        HeadCalculator([RESNET_50, ALEXNET], **change)
    calculator = HeadCalculator([RESNET_50, ALEXNET])
    with pytest.raises(ReaderError, match=re.escape(sentence)):
        calculator.set_state(change)  # all at once, as from the page
    assert (calculator.network, calculator.size, calculator.classes) == ("ResNet-50", 224, 1000)


def test_one_bad_change_alone_is_refused() -> None:
    calculator = HeadCalculator([RESNET_50, ALEXNET], size=40)
    with pytest.raises(ReaderError, match="at least 63 px"):
        calculator.network = "AlexNet"
    assert calculator.network == "ResNet-50"


def test_what_the_page_sends_is_read_in_python() -> None:
    calculator = HeadCalculator([RESNET_50, ALEXNET], size=40)
    seen: list[str] = []
    calculator.observe(lambda change: seen.append(change["new"]), "network")
    calculator.set_state({"network": "AlexNet", "size": 63})  # what the front end's save_changes() ends in
    assert (calculator.network, calculator.size, seen) == ("AlexNet", 63, ["AlexNet"])


def test_rows_are_needed_and_names_are_unique() -> None:
    for rows in ([], [RESNET_50, RESNET_50]):
        with pytest.raises(ReaderError, match="at least one backbone, and each name once"):
            HeadCalculator(rows)


def test_first_network() -> None:
    assert HeadCalculator([ALEXNET, RESNET_50]).network == "ResNet-50"
    assert HeadCalculator([ALEXNET]).network == "AlexNet"
