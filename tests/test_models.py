"""The networks, against counts from the papers and values computed by other means."""

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

from gaplab import ReaderError, device, models


@pytest.fixture
def images():
    return torch.randn(4, 1, 28, 28, generator=torch.Generator().manual_seed(1)).to(device())


def expected_parameters(depth: int, in_channels: int) -> int:
    """Count by the paper's table: 3x3 convolutions without bias, batch norm, option A, one linear layer."""
    blocks = (depth - 2) // 6
    convolutions = in_channels * 16 * 9
    norms = 2 * 16
    before = 16
    for width in (16, 32, 64):
        convolutions += (before * width + (2 * blocks - 1) * width * width) * 9
        norms += 2 * blocks * 2 * width
        before = width
    return convolutions + norms + 64 * 10 + 10


@pytest.mark.parametrize(("depth", "millions"), [(20, 0.27), (32, 0.46), (56, 0.85), (110, 1.7)])
def test_parameters_are_those_of_the_resnet_paper(depth, millions):
    network = models.build(f"resnet{depth}", in_channels=3)
    count = models.count_parameters(network)
    assert count == expected_parameters(depth, 3)
    assert round(count / 1e6, 1 if depth == 110 else 2) == millions


def test_depth_counts_the_weighted_layers():
    for depth in models.DEPTHS:
        network = models.build(f"resnet{depth}")
        assert sum(isinstance(module, nn.Conv2d | nn.Linear) for module in network.modules()) == depth


@pytest.mark.parametrize("head", models.HEADS)
@pytest.mark.parametrize("name", ["resnet8", "plain8"])
def test_a_small_step_against_the_gradient_lowers_the_loss_by_its_square(name, head, images):
    network = models.build(name, head).eval().cpu().double()

    def loss():
        return F.cross_entropy(network(images.cpu().double()), torch.arange(4))

    before = loss()
    gradients = torch.autograd.grad(before, list(network.parameters()))
    square = sum(float(gradient.square().sum()) for gradient in gradients)
    with torch.no_grad():
        for parameter, gradient in zip(network.parameters(), gradients, strict=True):
            parameter -= 1e-6 / square * gradient
        assert float(before - loss()) == pytest.approx(1e-6, rel=0.01)


def test_pools_are_the_operations_that_their_names_say(images):
    for head, pool in (
        ("gap", lambda x: x.mean(dim=(2, 3))),
        ("max", lambda x: x.amax(dim=(2, 3))),
        ("gem", lambda x: x.clamp(min=1e-6).pow(3).mean(dim=(2, 3)).pow(1 / 3)),
    ):
        network = models.resnet8(head).eval()
        pooled = pool(network.features(images))
        torch.testing.assert_close(network(images), pooled @ network.fc.weight.T + network.fc.bias)


def test_gem_runs_from_average_to_maximum():
    x = torch.rand(2, 3, 7, 7, generator=torch.Generator().manual_seed(0)) + 0.1
    torch.testing.assert_close(models.GeM(p=1.0)(x)[:, :, 0, 0], x.mean(dim=(2, 3)))
    torch.testing.assert_close(
        models.GeM(p=200.0)(x.double())[:, :, 0, 0], x.double().amax(dim=(2, 3)), rtol=0.03, atol=0
    )


def test_flattening_heads_read_every_position(images):
    network = models.resnet8("flatten").eval()
    assert network.fc.weight.shape == (10, 64 * 7 * 7)
    features = network.features(images)
    weight = network.fc.weight.view(10, 64, 7, 7)
    expected = torch.einsum("nchw,kchw->nk", features, weight) + network.fc.bias
    torch.testing.assert_close(network(images), expected, rtol=1e-4, atol=1e-4)
    assert models.resnet8("flatten", size=40).fc.in_features == 64 * 10 * 10
    shapes = [
        tuple(module.weight.shape) for module in models.resnet8("fc").fc.modules() if isinstance(module, nn.Linear)
    ]
    assert shapes == [(512, 3136), (10, 512)]
    drops = [module.p for module in models.resnet8("fc_dropout").fc.modules() if isinstance(module, nn.Dropout)]
    assert drops == [0.5, 0.5]


def test_option_a_has_no_parameters_and_pads_with_zeros():
    shortcut = models.resnet8().layer2[0].downsample
    assert models.count_parameters(shortcut) == 0
    x = torch.randn(2, 16, 7, 7, device=device())
    out = shortcut(x)
    assert out.shape == (2, 32, 4, 4)
    assert torch.equal(out[:, :16], x[:, :, ::2, ::2])
    assert not out[:, 16:].any()


def test_option_b_projects_and_plain_networks_have_no_shortcut():
    projected = models.count_parameters(models.resnet20(shortcut="B")) - models.count_parameters(models.resnet20())
    assert projected == 16 * 32 + 2 * 32 + 32 * 64 + 2 * 64
    assert all(block.downsample is None for block in models.build("plain20").layer2)
    assert models.count_parameters(models.build("plain20")) == models.count_parameters(models.resnet20())


def test_plain_and_residual_differ_by_the_shortcut_alone(images):
    plain, residual = models.build("plain8", seed=5).eval(), models.build("resnet8", seed=5).eval()
    x = torch.relu(plain.bn1(plain.conv1(images)))
    block = plain.layer1[0]
    branch = block.bn2(block.conv2(torch.relu(block.bn1(block.conv1(x)))))
    torch.testing.assert_close(plain.layer1[0](x), torch.relu(branch))
    torch.testing.assert_close(residual.layer1[0](x), torch.relu(branch + x))


def test_networks_without_batch_norm_have_biases_and_no_norm():
    network = models.build("plain8", norm=False)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    assert all(module.bias is not None for module in network.modules() if isinstance(module, nn.Conv2d))


def test_blur_pool_keeps_a_constant_and_removes_the_fastest_pattern():
    blur = models.BlurPool(3)
    torch.testing.assert_close(blur(torch.full((1, 3, 8, 8), 2.5)), torch.full((1, 3, 4, 4), 2.5))
    board = torch.tensor([1.0, -1.0]).repeat(4)
    torch.testing.assert_close(blur((board[:, None] * board).expand(1, 3, 8, 8)), torch.zeros(1, 3, 4, 4))
    impulse = torch.zeros(1, 3, 8, 8)
    impulse[:, :, 4, 4] = 1
    assert float(blur(impulse)[0, 0, 2, 2]) == pytest.approx(1 / 4)
    assert sum(parameter.numel() for parameter in blur.parameters()) == 0


def test_an_antialiased_network_has_the_plain_ones_weights_and_other_maps(images):
    plain, blurred = (models.resnet20(antialias=antialias).eval() for antialias in (False, True))
    assert all(torch.equal(a, b) for a, b in zip(plain.parameters(), blurred.parameters(), strict=True))
    apart = (blurred.features(images) - plain.features(images)).std() / plain.features(images).std()
    assert 0.1 < apart.item() < 10


def test_circular_padding_makes_gap_blind_to_shifts_by_the_total_stride(images):
    network = models.resnet8("gap", padding="circular").eval()
    rolled = {step: network(images.roll(step, dims=3)) for step in (0, 1, 4, 8)}
    for step in (4, 8):
        torch.testing.assert_close(rolled[step], rolled[0], rtol=1e-4, atol=1e-5)
    assert (rolled[1] - rolled[0]).abs().max() > 1e-3
    zeros = models.resnet8("gap").eval()
    assert (zeros(images.roll(4, dims=3)) - zeros(images)).abs().max() > 1e-3


def test_seed_alone_decides_the_weights_and_the_global_state_is_left():
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    first, again, other = (models.resnet8(seed=seed).conv1.weight for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.rand(2), expected)


def test_nin_has_the_papers_shape_and_no_linear_layer(images):
    network = models.nin(192, in_channels=3)
    # The paper's CIFAR-10 model: three mlpconv blocks of a 5x5, a 5x5 and a 3x3 convolution, each with two 1x1.
    widths = [(3, 192, 5), (192, 160, 1), (160, 96, 1), (96, 192, 5), (192, 192, 1), (192, 192, 1)]
    widths += [(192, 192, 3), (192, 192, 1), (192, 10, 1)]
    assert models.count_parameters(network) == sum(i * o * k * k + o for i, o, k in widths) == 966_986
    assert not any(isinstance(module, nn.Linear) for module in network.modules())
    small = models.nin().eval()
    maps = small.features(images)
    assert maps.shape == (4, 10, 7, 7)
    torch.testing.assert_close(small(images), maps.mean(dim=(2, 3)))


def test_control_network_ends_as_nins_control_does(images):
    averaged = models.control_cnn("gap").eval()
    torch.testing.assert_close(averaged(images), averaged.features(images).mean(dim=(2, 3)))
    full, dropped = (models.control_cnn(head) for head in ("fc", "fc_dropout"))
    assert full.fc.weight.shape == (10, 10 * 7 * 7)
    assert models.count_parameters(full) - models.count_parameters(averaged) == 10 * 490 + 10
    assert [type(module) for module in dropped.fc] == [nn.Dropout, nn.Linear]


@pytest.fixture(scope="module")
def photo():
    return torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(2)).to(device())


def test_torchvision_resnet_with_gap_is_torchvisions_own(photo):
    ours = models.torchvision_resnet("resnet18", seed=4).eval()
    theirs = torchvision.models.resnet18().to(device()).eval()
    theirs.load_state_dict(ours.state_dict())
    assert torch.equal(ours(photo), theirs(photo))


@pytest.mark.parametrize("head", ["gap", "max", "gem", "flatten"])
def test_torchvision_heads_read_the_map_as_named(head, photo):
    network = models.torchvision_resnet("resnet18", head, classes=7, size=64).eval()
    feature_map, pooled, logits = models.parts(network, photo)
    assert feature_map.shape == (2, 512, 2, 2)
    expected = {
        "gap": feature_map.mean(dim=(2, 3)),
        "max": feature_map.amax(dim=(2, 3)),
        "gem": feature_map.clamp(min=1e-6).pow(3).mean(dim=(2, 3)).pow(1 / 3),
        "flatten": feature_map.flatten(1),
    }[head]
    torch.testing.assert_close(pooled, expected)
    torch.testing.assert_close(logits, F.linear(expected, network.fc.weight, network.fc.bias))


def test_flattened_resnet50_head_is_49_times_the_pooled_one():
    with torch.device("meta"):
        pooled, flat = (models.torchvision_resnet("resnet50", head) for head in ("gap", "flatten"))
    assert next(flat.parameters()).is_meta
    assert pooled.fc.weight.numel() == 2048 * 1000
    assert flat.fc.weight.numel() == 49 * pooled.fc.weight.numel()


def test_parts_detaches_its_hook_and_keeps_gradients(images):
    network = models.resnet8("max").eval()
    feature_map, pooled, logits = models.parts(network, images)
    torch.testing.assert_close(pooled, feature_map.amax(dim=(2, 3)))
    torch.testing.assert_close(logits, network(images))
    (gradient,) = torch.autograd.grad(pooled.sum(), feature_map)
    torch.testing.assert_close(gradient.sum(dim=(2, 3)), torch.ones_like(pooled))
    assert not network.pool._forward_hooks


def test_hook_is_detached_when_the_network_fails():
    network = models.resnet8()
    with pytest.raises(RuntimeError):
        models.parts(network, torch.zeros(1, 5, 28, 28, device=device()))
    assert not network.pool._forward_hooks


def test_classifier_is_the_linear_layer_or_one_sentence():
    network = models.resnet8()
    assert models.classifier(network) is network.fc
    with pytest.raises(ReaderError, match="choose a head gap, max or gem"):
        models.classifier(models.resnet8("fc"))


def test_make_reaches_every_kind_of_network():
    assert isinstance(models.make("plain8", "max", norm=False), models.CifarResNet)
    assert isinstance(models.make("nin", "gap"), models.NIN)
    assert isinstance(models.make("control_cnn", "fc"), models.ControlCNN)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: models.build("resnet21"), "no network called 'resnet21': did you mean"),
        (lambda: models.resnet20("avg"), "no head called 'avg'"),
        (lambda: models.resnet20(size=0), "size is 0: choose a whole number of 1 or more"),
        (lambda: models.resnet20(classes=0), "classes is 0"),
        (lambda: models.resnet20(shortcut="C"), "no shortcut called 'C'"),
        (lambda: models.resnet20(padding="reflect"), "no padding called 'reflect'"),
        (lambda: models.control_cnn("max"), "no head of the control network called 'max'"),
        (lambda: models.make("nin", "fc"), "no head of a NIN called 'fc'"),
        (lambda: models.torchvision_resnet("resnet20"), "no ResNet in torchvision called 'resnet20'"),
        (lambda: models.torchvision_resnet("resnet18", "fc"), "no head called 'fc'"),
        (lambda: models.torchvision_resnet("resnet18", size=0), "size is 0"),
        (lambda: models.parts(nn.Linear(2, 2), torch.zeros(1, 2)), "no global pool that is known here"),
    ],
)
def test_bad_input_gives_one_sentence(call, sentence):
    with pytest.raises(ReaderError, match=sentence) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_the_default_initialisation_is_pytorchs_own_and_smaller():
    he, default = (models.build("plain20", init=init, norm=False, seed=3) for init in ("he", "default"))
    sizes = {
        name: float(network.layer2[1].conv1.weight.detach().std())
        for name, network in (("he", he), ("default", default))
    }
    fan = 32 * 9
    assert sizes["he"] == pytest.approx((2 / fan) ** 0.5, rel=0.05)
    assert sizes["default"] == pytest.approx(
        (1 / (3 * fan)) ** 0.5, rel=0.05
    )  # uniform to one over the root of the fan
    with pytest.raises(ReaderError, match="no initialisation called 'xavier'"):
        models.build("resnet20", init="xavier")


def test_a_grid_keeps_the_positions_of_a_map_of_any_size():
    network = models.resnet8("grid", seed=0).eval()
    flat = models.resnet8("flatten", seed=0).eval()
    small, large = (torch.randn(2, 1, side, side, generator=torch.Generator().manual_seed(2)) for side in (28, 56))
    small, large = small.to(device()), large.to(device())
    torch.testing.assert_close(network(small), flat(small))  # 7 x 7 into 7 x 7 changes nothing
    cells = network.features(large).view(2, 64, 7, 2, 7, 2).mean(dim=(3, 5))
    torch.testing.assert_close(network(large), network.fc(cells.flatten(1)), rtol=1e-4, atol=1e-5)


def test_a_nin_takes_the_maximum_where_it_is_asked_to():
    network = models.nin(12, head="max", seed=0).eval()
    x = torch.randn(2, 1, 28, 28, generator=torch.Generator().manual_seed(2)).to(device())
    torch.testing.assert_close(network(x), network.features(x).amax(dim=(2, 3)))
    with pytest.raises(ReaderError, match="no head of a NIN called 'gem'"):
        models.make("nin", "gem")
