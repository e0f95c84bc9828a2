import time

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
