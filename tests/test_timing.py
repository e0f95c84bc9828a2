import time
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from gaplab import timing

MIB = 1024 * 1024


def test_memory_is_what_was_alive_at_once():
    def call():
        first = torch.ones(4 * MIB)  # 16 MiB of float32
        second = first + 1  # 32 MiB at once
        del first
        third = second + 1  # 32 MiB again, never 48
        return third.view(2, -1).sum()  # a view adds nothing

    assert 32 * MIB <= timing.cost(call, repeats=1).peak_megabytes * 1e6 < 33 * MIB


def test_memory_of_a_step_holds_gradients_and_momentum():
    layer = nn.Linear(1024, 1024, bias=False)
    optimiser = torch.optim.SGD(layer.parameters(), lr=0.1, momentum=0.9, foreach=False)

    def step():
        optimiser.zero_grad()
        layer(torch.ones(1, 1024)).sum().backward()
        optimiser.step()

    assert 8 * MIB <= timing.cost(step, repeats=1).peak_megabytes * 1e6 < 9.1 * MIB  # 4 MiB each


def test_what_was_there_before_does_not_count():
    held = torch.ones(4 * MIB)
    assert timing.cost(lambda: held.add_(1), repeats=1).peak_megabytes < 0.01


def test_time_is_the_median_and_leaves_out_the_first_call():
    naps = iter([0.5, 0.02, 0.2, 0.02])
    milliseconds = timing.cost(lambda: time.sleep(next(naps)), repeats=3).milliseconds
    assert 20 <= milliseconds < 100


@pytest.fixture
def gpu(monkeypatch):
    """Stand in for a GPU's runtime, and list what is asked of it in order."""
    done = []

    class Event:
        def __init__(self, enable_timing):
            assert enable_timing

        def record(self, stream):
            done.append(f"event on {stream}")

        def synchronize(self):
            done.append("wait")

        def elapsed_time(self, end):
            return 7.0

    stubs = {
        "Event": Event,
        "current_stream": lambda where: f"{where}'s stream",
        "memory_allocated": lambda where: 1_000_000,
        "reset_peak_memory_stats": lambda where: None,
        "max_memory_allocated": lambda where: 3_000_000,
    }
    for name, stub in stubs.items():
        monkeypatch.setattr(torch.cuda, name, stub)
    monkeypatch.setattr(torch.mps, "synchronize", lambda: done.append("wait"))
    return SimpleNamespace(
        done=done, use=lambda name: monkeypatch.setattr(timing, "device", lambda: torch.device(name))
    )


def test_events_are_recorded_on_the_device_that_works(gpu):
    gpu.use("cuda:1")
    assert timing.cost(lambda: gpu.done.append("work"), repeats=1) == timing.Cost(7.0, 2.0)
    assert gpu.done == ["work", "event on cuda:1's stream", "work", "event on cuda:1's stream", "wait"]


def test_the_clock_starts_when_mps_has_finished_what_came_before(gpu):
    gpu.use("mps")
    timing.cost(lambda: gpu.done.append("work"), repeats=2)
    assert gpu.done == ["work", *["wait", "work", "wait"] * 2]
