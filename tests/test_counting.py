import pytest
import torch
import torchvision
from torch import nn

from gaplab import counting
from gaplab.errors import ReaderError
from gaplab.models import count_parameters, hooked

CONVOLUTIONAL = [
    "alexnet", "vgg16", "googlenet", "resnet18", "resnet50", "mobilenet_v2", "mobilenet_v3_large", "efficientnet_b0",
    "densenet121", "convnext_tiny",
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "head"),
    # by hand: (inputs + 1) * outputs of each linear layer behind the pool or the flattening
    [
        ("alexnet", 9217 * 4096 + 4097 * 4096 + 4097 * 1000),
        ("vgg16", 25089 * 4096 + 4097 * 4096 + 4097 * 1000),
        ("resnet50", 2049 * 1000),
        ("mobilenet_v3_large", 961 * 1280 + 1281 * 1000),
        ("vit_b_16", 769 * 1000),
    ],
)
def test_heads_are_found_by_what_flows_through_them(name, head):
    assert counting.budget(name).head == head


def test_classes_change_the_head_alone():
    few, many = counting.budget("resnet18", 10), counting.budget("resnet18", 1000)
    assert few.backbone == many.backbone
    assert few.head == 513 * 10


def real_last_map(name, size):
    """The map itself, from the network's own modules: an oracle that knows nothing of steps."""
    model, picture = counting.on_meta(name), torch.empty(1, 3, size, size, device="meta")
    if hasattr(model, "features"):
        return model.features(picture).shape
    seen = {}
    with hooked(model.avgpool, lambda _, inputs, __: seen.update(shape=inputs[0].shape)):
        model(picture)
    return seen["shape"]


@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_last_map_is_the_networks_own_at_every_kind_of_size(name):
    found = counting.last_map(name)
    for size in (64, 65, 97, 128, 223, 225, 300, 333, 640):
        shape = real_last_map(name, size)
        assert (shape[1], shape[2], shape[3]) == (found.channels, found.side(size), found.side(size)), size


@pytest.mark.parametrize("name", ["alexnet", "vgg16", "densenet121"])
def test_smallest_size_is_where_the_network_itself_gives_up(name):
    smallest = counting.last_map(name).smallest_size()
    counting.run_shapes(counting.on_meta(name), smallest)
    with pytest.raises(ReaderError, match=f"cannot take a {smallest - 1} x {smallest - 1} picture"):
        counting.run_shapes(counting.on_meta(name), smallest - 1)


def test_macs_of_a_small_network_by_hand():
    network = nn.Sequential(nn.Conv2d(3, 5, 3, stride=2, padding=1, bias=False), nn.Flatten(), nn.Linear(5 * 4 * 4, 7))
    counts = counting.macs_by_module(network, size=8)
    assert counts["0"] == 4 * 4 * 5 * 3 * 9
    assert counts["2"] == 5 * 4 * 4 * 7
    assert counts[""] == counts["0"] + counts["2"]


@pytest.mark.parametrize("name", ["resnet50", "vgg16"])
def test_macs_are_the_published_ones(name):
    (weights,) = [w for w in torchvision.models.get_model_weights(name) if w.name == "IMAGENET1K_V1"]
    gmacs = counting.macs_by_module(counting.on_meta(name))[""] / 1e9
    assert gmacs == pytest.approx(weights.meta["_ops"], abs=0.01)


def test_training_bytes_count_the_tensors_of_a_real_optimiser():
    layer = nn.Linear(10, 3)
    for name, optimiser in (
        ("momentum", torch.optim.SGD(layer.parameters(), lr=0.1, momentum=0.9)),
        ("adam", torch.optim.Adam(layer.parameters())),
    ):
        layer(torch.ones(1, 10)).sum().backward()
        optimiser.step()
        state = [t for s in optimiser.state.values() for t in s.values() if isinstance(t, torch.Tensor) and t.dim()]
        tensors = [*layer.parameters(), *(p.grad for p in layer.parameters()), *state]
        assert counting.training_bytes(count_parameters(layer), name) == sum(4 * t.numel() for t in tensors)


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (lambda: counting.on_meta("resnet5"), "no network called 'resnet5': did you mean resnet50"),
        (lambda: counting.on_meta("resnet50", 0), "at least 1 class, not 0"),
        (lambda: counting.last_map("vit_b_16"), "sequence of tokens"),
        (lambda: counting.run_shapes(counting.on_meta("resnet50"), 0), "0 x 0 pixels does not exist"),
        (lambda: counting.run_shapes(counting.on_meta("alexnet"), 30), "cannot take a 30 x 30 picture"),
        (lambda: counting.training_bytes(1, "lion"), "no optimiser called 'lion'"),
    ],
)
def test_bad_input_gets_one_sentence(act, sentence):
    with pytest.raises(ReaderError, match=sentence) as caught:
        act()
    assert "\n" not in str(caught.value)


def test_hooks_are_always_detached():
    model = counting.on_meta("alexnet")
    with pytest.raises(ZeroDivisionError), counting.leaf_hooks(model, lambda *_: 1 / 0):
        counting.run_shapes(model, 224)
    assert not any(m._forward_hooks for m in model.modules())


def test_stages_must_hold_every_parameter_once():
    model = counting.on_meta("resnet18")
    macs = counting.macs_by_module(model)
    stages = {"stem": ["conv1", "bn1"], "body": ["layer1", "layer2", "layer3", "layer4"], "fc": ["fc"]}
    shares = counting.shares_by_stage(model, macs, stages)
    assert shares["parameters"].sum() == pytest.approx(100)
    assert shares["multiply-adds"].sum() == pytest.approx(100)
    assert shares["parameters"][2] == pytest.approx(100 * 513_000 / 11_689_512)
    for wrong in ({**stages, "stem": ["conv1"]}, {**stages, "stem": ["conv1", "bn1", "fc"]}):
        with pytest.raises(ReaderError, match="name each module once"):
            counting.shares_by_stage(model, macs, wrong)
