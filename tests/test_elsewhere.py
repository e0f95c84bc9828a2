"""A notebook that is opened without the book's package says so in one sentence, and how to get it."""

import nbformat
import pytest
import yaml
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from gapgrade.assignments import read_assignment
from gaplab import rendering
from gaplab.elsewhere import CELL, package, put_guard

CHAPTER = """\
# %% [markdown]
# # A chapter

# %% name="imports"
import gaplab
"""
PROBLEM_SET = """\
# ---
# jupyter:
#   coursework: {chapter: 1, title: "One", minutes: 5}
# ---

# %% [markdown]
# # A problem set

# %% name="imports"
import gaplab
"""


def configure(folder, address):
    settings = {"sphinx": {"config": {"gaplab_repository": address}}}
    (folder / "_config.yml").write_text(yaml.safe_dump(settings), encoding="utf-8")


def guarded(kind, folder):
    """Read a source below the folder as a reader's notebook, made for a package that is nowhere."""
    source = folder / "book" / {"chapter": "01_small.py", "problem set": "ps1_small.py"}[kind]
    source.parent.mkdir()
    source.write_text({"chapter": CHAPTER, "problem set": PROBLEM_SET}[kind], encoding="utf-8")
    notebook = rendering.read_source(source) if kind == "chapter" else read_assignment(source).notebook
    assert [cell.id for cell in notebook.cells if cell.cell_type == "code"] == [CELL, "imports"]
    return notebook


@pytest.mark.parametrize("kind", ["chapter", "problem set"])
@pytest.mark.parametrize(
    ("address", "line"),
    [
        ("https://github.com/some/book/", "run  %pip install git+https://github.com/some/book  in a cell; then"),
        ("", "run  %pip install BOOK  in a cell, with the book's folder for BOOK, since gaplab_repository in its "
             "_config.yml names no address; then"),
    ],
)  # fmt: skip
def test_a_notebook_opened_alone_stops_with_one_sentence(tmp_path, kind, address, line):
    configure(tmp_path, address)
    notebook = guarded(kind, tmp_path)
    guard, behind = (cell for cell in notebook.cells if cell.cell_type == "code")
    guard.source = guard.source.replace('find_spec("gaplab")', 'find_spec("a_package_that_is_not_there")')
    with pytest.raises(CellExecutionError):
        NotebookClient(notebook, kernel_name="python3").execute()
    (said,) = guard.outputs
    # What every front end shows of an error: the lines of its traceback.
    assert said.traceback == [f"This notebook needs the package gaplab: {line} run all cells again."]
    assert behind.execution_count is None


def test_where_the_package_is_there_the_cell_says_nothing():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("print(1)")])
    put_guard(notebook, "")
    NotebookClient(notebook, kernel_name="python3").execute()
    assert [len(cell.outputs) for cell in notebook.cells] == [0, 1]


def test_a_release_names_what_its_instructor_named():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("print(1)")])
    put_guard(notebook, "")
    put_guard(notebook, "gaplab-0.1.0-py3-none-any.whl")
    assert len(notebook.cells) == 2
    assert "%pip install gaplab-0.1.0-py3-none-any.whl " in notebook.cells[0].source


def test_a_book_without_a_configuration_has_no_address(tmp_path):
    assert package(tmp_path / "01_small.py") == ""
    configure(tmp_path, None)
    assert package(tmp_path / "01_small.py") == ""
