"""Every notebook is what its source makes of it, whole, light, captioned and compared; and the comparison can fail."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest

from gaplab import claims, conditions, contents, rendering
from gaplab.errors import ReaderError

ROOT = Path(__file__).parent.parent
BOOK = ROOT / "book"
SOURCES = rendering.pages(BOOK)
TRIALS = [source for source in SOURCES if source.name[0].isdigit()]
CHAPTERS = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
COLUMNS = 88
"""Width of code and of printed lines that a reader sees: what the page shows at 1280 px without scrolling sideways."""
LIMIT = 1_500_000
"""Bytes that a notebook with its outputs may have."""
DRAWS = re.compile(r"\bshow\(|\btable\(|\bsay\(|\bprint\(|\brecord\(|\bdocket\(|\banswers\(")


def stored(source):
    return nbformat.read(source.with_suffix(".ipynb"), as_version=4)


def without_outputs(notebook):
    cells = []
    for cell in notebook.cells:
        metadata = {key: value for key, value in cell.metadata.items() if key != "mystnb"}
        cells.append((cell.cell_type, cell.id, cell.source, metadata))
    return cells, dict(notebook.metadata)


def test_every_source_has_its_notebook_and_the_other_way_round():
    notebooks = [
        p for p in BOOK.rglob("*.ipynb") if p.parent.name != "coursework" and ".ipynb_checkpoints" not in p.parts
    ]
    assert sorted(s.with_suffix(".ipynb") for s in SOURCES) == sorted(notebooks)


@CHAPTERS
def test_the_notebook_is_its_source(source):
    assert without_outputs(stored(source)) == without_outputs(rendering.read_source(source))


def test_every_figure_has_its_drawings_and_the_other_way_round():
    shown = {name for source in SOURCES for name in rendering.figure_names(source.with_suffix(".ipynb"))}
    drawn = {path.name for path in BOOK.rglob(f"{contents.DRAWINGS}/*")}
    assert drawn == {f"{name}{kind}.svg" for name in shown for kind in ("", "-phone")}


def problems(notebook):
    """List what is wrong with a rendered notebook, each with the cell's id."""
    found = []
    for cell in (c for c in notebook.cells if c.cell_type == "code"):
        if len(cell.source.splitlines()) > 20:
            found.append(f"{cell.id}: over 20 lines")
        if too_wide(cell):
            found.append(f"{cell.id}: over {COLUMNS} columns")
        if cell.execution_count is None:
            found.append(f"{cell.id}: not executed")
        if DRAWS.search(re.sub(r"(?m)^ .*$", "", cell.source)) and not cell.outputs:
            found.append(f"{cell.id}: an empty output where one is due")
        for output in cell.outputs:
            if output.output_type == "error" or output.get("name") == "stderr":
                found.append(f"{cell.id}: an error")
            elif output.output_type == "stream" and not output.text.strip():
                found.append(f"{cell.id}: an empty output where one is due")
            if "image/png" in output.get("data", {}):
                meta = cell.metadata.get("mystnb", {})
                if len(meta.get("image", {}).get("alt", "")) < 40 or not meta.get("figure", {}).get("caption"):
                    found.append(f"{cell.id}: a figure without alternative text or caption")
    return found


def too_wide(cell):
    """Say whether a line of a visible cell, or one that it prints, is too wide."""
    hidden = {tag.split("-")[1] for tag in cell.metadata.get("tags", []) if tag.startswith(("hide-", "remove-"))}
    texts = [] if hidden & {"input", "cell"} else [cell.source]
    if not hidden & {"output", "cell"}:
        texts += [output.text for output in cell.outputs if output.output_type == "stream"]
        texts += [
            output.data["text/plain"] for output in cell.outputs if list(output.get("data", {})) == ["text/plain"]
        ]
    return any(len(line) > COLUMNS for text in texts for line in text.splitlines())


@CHAPTERS
def test_the_notebook_is_whole(source):
    assert problems(stored(source)) == []


@CHAPTERS
def test_the_notebook_is_light(source):
    assert source.with_suffix(".ipynb").stat().st_size < LIMIT


@CHAPTERS
def test_the_notebook_names_no_machine(source):
    text = source.with_suffix(".ipynb").read_text(encoding="utf-8")
    assert not re.search(r"/home/|/root/|/tmp/|/Users/|0x[0-9a-f]{8,}", text)


@pytest.mark.parametrize("source", TRIALS, ids=lambda path: path.stem)
def test_every_claim_of_the_chapter_has_its_verdict_and_its_cell(source):
    chapter = int(source.name[:2])
    entries = claims.gather([source.with_suffix(".ipynb")])
    assert list(entries) == [c.id for c in claims.claims().values() if c.chapter == chapter]
    names = {cell.id for cell in stored(source).cells if cell.get("outputs")}
    assert {entry.cell for entry in entries.values()} <= names


@pytest.mark.parametrize("source", TRIALS[:-1], ids=lambda path: path.stem)
def test_every_prediction_is_settled(source):
    text = source.read_text(encoding="utf-8")
    settled = [int(number) for number in re.findall(r"predict\.settle\(\s*(\d+),", text)]
    assert sorted(settled) == list(range(1, len(re.findall(r"(?m)^ +Question\(", text)) + 1))
    assert len(settled) >= 3


# A phone sets the panels of a figure below each other. Not of panels are "the right class", "to the right", "above 3".
IN_A_CAPTION = re.compile(
    r"(?<!to the )(?<!from )(?<!to )(?<!is )\b(?:left|right)\b(?! class)"
    r"|\b(?:upper|lower) |(?<!as )(?<!table )\b(?:above|below)\b(?! \d)",
    re.IGNORECASE,
)
IN_A_SENTENCE = re.compile(r"\b(?:left|right|middle|upper|lower) (?:panel|row)s?\b", re.IGNORECASE)


@CHAPTERS
def test_nothing_says_where_a_panel_stands(source):
    notebook = stored(source)
    captions = [c.metadata["mystnb"]["figure"]["caption"] for c in notebook.cells if "mystnb" in c.metadata]
    assert [caption for caption in captions if IN_A_CAPTION.search(caption)] == []
    shown = [output.get("data", {}).get("text/markdown", "") for c in notebook.cells for output in c.get("outputs", [])]
    prose = [c.source for c in notebook.cells if c.cell_type == "markdown"]
    assert [found[0] for text in [*shown, *prose] for found in IN_A_SENTENCE.finditer(text)] == []


def test_no_figure_bears_the_name_of_another():
    names = [c.metadata["mystnb"]["figure"]["name"] for s in SOURCES for c in stored(s).cells if "mystnb" in c.metadata]
    assert len(names) == len(set(names))


CELL = 'print("{text}")'


def small_notebook(*cells):
    return nbformat.v4.new_notebook(cells=list(cells))


def code(source, outputs=(), **metadata):
    return nbformat.v4.new_code_cell(source, outputs=list(outputs), execution_count=1, id="here", metadata=metadata)


PNG = nbformat.v4.new_output("display_data", {"image/png": "AAAA"})


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        (code("x = 1\n" * 21), "here: over 20 lines"),
        (code("x = " + "1" * 85), "here: over 88 columns"),
        (code("f()", [nbformat.v4.new_output("stream", text="x" * 89)]), "here: over 88 columns"),
        (code("f()", [nbformat.v4.new_output("execute_result", {"text/plain": "x" * 89})]), "here: over 88 columns"),
        (
            code("f()", [nbformat.v4.new_output("stream", text="x" * 89)], tags=["hide-input"]),
            "here: over 88 columns",
        ),
        (code("print(1)"), "here: an empty output where one is due"),
        (code("f()", [nbformat.v4.new_output("error", ename="E", evalue="e")]), "here: an error"),
        (code("f()", [nbformat.v4.new_output("stream", name="stderr", text="w")]), "here: an error"),
        (code("f()", [PNG]), "here: a figure without alternative text or caption"),
        (
            code("f()", [PNG], mystnb={"image": {"alt": "x" * 50}}),
            "here: a figure without alternative text or caption",
        ),
    ],
)
def test_the_check_for_whole_notebooks_can_fail(cell, problem):
    assert problems(small_notebook(cell)) == [problem]


SOURCE = """# %% [markdown]
# # A chapter

# %% name="sum" tags=["hide-input"]
print(f"{1 / 3:.4f}")

# %% name="figure"
import matplotlib.pyplot as plt
from gaplab.figures import show

alt = "Empty axes, from zero to one in both directions."
show(plt.subplots()[0], name="fig-x", alt=alt, caption="Empty.")

# %% name="seconds" tags=["timing"]
import time
print(time.perf_counter_ns())
"""


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    source = tmp_path_factory.mktemp("book") / "01_small.py"
    source.write_text(SOURCE, encoding="utf-8")
    return source, rendering.render(source)


def test_rendering_twice_gives_the_same_bytes(rendered):
    source, target = rendered
    first = target.read_bytes()
    assert rendering.render(source).read_bytes() == first
    assert problems(nbformat.read(target, as_version=4)) == []


def test_a_timing_cell_is_measured_again_once_its_source_changes(rendered, tmp_path):
    _, target = rendered
    source = tmp_path / "01_small.py"
    (tmp_path / target.name).write_bytes(target.read_bytes())
    source.write_text(SOURCE.replace("perf_counter_ns()", "perf_counter_ns() + 1"), encoding="utf-8")
    assert rendering.render(source).read_bytes() != target.read_bytes()


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('print(f"{1 / 3:.4f}")', "1 / 0", "01_broken.py stopped at a cell"),
        (
            'print(f"{1 / 3:.4f}")',
            'import sys; print("careful", file=sys.stderr)',
            "wrote to the error stream: careful",
        ),
        ('name="figure"', 'name="sum"', "two cells named 'sum'"),
    ],
)
def test_a_broken_source_leaves_the_old_notebook_alone(tmp_path, old, new, sentence):
    source = tmp_path / "01_broken.py"
    source.write_text(SOURCE.replace(old, new), encoding="utf-8")
    target = source.with_suffix(".ipynb")
    target.write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}', encoding="utf-8")
    with pytest.raises(ReaderError, match=sentence):
        rendering.render(source)
    assert json.loads(target.read_text(encoding="utf-8"))["cells"] == []
    assert [p.name for p in tmp_path.iterdir() if p.suffix == ".part"] == []


def test_an_unknown_chapter_gets_one_sentence():
    with pytest.raises(ReaderError, match="no page called '01_parameter'"):
        rendering.pages(BOOK, ["01_parameter"])


def nbval(notebook):
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-q", "-p", "no:cacheprovider"]
    environment = {**os.environ, **conditions.KERNEL}
    environment.pop("PYTEST_XDIST_WORKER", None)
    return subprocess.run(
        [*command, str(notebook)], capture_output=True, encoding="utf-8", env=environment, cwd=notebook.parent
    )


def test_nbval_passes_what_was_rendered_and_fails_on_one_changed_digit(rendered, tmp_path):
    _, target = rendered
    good, bad = tmp_path / "good.ipynb", tmp_path / "bad.ipynb"
    text = target.read_text(encoding="utf-8")
    good.write_text(text, encoding="utf-8")
    assert text.count("0.3333") == 1
    bad.write_text(text.replace("0.3333", "0.3334"), encoding="utf-8")
    assert nbval(good).returncode == 0
    result = nbval(bad)
    assert result.returncode == 1
    assert "1 failed" in result.stdout


def test_sources_say_what_the_notebook_folds_away(rendered):
    _, target = rendered
    folded = {c.id: c.metadata.get("jupyter", {}).get("source_hidden", False) for c in jupytext.read(target).cells}
    assert folded["sum"]
    assert not folded["figure"]
