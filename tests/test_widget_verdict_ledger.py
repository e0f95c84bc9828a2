"""The ledger and the board of verdicts: every claim, in both languages, or none."""

from __future__ import annotations

import pytest

from gaplab import claims
from gaplab.errors import ReaderError
from gaplab.widgets import VerdictLedger


def ledger(**state):
    verdicts = {
        id_: claims.Verdict(
            id_, claims.FAILS if id_ == "P7" else claims.HOLDS, 3.0, "things", 0.0, (), (0, 9), "Seen <once>.", "cell"
        )
        for id_ in claims.claims()
    }
    return VerdictLedger(verdicts, {n: f"0{n}.html" for n in range(1, 7)}, **state), verdicts


def test_the_ledger_holds_every_claim_with_both_languages_and_a_link(payload):
    made, _ = ledger()
    rows = payload(made)["state"]["rows"]
    assert [row["id"] for row in rows] == list(claims.claims())
    row = next(row for row in rows if row["id"] == "P7")
    assert (row["verdict"], row["mark"], row["href"], row["measured"]) == (
        claims.FAILS,
        "○",
        "01.html#cell",
        "3 things",
    )
    assert row["zh"] == claims.claim("P7").zh
    assert made.describe() == "36 claims: holds 35, holds with caveats 0, does not hold as stated 1."
    assert made.fallback().count("<tr>") == 37
    assert "<once>" not in made.page_html()


def test_a_ledger_with_a_gap_is_refused():
    _, verdicts = ledger()
    verdicts.pop("N3")
    with pytest.raises(ReaderError, match="No chapter has recorded a verdict on N3"):
        VerdictLedger(verdicts, {n: "x.html" for n in range(1, 7)})


@pytest.mark.parametrize(
    ("state", "sentence"), [({"verdict": "guilty"}, "no verdict 'guilty'"), ({"chapter": 9}, "no chapter 9")]
)
def test_a_ledger_refuses_a_state_that_does_not_exist(state, sentence):
    with pytest.raises(ReaderError, match=sentence):
        ledger(**state)


def test_the_board_names_every_claim_and_refuses_a_gap(displayed):
    _, verdicts = ledger()
    chapters = {n: (f"Chapter {n}", f"0{n}_x") for n in range(1, 7)}
    html = displayed(lambda: claims.board(verdicts, chapters))[0]["text/html"]
    assert html.count('class="gaplab-verdict') == 36
    assert 'href="01_x.html#cell" title="P7 does not hold as stated"' in html
    assert "8 of 9 hold" in html
    verdicts.pop("W5")
    with pytest.raises(ReaderError, match="W5"):
        claims.board(verdicts, chapters)


def test_a_record_is_stored_as_it_is_printed():
    """The digits behind differ between processors, and the stored outputs are compared strictly."""
    entry = claims.Verdict(
        "T5", claims.CAVEATS, 38.4756882985433, "%", 1.6350037545143585, (0, 1, 2), (20, 60), "Why.", "cell"
    )
    stored = entry.to_json()
    assert (stored["value"], stored["spread"]) == (38.5, 1.6)
    assert claims.Verdict.from_json(stored).measured == entry.measured == "38.5 ± 1.6 % (3 seeds)"
