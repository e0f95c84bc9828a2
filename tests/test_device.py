"""Where tensors go: the choice of device, and a stand-in device that no tensor left on the CPU gets past.

The stand-in is PyTorch's ``lazy`` device type under ``FakeTensorMode``: shapes and devices are real, numbers are not.
It relies on PyTorch's private behaviour, which is why the tests marked ``gpu`` stay.
"""

import contextlib
from pathlib import Path

import jupytext
import pytest
import torch
import torch.nn.functional as F
from torch._subclasses.fake_tensor import FakeTensorMode

from gaplab import counting, device, device_name, models, timing
from gaplab.errors import ReaderError

BOOK = Path(__file__).parent.parent / "book"
STAND_IN = torch.device("lazy")


@pytest.mark.parametrize("wanted", ["cpu", " CPU "])
def test_the_environment_chooses(monkeypatch, wanted):
    monkeypatch.setenv("GAPLAB_DEVICE", wanted)
    assert device() == torch.device("cpu")
    assert device_name().startswith("CPU (")


@pytest.mark.parametrize(("cuda", "mps", "best"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")])
def test_the_best_device_is_the_default(monkeypatch, cuda, mps, best):
    monkeypatch.delenv("GAPLAB_DEVICE", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert device().type == best


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ("cuda", "GAPLAB_DEVICE is 'cuda', but PyTorch finds no such device here: unset it or set it to cpu."),
        ("cuda:7", "finds no such device"),
        ("mps", "finds no such device"),
        ("gpu", "GAPLAB_DEVICE is 'gpu', which is no device: set it to cpu, cuda, cuda:N or mps."),
        ("meta", "is no device"),
    ],
)
def test_a_missing_device_gets_one_sentence(monkeypatch, wanted, sentence):
    monkeypatch.setenv("GAPLAB_DEVICE", wanted)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(ReaderError) as caught:
        device()
    assert sentence in str(caught.value)


def cell(chapter, name):
    """Return the source of a chapter's named cell."""
    (source,) = [c.source for c in jupytext.read(BOOK / f"{chapter}.py").cells if c.metadata.get("name") == name]
    return source


@contextlib.contextmanager
def fake():
    with FakeTensorMode(allow_non_fake_inputs=True):
        yield


def one_step(network, images, labels):
    network = network.to(STAND_IN)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    F.cross_entropy(network(images), labels).backward()
    optimiser.step()
    return [p.grad for p in network.parameters()]


@pytest.mark.parametrize("head", ["gap", "max", "gem", "flatten"])
def test_a_resnet_takes_a_step_on_the_stand_in(head):
    network = models.torchvision_resnet("resnet18", head, size=64)
    with fake():
        images, labels = torch.randn(2, 3, 64, 64, device=STAND_IN), torch.arange(2, device=STAND_IN)
        gradients = one_step(network, images, labels)
    assert {g.device.type for g in gradients} == {"lazy"}


@pytest.mark.parametrize("left_behind", ["images", "labels", "a weight"])
def test_the_stand_in_catches_a_tensor_left_on_the_cpu(left_behind):
    network = models.resnet8("gap")
    with fake():
        images = torch.randn(2, 1, 28, 28, device="cpu" if left_behind == "images" else STAND_IN)
        labels = torch.arange(2, device="cpu" if left_behind == "labels" else STAND_IN)
        network = network.to(STAND_IN)
        if left_behind == "a weight":
            network.fc.weight = torch.nn.Parameter(torch.randn(10, 64, device="cpu"))
        with pytest.raises(RuntimeError, match="device"):
            F.cross_entropy(network(images), labels).backward()


def run_cell(source, **names):
    scope = {"torch": torch, "F": F, "nn": torch.nn, "models": models, "where": STAND_IN, **names}
    exec(compile(source, "<cell>", "exec"), scope)
    return scope


def test_chapter_1_sends_its_gradients_on_the_device():
    source = cell("01_parameter_count", "sends-back").split("\n\n")[
        0
    ]  # what follows reads numbers, which are fake here
    resnet = models.torchvision_resnet("resnet18")
    resnet.fc = torch.nn.Linear(2048, 1000)
    with fake():
        resnet = resnet.to(STAND_IN)
        maps = torch.randn(2, 2048, 7, 7, device=STAND_IN)
        names = {"feature_map": maps, "images": [0, 0], "resnet50": resnet}
        scope = run_cell(source, **names)
        assert scope["gap_gradient"].device.type == scope["flat_gradient"].device.type == "lazy"
        for careless in (source.replace("285, device=where", "285"), source.replace("1000, device=where", "1000")):
            assert careless != source
            with pytest.raises(RuntimeError, match="device"):
                run_cell(careless, **names)


def test_chapter_1_times_its_step_on_the_device(monkeypatch):
    network, results = models.torchvision_resnet("resnet18", "flatten"), []
    with fake():
        network = network.to(STAND_IN)
        monkeypatch.setattr(models, "torchvision_resnet", lambda name, head: network)
        monkeypatch.setattr(timing, "cost", lambda call, repeats=1: results.append(call()))
        run_cell(cell("01_parameter_count", "step-cost"), timing=timing)["step_cost"]("flatten", batch=2)
    assert results[1].device.type == "lazy"
    assert {p.grad.device.type for p in network.parameters()} == {"lazy"}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available() and not torch.backends.mps.is_available(), reason="no GPU here")
class TestRealDevice:
    def test_a_training_run_stays_on_it_and_agrees_with_the_cpu(self, monkeypatch):
        monkeypatch.delenv("GAPLAB_DEVICE", raising=False)
        logits = {}
        for wanted in (device().type, "cpu"):
            monkeypatch.setenv("GAPLAB_DEVICE", wanted)
            network = models.resnet8("gap", seed=0)
            images = torch.rand(8, 1, 28, 28, generator=torch.Generator().manual_seed(0)).to(device())
            logits[wanted] = network.eval()(images).cpu()
        gpu, cpu = logits.values()
        torch.testing.assert_close(gpu, cpu, rtol=1e-3, atol=1e-3)

    def test_costs_are_measured_on_it(self, monkeypatch):
        monkeypatch.delenv("GAPLAB_DEVICE", raising=False)
        network = models.torchvision_resnet("resnet18")
        images = torch.randn(2, 3, 224, 224, device=device())
        cost = timing.cost(lambda: network(images))
        assert cost.milliseconds > 0

    def test_the_counts_need_no_device(self):
        assert counting.budget("resnet50").total == 25_557_032
