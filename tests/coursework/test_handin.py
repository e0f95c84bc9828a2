"""A student sees before handing in what would cost points."""

import json
import zipfile
from pathlib import Path

import pytest

from gapgrade.assignments import read_assignment, variant_of, write_release
from gaplab import coursework
from gaplab.coursework import handin
from gaplab.errors import ReaderError

FIXTURE = Path(__file__).parent / "fixture"
ANSWERS = {"ex-0-1": "def pooled(grid):\n    return 0\n", "ex-0-2": "shares = 1", "ex-0-3": "Order."}


def released(tmp_path, student=None):
    text = (FIXTURE / "ps0_fixture.ipynb").read_text(encoding="utf-8")
    path = write_release(read_assignment(FIXTURE / "ps0_fixture.py"), text, tmp_path, "gaplab", student)
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("ps0_fixture/ps0_fixture.ipynb")), archive.read(
            "ps0_fixture/README.txt"
        ).decode()


@pytest.fixture
def made(tmp_path):
    notebook, _ = released(tmp_path)
    for cell in notebook["cells"]:
        cell["source"] = ANSWERS.get(cell["id"], cell["source"])
        if cell["cell_type"] == "code":
            cell["execution_count"] = 1
    return notebook


def said(tmp_path, notebook):
    path = tmp_path / "ps0_fixture.ipynb"
    path.write_text(notebook if isinstance(notebook, str) else json.dumps(notebook), encoding="utf-8")
    return " ".join(handin.problems(path))


def cell(notebook, name):
    return next(cell for cell in notebook["cells"] if cell["id"] == name)


def test_what_is_whole_has_no_problem(tmp_path, made, capsys):
    assert said(tmp_path, made) == ""
    assert handin.main([str(tmp_path / "ps0_fixture.ipynb")]) == 0
    assert "can be handed in" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda nb: nb["cells"].remove(cell(nb, "ex-0-2")), "Cells are missing: ex-0-2."),
        (lambda nb: cell(nb, "ex-0-2").update(source="# YOUR CODE HERE"), "Not answered yet: ex-0-2."),
        (lambda nb: cell(nb, "ex-0-2").update(source="def f(:"), "ex-0-2: Python cannot read it (line 1"),
        (lambda nb: cell(nb, "ex-0-2").update(source="import not_there_at_all"), "it imports not_there_at_all"),
        (lambda nb: cell(nb, "ex-0-2").update(execution_count=None), "Not every cell has been run"),
        (lambda nb: cell(nb, "ex-0-3").update(source="![p](attachment:p.png)"), "the picture p.png is not in the file"),
        (lambda nb: cell(nb, "ex-0-2").update(outputs=[{"output_type": "error", "ename": "NameError"}]),
         "its last run ended in an error (NameError)"),
        (lambda nb: [one["metadata"].clear() for one in nb["cells"]], "no problem set of this book"),
    ],
)  # fmt: skip
def test_each_problem_is_one_sentence(tmp_path, made, change, sentence):
    change(made)
    assert sentence in said(tmp_path, made)
    assert handin.main([str(tmp_path / "ps0_fixture.ipynb")]) == 1


@pytest.mark.parametrize("text", ["", "[1]", "{}", "PK\x03\x04"])
def test_what_is_no_notebook_is_said_so(tmp_path, text):
    assert "is not a notebook that can be read" in said(tmp_path, text)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_a_notebook_is_read_in_every_encoding_that_grading_reads(tmp_path, made, encoding):
    cell(made, "ex-0-3").update(source="Größe.")
    path = tmp_path / "ps0_fixture.ipynb"
    path.write_bytes(json.dumps(made, ensure_ascii=False).encode(encoding, "replace"))
    assert handin.problems(path) == []


def test_a_picture_is_found_under_its_name_with_a_space(tmp_path, made):
    cell(made, "ex-0-3").update(source="![p](attachment:my%20p.png)", attachments={"my p.png": {"image/png": "AA=="}})
    assert said(tmp_path, made) == ""
    cell(made, "ex-0-3")["attachments"] = {}
    assert "the picture my p.png is not in the file" in said(tmp_path, made)


def test_imports_are_compared_with_what_grading_has(tmp_path, made):
    there = (
        "import json, torch, PIL.Image, yaml, scipy, IPython\nfrom __future__ import annotations\nimport gaplab.data"
    )
    cell(made, "ex-0-2").update(source=there)
    assert said(tmp_path, made) == ""
    cell(made, "ex-0-2").update(source="import numpy, pytest\nfrom jupyterlab import labapp")
    assert "ex-0-2: it imports jupyterlab, pytest, which grading may not have" in said(tmp_path, made)


def test_the_release_says_which_packages_grading_has_and_how_to_check(tmp_path):
    _, readme = released(tmp_path)
    assert "scikit-image" in readme
    assert "python -m gaplab.coursework.handin ps0_fixture.ipynb" in readme


def test_a_release_with_variants_names_the_id_or_asks_for_it(tmp_path, monkeypatch):
    monkeypatch.setenv(coursework.VARIANT_VARIABLE, "")
    for student, known in (("Jane Doe", "janedoe"), ("", "")):
        notebook, _ = released(tmp_path, student)
        first, second = [one for one in notebook["cells"] if one["cell_type"] == "code"][:2]
        assert (first["id"], second["id"]) == ("installed", "variant")
        (tmp_path / "nb.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
        import nbformat

        assert variant_of(nbformat.read(tmp_path / "nb.ipynb", as_version=4)) == known
        if known:
            exec("".join(second["source"]), {})
            assert coursework.variant("n", 0, 1, 2) in (1, 2)
        else:
            with pytest.raises(ReaderError, match="Write your id"):
                exec("".join(second["source"]), {})


def test_numbers_are_drawn_from_the_id_the_same_each_time_and_never_the_books(monkeypatch):
    monkeypatch.delenv(coursework.VARIANT_VARIABLE, raising=False)
    assert coursework.variant("n", 49, 64, 81, 100) == 49
    drawn = []
    for number in range(60):
        monkeypatch.setenv(coursework.VARIANT_VARIABLE, f"student{number}")
        drawn.append([coursework.variant(name, 49, 64, 81, 100) for name in ("n", "n", "m")])
    assert all(one == two for one, two, _ in drawn)
    assert any(one != other for one, _, other in drawn)
    assert {one for one, *_ in drawn} == {64, 81, 100}
