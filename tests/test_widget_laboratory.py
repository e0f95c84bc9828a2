"""The laboratory's Python side: what travels to the page, what is checked, and what a live notebook gets."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
import pytest

from gaplab import live
from gaplab.errors import ReaderError
from gaplab.widgets import Laboratory
from gaplab.widgets.laboratory import EXPERIMENTS, LINKED, NETWORKS, POOLS

GARMENTS = {name: np.full((28, 28), shade, np.uint8) for name, shade in (("Bag", 1), ("Coat", 2))}


def laboratory(**state: Any) -> Laboratory:
    return Laboratory(GARMENTS, **state)


def test_it_names_networks_layers_and_heads_that_are_there() -> None:
    for network in NETWORKS.values():
        plan = live.network(network["name"]).plan
        assert {network["back"], *network["stages"]} <= plan["names"].keys()
        for head in network["heads"]:
            trained = live.network(head["network"]).plan["head"]["pool"]
            assert head["pool"] == trained or (trained == "gap" and head["pool"] in POOLS)


def test_it_tells_what_each_part_weighs() -> None:
    scripts = laboratory().scripts
    for part in ("engine", "photographs", *live.names()):
        assert [(name, len(text.encode())) for name, text in live.scripts(part).items()] == [*map(tuple, scripts[part])]


def test_the_first_load_of_a_page_brings_no_weights() -> None:
    """They stand in scripts of their own."""
    html = laboratory().page_html()
    assert len(html.encode()) < 200_000
    assert not re.search(r"[A-Za-z0-9+/]{20000}", html)


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ({"experiment": "colour"}, "experiment is 'colour': choose one of stages, move, votes, size, pool."),
        ({"network": "vgg"}, "There is no network 'vgg' on the desk: choose one of garments, photographs."),
        ({"picture": "Sofa"}, "picture is 'Sofa': choose one of Bag, Coat, .*own."),
        ({"side": 8}, "side is 8: choose a whole number from 16 to 448."),
        ({"p": 0.0}, "p is 0.0: choose a number above 0."),
        ({"pool": "median"}, "pool is 'median': choose one of gap, max, gem, lse."),
        ({"noise": 99}, "noise is 99: choose a whole number from 0 to 64."),
    ],
)
def test_a_state_that_is_not_there_is_named(state: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ReaderError, match=f"^{sentence}$"):
        laboratory(**state)


def test_a_garment_of_another_size_is_named() -> None:
    with pytest.raises(ReaderError, match=r"The garment 'Bag' is of shape \(3, 3\): give \(28, 28\) pixels."):
        Laboratory({"Bag": np.zeros((3, 3))})


def test_python_puts_a_picture_on_the_table() -> None:
    lab = laboratory()
    picture = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    lab.show(picture)
    assert (lab.picture, lab.own_shape, lab.own_turn) == ("own", [3, 4, 5], 1)
    assert lab.own == picture.transpose(2, 0, 1).tobytes()
    with pytest.raises(ReaderError, match=r"of shape \(2, 2, 2\): give \(H, W\) or \(H, W, 3\)"):
        lab.show(np.zeros((2, 2, 2)))


def test_python_reads_the_answer_and_its_gradients() -> None:
    lab = laboratory()
    assert lab.gradient == {}
    numbers = np.arange(10, dtype="<f4")
    answer = {"label": 3, "gradients": {"map": [2, 1, 3], "picture": [1, 2, 2]}}
    lab._receive(lab, {"answer": answer}, [numbers.tobytes()])
    assert lab.answer["label"] == 3
    assert np.array_equal(lab.gradient["map"], numbers[:6].reshape(2, 1, 3))
    assert np.array_equal(lab.gradient["picture"], numbers[6:].reshape(1, 2, 2))


def test_a_live_notebook_gets_its_scripts_from_python(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []
    lab = laboratory()
    monkeypatch.setattr(lab, "send", sent.append)
    lab._receive(lab, {"load": "engine"}, [])
    lab._receive(lab, {"load": "../secret"}, [])
    assert sent == [{"part": "engine", "texts": [live.scripts("engine")["engine.js"]]}]


def test_pages_link_to_states_that_exist() -> None:
    html = laboratory().fallback()
    for link in LINKED:
        state = dict(parse_qsl(link))
        assert state["experiment"] in EXPERIMENTS
        assert laboratory(
            **{k: v for k, v in state.items() if k != "network"}, network=state.get("network", "garments")
        )
        assert f'id="lab&amp;{link.replace("&", "&amp;")}"' in html
