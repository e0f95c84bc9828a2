import copy
import functools

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

from gaplab import census, counting, models
from gaplab.census import CLASS_MAPS, FLATTEN, GAP_LINEAR, GAP_MLP, MAXIMUM, OTHER, TOKEN
from gaplab.errors import ReaderError
from gaplab.models import count_parameters

CHANNELS, CLASSES, SIDE = 6, 5, 4
LINEAR = (CHANNELS + 1) * CLASSES


class Small(nn.Module):
    """A convolution to a map of 6 x 4 x 4, and a head given as a function of the map."""

    def __init__(self, head, **modules):
        """Take ``head(self, map)`` and the modules it needs."""
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, CHANNELS, 3, 2, 1), nn.BatchNorm2d(CHANNELS), nn.ReLU())
        self.head = head
        for name, module in modules.items():
            self.add_module(name, module)

    def forward(self, x):
        return self.head(self, self.body(x))


def linear(inputs=CHANNELS, outputs=CLASSES):
    return nn.Linear(inputs, outputs)


def tokens(x):
    return x.flatten(2).transpose(1, 2)


def attention_pool(self, x):
    """A learned query weighs the positions, as in CLIP's ResNets in spirit: neither a mean nor a token."""
    sequence = tokens(x)
    weights = (sequence @ self.query.weight.t()).softmax(dim=1)
    return self.fc((weights * sequence).sum(dim=1))


NETWORKS = {
    "pool module": (
        Small(lambda s, x: s.fc(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1)), fc=linear()), GAP_LINEAR, 1, 16, LINEAR,
    ),
    "functional mean": (Small(lambda s, x: s.fc(x.mean(dim=(2, 3))), fc=linear()), GAP_LINEAR, 1, 16, LINEAR),
    "window of the map's size": (
        Small(lambda s, x: s.fc(F.avg_pool2d(x, SIDE).flatten(1)), fc=linear()), GAP_LINEAR, 1, 16, LINEAR,
    ),
    "mean of tokens": (Small(lambda s, x: s.fc(tokens(x).mean(dim=1)), fc=linear()), GAP_LINEAR, 1, 16, LINEAR),
    "mean, norm, linear": (
        Small(lambda s, x: s.fc(s.norm(x.mean(dim=(2, 3)))), norm=nn.LayerNorm(CHANNELS), fc=linear()),
        GAP_LINEAR, 1, 16, LINEAR + 2 * CHANNELS,
    ),
    "1x1 convolution behind the mean": (
        Small(lambda s, x: s.fc(x.mean(dim=(2, 3), keepdim=True)).flatten(1), fc=nn.Conv2d(CHANNELS, CLASSES, 1)),
        GAP_LINEAR, 1, 16, LINEAR,
    ),
    "hidden layer": (
        Small(lambda s, x: s.fc(F.hardswish(s.hidden(x.mean(dim=(2, 3))))), hidden=linear(CHANNELS, 7), fc=linear(7)),
        GAP_MLP, 2, 16, 7 * 7 + 8 * CLASSES,
    ),
    "class maps": (
        Small(lambda s, x: F.relu(s.maps(x)).mean(dim=(2, 3)), maps=nn.Conv2d(CHANNELS, CLASSES, 1)),
        CLASS_MAPS, 0, 16, LINEAR,
    ),
    "flatten": (Small(lambda s, x: s.fc(x.flatten(1)), fc=linear(CHANNELS * 16)), FLATTEN, 1, 16, 97 * CLASSES),
    "small adaptive pool, then flatten": (
        Small(lambda s, x: s.fc(F.adaptive_avg_pool2d(x, 2).flatten(1)), fc=linear(CHANNELS * 4)),
        FLATTEN, 1, 4, 25 * CLASSES,
    ),
    "convolution that reads the whole map": (
        Small(lambda s, x: s.fc(x).flatten(1), fc=nn.Conv2d(CHANNELS, CLASSES, SIDE)), FLATTEN, 1, 16, 97 * CLASSES,
    ),
    "class token": (Small(lambda s, x: s.fc(tokens(x)[:, 0]), fc=linear()), TOKEN, 1, 16, LINEAR),
    "global max": (Small(lambda s, x: s.fc(x.amax(dim=(2, 3))), fc=linear()), MAXIMUM, 1, 16, LINEAR),
    "mean of rows, then flatten": (
        Small(lambda s, x: s.fc(x.mean(dim=2).flatten(1)), fc=linear(CHANNELS * SIDE)), FLATTEN, 1, 4, 25 * CLASSES,
    ),
    "GeM": (Small(lambda s, x: s.fc(s.pool(x).flatten(1)), pool=models.GeM(), fc=linear()), OTHER, 1, 1, LINEAR),
    "attention pool": (
        Small(attention_pool, query=nn.Linear(CHANNELS, 1, bias=False), fc=linear()), OTHER, 1, 1, LINEAR,
    ),
}  # fmt: skip


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("name", NETWORKS)
def test_each_kind_of_head_is_found_with_its_layers_positions_and_parameters(name, device):
    network, *expected = NETWORKS[name]
    found = census.head_of(copy.deepcopy(network).to(device), size=2 * SIDE)
    assert list(found[:4]) == expected


def test_the_networks_own_device_plays_no_part():
    network, seen = copy.deepcopy(NETWORKS["pool module"][0]), []
    network.fc.register_forward_hook(lambda module, inputs, output: seen.extend([inputs[0], output]))
    census.head_of(network, size=2 * SIDE)
    assert {tensor.device.type for tensor in seen} == {"meta"}  # MPS names its operations otherwise
    assert {parameter.device.type for parameter in network.parameters()} == {"cpu"}


def test_a_network_with_misleading_names_is_read_by_what_it_does():
    class GlobalAveragePoolResNet(nn.Module):
        """Named after the average; it flattens."""

        def __init__(self):
            super().__init__()
            self.avgpool = nn.MaxPool2d(2)
            self.fc = nn.Conv2d(3, 4, 3, padding=1)  # the body is called fc
            self.class_token = nn.Linear(4 * 16, CLASSES)

        def forward(self, x):
            return self.class_token(self.avgpool(self.fc(x)).flatten(1))

    assert census.head_of(GlobalAveragePoolResNet(), size=8)[:3] == (FLATTEN, 1, 16)


def test_attention_is_seen_in_the_body_as_in_the_head():
    assert census.head_of(NETWORKS["attention pool"][0], size=8).attention
    assert not census.head_of(NETWORKS["functional mean"][0], size=8).attention

    def attend(self, x):
        heads = tokens(x)[:, None].contiguous()  # so that PyTorch fuses all of it into one operation
        return self.fc(F.scaled_dot_product_attention(heads, heads, heads)[:, 0].mean(dim=1))

    assert census.head_of(Small(attend, fc=linear()), size=8)[::4] == (GAP_LINEAR, True)


def test_the_books_own_networks():
    assert census.head_of(models.nin(), 28, 1)[:3] == (CLASS_MAPS, 0, 49)
    assert census.head_of(models.resnet8("gap"), 28, 1)[:3] == (GAP_LINEAR, 1, 49)
    assert census.head_of(models.resnet8("max"), 28, 1)[:3] == (MAXIMUM, 1, 49)
    assert census.head_of(models.resnet8("fc_dropout"), 28, 1)[:3] == (FLATTEN, 2, 49)
    assert census.head_of(models.control_cnn("gap"), 28, 1)[:3] == (CLASS_MAPS, 0, 49)


def test_a_network_keeps_its_mode():
    network = NETWORKS["functional mean"][0].train()
    census.head_of(network, size=8)
    assert network.training


def test_what_is_no_classifier_gets_one_sentence():
    with pytest.raises(ReaderError, match=r"does not return logits \(N, classes\)"):
        census.head_of(nn.Conv2d(3, 4, 3), size=8)
    with pytest.raises(ReaderError, match="no network called 'resnet51'"):
        census.census(["resnet51"])


@pytest.fixture(scope="module")
def built_once():
    """Build each classifier once for the census and for the count beside it."""
    on_meta = functools.cache(counting.on_meta)
    with pytest.MonkeyPatch.context() as patch:
        for module in (census, counting):
            patch.setattr(module, "on_meta", on_meta)
        yield


@pytest.fixture(scope="module")
def whole(built_once):
    return census.census().set_index("name")


@pytest.fixture(scope="module")
def budgets(built_once):
    return {name: counting.budget(name) for name in torchvision.models.list_models(module=torchvision.models)}


def test_every_classifier_is_there_once_with_its_published_figures(whole):
    assert list(whole.index) == torchvision.models.list_models(module=torchvision.models)
    assert whole.notna().all(axis=None)
    assert whole.loc["resnet50", ["weights", "accuracy", "gflops"]].tolist() == ["IMAGENET1K_V1", 76.13, 4.089]
    # Two networks have only weights that were pre-trained on other pictures.
    assert set(whole.index[whole["weights"] != "IMAGENET1K_V1"]) == {"regnet_y_128gf", "vit_h_14"}


def test_heads_by_family(whole):
    heads = whole.groupby("family")["head"].agg(lambda kinds: "/".join(sorted(set(kinds))))
    exceptions = {
        "AlexNet": FLATTEN, "VGG": FLATTEN, "SqueezeNet": CLASS_MAPS, "VisionTransformer": TOKEN,
        "MaxVit": GAP_MLP, "MobileNetV3": GAP_MLP,
    }  # fmt: skip
    assert heads.to_dict() == dict.fromkeys(heads.index, GAP_LINEAR) | exceptions
    assert set(whole.index[whole["attention"]]) == {n for n in whole.index if n.startswith(("vit", "swin", "maxvit"))}


def test_totals_are_the_published_ones(budgets):
    different = {}
    for name, found in budgets.items():
        published = next(iter(torchvision.models.get_model_weights(name))).meta["num_params"]
        if found.total != published:
            different[name] = found.total - published
    # Inception's published count holds its auxiliary classifier, ViT-H's the position embedding of 518 pixels.
    assert different == {"inception_v3": -3_326_696, "vit_h_14": -1280 * (37**2 - 16**2)}


def test_head_parameters_agree_with_a_count_by_hooks(whole, budgets):
    """The other route, modules that work on vectors, misses a norm on a 1 x 1 map and the layer of class maps."""
    different = set()
    for name, row in whole.iterrows():
        if round(row["head_share"] * row["parameters"]) != budgets[name].head:
            different.add(row["family"])
    assert different == {"ConvNeXt", "SqueezeNet"}
    assert whole.loc["squeezenet1_0", "head_share"] * whole.loc["squeezenet1_0", "parameters"] == pytest.approx(513_000)


def test_parameters_are_the_networks_own(whole):
    for name in ("resnet18", "vit_b_16"):
        assert whole.loc[name, "parameters"] == count_parameters(torchvision.models.get_model(name))


@pytest.mark.parametrize(
    ("name", "weights", "percent"),
    [
        ("resnet50", 2048 * 1000, 2.35),  # 48 times 2.048 M more, of 4.09 G and that
        ("mobilenet_v2", 1280 * 1000, 17.0),
        ("alexnet", 9216 * 4096, 5.1),  # its map of 6 x 6 is flattened: pooling would leave 256 inputs of 9,216
    ],
)
def test_what_pooling_saves_is_counted_at_the_layer_that_reads_the_map(name, weights, percent):
    found = census.pool_saving(name)
    more = found.flattened - found.pooled
    positions = 36 if name == "alexnet" else 49
    expected = weights * (positions - 1) if name != "alexnet" else weights - weights // positions
    assert more == expected
    assert 100 * found.saved == pytest.approx(percent, abs=0.06)


def test_nothing_is_saved_where_no_linear_layer_reads_the_map():
    assert census.pool_saving("squeezenet1_0") is None
    assert census.pool_saving("vit_b_16") is None


def test_each_family_is_named_by_its_lightest_and_its_heaviest():
    names = census.lightest_and_heaviest()
    assert len(names) == len(set(names))
    assert {"alexnet", "resnet18", "wide_resnet101_2", "mnasnet0_5", "shufflenet_v2_x0_5"} <= set(names)
    assert "resnet50" not in names
