"""Where tensors go: the choice of device. That the chapters keep to it is the matter of ``test_second_device.py``."""

import sys
import warnings

import pytest
import torch

from gaplab import counting, device, device_name, models, timing
from gaplab.errors import ReaderError

chooser = sys.modules["gaplab.device"]  # gaplab.device is the function


@pytest.fixture(autouse=True)
def untried():
    """Forget which devices were tried, before a test and after it."""
    chooser._chosen.cache_clear()
    yield
    chooser._chosen.cache_clear()


@pytest.fixture
def machine(monkeypatch):
    """Make a machine that has the kinds of GPU given; PyTorch computes on those that are not broken."""

    def has(*kinds, broken=()):
        monkeypatch.delenv("GAPLAB_DEVICE", raising=False)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: "cuda" in kinds)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: "mps" in kinds)
        real = torch.ones

        def ones(*shape, device):
            tried.append(str(device))
            if device.type in broken:
                warnings.warn("ten lines about compute capability", stacklevel=1)
                raise RuntimeError("CUDA error: no kernel image is available.\nCompile with TORCH_USE_CUDA_DSA.")
            return real(*shape)

        tried = []
        monkeypatch.setattr(torch, "ones", ones)
        return tried

    return has


@pytest.mark.parametrize("wanted", ["cpu", " CPU "])
def test_the_environment_chooses(monkeypatch, wanted):
    monkeypatch.setenv("GAPLAB_DEVICE", wanted)
    assert device() == torch.device("cpu")
    assert device_name().startswith("CPU (")


@pytest.mark.parametrize(("kinds", "best"), [(("cuda", "mps"), "cuda"), (("mps",), "mps"), ((), "cpu")])
def test_the_best_device_is_the_default(machine, kinds, best):
    tried = machine(*kinds)
    assert [device().type for _ in range(3)] == [best] * 3
    assert tried == [best][: len(kinds)]  # once, whatever the number of calls


def test_a_gpu_without_kernels_is_passed_over_with_one_sentence(machine):
    machine("cuda", broken=["cuda"])
    with warnings.catch_warnings(record=True) as said:
        assert [device().type for _ in range(3)] == ["cpu"] * 3
    assert [str(warning.message) for warning in said] == [
        "This PyTorch cannot compute on cuda (RuntimeError: CUDA error: no kernel image is available), so the book "
        "runs on the CPU: install a PyTorch that is built for this GPU, or set GAPLAB_DEVICE to cpu."
    ]


@pytest.mark.parametrize("wanted", ["cuda", "cuda:1"])
def test_a_gpu_without_kernels_that_was_asked_for_is_refused(machine, monkeypatch, wanted):
    tried = machine("cuda", broken=["cuda"])
    monkeypatch.setenv("GAPLAB_DEVICE", wanted)
    with pytest.raises(
        ReaderError, match=rf"GAPLAB_DEVICE is '{wanted}', but this PyTorch cannot compute there \(Runtime"
    ):
        device()
    assert tried == [wanted]


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


def test_checks_that_measure_twice_give_a_gpu_room(machine, monkeypatch):
    from gaplab.coursework import checking

    machine("cuda")
    assert checking.slack() > 1
    monkeypatch.setenv("GAPLAB_DEVICE", "cpu")
    assert checking.slack() == 1
