import dataclasses
import json
import math
import random

import pytest

from gaplab import claims
from gaplab.claims import CAVEATS, FAILS, HOLDS, VERDICT_MIME, Trial
from gaplab.errors import ReaderError

GOOD = {"stands_if": (2, 3), "because": "It was counted.", "cell": "count"}


def test_the_docket_is_the_articles():
    by_chapter = {n: [c.id for c in claims.claims().values() if c.chapter == n] for n in range(1, 7)}
    assert {n: len(ids) for n, ids in by_chapter.items()} == {1: 9, 2: 6, 3: 5, 4: 5, 5: 6, 6: 5}
    assert by_chapter[1] == ["I1", *(f"P{i}" for i in range(1, 9))]
    assert len({c.zh for c in claims.claims().values()}) == 36


def test_a_record_travels_in_the_output_and_comes_back(displayed):
    trial = Trial(1)
    (data,) = displayed(
        lambda: trial.record("P7", FAILS, {0: 2.0, 1: 2.5, 4: 3.0}, "%", **{**GOOD, "stands_if": (-math.inf, 3)})
    )
    entry = claims.Verdict.from_json(json.loads(json.dumps(data[VERDICT_MIME])))
    assert entry == trial.verdicts["P7"]
    assert (entry.value, entry.spread, entry.seeds) == (2.5, 0.5, (0, 1, 4))
    assert entry.measured == "2.50 ± 0.50 % (3 seeds)"
    assert "2.50 ± 0.50 %" in data["text/plain"]


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([66.0, 69.2, 63.8], "66.3 ± 2.7"),
        ([0.001, -0.010, 0.022], "0.004 ± 0.016"),  # more spread than value
        ([0.016, -0.016, 0.0], "0.000 ± 0.016"),
        ([-0.0163, 0.0157, 0.0], "0.000 ± 0.016"),  # no minus before a rounded zero
        ([1.0, 0.5, 1.5], "1.00 ± 0.50"),  # a whole mean
        ([4.0, 4.0, 4.0], "4 ± 0"),
        ([12.344, 12.34, 12.336], "12.340 ± 0.004"),  # a spread is never printed as zero
        ([9.996, 10.496, 9.496], "10.0 ± 0.5"),  # rounded up to a power of ten
        ([122.44, 123.4, 124.36], "123 ± 1"),
    ],
)
def test_value_and_spread_have_the_same_decimals(displayed, values, text):
    trial = Trial(1)
    displayed(lambda: trial.record("P7", FAILS, dict(enumerate(values)), "%", **GOOD | {"stands_if": (-9, 999)}))
    entry = trial.verdicts["P7"]
    assert entry.number == text
    assert claims.Verdict.from_json(entry.to_json()).number == text


@pytest.mark.parametrize("value", [1.99, 3.01, math.nan, {0: 2.5, 1: 2.5, 2: 3.5}, {0: 1.0, 1: 2.5, 2: 4.0}])
def test_a_value_that_does_not_support_its_verdict_is_refused(value):
    trial = Trial(1)
    with pytest.raises(ReaderError, match="does not support 'holds'"):
        trial.record("P5", HOLDS, value, "x", **GOOD)
    assert trial.verdicts == {}


@pytest.mark.parametrize(
    ("id_", "verdict", "value", "sentence"),
    [
        ("P99", HOLDS, 2.5, "no claim called 'P99'"),
        ("T1", HOLDS, 2.5, "belongs to chapter 2"),
        ("P5", "true", 2.5, "no verdict called 'true'"),
        ("P5", HOLDS, {0: 2.5, 1: 2.5}, "at least three"),
    ],
)
def test_bad_records_get_one_sentence(id_, verdict, value, sentence):
    with pytest.raises(ReaderError, match=sentence) as caught:
        Trial(1).record(id_, verdict, value, "x", **GOOD)
    assert str(caught.value).count("\n") == 0


def test_a_claim_is_recorded_once(displayed):
    trial = Trial(1)
    displayed(lambda: trial.record("P5", HOLDS, 2.5, "x", **GOOD))
    with pytest.raises(ReaderError, match="verdict already"):
        trial.record("P5", HOLDS, 2.5, "x", **GOOD)


def test_the_table_waits_for_every_claim_of_the_chapter(displayed):
    trial = Trial(3)
    for id_ in ("N1", "N2", "N3", "N5"):
        displayed(lambda id_=id_: trial.record(id_, CAVEATS, 2.5, "x", **GOOD))
    with pytest.raises(ReaderError, match="no verdict yet on N4"):
        trial.table()
    displayed(lambda: trial.record("N4", HOLDS, 2.5, "x", **GOOD))
    (table,) = displayed(trial.table)
    assert [line.split(":")[0] for line in table["text/plain"].splitlines()] == ["N1", "N2", "N3", "N4", "N5"]
    assert table["text/html"].count('href="#count"') == 5


def notebook(tmp_path, name, entries):
    path = tmp_path / name
    outputs = [{"data": {VERDICT_MIME: entry.to_json()}} for entry in entries]
    path.write_text(json.dumps({"cells": [{"outputs": outputs}, {"source": "no outputs"}]}), encoding="utf-8")
    return path


def entry(id_):
    return claims.Verdict(id_, HOLDS, 1.0, "x", 0.0, (), (0.0, math.inf), "b", "c")


def test_gather_orders_and_refuses_doubles_and_unknown_ids(tmp_path):
    first = notebook(tmp_path, "a.ipynb", [entry("T2"), entry("P1")])
    assert list(claims.gather([first])) == ["P1", "T2"]
    with pytest.raises(ReaderError, match=r"T2 is recorded twice, the second time in b\.ipynb"):
        claims.gather([first, notebook(tmp_path, "b.ipynb", [entry("T2")])])
    with pytest.raises(ReaderError, match="no claim called 'Z1'"):
        claims.gather([notebook(tmp_path, "c.ipynb", [entry("Z1")])])


def test_a_cleared_or_half_run_chapter_gets_one_sentence(tmp_path):
    whole = [entry(f"N{number}") for number in range(1, 6)]
    assert len(claims.gather([notebook(tmp_path, "03_nin_lineage.ipynb", whole)])) == 5
    for kept, missing in ((whole[:3], "N4, N5"), ([], "N1, N2, N3, N4, N5")):
        with pytest.raises(ReaderError, match=f"03_nin_lineage.ipynb holds no verdict on {missing}, for its outputs"):
            claims.gather([notebook(tmp_path, "03_nin_lineage.ipynb", kept)])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2049000, "2,049,000"),
        (2.3468, "2.35"),
        (0.012345, "0.0123"),
        (123.46, "123"),
        (999.6, "1,000"),
        (1234.5, "1,234"),
        (-7.25, "-7.25"),
    ],
)
def test_numbers_are_written_one_way(value, text):
    assert dataclasses.replace(entry("P1"), value=value).number == text


def test_what_was_read_back_is_printed_as_what_was_recorded():
    draws = random.Random(0)
    for _ in range(5000):
        value = draws.choice((-1, 1)) * draws.choice(
            (10 ** draws.uniform(-5, 7), 9.996, 99.96, 999.6, 0.09996, 0.0, 3.0)
        )
        spread = draws.choice((10 ** draws.uniform(-5, 5), 0.96, 9.96, 0.0996, 0.0))
        made = dataclasses.replace(entry("P1"), value=value, spread=spread, seeds=(0, 1, 2) if spread else ())
        back = claims.Verdict.from_json(json.loads(json.dumps(made.to_json())))
        assert back.measured == made.measured, (value, spread)
        assert repr(back) == repr(made), (value, spread)  # -0.0 equals 0.0, and is printed otherwise
