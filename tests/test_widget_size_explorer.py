"""The size explorer's Python side: its heads against PyTorch's, what is checked, and what it says in words."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from torch import nn

from gaplab import counting, sizes
from gaplab.errors import ReaderError
from gaplab.widgets import (
    Curve,
    Explored,
    SizeExplorer,
)
from gaplab.widgets.size_explorer import HEADS, outcome

STAGED = {
    label: Explored(label, sizes.stages(name))
    for label, name in (("ResNet-18", "resnet18"), ("VGG-16", "vgg16"), ("AlexNet", "alexnet"))
}
CURVE = Curve("average", "average", {28: (0.9, 0.91, 0.92), 56: (0.4, 0.5, 0.6)})


def explorer(**chosen: Any) -> SizeExplorer:
    return SizeExplorer(list(STAGED.values()), [CURVE], "ResNet-18", **chosen)


def real_heads(channels: int, side: int) -> dict[str, nn.Module]:
    """Every head as a module on the meta device, built for a map of ``side`` cells and ten classes."""

    def flat(pool: nn.Module, inputs: int) -> nn.Module:
        return nn.Sequential(pool, nn.Flatten(), nn.Linear(inputs, 10)).to("meta")

    return {
        "average": flat(nn.AdaptiveAvgPool2d(1), channels),
        "max": flat(nn.AdaptiveMaxPool2d(1), channels),
        "flatten": flat(nn.Identity(), channels * side * side),
        "window": flat(nn.AvgPool2d(side, stride=1), channels),
        "adaptive": flat(nn.AdaptiveAvgPool2d(side), channels * side * side),
        "convolution": nn.Conv2d(channels, 10, side, device="meta"),
    }


@pytest.mark.parametrize("label", STAGED)
def test_a_head_works_where_pytorch_takes_the_map(label: str) -> None:
    network = STAGED[label]
    channels, built = network.stages[-1].channels, network.last_side(224)
    heads = real_heads(channels, built)
    assert set(heads) == set(HEADS)
    for side in range(1, network.last_side(640) + 1):
        features = torch.empty(1, channels, side, side, device="meta")
        for key, head in heads.items():
            try:
                shape = tuple(head(features).shape)
            except RuntimeError:
                shape = ()
            works, words = outcome(key, side, channels, built)
            assert works == bool(shape), (label, side, key)
            if key == "convolution" and works:
                assert shape == (1, 10, *2 * (int(words.split()[0]),))
            if key == "flatten":
                assert f"{features.numel():,} numbers" in words
            if key == "window" and side > built:
                pooled = nn.AvgPool2d(built, stride=1)(features)
                assert f"{pooled.shape[-1]} × {pooled.shape[-1]} × {channels:,} = {pooled.numel():,} numbers" in words


def test_the_last_side_is_the_real_one() -> None:
    for label, name in (("ResNet-18", "resnet18"), ("VGG-16", "vgg16"), ("AlexNet", "alexnet")):
        last = counting.last_map(name)
        assert [STAGED[label].last_side(size) for size in range(1, 641)] == [last.side(s) for s in range(1, 641)]


def test_explorer_says_what_it_shows() -> None:
    assert explorer().describe() == (
        "At 224 px the last map of ResNet-18 is 7 × 7 × 512. "
        "Global average pool: it works. 512 numbers, as many as the classifier reads."
    )
    assert explorer(network="AlexNet", size=62, head="max").describe() == (
        "At 62 px AlexNet has no last map. "
        "Global max pool: it breaks. No map is left at 62 px: AlexNet needs 63 px or more."
    )


def test_curves_travel_as_whole_tenths_of_a_percent() -> None:
    assert CURVE.as_state() == {
        "label": "average",
        "head": "average",
        "sizes": [28, 56],
        "mean": [910, 500],
        "spread": [10, 100],
        "seeds": 3,
    }


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"network": "ResNet18"}, "There is no network called 'ResNet18': did you mean ResNet-18"),
        ({"head": "mean"}, "There is no head called 'mean'"),
        ({"size": 0}, "The input size is 0 px: choose a whole number from 1 to 640."),
        ({"size": 641}, "The input size is 641 px: choose a whole number from 1 to 640."),
    ],
)
def test_bad_choice_in_the_explorer_is_one_sentence_and_rolls_back(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ReaderError, match=re.escape(sentence)):
        explorer(**change)
    widget = explorer()
    with pytest.raises(ReaderError, match=re.escape(sentence)):
        widget.set_state(change)
    assert (widget.network, widget.size, widget.head) == ("ResNet-18", 224, "average")


def test_explorer_needs_networks_and_known_names() -> None:
    for networks in ([], [STAGED["VGG-16"], STAGED["VGG-16"]]):
        with pytest.raises(ReaderError, match="at least one network, and each name once"):
            SizeExplorer(networks, [], "VGG-16")
    with pytest.raises(ReaderError, match="no network called 'ResNet-20'"):
        SizeExplorer([STAGED["VGG-16"]], [], "ResNet-20")
    with pytest.raises(ReaderError, match="no head called 'gap'"):
        SizeExplorer([STAGED["VGG-16"]], [Curve("a", "gap", CURVE.points)], "VGG-16")


def test_explorer_page_is_light_and_follows_the_state() -> None:
    first = explorer()
    assert len(first.page_html().encode()) < 100_000
    assert first.page_html() == explorer().page_html() != explorer(size=300).page_html()
