"""Chapter 5's plumbing: gradients against finite differences and paper, spread against cases known by hand."""

import copy
import math

import pytest
import torch
from torch import nn

from gaplab import ReaderError, data, gradients, models, weights
from gaplab.device import device


def images(count=2, channels=1, side=28):
    return torch.randn(count, channels, side, side, generator=torch.Generator().manual_seed(0)).to(device())


def score(logits):
    return logits[:, 3].sum()


@pytest.mark.skipif(device().type == "mps", reason="needs float64")
def test_gradient_at_a_layer_is_the_finite_difference_of_the_layers_output():
    network = models.resnet8().double().eval()
    picture = images().double()
    found = gradients.at(network, picture, ["layer2"], score)["layer2"]
    generator = torch.Generator().manual_seed(1)
    nudge = 1e-6 * torch.randn(found.shape, generator=generator, dtype=torch.float64).to(device())
    values = []
    for sign in (1, -1):
        with torch.no_grad(), models.hooked(network.layer2, lambda _, __, out, s=sign: out + s * nudge):
            values.append(float(score(network(picture))))
    assert (values[0] - values[1]) / 2 == pytest.approx(float((found * nudge).sum()), rel=1e-4)


def test_gradient_at_the_last_map_is_the_one_on_paper():
    network = models.torchvision_resnet("resnet18", classes=5).eval()
    found = gradients.at(network, images(2, 3, 64), ["layer4"], score)["layer4"]
    expected = network.fc.weight.detach()[3].view(1, -1, 1, 1).expand(2, -1, 2, 2) / 4
    torch.testing.assert_close(found, expected)


def test_a_layer_whose_output_is_changed_in_place_keeps_its_own_gradient():
    """In torchvision's blocks: they add the shortcut and apply ReLU in place to what bn2 returned."""
    network = models.torchvision_resnet("resnet18", classes=5).eval()
    picture = images(2, 3, 64)
    found = gradients.at(network, picture, ["layer4.1.bn2", "layer4.1"], score)
    with torch.no_grad():
        alive = models.parts(network, picture).feature_map > 0
    torch.testing.assert_close(found["layer4.1.bn2"], found["layer4.1"] * alive)
    assert 0 < float(alive.float().mean()) < 1


def test_measuring_leaves_the_network_as_it_was():
    network = models.resnet8()
    before = copy.deepcopy(network.state_dict())
    gradients.at(network.eval(), images(), ["conv1"], score)
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())
    assert all(not module._forward_hooks for module in network.modules())


def test_an_unknown_layer_and_one_behind_the_objective_get_one_sentence():
    network = models.resnet8().eval()
    with pytest.raises(ReaderError, match="no layer called 'layer9': named_modules"):
        gradients.at(network, images(), ["layer9"], score)
    with pytest.raises(ReaderError, match="No gradient reaches layer3: choose a layer"):
        gradients.at(network, images(), ["layer3"], lambda logits: network.conv1.weight.sum() + 0 * images().sum())


def test_spread_of_cases_known_by_hand():
    one_hot = torch.zeros(7, 7)
    one_hot[2, 5] = -3.0
    maps = torch.stack([torch.full((7, 7), 1 / 49), one_hot, torch.zeros(7, 7)])[:, None].to(device())
    found = gradients.spread(maps)
    assert found.density.tolist() == pytest.approx([1, 1 / 49, 0])
    assert found.effective.tolist() == pytest.approx([1, 1 / 49, 0])
    assert found.l1.tolist() == pytest.approx([1, 3, 0])
    assert found.l2.tolist() == pytest.approx([1 / 7, 3, 0])
    # Half of the numbers carry everything, and tiny ones count for the density alone.
    tiny = gradients.spread(torch.tensor([[1.0, -1.0, 1e-6, 1e-6]]))
    assert tiny.density.item() == 1
    assert tiny.effective.item() == pytest.approx(0.5, rel=1e-5)


def test_effective_density_does_not_depend_on_scale_and_that_of_noise_is_two_over_pi():
    noise = torch.randn(1, 200_000, generator=torch.Generator().manual_seed(0))
    assert gradients.spread(noise).effective.item() == pytest.approx(2 / math.pi, abs=0.01)
    assert gradients.spread(1000 * noise).effective.item() == pytest.approx(
        gradients.spread(noise).effective.item(), rel=1e-9
    )


@pytest.mark.parametrize("make", [models.resnet8, lambda: models.torchvision_resnet("resnet18")], ids=["cifar", "real"])
def test_a_pool_is_swapped_for_the_length_of_the_block_alone(make):
    network = make().eval()
    picture = images(2, 1 if isinstance(network, models.CifarResNet) else 3, 64)
    with torch.no_grad():
        before = models.parts(network, picture)
        with gradients.pooled_by(network, nn.AdaptiveMaxPool2d(1)):
            logits = network(picture)
        torch.testing.assert_close(logits, network.fc(before.feature_map.amax(dim=(2, 3))))
        assert torch.equal(network(picture), before.logits)


def test_the_photograph_network_takes_another_pool_and_gets_its_own_back_after_an_error():
    network = weights.photo_network()
    picture = data.photograph("chelsea", 96).tensor
    with torch.no_grad():
        before = models.parts(network, picture)
        with gradients.pooled_by(network, nn.AdaptiveMaxPool2d(1)):
            torch.testing.assert_close(network(picture), network.fc(before.feature_map.amax(dim=(2, 3))))
        with pytest.raises(ZeroDivisionError), gradients.pooled_by(network, nn.AdaptiveMaxPool2d(1)):
            raise ZeroDivisionError
        assert torch.equal(network(picture), before.logits)
    with pytest.raises(ReaderError, match="Linear has no global pool"), gradients.pooled_by(nn.Linear(1, 1), nn.ReLU()):
        pass


@pytest.mark.parametrize(("value", "gradient"), [(1.0, 1 / 7), (1 / 7, 1 / 7), (1.0, 7.0), (1 / 7, 1.0)])
def test_value_and_gradient_are_rescaled_apart(value, gradient):
    x = images().requires_grad_()
    plain = nn.AdaptiveMaxPool2d(1)(x)
    (expected,) = torch.autograd.grad(plain.sum(), x)
    pooled = gradients.Rescaled(nn.AdaptiveMaxPool2d(1), value, gradient)(x)
    (found,) = torch.autograd.grad(pooled.sum(), x)
    torch.testing.assert_close(pooled, value * plain)
    torch.testing.assert_close(found, gradient * expected)


def test_what_batches_send_back_is_what_an_optimiser_gets_from_each():
    network = models.resnet8("gap", seed=0).eval()
    pictures, labels = data.stratified("train", 20)
    inputs, labels = data.normalise(pictures), labels.to(device())
    before = {name: value.clone() for name, value in network.state_dict().items()}
    found = gradients.of_batches(network, inputs, labels, size=10)
    assert not network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    for index, batch in enumerate(torch.split(torch.arange(20), 10)):
        twin = models.resnet8("gap", seed=0).train()
        nn.functional.cross_entropy(twin(inputs[batch]), labels[batch]).backward()
        own = [module.weight.grad.flatten() for module in twin.modules() if isinstance(module, nn.Conv2d)]
        torch.testing.assert_close(found[index], torch.cat(own), rtol=1e-4, atol=1e-6)
