"""The vote explorer's Python side: votes that add up, what is checked, and what it says in words."""

from __future__ import annotations

import base64
import io
import re
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gaplab.errors import ReaderError
from gaplab.widgets import (
    VotedPhotograph,
    VoteExplorer,
)

KINDS = ("cat", "lynx", "car")


def voted(name: str = "puss", seed: int = 0, **changes: Any) -> VotedPhotograph:
    """A photograph of 16 px with votes of 2 x 3 positions; under max pooling one position has none."""
    draws = np.random.default_rng(seed)
    maximum = draws.normal(size=(3, 2, 3))
    maximum[:, 0, 1] = 0
    ramp = np.linspace(0, 250, 16).astype(np.uint8)
    arrays: dict[str, Any] = {
        "picture": np.stack([np.add.outer(ramp, 0 * ramp), np.add.outer(0 * ramp, ramp), np.full((16, 16), 90)], axis=2)
        .astype(np.uint8),
        "classes": KINDS,
        "bias": draws.normal(size=3) / 10,
        "average": draws.normal(size=(3, 2, 3)),
        "maximum": maximum,
    }  # fmt: skip
    return VotedPhotograph(name=name, **(arrays | changes))


def vote_explorer(**chosen: Any) -> VoteExplorer:
    return VoteExplorer([voted("puss", 0), voted("tom", 1)], **chosen)


def stored_votes(widget: VoteExplorer) -> np.ndarray:
    """The votes in thousandths as the page reads them: photograph, pool, class, position."""
    return np.frombuffer(widget.votes, dtype="<i4").reshape(len(widget.names), 2, len(widget.classes[0]), -1)


def decimal(text: str) -> float:
    return float(text.replace("−", "-"))


def test_vote_explorer_says_what_the_arrays_hold_at_every_position() -> None:
    widget, given = vote_explorer(photograph=1, category=2), voted("tom", 1)
    number = r"[+−]?\d+\.\d{3}"
    pattern = re.compile(
        rf"tom, car, (?P<pool>\w+) pool: row (?P<row>\d), column (?P<column>\d) votes (?P<vote>{number})"
        rf"(, (?P<share>[\d.]+) % of the votes (?P<side>for|against))?\. "
        rf"Votes for (?P<more>{number}) from (?P<fors>\d) of 6 positions, half of that from (?P<half>\d); "
        rf"votes against (?P<less>{number}) from (?P<againsts>\d); "
        rf"bias (?P<bias>{number}): logit (?P<logit>{number})\."
    )
    for pool in ("average", "maximum"):
        votes = getattr(given, pool)[2]
        positive = sorted(votes[votes > 0], reverse=True)
        fewest = next(n for n in range(1, 7) if 2 * sum(positive[:n]) >= sum(positive))
        for cell, vote in enumerate(votes.ravel()):
            widget.set_state({"pool": pool, "cell": cell})
            said = pattern.fullmatch(widget.describe())
            assert said, widget.describe()
            assert said["pool"] == pool
            assert (int(said["row"]) - 1) * 3 + int(said["column"]) - 1 == cell
            assert decimal(said["vote"]) == pytest.approx(vote, abs=0.001)
            assert (said["side"] == "for") == (vote > 0)
            if vote:
                assert float(said["share"]) == pytest.approx(
                    100 * vote / votes[np.sign(votes) == np.sign(vote)].sum(), abs=0.2
                )
            assert (int(said["fors"]), int(said["againsts"])) == ((votes > 0).sum(), (votes < 0).sum())
            assert int(said["half"]) == fewest
            assert decimal(said["more"]) == pytest.approx(votes[votes > 0].sum(), abs=0.006)
            assert decimal(said["less"]) == pytest.approx(votes[votes < 0].sum(), abs=0.006)
            assert decimal(said["bias"]) == pytest.approx(given.bias[2], abs=0.0005)
            assert decimal(said["logit"]) == pytest.approx(votes.sum() + given.bias[2], abs=0.0005 + 1e-9)


@pytest.mark.parametrize(
    ("scale", "whole"), [(1.0, False), (15.0, False), (0.001, False), (0.0, False), (1.0, True)], ids=str
)
def test_rounded_votes_add_up_to_the_rounded_logit(scale: float, whole: bool) -> None:
    draws = np.random.default_rng(7)
    average, maximum = scale * draws.normal(size=(2, 40, 7, 7))
    bias = scale * draws.normal(size=40)
    if whole:  # whole thousandths already, and a bias between two: the hardest case
        average, maximum, bias = np.round(average, 3), np.round(maximum, 3), np.round(bias, 3) + 0.0005
    widget = VoteExplorer([voted(classes=["a"] * 40, bias=bias, average=average, maximum=maximum)])
    for votes, exact in zip(stored_votes(widget)[0], (average, maximum), strict=True):
        off = votes / 1000 - exact.reshape(40, -1)
        assert np.abs(off).max() < (0.002 if whole else 0.001)
        biases = np.array(widget.biases[0])
        assert np.abs(biases / 1000 - bias).max() <= 0.0005 + 1e-9
        logits = votes.sum(axis=1) + biases
        assert np.abs(logits / 1000 - (exact.sum(axis=(1, 2)) + bias)).max() <= 0.0005 + 1e-9
        assert (votes * exact.reshape(40, -1) >= 0).all()  # no vote changes sides


def test_vote_explorer_opens_at_the_largest_vote() -> None:
    widget = vote_explorer(photograph=1, category=1, pool="maximum")
    assert widget.cell == voted("tom", 1).maximum[1].argmax()
    assert vote_explorer(cell=0).cell == 0


def test_vote_explorer_counts_positions_before_rounding() -> None:
    tiny = np.full((3, 2, 3), 1e-6)
    tiny[:, 0, 0], tiny[:, 1, 2] = 0, -1e-6
    widget = VoteExplorer([voted(average=tiny)])
    assert "from 4 of 6 positions" in widget.describe()
    assert "against 0.000 from 1;" in widget.describe()


def test_vote_explorer_holds_the_picture() -> None:
    header, _, content = vote_explorer().pictures[0].partition(",")
    assert header == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(content))) as picture:
        assert np.abs(np.asarray(picture).astype(int) - voted().picture).mean() < 4


def test_vote_explorer_reads_without_scripts() -> None:
    table = vote_explorer(pool="maximum").fallback()
    given = voted()
    rows = re.findall(r'<th scope="row">(.*?)</th>(.*?)</tr>', table)
    assert [name for name, _ in rows] == ["cat", "lynx", "car (wrong)"]
    for k, (_, cells) in enumerate(rows):
        numbers = [decimal(text) for text in re.findall("<td>(.*?)</td>", cells)]
        more, less = (given.average[k][given.average[k] * sign > 0].sum() for sign in (1, -1))
        logits = (given.average[k].sum() + given.bias[k], given.maximum[k].sum() + given.bias[k])
        assert numbers == pytest.approx([more, less, given.bias[k], *logits], abs=0.006)
        assert sum(numbers[:3]) == pytest.approx(numbers[3], abs=1e-9)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"photograph": 2}, "Photograph 2 was asked for: choose from 0 to 1."),
        ({"category": -1}, "Class -1 was asked for: choose from 0 to 2."),
        ({"cell": 6}, "Position 6 was asked for: choose from 0 to 5."),
        ({"pool": "max"}, "There is no pool called 'max': did you mean maximum"),
    ],
)
def test_bad_choice_of_a_vote_is_one_sentence_and_rolls_back(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ReaderError, match=re.escape(sentence)):
        vote_explorer(**change)
    widget = vote_explorer(cell=0)
    with pytest.raises(ReaderError, match=re.escape(sentence)):
        widget.set_state(change)
    assert (widget.photograph, widget.category, widget.pool, widget.cell) == (0, 0, "average", 0)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"bias": np.zeros(2)}, "votes of 'tom' do not fit together"),
        ({"classes": ("cat", "lynx")}, "votes of 'tom' do not fit together"),
        ({"average": np.zeros((3, 3, 2))}, "votes of 'tom' do not fit together"),
        ({"maximum": np.zeros((3, 6))}, "votes of 'tom' do not fit together"),
        ({"picture": np.zeros((16, 16, 3))}, "picture of 'tom' is float64 (16, 16, 3)"),
        ({"picture": np.zeros((16, 8, 3), dtype=np.uint8)}, "picture of 'tom' is uint8 (16, 8, 3)"),
        ({"average": np.full((3, 2, 3), np.nan)}, "votes of 'tom' have no usable sum"),
        ({"maximum": np.full((3, 2, 3), np.inf)}, "votes of 'tom' have no usable sum"),
        ({"bias": np.full(3, 1e9)}, "votes of 'tom' have no usable sum"),
    ],
)
def test_vote_explorer_checks_its_arrays(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ReaderError, match=re.escape(sentence)) as caught:
        VoteExplorer([voted(), voted("tom", **changes)])
    assert "\n" not in str(caught.value)


def test_vote_explorer_needs_a_photograph_with_classes_and_positions() -> None:
    with pytest.raises(ReaderError, match="at least one photograph"):
        VoteExplorer([])
    for shape in ((1, 2, 3), (3, 0, 3), (3, 6)):
        arrays = {"average": np.zeros(shape), "maximum": np.zeros(shape), "bias": np.zeros(shape[0])}
        with pytest.raises(ReaderError, match="do not fit together"):
            VoteExplorer([voted(classes=KINDS[: shape[0]], **arrays)])


def test_vote_explorer_page_follows_the_state(payload: Any) -> None:
    assert vote_explorer().page_html() == vote_explorer().page_html() != vote_explorer(category=1).page_html()
    assert payload(vote_explorer(category=1))["state"]["category"] == 1
