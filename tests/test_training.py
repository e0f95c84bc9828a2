"""Training and evaluation of small networks."""

import math
import os
import subprocess
import sys

import pandas as pd
import pytest
import torch
from torch import nn

from gaplab import ReaderError, data, device, models, training


@pytest.fixture(scope="module")
def few():
    return data.stratified("train", 200)


class Brightness(nn.Module):
    """Says class 1 for an image brighter than the data's mean, else class 0."""

    def forward(self, x):
        return torch.stack([torch.zeros(len(x)), x.mean(dim=(1, 2, 3)).cpu()], dim=1).to(x.device)


def test_accuracy_counts_right_answers():
    images = torch.zeros(5, 1, 4, 4, dtype=torch.uint8)
    images[2:] = 255
    labels = torch.tensor([0, 0, 1, 1, 0])
    assert training.accuracy(Brightness(), (images, labels)) == pytest.approx(4 / 5)


def test_predict_is_in_evaluation_mode_and_leaves_the_mode():
    network = models.resnet8("fc_dropout").train()
    images, _ = data.stratified("test", 150)
    first, second = training.predict(network, images), training.predict(network, images)
    assert torch.equal(first, second)
    assert first.shape == (150, 10)
    assert network.training


def test_fit_learns_and_returns_a_tidy_history(few):
    network = models.resnet8("gap")
    test = data.stratified("test", 200)
    history = training.fit(network, few, test, epochs=8, lr=0.1, batch_size=32)
    assert list(history.columns) == ["epoch", "loss", "train_accuracy", "test_accuracy"]
    assert history["epoch"].tolist() == list(range(1, 9))
    assert history["loss"].iloc[-1] < 0.75 * history["loss"].iloc[0]
    assert history["train_accuracy"].iloc[-1] > 0.3  # chance is 0.1
    assert history["test_accuracy"].iloc[-1] == training.accuracy(network, test)
    assert not network.training


def test_same_seed_gives_the_same_training_and_leaves_the_global_state(few):
    def run(seed):
        network = models.resnet8("fc_dropout", seed=0)
        return training.fit(network, few, epochs=2, seed=seed, progress=False)

    torch.manual_seed(9)
    expected = torch.rand(1)
    torch.manual_seed(9)
    first = run(1)
    assert torch.equal(torch.rand(1), expected)
    pd.testing.assert_frame_equal(first, run(1))
    assert first["loss"].tolist() != run(2)["loss"].tolist()


def test_schedules_start_as_documented(few):
    # One step without momentum or decay moves the weights by exactly the learning rate times the gradient.
    moved = {}
    for schedule in ("one_cycle", "constant"):
        network = models.resnet8()
        before = network.fc.weight.detach().clone()
        one_batch = (few[0][:20], few[1][:20])
        options = {"momentum": 0.0, "weight_decay": 0.0, "schedule": schedule, "progress": False}
        training.fit(network, one_batch, epochs=1, lr=0.5, **options)
        moved[schedule] = float((network.fc.weight.detach() - before).norm())
    assert moved["constant"] / moved["one_cycle"] == pytest.approx(25, rel=1e-3)


def test_constant_schedule_is_plain_gradient_descent(few):
    images, labels = data.normalise(few[0][:20]), few[1][:20].to(device())
    by_hand = models.resnet8().train()
    for _ in range(3):
        loss = nn.functional.cross_entropy(by_hand(images), labels)
        gradients = torch.autograd.grad(loss, list(by_hand.parameters()))
        with torch.no_grad():
            for parameter, gradient in zip(by_hand.parameters(), gradients, strict=True):
                parameter -= 0.05 * gradient
    network = models.resnet8()
    options = {"momentum": 0.0, "weight_decay": 0.0, "schedule": "constant", "progress": False}
    training.fit(network, (few[0][:20], few[1][:20]), epochs=3, lr=0.05, **options)
    torch.testing.assert_close(network.fc.weight, by_hand.fc.weight, rtol=1e-3, atol=1e-4)


def test_diverging_run_stops_and_shows_the_loss(few):
    history = training.fit(models.resnet8(norm=False), few, epochs=6, lr=1e12, schedule="constant", progress=False)
    assert len(history) < 6
    assert not math.isfinite(history["loss"].iloc[-1])


def test_augmentation_sees_every_batch_with_its_own_generator(few):
    shapes = []

    def augment(images, draws):
        shapes.append(tuple(images.shape))
        assert draws.device.type == "cpu"
        return images

    training.fit(models.resnet8(), few, epochs=1, batch_size=64, augment=augment, progress=False)
    assert shapes == [(64, 1, 28, 28)] * 3 + [(8, 1, 28, 28)]


def test_refit_batch_norm_measures_the_images_and_changes_no_weight(few):
    network = models.resnet8()
    before = {name: value.clone() for name, value in network.named_parameters()}
    images = few[0][:100]
    training.refit_batch_norm(network, images)
    with torch.no_grad():
        seen = network.conv1(data.normalise(images))
    torch.testing.assert_close(network.bn1.running_mean, seen.mean(dim=(0, 2, 3)), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(network.bn1.running_var, seen.var(dim=(0, 2, 3)), rtol=1e-4, atol=1e-5)
    assert all(torch.equal(value, before[name]) for name, value in network.named_parameters())
    assert network.bn1.momentum == 0.1
    assert not network.training


def test_calibration_gives_every_batch_norm_unit_outputs():
    images = torch.randn(8, 1, 28, 28, generator=torch.Generator().manual_seed(0)).to(device())
    network = training.calibrate(models.resnet8(), images)
    assert not network.training
    with torch.no_grad():
        out = network.bn1(network.conv1(images))
    torch.testing.assert_close(out.mean(dim=(0, 2, 3)), torch.zeros(16, device=device()), atol=1e-4, rtol=0)
    torch.testing.assert_close(out.std(dim=(0, 2, 3)), torch.ones(16, device=device()), atol=1e-2, rtol=0)


def test_calibration_on_one_cell_gives_one_sentence():
    picture = data.photograph("coffee", 32).tensor  # a last map of 1 x 1
    with pytest.raises(ReaderError, match="give two images or more"):
        training.calibrate(models.torchvision_resnet("resnet18"), picture)


def test_progress_bar_can_be_silenced(few):
    code = (
        "from gaplab import data, models, training;"
        "training.fit(models.resnet8(), data.stratified('train', 20), epochs=1)"
    )
    for disable, shown in ({"TQDM_DISABLE": "1"}, False), ({}, True):
        environment = {name: value for name, value in os.environ.items() if name != "TQDM_DISABLE"} | disable
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, encoding="utf-8", check=True
        )
        assert ("training" in done.stderr) == shown


@pytest.mark.parametrize("steps", [2, 4, 18, 20])
def test_any_number_of_steps_has_a_rise_to_the_rate_and_a_fall_to_nothing(steps):
    optimiser, move_on = training.Recipe(lr=0.5).optimiser(nn.Linear(1, 1), steps)
    rates = []
    for _ in range(steps):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        move_on()
    assert rates[0] == pytest.approx(0.5 / 25)
    assert 0.45 < max(rates) <= 0.5
    assert optimiser.param_groups[0]["lr"] < 1e-4


@pytest.mark.parametrize(("options", "count"), [({"epochs": 0}, 20), ({"batch_size": 0}, 20), ({}, 0)])
def test_bad_input_gives_one_sentence(options, count, few):
    with pytest.raises(ReaderError, match="each must be 1 or more"):
        training.fit(models.resnet8(), (few[0][:count], few[1][:count]), **options)


ONE_CELL = (
    "One image whose map is a single cell reached batch norm in training mode.* a batch_size that leaves no image"
)


def test_a_last_batch_of_one_cell_gives_one_sentence(few):
    images, labels = few[0][:5, :, :4, :4], few[1][:5]  # a last map of 1 x 1, and one image left over
    with pytest.raises(ReaderError, match=ONE_CELL):
        training.fit(models.resnet8(), (images, labels), epochs=1, batch_size=2, progress=False)
    with pytest.raises(ReaderError, match=ONE_CELL):
        training.refit_batch_norm(models.resnet8(), images[:1])
    training.fit(models.resnet8(), (images, labels), epochs=1, batch_size=5, progress=False)


@pytest.mark.gpu
@pytest.mark.skipif(device().type == "cpu", reason="needs a real CUDA or MPS device")
def test_training_runs_on_a_real_device(few):
    history = training.fit(models.resnet8(), few, few, epochs=3, progress=False)
    assert history["loss"].iloc[-1] < history["loss"].iloc[0]


def test_the_classifier_gets_a_rate_of_its_own(few):
    start = models.resnet8("gap", seed=0)
    moved = {}
    for factor in (1.0, 0.1):
        network = models.resnet8("gap", seed=0)
        recipe = {
            "epochs": 1,
            "batch_size": 200,
            "lr": 0.01,
            "momentum": 0.0,
            "schedule": "constant",
            "progress": False,
        }
        training.fit(network, few, **recipe, classifier_rate=factor)
        moved[factor] = [(b - a).detach() for a, b in zip(start.parameters(), network.parameters(), strict=True)]
    names = [name for name, _ in start.named_parameters()]
    for name, whole, tenth in zip(names, moved[1.0], moved[0.1], strict=True):
        expected = 0.1 * whole if name.startswith("fc.") else whole
        torch.testing.assert_close(tenth, expected, rtol=1e-3, atol=1e-7)
    with pytest.raises(ReaderError, match="does not end in one linear layer"):
        training.fit(models.resnet8("fc"), few, epochs=1, classifier_rate=0.1, progress=False)


def test_accuracy_is_measured_as_often_as_asked_and_at_the_end(few):
    history = training.fit(models.resnet8("gap"), few, few, epochs=5, evaluate_every=2, progress=False)
    assert history["test_accuracy"].notna().tolist() == [False, True, False, True, True]
    assert history["train_accuracy"].notna().tolist() == [False, True, False, True, True]
    assert history["loss"].notna().all()


def test_judge_gives_cross_entropy_and_accuracy():
    images = torch.zeros(4, 1, 4, 4, dtype=torch.uint8)
    images[2:] = 255
    labels = torch.tensor([0, 0, 1, 0])
    loss, right = training.judge(Brightness(), (images, labels))
    logits = training.predict(Brightness(), images).cpu()
    assert right == 0.75
    assert loss == pytest.approx(float(nn.functional.cross_entropy(logits, labels)), rel=1e-5)
