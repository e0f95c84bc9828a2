"""The reader's copies: made once, kept, put back on demand, and brought into the book by authors."""

import shutil
import subprocess
from pathlib import Path

import jupytext
import nbformat
import pytest

from gaplab import contents, rendering, workspace
from gaplab.errors import ReaderError

ROOT = Path(__file__).parent.parent
BOOK = ROOT / "book"
TOC = """\
format: jb-book
root: index
parts:
  - caption: All
    chapters:
      - file: 01_small
        title: "1. Small"
      - file: interview/mock
      - file: interview/whiteboard
      - file: coursework/index
      - file: coursework/ps1_small
"""
SOURCE = """\
# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
# ---

# %% [markdown]
# # A chapter

# %% name="sum" tags=["hide-input"]
print(1 + 1)

# %% name="seconds" tags=["timing"]
print(2)
"""


def write(path, notebook):
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


@pytest.fixture
def book(tmp_path):
    """A book of one chapter and one problem set."""
    book = tmp_path / "book"
    book.mkdir()
    (tmp_path / "_toc.yml").write_text(TOC, encoding="utf-8")
    (book / "01_small.py").write_text(SOURCE, encoding="utf-8")
    made(book)
    for name in ("index", "interview/mock", "interview/whiteboard", "coursework/ps1_small"):
        write(book / f"{name}.ipynb", nbformat.v4.new_notebook())
    (book / "coursework" / "index.md").write_text("# Problem sets\n", encoding="utf-8")
    return book


def made(book):
    """Do as the render step does, without outputs."""
    write(book / "01_small.ipynb", rendering.read_source(book / "01_small.py"))


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


def state(book):
    return {path: path.read_bytes() for path in book.rglob("*") if path.is_file()}


def open_(book):
    """Start as `nox -s lab` does, up to JupyterLab."""
    return workspace.Workspace(book).fill()


def test_the_workspace_holds_the_chapters_the_whiteboard_and_the_problem_sets_and_nothing_else(book):
    assert open_(book) == []
    folder = book.parent / "workspace"
    seen = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert seen == {"01_small.ipynb", "interview/whiteboard.ipynb", "coursework/ps1_small.ipynb", workspace.RECORD}
    assert workspace.RECORD.startswith("."), "the record is not shown in JupyterLab"
    assert (folder / "01_small.ipynb").read_bytes() == (book / "01_small.ipynb").read_bytes()


def test_the_books_own_workspace_has_six_chapters_six_problem_sets_and_the_whiteboard():
    names = list(workspace.Workspace(BOOK).originals)
    assert [name for name in names if name[0] == "0"] == [path.stem for path in contents.notebooks(BOOK)]
    assert len([name for name in names if name.startswith("coursework/ps")]) == len(names) - 7 == 6
    assert "interview/whiteboard" in names


def test_a_copy_that_the_reader_changed_stays_and_the_book_is_as_it_was(book):
    open_(book)
    before = state(book)
    copy = book.parent / "workspace" / "01_small.ipynb"
    edit(copy, "print(1 + 1)", "print(1 + 2)")
    mine = copy.read_bytes()
    assert open_(book) == []
    assert (copy.read_bytes(), state(book)) == (mine, before)
    edit(book / "01_small.ipynb", "A chapter", "A better chapter")
    assert open_(book) == ["01_small"]
    assert copy.read_bytes() == mine


def test_a_copy_as_it_was_made_follows_the_book(book):
    open_(book)
    edit(book / "01_small.ipynb", "A chapter", "A better chapter")
    assert open_(book) == []
    assert "A better chapter" in (book.parent / "workspace" / "01_small.ipynb").read_text(encoding="utf-8")


def test_the_original_comes_back_and_no_edit_is_lost(book):
    open_(book)
    copy = book.parent / "workspace" / "01_small.ipynb"
    for number in (1, 2):
        edit(copy, "print(1 + 1)", f"print({number})")
        said = workspace.Workspace(book).restore("01_small.ipynb")
        assert said == f"01_small.ipynb is the book's own again; yours is kept as 01_small.mine-{number}.ipynb."
        assert copy.read_bytes() == (book / "01_small.ipynb").read_bytes()
        assert f"print({number})" in copy.with_name(f"01_small.mine-{number}.ipynb").read_text(encoding="utf-8")
    assert workspace.Workspace(book).restore("01_small") == "01_small.ipynb is the book's own again."
    assert len(list(copy.parent.glob("*.mine-*"))) == 2


def test_an_edit_goes_into_the_source_and_no_further(book):
    open_(book)
    copy = book.parent / "workspace" / "01_small.ipynb"
    notebook = nbformat.read(copy, as_version=4)
    notebook.cells[2].source = "print( 1+2 )"
    notebook.cells[2].outputs = [nbformat.v4.new_output("stream", text="3\n")]
    notebook.cells[2].metadata.update(execution={"iopub.status.busy": "now"}, collapsed=False)
    notebook.cells.append(nbformat.v4.new_markdown_cell("The end."))
    write(copy, notebook)
    assert workspace.Workspace(book).adopt("01_small").endswith("Next: nox -s render -- 01_small")
    wanted = SOURCE.replace("1 + 1", "1 + 2") + "\n# %% [markdown]\n# The end.\n"
    assert (book / "01_small.py").read_text(encoding="utf-8") == wanted
    # Again, before the source is rendered and after, the author goes on in the same copy.
    edit(copy, "The end.", "It ends.")
    workspace.Workspace(book).adopt("01_small")
    made(book)
    assert open_(book) == []
    edit(copy, "It ends.", "So it ends.")
    workspace.Workspace(book).adopt("01_small")
    assert (book / "01_small.py").read_text(encoding="utf-8") == wanted.replace("The end", "So it ends")


@pytest.mark.parametrize("rendered", [False, True])
def test_an_edit_does_not_undo_what_the_book_has_changed(book, rendered):
    open_(book)
    edit(book.parent / "workspace" / "01_small.ipynb", "print(1 + 1)", "print(3)")
    edit(book / "01_small.py", "# # A chapter", "# # A better chapter")
    if rendered:
        made(book)
    with pytest.raises(ReaderError, match=r"01_small.py has changed since it was copied"):
        workspace.Workspace(book).adopt("01_small")
    assert "A better chapter" in (book / "01_small.py").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--original", "1_small"], "There is no notebook called '1_small': did you mean 01_small"),
        (["--adopt", "ps1_small"], "made of book/coursework/ps1_small.py, which has the solutions too"),
        (["--adopt", "01_small"], "There is no copy of 01_small yet"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(book, options, sentence, capsys):
    assert workspace.main([*options, "--book", str(book)]) == 1
    assert sentence in capsys.readouterr().err
    assert not (book.parent / "workspace").exists()


def test_a_cell_that_is_not_python_leaves_the_source_alone(book, capsys):
    open_(book)
    edit(book.parent / "workspace" / "01_small.ipynb", "print(1 + 1)", "print(1 +")
    assert workspace.main(["--adopt", "01_small", "--book", str(book)]) == 1
    assert "01_small.py stays as it is, for a cell is not Python" in capsys.readouterr().err
    assert (book / "01_small.py").read_text(encoding="utf-8") == SOURCE


@pytest.mark.parametrize("source", rendering.pages(BOOK), ids=lambda path: path.stem)
def test_a_source_comes_back_from_its_notebook_byte_for_byte(source, tmp_path):
    """Also its front matter and its layout, so that bringing in one edit changes nothing else."""
    for configuration in (ROOT / "pyproject.toml", BOOK / "ruff.toml"):
        target = tmp_path / configuration.relative_to(ROOT)
        target.parent.mkdir(exist_ok=True)
        shutil.copy(configuration, target)
    target = tmp_path / "book" / source.name
    shutil.copy(source, target)
    rendering.write_source(rendering.read_source(source), target)
    assert target.read_bytes() == source.read_bytes()
    assert jupytext.read(target, fmt="py:percent").cells
    assert "importlib.util" not in target.read_text(encoding="utf-8")


class Lab:
    """Stands where JupyterLab would start, and keeps how it was asked."""

    @staticmethod
    def launch_instance(arguments):
        Lab.arguments = arguments


@pytest.mark.parametrize("root", [True, False])
def test_options_reach_jupyterlab_and_root_needs_no_more_than_a_sentence(book, monkeypatch, capsys, root):
    labapp = pytest.importorskip("jupyterlab.labapp")
    monkeypatch.setattr(labapp, "LabApp", Lab)
    monkeypatch.setattr(workspace.os, "geteuid", lambda: 0 if root else 1000, raising=False)
    assert workspace.main(["--no-browser", "--book", str(book), "--port", "9000", "--ip=0.0.0.0"]) == 0
    folder = str((book.parent / "workspace").resolve())
    allowed = ["--allow-root"] if root else []
    assert Lab.arguments == [folder, *allowed, "--no-browser", "--port", "9000", "--ip=0.0.0.0"]
    assert ("You are root" in capsys.readouterr().out) == root


def test_git_does_not_see_the_workspace():
    ignored = subprocess.run(["git", "check-ignore", "workspace/01_small.ipynb"], cwd=ROOT, capture_output=True)
    assert ignored.returncode in (0, 128), "128: this copy of the book is no repository"
