"""The gradient microscope's Python side: its pools against PyTorch's, what is checked, and what it says in words."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from gaplab.errors import ReaderError
from gaplab.models import GeM
from gaplab.widgets import GradientMicroscope, Microscopic
from gaplab.widgets.gradient_microscope import BACK, POWERS, figures, number, percent, pool

CELLS = np.array([[0.0, 2.5, 1e-7], [2e-6, 4.0, 0.3], [4.0, 0.01, 1.5]])
BACKS = {key: np.random.default_rng(i).normal(size=CELLS.shape) for i, key in enumerate(BACK)}


def microscope(**chosen: Any) -> GradientMicroscope:
    return GradientMicroscope([Microscopic("cat", CELLS, BACKS), Microscopic("dog <b>", 2 * CELLS)], **chosen)


def gem(p: float, scale: float = 1.0) -> GeM:
    """The book's own layer in double precision, with its clamp on another scale."""
    layer = GeM(float(p), eps=1e-6 / scale).double()
    layer.p.data = torch.tensor(p, dtype=torch.float64)
    return layer


def autograd(values: Tensor, pooled: Any) -> tuple[float, Tensor]:
    x = values.clone().requires_grad_()
    y = pooled(x[None, None])
    y.sum().backward()
    assert x.grad is not None
    return float(y.detach()), x.grad


@pytest.mark.parametrize("p", [p for p in POWERS if 1 < p <= 200])
def test_gem_is_the_books_own_layer(p: float) -> None:
    for cells in (CELLS, np.zeros((3, 3)), np.full((3, 3), 5e-7)):
        value, gradient = pool(cells, p)
        if cells is not CELLS and p > 40:
            continue  # the layer's own power of 1e-6 underflows, and its value is 0
        wanted, slope = autograd(torch.from_numpy(cells), gem(p))
        assert value == pytest.approx(wanted, rel=1e-12)
        assert gradient == pytest.approx(slope.numpy(), rel=1e-11, abs=1e-300)


@pytest.mark.parametrize("p", [300.0, 1000.0])
def test_a_power_that_overflows_elsewhere_does_not_here(p: float) -> None:
    high = 1000 * CELLS
    assert not math.isfinite(autograd(torch.from_numpy(high), gem(p))[0])
    value, gradient = pool(high, p)
    # A generalised mean is homogeneous: the mean of a tenth is a tenth of the mean, its gradient the same.
    wanted, slope = autograd(torch.from_numpy(high / 4000), gem(p, 4000))
    assert value == pytest.approx(4000 * wanted, rel=1e-12)
    assert gradient == pytest.approx(slope.numpy(), rel=1e-11, abs=1e-300)


def test_the_ends_of_the_slider_are_pytorchs_average_and_maximum() -> None:
    x = torch.from_numpy(CELLS)
    for p, first, pooled in (
        (1.0, False, lambda t: t.mean(dim=(2, 3))),
        (math.inf, False, lambda t: t.amax(dim=(2, 3))),
        (math.inf, True, lambda t: F.max_pool2d(t, 3)),
    ):
        value, gradient = pool(CELLS, p, first)
        wanted, slope = autograd(x, pooled)
        assert value == pytest.approx(wanted, rel=1e-15)
        assert gradient == pytest.approx(slope.numpy(), rel=1e-15)
    assert POWERS[0] == 1
    assert POWERS[-1] == math.inf
    assert list(POWERS) == sorted(set(POWERS))


def test_figures_of_known_maps() -> None:
    assert figures(np.full((7, 7), 1 / 49)) == pytest.approx((1, 1 / 7, 1, 1))
    assert figures(np.eye(1, 49)) == pytest.approx((1, 1, 1 / 49, 1 / 49))
    assert figures(np.array([[3.0, -4.0]])) == pytest.approx((-1, 5, 1, 49 / 50))
    assert figures(np.zeros((2, 2))) == (0, 0, 0, 0)


def test_numbers_round_halves_up_as_the_page_does() -> None:
    shown = [number(v) for v in (0.0, 0.03125, 0.00003, -0.00003, -1.5, 1 / 49, 5e-5)]
    assert shown == ["0", "0.0313", "3.0e−5", "−3.0e−5", "−1.5000", "0.0204", "0.0001"]
    assert [percent(v) for v in (0, 0.0625, 43 / 49, 1)] == ["0.0 %", "6.3 %", "87.8 %", "100.0 %"]


def test_it_says_what_it_shows() -> None:
    widget = microscope(p=math.inf)
    assert widget.describe() == (
        "cat: the maximum of 3 × 3 cells is 4.0000. Gradient: sum 1.0000, L2 0.7071, density 22.2 %, "
        "effective density 22.2 %. Row 2, column 2: activation 4.0000, gradient 0.5000."
    )
    widget.set_state({"edits": {"4": 2.0}, "mask": True, "stop": 0})
    assert widget.describe() == (
        "cat: the average of 3 × 3 cells is 1.1456. Gradient behind the ReLU: sum 0.8889, L2 0.3143, density 88.9 %, "
        "effective density 88.9 %. Row 2, column 2: activation 2.0000 (was 4.0000), gradient 0.1111."
    )
    assert microscope().describe().startswith("cat: GeM with p = 3 of 3 × 3 cells is ")


def test_it_reads_without_scripts() -> None:
    table = microscope().fallback()
    assert '<th scope="row">cat, maximum</th><td>4.0000</td><td>0.7071</td><td>22.2 %</td>' in table
    assert "dog &lt;b&gt;, average" in table
    assert "<b>" not in table


def test_the_arrays_travel_exactly() -> None:
    widget = microscope()
    assert np.array_equal(np.frombuffer(widget.values, "<f8").reshape(2, 3, 3)[0], CELLS)
    assert np.array_equal(np.frombuffer(widget.backs, "<f8").reshape(3, 3, 3), np.stack([BACKS[key] for key in BACK]))
    assert (widget.with_back, widget.size, widget.p) == ([True, False], [3, 3], 3)
    assert json.dumps(widget.powers, allow_nan=False)  # infinity is no JSON


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"map": 2}, "map is 2: choose a whole number from 0 to 1."),
        ({"stop": -1}, f"stop is -1: choose a whole number from 0 to {len(POWERS) - 1}."),
        ({"cell": 9}, "cell is 9: choose a whole number from 0 to 8."),
        ({"edits": {"9": 1.0}}, "Cell 9 is to be 1.0: choose a cell from 0 to 8 and a finite value of 0 or more."),
        ({"edits": {"0": -1.0}}, "Cell 0 is to be -1.0: choose a cell"),
        ({"edits": {"0": math.inf}}, "Cell 0 is to be inf: choose a cell"),
    ],
)
def test_a_bad_choice_is_one_sentence_and_rolls_back(change: dict[str, Any], sentence: str) -> None:
    widget = microscope()
    with pytest.raises(ReaderError, match=re.escape(sentence)):
        widget.set_state(change)
    assert (widget.map, widget.p, widget.cell, widget.edits) == (0, 3, 4, {})


def test_maps_that_do_not_fit_are_refused() -> None:
    good = Microscopic("cat", CELLS)
    for maps in ([], [good, good]):
        with pytest.raises(ReaderError, match="at least one map, and each label once"):
            GradientMicroscope(maps)
    for values in (CELLS - 1, CELLS[:2], CELLS[0], np.where(CELLS > 3, np.nan, CELLS)):
        with pytest.raises(ReaderError, match=r"The map 'dog' of shape .* does not fit"):
            GradientMicroscope([good, Microscopic("dog", values)])
    for back in ({"average": CELLS, "max": CELLS}, BACKS | {"max": CELLS[:1]}, BACKS | {"max": CELLS * np.nan}):
        with pytest.raises(ReaderError, match=r"one block back of 'cat' for the pool '(gem3|max)' is missing"):
            GradientMicroscope([Microscopic("cat", CELLS, back)])
    with pytest.raises(ReaderError, match=r"p is 3\.1: choose one of 1, 1\.1"):
        microscope(p=3.1)
    with pytest.raises(ReaderError, match="map is 7"):
        microscope(map=7)


def test_the_page_follows_the_state_alone() -> None:
    assert microscope().page_html() == microscope().page_html() != microscope(p=1).page_html()
