"""`nox -s check`: every verdict is judged anew, and one that does not stand is named."""

import shutil
from pathlib import Path

import pytest
import torch

from gaplab import check, claims

BOOK = Path(__file__).parent.parent / "book"
SOURCE = """# %% name="setup"
from gaplab import claims
trial = claims.Trial(4)

# %% name="record-s1"
trial.record("S1", claims.HOLDS, 2.5, "cells", stands_if=(2, 3), because="It was counted.", cell="setup")

# %% name="record-s2"
trial.record("S2", claims.HOLDS, 5.0, "cells", stands_if=(2, 3), because="It was counted.", cell="setup")

# %% name="careless"
1 / 0

# %% name="record-s3"
trial.record("S3", claims.FAILS, 1.0, "cells", stands_if=(0, 3), because="It was counted.", cell="setup")
"""


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    source = tmp_path_factory.mktemp("book") / "04_small.py"
    source.write_text(SOURCE, encoding="utf-8")
    return check.judge(source)


def test_a_chapter_is_judged_to_its_end(judged):
    verdicts, stopped = judged
    assert {id_: entry.verdict for id_, entry in verdicts.items()} == {"S1": claims.HOLDS, "S3": claims.FAILS}
    assert [line.partition(" does not")[0] for line in stopped] == [
        "04_small, cell record-s2: ReaderError: Claim S2: 5 ± 0 cells",
        "04_small, cell careless: ZeroDivisionError: division by zero",
    ]


def test_each_claim_gets_one_line(judged):
    verdicts, stopped = judged
    stored = dict.fromkeys(("S1", "S2", "S4"), verdicts["S1"])
    lines = {id_: check.line(id_, verdicts.get(id_), entry, stopped) for id_, entry in stored.items()}
    assert lines["S1"] == "S1  stands      holds: 2.50 here, 2.50 in the book"
    assert lines["S2"].startswith(
        "S2  DOES NOT    04_small, cell record-s2: ReaderError: Claim S2: 5 ± 0 cells does not"
    )
    assert lines["S4"] == "S4  not judged  a cell before it, or its own, stopped"


@pytest.fixture
def chapters(monkeypatch):
    """Let each chapter give the verdicts that it has stored, without running it."""
    monkeypatch.setattr(check, "judge", lambda source: (claims.gather([source.with_suffix(".ipynb")]), []))


def test_all_verdicts_hold_where_every_one_stands(chapters, capsys):
    assert check.main([]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("device        cpu: CPU (")
    assert [line[:2] for line in said if "  stands  " in line] == list(claims.claims())
    assert said[-1] == "All 36 verdicts of the book hold on this device; those on training rest on the book's tables."


def test_one_that_does_not_stand_is_named_and_fails(chapters, capsys, monkeypatch):
    def judge(source):
        verdicts = claims.gather([source.with_suffix(".ipynb")])
        lost = ["05, cell record-g6: ReaderError: Claim G6: 0.5 does not support"] if verdicts.pop("G6", None) else []
        return verdicts, lost

    monkeypatch.setattr(check, "judge", judge)
    assert check.main([]) == 1
    said = capsys.readouterr().out.splitlines()
    assert [line for line in said if "DOES NOT" in line] == [
        "G6  DOES NOT    05, cell record-g6: ReaderError: Claim G6: 0.5 does not support"
    ]
    assert said[-1] == (
        "Of 36 verdicts 35 stand on this device, 1 do not, and 0 could not be judged; 1 cells or chapters stopped."
    )


def test_a_chapter_that_dies_costs_no_other(tmp_path):
    source = tmp_path / "04_small.py"
    source.write_text(SOURCE.replace("1 / 0", "import os; os._exit(3)"), encoding="utf-8")
    verdicts, stopped = check.judge(source)
    assert list(verdicts) == ["S1"]
    assert stopped[0].startswith("04_small did not come to its end: ")


def test_half_a_book_gets_one_sentence(tmp_path, capsys):
    book = tmp_path / "book"
    book.mkdir()
    shutil.copy(BOOK / "01_parameter_count.ipynb", book)
    assert check.main([str(book)]) == 1
    assert "no _toc.yml beside" in capsys.readouterr().err
    shutil.copy(BOOK.parent / "_toc.yml", tmp_path)
    assert check.main([str(book)]) == 1
    assert "02_translation_invariance.ipynb is missing: run" in capsys.readouterr().err


def test_a_missing_book_gets_one_sentence(tmp_path, capsys):
    assert check.main([str(tmp_path)]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_reduced_precision_shows(monkeypatch):
    cpu = torch.device("cpu")
    assert check.precision(cpu) < 1e-5
    full = check.F.conv2d

    def eight_bits(images, weight, **options):
        rounded = [t.bfloat16().to(t.dtype) if t.dtype == torch.float32 else t for t in (images, weight)]
        return full(*rounded, **options)

    monkeypatch.setattr(check.F, "conv2d", eight_bits)
    assert check.precision(cpu) > 1e-4


def test_an_unknown_device_gets_one_sentence(monkeypatch, capsys):
    monkeypatch.setenv("GAPLAB_DEVICE", "gpu")
    assert check.main([]) == 1
    assert "is no device" in capsys.readouterr().err
