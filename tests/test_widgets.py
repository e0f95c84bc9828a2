"""The widgets' Python side: what is checked, what is written into a page, and that the maps are the networks' own."""

from __future__ import annotations

import base64
import importlib.util
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from gaplab import counting, sizes
from gaplab.errors import ReaderError
from gaplab.shapes import LastMap, Step
from gaplab.widgets import (
    Backbone,
    Curve,
    Explored,
    HeadCalculator,
    MovedGarment,
    PageWidget,
    ShiftExplorer,
    SizeExplorer,
    VotedPhotograph,
    VoteExplorer,
)
from gaplab.widgets.size_explorer import HEADS, outcome

RESNET = tuple(Step(kernel, 2, kernel // 2) for kernel in (7, 3, 3, 3, 3))
RESNET_50 = Backbone("ResNet-50", LastMap(2048, RESNET), 23_508_032, 2_049_000)
ALEXNET = Backbone(
    "AlexNet",
    LastMap(256, (Step(11, 4, 2), Step(3, 2, 0), Step(3, 2, 0), Step(3, 2, 0))),
    2_469_696,
    58_631_144,
)
VIEW = "application/vnd.jupyter.widget-view+json"


def payload(page_html: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json">(.*?)</script>', page_html, re.DOTALL)
    assert found
    return json.loads(found[1])


# The maps ------------------------------------------------------------------------------------------------------------

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


# The page ------------------------------------------------------------------------------------------------------------


def test_bundle_has_live_view_html_and_words() -> None:
    calculator = HeadCalculator([RESNET_50])
    data, _ = calculator._repr_mimebundle_()
    assert set(data) == {VIEW, "text/html", "text/plain"}
    assert data["text/plain"] == calculator.describe() == repr(calculator)
    assert data["text/plain"] == (
        "At 224 px the last map of ResNet-50 is 7 × 7 × 2,048: for 1,000 classes the flattened head has "
        "100,352,000 weights, 49 times the GAP head's 2,048,000."
    )


def test_page_holds_no_model_id_and_no_address() -> None:
    calculator = HeadCalculator([RESNET_50])
    page = calculator.page_html()
    assert calculator.model_id not in page
    assert not re.search(r"0x[0-9a-f]{6,}|[0-9a-f]{32}|https?://", page)


def test_page_follows_the_state_alone() -> None:
    first, second = HeadCalculator([RESNET_50, ALEXNET]), HeadCalculator([RESNET_50, ALEXNET])
    assert first.page_html() == first.page_html() == second.page_html()
    second.size = 300
    assert payload(second.page_html())["state"]["size"] == 300
    assert first.page_html() != second.page_html()


def test_page_is_the_same_in_every_process() -> None:
    code = (
        "from gaplab.shapes import LastMap, Step\nfrom gaplab.widgets import Backbone, HeadCalculator\n"
        "widget = HeadCalculator([Backbone('R', LastMap(8, (Step(3, 2, 1),)), 10, 5)])\n"
        "print(widget._repr_mimebundle_()[0]['text/html'])"
    )
    pages = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(pages) == 1
    assert len(pages.pop()) > 10_000


def test_nothing_in_the_state_can_close_the_script() -> None:
    page = HeadCalculator([Backbone("</script><!-- & \u2028", LastMap(8, RESNET), 10, 5)]).page_html()
    assert page.count("</script") == page.count("<script") == 2
    assert "<!--" not in page
    assert payload(page)["state"]["network"] == "</script><!-- & \u2028"


def made_widget(folder: Path, style: str = "") -> ModuleType:
    """Import a widget written for a test: its Python, module and style lie in ``folder``."""
    (folder / "widget.js").write_text("export default { render() {} };", encoding="utf-8")
    (folder / "style.css").write_text(style, encoding="utf-8")
    (folder / "made.py").write_text(
        "import traitlets\nfrom gaplab.widgets import PageWidget\n"
        "class Made(PageWidget):\n"
        "    slug = 'made'\n"
        "    maps = traitlets.Bytes().tag(sync=True)\n"
        "    note = traitlets.Unicode().tag(sync=True)\n"
        "    secret = traitlets.Unicode('not synced')\n"
        "    def describe(self): return 'A <made> widget.'\n",
        encoding="utf-8",
    )
    spec = importlib.util.spec_from_file_location(f"made_{folder.name}", folder / "made.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_a_new_widget_is_a_folder(tmp_path: Path) -> None:
    widget = made_widget(tmp_path, style=".made { color: red; }").Made(maps=b"\x00\xff\x7f", note="two")
    page = widget.page_html()
    assert payload(page) == {
        "bytes": {"maps": base64.b64encode(b"\x00\xff\x7f").decode()},
        "module": widget._esm,
        "slug": "made",
        "state": {"note": "two"},
    }
    assert widget._esm.endswith("export default { render() {} };")
    assert ".made { color: red; }" in page
    assert ".gaplab-widget {" in page
    assert "<p>A &lt;made&gt; widget.</p>" in page


def test_style_that_would_end_its_element_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds '</style'"):
        made_widget(tmp_path, style="/* </STYLE> */")


def test_every_widget_is_complete() -> None:
    for widget in PageWidget.__subclasses__():
        if widget.__module__.startswith("gaplab."):
            folder = Path(sys.modules[widget.__module__].__file__ or "").parent
            assert widget._esm.endswith((folder / "widget.js").read_text(encoding="utf-8"))
            assert "export default { render }" in widget._esm
            assert "widgetRoot(" in (folder / "widget.js").read_text(encoding="utf-8")
            assert widget.slug.replace("-", "_") == folder.name


# The values ----------------------------------------------------------------------------------------------------------


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


# The size explorer ---------------------------------------------------------------------------------------------------

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


# The shift explorer ---------------------------------------------------------------------------------------------------

MOVED_HEADS = ("gap", "max", "flatten")


def moved_garment(label: int = 0, places: int = 9) -> MovedGarment:
    """A garment of 2 px in a frame of 4 px, which leaves 9 places."""
    draws = np.random.default_rng(label)
    return MovedGarment(
        label=label,
        pixels=draws.integers(0, 256, (2, 2)).astype(np.uint8),
        probabilities={head: draws.dirichlet([1.0, 1.0], places) for head in MOVED_HEADS},
        maps={head: draws.random((places, 3, 3)) for head in MOVED_HEADS},
        changes={head: draws.random(places) for head in MOVED_HEADS},
    )


ACCURACIES = {head: np.linspace(0.1, 0.9, 9) for head in MOVED_HEADS}


def shift_explorer(**chosen: Any) -> ShiftExplorer:
    return ShiftExplorer(
        [moved_garment(0), moved_garment(1)], ["Boot", "Bag"], ACCURACIES, "2 garments, 1 seed", frame=4, **chosen
    )


def test_shift_explorer_says_what_the_arrays_hold_at_every_place() -> None:
    widget, given = shift_explorer(garment=1), moved_garment(1)
    for place, (dy, dx) in enumerate((dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)):
        widget.set_state({"dx": dx, "dy": dy})
        told = widget.describe()
        for head, name in zip(MOVED_HEADS, ("GAP", "max", "flatten"), strict=True):
            probabilities = given.probabilities[head][place]
            best = ["Boot", "Bag"][int(probabilities.argmax())]
            assert f"{name} says {best} ({round(1000 * probabilities.max()) / 10:.1f} %)" in told
            assert f"{round(100 * given.changes[head][place])} % ({name})" in told
    widget.set_state({"dx": -1, "dy": 1})
    assert widget.describe().startswith("Bag moved 1 px left and 1 px down: ")
    widget.set_state({"dx": 0, "dy": 0})
    assert widget.describe().startswith("Bag in the centre: ")


def test_shift_explorer_stores_rounded_numbers_little_endian() -> None:
    widget = shift_explorer()
    stored = np.frombuffer(widget.probabilities, dtype="<u2").reshape(2, 3, 9, 2)
    for index in (0, 1):
        for h, head in enumerate(MOVED_HEADS):
            assert np.abs(stored[index, h] / 1000 - moved_garment(index).probabilities[head]).max() <= 0.0005 + 1e-9
    maps = np.frombuffer(widget.maps, dtype=np.uint8).reshape(2, 3, 9, 3, 3)
    assert (maps.max(axis=(2, 3, 4)) == 255).all()  # one scale for each garment and head
    tenths = np.frombuffer(widget.accuracies, dtype="<u2").reshape(3, 9)
    assert tenths[0].tolist() == [100, 200, 300, 400, 500, 600, 700, 800, 900]


def test_shift_explorer_reads_without_scripts() -> None:
    table = shift_explorer().fallback()
    assert '<tr><th scope="row">GAP</th><td>50.0 %</td><td>50.0 %</td><td>50.0 %</td></tr>' in table
    assert "Accuracy (2 garments, 1 seed)" in table


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"dx": 2}, "dx is 2 px: choose a whole number from -1 to 1."),
        ({"dy": -2}, "dy is -2 px: choose a whole number from -1 to 1."),
        ({"garment": 2}, "Garment 2 was asked for: choose from 0 to 1."),
        ({"head": "mean"}, "There is no head called 'mean'"),
    ],
)
def test_bad_place_is_one_sentence_and_rolls_back(change: dict[str, Any], sentence: str) -> None:
    widget = shift_explorer()
    with pytest.raises(ReaderError, match=re.escape(sentence)):
        widget.set_state(change)
    assert (widget.garment, widget.head, widget.dx, widget.dy) == (0, "gap", 0, 0)


def test_shift_explorer_checks_its_arrays() -> None:
    with pytest.raises(ReaderError, match="at least one garment"):
        ShiftExplorer([], ["Boot", "Bag"], ACCURACIES, "", frame=4)
    with pytest.raises(ReaderError, match="do not fit together"):
        ShiftExplorer([moved_garment(places=8)], ["Boot", "Bag"], ACCURACIES, "", frame=4)
    with pytest.raises(ReaderError, match="do not fit together"):
        ShiftExplorer([moved_garment()], ["Boot", "Bag", "Coat"], ACCURACIES, "", frame=4)


def test_shift_explorer_page_follows_the_state() -> None:
    assert shift_explorer().page_html() == shift_explorer().page_html() != shift_explorer(dx=1).page_html()
    data = payload(shift_explorer(dx=1).page_html())
    assert data["state"]["dx"] == 1
    # The order of the heads is the order of the arrays; a mapping would be sorted on its way into the page.
    assert [key for key, _ in data["state"]["heads"]] == list(MOVED_HEADS)


# The vote explorer ----------------------------------------------------------------------------------------------------

KINDS = ("cat", "lynx", "car")


def voted(name: str = "puss", seed: int = 0, **changes: Any) -> VotedPhotograph:
    """A photograph of 16 px with votes of 2 x 3 positions; under max pooling one position has none."""
    draws = np.random.default_rng(seed)
    maximum = draws.normal(size=(3, 2, 3))
    maximum[:, 0, 1] = 0
    ramp = np.linspace(0, 250, 16).astype(np.uint8)
    arrays: dict[str, Any] = {
        "picture": np.stack([np.add.outer(ramp, 0 * ramp), np.add.outer(0 * ramp, ramp), np.full((16, 16), 90)], axis=2)
        .astype(np.uint8),
        "classes": KINDS,
        "bias": draws.normal(size=3) / 10,
        "average": draws.normal(size=(3, 2, 3)),
        "maximum": maximum,
    }  # fmt: skip
    return VotedPhotograph(name=name, **(arrays | changes))


def vote_explorer(**chosen: Any) -> VoteExplorer:
    return VoteExplorer([voted("puss", 0), voted("tom", 1)], **chosen)


def stored_votes(widget: VoteExplorer) -> np.ndarray:
    """The votes in thousandths as the page reads them: photograph, pool, class, position."""
    return np.frombuffer(widget.votes, dtype="<i4").reshape(len(widget.names), 2, len(widget.classes[0]), -1)


def decimal(text: str) -> float:
    return float(text.replace("−", "-"))


def test_vote_explorer_says_what_the_arrays_hold_at_every_position() -> None:
    widget, given = vote_explorer(photograph=1, category=2), voted("tom", 1)
    number = r"[+−]?\d+\.\d{3}"
    pattern = re.compile(
        rf"tom, car, (?P<pool>\w+) pool: row (?P<row>\d), column (?P<column>\d) votes (?P<vote>{number})"
        rf"(, (?P<share>[\d.]+) % of the votes (?P<side>for|against))?\. "
        rf"Votes for (?P<more>{number}) from (?P<fors>\d) of 6 positions, half of that from (?P<half>\d); "
        rf"votes against (?P<less>{number}) from (?P<againsts>\d); "
        rf"bias (?P<bias>{number}): logit (?P<logit>{number})\."
    )
    for pool in ("average", "maximum"):
        votes = getattr(given, pool)[2]
        positive = sorted(votes[votes > 0], reverse=True)
        fewest = next(n for n in range(1, 7) if 2 * sum(positive[:n]) >= sum(positive))
        for cell, vote in enumerate(votes.ravel()):
            widget.set_state({"pool": pool, "cell": cell})
            said = pattern.fullmatch(widget.describe())
            assert said, widget.describe()
            assert said["pool"] == pool
            assert (int(said["row"]) - 1) * 3 + int(said["column"]) - 1 == cell
            assert decimal(said["vote"]) == pytest.approx(vote, abs=0.001)
            assert (said["side"] == "for") == (vote > 0)
            if vote:
                assert float(said["share"]) == pytest.approx(
                    100 * vote / votes[np.sign(votes) == np.sign(vote)].sum(), abs=0.2
                )
            assert (int(said["fors"]), int(said["againsts"])) == ((votes > 0).sum(), (votes < 0).sum())
            assert int(said["half"]) == fewest
            assert decimal(said["more"]) == pytest.approx(votes[votes > 0].sum(), abs=0.006)
            assert decimal(said["less"]) == pytest.approx(votes[votes < 0].sum(), abs=0.006)
            assert decimal(said["bias"]) == pytest.approx(given.bias[2], abs=0.0005)
            assert decimal(said["logit"]) == pytest.approx(votes.sum() + given.bias[2], abs=0.0005 + 1e-9)


@pytest.mark.parametrize(
    ("scale", "whole"), [(1.0, False), (15.0, False), (0.001, False), (0.0, False), (1.0, True)], ids=str
)
def test_rounded_votes_add_up_to_the_rounded_logit(scale: float, whole: bool) -> None:
    draws = np.random.default_rng(7)
    average, maximum = scale * draws.normal(size=(2, 40, 7, 7))
    bias = scale * draws.normal(size=40)
    if whole:  # whole thousandths already, and a bias between two: the hardest case
        average, maximum, bias = np.round(average, 3), np.round(maximum, 3), np.round(bias, 3) + 0.0005
    widget = VoteExplorer([voted(classes=["a"] * 40, bias=bias, average=average, maximum=maximum)])
    for votes, exact in zip(stored_votes(widget)[0], (average, maximum), strict=True):
        off = votes / 1000 - exact.reshape(40, -1)
        assert np.abs(off).max() < (0.002 if whole else 0.001)
        biases = np.array(widget.biases[0])
        assert np.abs(biases / 1000 - bias).max() <= 0.0005 + 1e-9
        logits = votes.sum(axis=1) + biases
        assert np.abs(logits / 1000 - (exact.sum(axis=(1, 2)) + bias)).max() <= 0.0005 + 1e-9
        assert (votes * exact.reshape(40, -1) >= 0).all()  # no vote changes sides


def test_vote_explorer_opens_at_the_largest_vote() -> None:
    widget = vote_explorer(photograph=1, category=1, pool="maximum")
    assert widget.cell == voted("tom", 1).maximum[1].argmax()
    assert vote_explorer(cell=0).cell == 0


def test_vote_explorer_counts_positions_before_rounding() -> None:
    tiny = np.full((3, 2, 3), 1e-6)
    tiny[:, 0, 0], tiny[:, 1, 2] = 0, -1e-6
    widget = VoteExplorer([voted(average=tiny)])
    assert "from 4 of 6 positions" in widget.describe()
    assert "against 0.000 from 1;" in widget.describe()


def test_vote_explorer_holds_the_picture() -> None:
    header, _, content = vote_explorer().pictures[0].partition(",")
    assert header == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(content))) as picture:
        assert np.abs(np.asarray(picture).astype(int) - voted().picture).mean() < 4


def test_vote_explorer_reads_without_scripts() -> None:
    table = vote_explorer(pool="maximum").fallback()
    given = voted()
    rows = re.findall(r'<th scope="row">(.*?)</th>(.*?)</tr>', table)
    assert [name for name, _ in rows] == ["cat", "lynx", "car (wrong)"]
    for k, (_, cells) in enumerate(rows):
        numbers = [decimal(text) for text in re.findall("<td>(.*?)</td>", cells)]
        more, less = (given.average[k][given.average[k] * sign > 0].sum() for sign in (1, -1))
        logits = (given.average[k].sum() + given.bias[k], given.maximum[k].sum() + given.bias[k])
        assert numbers == pytest.approx([more, less, given.bias[k], *logits], abs=0.006)
        assert sum(numbers[:3]) == pytest.approx(numbers[3], abs=1e-9)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"photograph": 2}, "Photograph 2 was asked for: choose from 0 to 1."),
        ({"category": -1}, "Class -1 was asked for: choose from 0 to 2."),
        ({"cell": 6}, "Position 6 was asked for: choose from 0 to 5."),
        ({"pool": "max"}, "There is no pool called 'max': did you mean maximum"),
    ],
)
def test_bad_choice_of_a_vote_is_one_sentence_and_rolls_back(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ReaderError, match=re.escape(sentence)):
        vote_explorer(**change)
    widget = vote_explorer(cell=0)
    with pytest.raises(ReaderError, match=re.escape(sentence)):
        widget.set_state(change)
    assert (widget.photograph, widget.category, widget.pool, widget.cell) == (0, 0, "average", 0)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"bias": np.zeros(2)}, "votes of 'tom' do not fit together"),
        ({"classes": ("cat", "lynx")}, "votes of 'tom' do not fit together"),
        ({"average": np.zeros((3, 3, 2))}, "votes of 'tom' do not fit together"),
        ({"maximum": np.zeros((3, 6))}, "votes of 'tom' do not fit together"),
        ({"picture": np.zeros((16, 16, 3))}, "picture of 'tom' is float64 (16, 16, 3)"),
        ({"picture": np.zeros((16, 8, 3), dtype=np.uint8)}, "picture of 'tom' is uint8 (16, 8, 3)"),
        ({"average": np.full((3, 2, 3), np.nan)}, "votes of 'tom' have no usable sum"),
        ({"maximum": np.full((3, 2, 3), np.inf)}, "votes of 'tom' have no usable sum"),
        ({"bias": np.full(3, 1e9)}, "votes of 'tom' have no usable sum"),
    ],
)
def test_vote_explorer_checks_its_arrays(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ReaderError, match=re.escape(sentence)) as caught:
        VoteExplorer([voted(), voted("tom", **changes)])
    assert "\n" not in str(caught.value)


def test_vote_explorer_needs_a_photograph_with_classes_and_positions() -> None:
    with pytest.raises(ReaderError, match="at least one photograph"):
        VoteExplorer([])
    for shape in ((1, 2, 3), (3, 0, 3), (3, 6)):
        arrays = {"average": np.zeros(shape), "maximum": np.zeros(shape), "bias": np.zeros(shape[0])}
        with pytest.raises(ReaderError, match="do not fit together"):
            VoteExplorer([voted(classes=KINDS[: shape[0]], **arrays)])


def test_vote_explorer_page_follows_the_state() -> None:
    assert vote_explorer().page_html() == vote_explorer().page_html() != vote_explorer(category=1).page_html()
    assert payload(vote_explorer(category=1).page_html())["state"]["category"] == 1
