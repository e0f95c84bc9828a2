"""One number, one print: wherever the book prints what a verdict measured, it prints the same digits."""

import csv
import html
import io
import json
import re
import tomllib
from pathlib import Path

import pytest

from gaplab import claims, contents
from gaplab.claims import VERDICT_MIME, Verdict
from gaplab.interview import flashcards
from gaplab.interview import questions as bank_of

BOOK = Path(__file__).parent.parent / "book"
CHAPTERS = {int(path.name[:2]): path for path in contents.notebooks(BOOK)}
VERDICTS = claims.gather(CHAPTERS.values())
KINDS = ("text/plain", "text/html", "text/markdown")
SPREAD = re.compile(r"(?<![\w.,])(-?\d[\d,]*(?:\.\d+)?) ± (\d[\d,]*(?:\.\d+)?)")


def outputs(notebook):
    """List what each output of a notebook shows, by MIME type."""
    shown = []
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        for output in cell.get("outputs", []):
            data = output.get("data", {"text/plain": output.get("text", "")})
            shown.append(
                {kind: "".join(data[kind]) for kind in KINDS if kind in data} | {"record": data.get(VERDICT_MIME)}
            )
    return shown


SHOWN = {path.relative_to(BOOK).as_posix(): outputs(path) for path in sorted(BOOK.rglob("*.ipynb"))}


def text_of(page):
    return html.unescape("\n".join(text for output in SHOWN[page] for kind, text in output.items() if kind in KINDS))


@pytest.fixture(scope="module")
def bank():
    """Return each question as it is written and as it is filled in, by its id."""
    files = sorted((BOOK / "interview" / "questions").glob("*.toml"))
    tables = (table for path in files for table in tomllib.loads(path.read_text(encoding="utf-8"))["question"])
    filled = {question.id: question for question in bank_of.bank(BOOK)[0]}
    return {table["id"]: (table, filled[table["id"]]) for table in tables}


@pytest.mark.parametrize("id_", claims.claims())
def test_a_chapter_prints_its_verdict_alike_in_badge_and_table(id_):
    entry = VERDICTS[id_]
    shown = SHOWN[CHAPTERS[claims.claim(id_).chapter].name]
    (badge,) = (output for output in shown if (output["record"] or {}).get("claim") == id_)
    assert Verdict.from_json(badge["record"]).measured == entry.measured
    assert badge["text/plain"].startswith(f"{id_} {entry.verdict}: {entry.measured}. ")
    assert f"<b>{html.escape(entry.measured)}</b>" in badge["text/html"]
    line = f"{id_}: {entry.verdict}: {entry.measured}"
    (table,) = (output for output in shown if line in output.get("text/plain", "").splitlines())
    assert f'<a href="#{entry.cell}">{html.escape(entry.measured)}</a>' in table["text/html"]


@pytest.mark.parametrize("id_", claims.claims())
def test_the_ledger_prints_it_alike_in_the_widget_and_without_scripts(id_):
    (ledger,) = (
        o["text/html"] for o in SHOWN["06_verdict.ipynb"] if 'data-widget="verdict-ledger"' in o.get("text/html", "")
    )
    state = json.loads(re.search(r'<script type="application/json">(.*?)</script>', ledger)[1])["state"]
    (row,) = (row for row in state["rows"] if row["id"] == id_)
    assert row["measured"] == VERDICTS[id_].measured
    assert f">{html.escape(VERDICTS[id_].measured)}</a>" in ledger


@pytest.mark.parametrize("id_", claims.claims())
def test_a_placeholder_gives_the_chapters_digits(id_):
    entry = VERDICTS[id_]
    assert bank_of.filled(f"{{{{{id_}}}}}", VERDICTS) == entry.number
    assert bank_of.filled(f"{{{{{id_}.finding}}}}", VERDICTS).startswith(entry.measured.partition(" (")[0][:40])
    value = bank_of.filled(f"{{{{{id_}.value}}}}", VERDICTS)
    assert entry.number in (value, f"{value} ± {entry.number.partition(' ± ')[2]}")


def test_questions_carry_it_to_their_page_the_mock_interview_and_the_cards(bank):
    mock = json.dumps(text_of("interview/mock.ipynb"), ensure_ascii=False)
    cards = {
        row["id"]: row
        for row in csv.DictReader(io.StringIO(flashcards.table([q for _, q in bank.values()]).decode("utf-8-sig")))
    }
    seen = set()
    for written, question in bank.values():
        page = text_of(f"interview/{question.file.partition('_')[2]}.ipynb")
        for field in ("short", "full", "right"):
            numbers = [VERDICTS[id_].number for id_ in re.findall(r"\{\{(\w\d)(?:\.finding)?\}\}", written[field])]
            for number in numbers:
                seen.add(number)
                assert number in getattr(question, field)
                assert field == "right" or number in page
                assert field == "right" or number in cards[question.id][field]
                assert field == "full" or number in mock
    assert len(seen) >= 12


def test_the_front_page_and_the_spoken_answers_print_it():
    assert f"{VERDICTS['P7'].number} %</a> of the multiply-adds)" in text_of("index.ipynb")
    source = (BOOK / "interview" / "say_aloud.py").read_text(encoding="utf-8")
    remembered = re.findall(r'number="(\w+)",\n +remember="(.*)"', source)
    assert len(remembered) == len(CHAPTERS)
    for id_, sentence in remembered:
        assert sentence.format(abs(VERDICTS[id_].value)) in text_of("interview/say_aloud.ipynb")


def parts(number):
    """Return value and spread as numbers, and their decimals."""
    value, spread = (float(text.replace(",", "")) for text in number)
    return value, spread, len(number[1].partition(".")[2])


def other_prints(text, verdicts=()):
    """List value and spread of verdicts that a text prints with other digits than their chapter."""
    for number in map(re.Match.groups, SPREAD.finditer(text)):
        for entry in verdicts or VERDICTS.values():
            own = SPREAD.search(entry.number)
            if own and own.groups() != number:
                (value, spread, digits), (a, b, fewer) = sorted(
                    (parts(own.groups()), parts(number)), key=lambda p: -p[2]
                )
                if digits > fewer and b and max(abs(value - a), abs(spread - b)) <= 0.5001 * 10**-fewer:
                    yield f"{entry.claim}: {' ± '.join(number)} for {entry.number}"


@pytest.mark.parametrize("page", SHOWN)
def test_no_page_prints_it_with_other_digits(page):
    # A chapter prints its own verdicts' numbers; that another's has the same first digits is chance.
    own = [entry for entry in VERDICTS.values() if f"{claims.claim(entry.claim).chapter:02}" == page[:2]]
    assert list(other_prints(text_of(page), own)) == []


def test_other_digits_are_found():
    assert VERDICTS["S2"].number == "0.390 ± 0.013"
    assert list(other_prints("it is 0.3901 ± 0.0131, level")) == ["S2: 0.3901 ± 0.0131 for 0.390 ± 0.013"]
    assert list(other_prints("it is 0.39 ± 0.01, level")) == ["S2: 0.39 ± 0.01 for 0.390 ± 0.013"]
    assert list(other_prints("it is 0.390 ± 0.013, or 0.391 ± 0.014, or -0.39 ± 0.01")) == []
