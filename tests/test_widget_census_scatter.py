"""The census scatter's Python side: what is checked, what travels to the page, and what it says in words."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from typing import Any

import pytest

from gaplab.errors import ReaderError
from gaplab.widgets import CensusModel, CensusScatter

ALEXNET = CensusModel("alexnet", "AlexNet", "flatten", 0.95957, 56.522, 61_100_840, 0.714)
RESNET_18 = CensusModel("resnet18", "ResNet", "average", 0.04388, 69.758, 11_689_512, 1.814)
RESNET_50 = CensusModel("resnet50", "ResNet", "average", 0.0802, 80.858, 25_557_032, 4.089)
TWIN = dataclasses.replace(RESNET_18, name="twin <b>", family="Twin", accuracy=60)
MODELS = [ALEXNET, RESNET_18, RESNET_50, TWIN]


def test_it_says_what_it_shows() -> None:
    assert CensusScatter(MODELS).describe() == (
        "Accuracy against parameters, 4 of 4 models. resnet50: Family ResNet, Head average, Head share 8.02 %, "
        "Accuracy 80.858 %, Parameters 25,557,032, GFLOPS 4.089."
    )


def test_the_models_stand_in_the_order_of_the_axis_across() -> None:
    widget = CensusScatter(MODELS)
    assert [m["name"] for m in widget.shown()] == ["twin <b>", "resnet18", "resnet50", "alexnet"]
    widget.set_state({"x": "accuracy", "y": "head_share"})
    assert [m["name"] for m in widget.shown()] == ["alexnet", "twin <b>", "resnet18", "resnet50"]


def test_a_model_that_is_filtered_out_makes_room_for_the_first() -> None:
    widget = CensusScatter(MODELS)
    widget.hidden = ["average"]
    assert "1 of 4 models. alexnet: " in widget.describe()
    assert widget.model == "resnet50"
    widget.family = "ResNet"
    assert widget.describe() == "No model matches."


def test_the_most_frequent_head_comes_first() -> None:
    assert CensusScatter(MODELS).heads == ["average", "flatten"]


def test_numbers_travel_whole() -> None:
    assert RESNET_50.as_state() | {"name": "", "family": "", "head": ""} == {
        "name": "", "family": "", "head": "",
        "head_share": 802, "accuracy": 80_858, "parameters": 25_557_032, "gflops": 4089,
    }  # fmt: skip


def test_it_reads_without_scripts() -> None:
    table = CensusScatter(MODELS).fallback()
    assert table.count("<tr>") == 1 + len(MODELS)
    assert '<th scope="row">alexnet</th><td>AlexNet</td><td>flatten</td><td>95.96 %</td><td>56.522 %</td>' in table
    assert "twin &lt;b&gt;" in table
    assert "twin <b>" not in table


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"x": "size"}, "There is no axis called 'size'"),
        ({"x": "accuracy"}, "Both axes would show accuracy: choose two different ones."),
        ({"family": "resnet"}, "There is no family called 'resnet': did you mean ResNet"),
        ({"hidden": ["averag"]}, "There is no type of head called 'averag': did you mean average?"),
        ({"model": "resnet51"}, "There is no model called 'resnet51': did you mean resnet5"),
    ],
)
def test_a_bad_choice_is_one_sentence_and_rolls_back(change: dict[str, Any], sentence: str) -> None:
    widget = CensusScatter(MODELS)
    with pytest.raises(ReaderError, match=re.escape(sentence)):
        widget.set_state(change)
    chosen = (widget.x, widget.y, widget.family, widget.hidden, widget.model)
    assert chosen == ("parameters", "accuracy", "", [], "resnet50")


def test_axes_change_places_in_one_message() -> None:
    widget = CensusScatter(MODELS)
    widget.set_state({"x": "accuracy", "y": "parameters"})
    assert (widget.x, widget.y) == ("accuracy", "parameters")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"gflops": 0.0}, "The GFLOPS of resnet50 is 0.0: give a number from 0.001 to"),
        ({"parameters": 0}, "The number of parameters of resnet50 is 0: give a number from 1 to"),
        ({"head_share": 8.02}, "The head share of resnet50 is 8.02: give a number from 0 to 1."),
        ({"accuracy": math.nan}, "The accuracy in percent of resnet50 is nan: give a number from 0 to 100."),
    ],
)
def test_a_number_out_of_range_is_refused(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ReaderError, match=re.escape(sentence)):
        CensusScatter([dataclasses.replace(RESNET_50, **change)])


def test_models_are_needed_and_names_are_unique() -> None:
    for models in ([], [ALEXNET, ALEXNET]):
        with pytest.raises(ReaderError, match="at least one model, and each name once"):
            CensusScatter(models)
    many = [dataclasses.replace(ALEXNET, name=str(i), head=str(i)) for i in range(9)]
    with pytest.raises(ReaderError, match="9 types of head and 8 markers"):
        CensusScatter(many)
    assert len(CensusScatter(many[:8]).heads) == 8
    assert CensusScatter([ALEXNET, RESNET_18]).model == "alexnet"


def test_the_page_follows_the_state_alone() -> None:
    first = CensusScatter(MODELS)
    assert first.page_html() == CensusScatter(MODELS).page_html()
    assert first.page_html() != CensusScatter(MODELS, x="gflops").page_html()
    assert json.dumps("resnet50") in first.page_html()
