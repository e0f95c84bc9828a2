"""The shift explorer's Python side: what travels to the page, what is checked, and what it says in words."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from gaplab.errors import ReaderError
from gaplab.widgets import (
    MovedGarment,
    ShiftExplorer,
)

MOVED_HEADS = ("gap", "max", "flatten")


def moved_garment(label: int = 0, places: int = 9) -> MovedGarment:
    """A garment of 2 px in a frame of 4 px, which leaves 9 places."""
    draws = np.random.default_rng(label)
    return MovedGarment(
        label=label,
        pixels=draws.integers(0, 256, (2, 2)).astype(np.uint8),
        probabilities={head: draws.dirichlet([1.0, 1.0], places) for head in MOVED_HEADS},
        maps={head: draws.random((places, 3, 3)) for head in MOVED_HEADS},
        changes={head: draws.random(places) for head in MOVED_HEADS},
    )


ACCURACIES = {head: np.linspace(0.1, 0.9, 9) for head in MOVED_HEADS}


def shift_explorer(**chosen: Any) -> ShiftExplorer:
    return ShiftExplorer(
        [moved_garment(0), moved_garment(1)], ["Boot", "Bag"], ACCURACIES, "2 garments, 1 seed", frame=4, **chosen
    )


def test_shift_explorer_says_what_the_arrays_hold_at_every_place() -> None:
    widget, given = shift_explorer(garment=1), moved_garment(1)
    for place, (dy, dx) in enumerate((dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)):
        widget.set_state({"dx": dx, "dy": dy})
        told = widget.describe()
        for head, name in zip(MOVED_HEADS, ("GAP", "max", "flatten"), strict=True):
            probabilities = given.probabilities[head][place]
            best = ["Boot", "Bag"][int(probabilities.argmax())]
            assert f"{name} says {best} ({round(1000 * probabilities.max()) / 10:.1f} %)" in told
            assert f"{round(100 * given.changes[head][place])} % ({name})" in told
    widget.set_state({"dx": -1, "dy": 1})
    assert widget.describe().startswith("Bag moved 1 px left and 1 px down: ")
    widget.set_state({"dx": 0, "dy": 0})
    assert widget.describe().startswith("Bag in the centre: ")


def test_shift_explorer_stores_rounded_numbers_little_endian() -> None:
    widget = shift_explorer()
    stored = np.frombuffer(widget.probabilities, dtype="<u2").reshape(2, 3, 9, 2)
    for index in (0, 1):
        for h, head in enumerate(MOVED_HEADS):
            assert np.abs(stored[index, h] / 1000 - moved_garment(index).probabilities[head]).max() <= 0.0005 + 1e-9
    maps = np.frombuffer(widget.maps, dtype=np.uint8).reshape(2, 3, 9, 3, 3)
    assert (maps.max(axis=(2, 3, 4)) == 255).all()  # one scale for each garment and head
    tenths = np.frombuffer(widget.accuracies, dtype="<u2").reshape(3, 9)
    assert tenths[0].tolist() == [100, 200, 300, 400, 500, 600, 700, 800, 900]


def test_shift_explorer_reads_without_scripts() -> None:
    table = shift_explorer().fallback()
    assert '<tr><th scope="row">GAP</th><td>50.0 %</td><td>50.0 %</td><td>50.0 %</td></tr>' in table
    assert "Accuracy (2 garments, 1 seed)" in table


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"dx": 2}, "dx is 2 px: choose a whole number from -1 to 1."),
        ({"dy": -2}, "dy is -2 px: choose a whole number from -1 to 1."),
        ({"garment": 2}, "Garment 2 was asked for: choose from 0 to 1."),
        ({"head": "mean"}, "There is no head called 'mean'"),
    ],
)
def test_bad_place_is_one_sentence_and_rolls_back(change: dict[str, Any], sentence: str) -> None:
    widget = shift_explorer()
    with pytest.raises(ReaderError, match=re.escape(sentence)):
        widget.set_state(change)
    assert (widget.garment, widget.head, widget.dx, widget.dy) == (0, "gap", 0, 0)


def test_shift_explorer_checks_its_arrays() -> None:
    with pytest.raises(ReaderError, match="at least one garment"):
        ShiftExplorer([], ["Boot", "Bag"], ACCURACIES, "", frame=4)
    with pytest.raises(ReaderError, match="do not fit together"):
        ShiftExplorer([moved_garment(places=8)], ["Boot", "Bag"], ACCURACIES, "", frame=4)
    with pytest.raises(ReaderError, match="do not fit together"):
        ShiftExplorer([moved_garment()], ["Boot", "Bag", "Coat"], ACCURACIES, "", frame=4)


def test_shift_explorer_page_follows_the_state(payload: Any) -> None:
    assert shift_explorer().page_html() == shift_explorer().page_html() != shift_explorer(dx=1).page_html()
    data = payload(shift_explorer(dx=1))
    assert data["state"]["dx"] == 1
    # The order of the heads is the order of the arrays; a mapping would be sorted on its way into the page.
    assert [key for key, _ in data["state"]["heads"]] == list(MOVED_HEADS)
