"""From a chapter's source (py:percent) to its executed notebook: ``python -m gaplab.rendering [NAME ...]``.

Same source and machine, same bytes: cell ids come from names and positions, nothing holds a time or an address,
and a cell tagged ``timing`` keeps its stored output while its source stands, since seconds differ from run to run.
"""

from __future__ import annotations

import argparse
import copy
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import jupytext
import nbformat
import torch
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from tqdm import tqdm

from gaplab import contents, drawings, elsewhere, files
from gaplab.conditions import KERNEL, ONE_THREAD, PROCESSORS
from gaplab.errors import ReaderError, unknown_name
from gaplab.figures import FIGURE_MIME

TIMING = "timing"
# nbval's own tag for "execute, but do not compare"; the render step adds it to timing cells.
NOT_COMPARED = "nbval-ignore-output"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
FRONT = re.compile(r"(?s)\A(# ---\n.*?\n# ---\n\n*)?")
"""A source's front matter, with the empty lines behind it."""


def arithmetic() -> dict[str, str]:
    """Return the environment in which every processor that has AVX2 adds in the same order, and so rounds alike."""
    has_avx2 = torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512")
    return ONE_THREAD | PROCESSORS["avx2" if has_avx2 else "native"]


# A cell that hides its input on the page folds it in JupyterLab too.
FOLDED = ("hide-input", "remove-input")


def read_source(source: Path) -> NotebookNode:
    """Read a py:percent file as a notebook without outputs, with stable cell ids.

    Args:
        source: The chapter's ``.py`` file.

    Raises:
        ReaderError: Two cells bear the same name.
    """
    notebook = jupytext.read(source, fmt="py:percent")
    front = notebook.metadata
    notebook.metadata = NotebookNode(
        kernelspec={"display_name": "Python 3", "language": "python", "name": "python3"},
        # The version is left out on purpose: another Python must give the same file.
        language_info={"name": "python", "pygments_lexer": "ipython3", "file_extension": ".py"},
        **{key: front[key] for key in ("myst", "gaplab") if key in front},
    )
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    seen: set[str] = set()
    for position, cell in enumerate(notebook.cells):
        cell.id = cell.metadata.get("name", f"cell-{position:03d}")
        if cell.id in seen:
            raise ReaderError(f"{source.name} has two cells named {cell.id!r}: give each its own name.")
        seen.add(cell.id)
        tags = cell.metadata.get("tags", [])
        if TIMING in tags and NOT_COMPARED not in tags:
            tags.append(NOT_COMPARED)
        if any(tag in FOLDED for tag in tags):
            cell.metadata["jupyter"] = {"source_hidden": True}
    elsewhere.put_guard(notebook, elsewhere.package(source))
    return cast(NotebookNode, notebook)


def write_source(notebook: NotebookNode, source: Path) -> None:
    """Write a notebook's cells back into the source that it was made of; the source's front matter stays.

    Args:
        notebook: As `read_source` or JupyterLab leaves it; outputs are of no interest.
        source: The chapter's ``.py`` file, which is replaced.

    Raises:
        ReaderError: A cell's code is none that Python reads.
    """
    cells = copy.deepcopy([cell for cell in notebook.cells if cell.id != elsewhere.CELL])
    for cell in cells:
        tags = cell.metadata.get("tags", [])
        if TIMING in tags:
            cell.metadata["tags"] = [tag for tag in tags if tag != NOT_COMPARED]
    kept = {"jupytext": {"notebook_metadata_filter": "-all", "cell_metadata_filter": "name,tags,-all"}}
    text = jupytext.writes(nbformat.v4.new_notebook(cells=cells, metadata=kept), fmt="py:percent")
    front = cast(re.Match[str], FRONT.match(source.read_text(encoding="utf-8")))[0]
    text = front + FRONT.sub("", text, count=1)
    ruff = (sys.executable, "-m", "ruff", "format", "--stdin-filename", str(source), "-")
    formatted = subprocess.run(ruff, input=text, capture_output=True, encoding="utf-8")
    if formatted.returncode:
        raise ReaderError(f"{source.name} stays as it is, for a cell is not Python: {formatted.stderr.strip()}")
    files.write(source, formatted.stdout)


def render(source: Path) -> Path:
    """Execute a chapter's source and write the notebook beside it.

    Returns:
        The notebook's path.

    Raises:
        ReaderError: A cell raised an error, or wrote to the error stream; the old notebook is then left as it was.
    """
    target = source.with_suffix(".ipynb")
    notebook = read_source(source)
    before = _timing_outputs(target)
    metadata = copy.deepcopy(notebook.metadata)
    with tempfile.TemporaryDirectory() as folder:
        try:
            execute(notebook, source.parent, KERNEL | arithmetic() | {drawings.FOLDER: folder})
        except CellExecutionError as problem:
            raise ReaderError(f"{source.name} stopped at a cell: {problem}") from None
        drawn = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
    notebook.metadata = metadata  # the kernel has written its Python's version there
    for cell in notebook.cells:
        if cell.cell_type == "code":
            _tidy(cell, source)
            if TIMING in cell.metadata.get("tags", []):
                cell.outputs = before.get(cell.source, cell.outputs)
    nbformat.validate(notebook)
    _put_drawings(source.parent / contents.DRAWINGS, drawn, figure_names(target) if target.exists() else [])
    files.write(target, nbformat.writes(notebook, version=4) + "\n")
    return target


def figure_names(notebook: Path) -> list[str]:
    """List the figures that a notebook shows, in their order."""
    cells = nbformat.read(notebook, as_version=4).cells
    bundles = (output.get("data", {}) for cell in cells for output in cell.get("outputs", []))
    return [bundle[FIGURE_MIME]["name"] for bundle in bundles if FIGURE_MIME in bundle]


def _put_drawings(folder: Path, drawn: dict[str, bytes], before: Iterable[str]) -> None:
    """Put a notebook's drawings in their folder, in place of those that it had."""
    for name in before:
        for path in (folder / f"{name}.svg", folder / f"{name}-phone.svg"):
            path.unlink(missing_ok=True)
    for name, content in drawn.items():
        files.write(folder / name, content)


def execute(notebook: NotebookNode, folder: Path, environment: dict[str, str], allow_errors: bool = False) -> None:
    """Execute every cell of a notebook in place.

    Args:
        notebook: The notebook, whose outputs are replaced.
        folder: Where its kernel starts.
        environment: What the kernel's environment has beside this process's own.
        allow_errors: Go on behind a cell that raised an error, which is then among its outputs.

    Raises:
        CellExecutionError: A cell raised an error, and errors are not allowed.
    """
    client = NotebookClient(
        notebook,
        timeout=1800,
        kernel_name="python3",
        extra_arguments=["--log-level=ERROR"],  # else each kernel warns that its sockets are not encrypted
        allow_errors=allow_errors,
        record_timing=False,
        coalesce_streams=True,  # else a slow cell's output is split where the clock says
        store_widget_state=False,
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute(env={**os.environ, **environment})


def _timing_outputs(notebook: Path) -> dict[str, list[NotebookNode]]:
    if not notebook.exists():
        return {}
    cells = nbformat.read(notebook, as_version=4).cells
    return {c.source: c.outputs for c in cells if TIMING in c.metadata.get("tags", []) and c.outputs}


def _tidy(cell: NotebookNode, source: Path) -> None:
    cell.metadata.pop("execution", None)
    for output in cell.outputs:
        if output.output_type == "stream" and output.name == "stderr":
            raise ReaderError(f"{source.name}, cell {cell.id!r} wrote to the error stream: {output.text.strip()}")
        data = output.get("data", {})
        data.pop(WIDGET_VIEW, None)
        figure = data.get(FIGURE_MIME)
        if figure:
            cell.metadata["mystnb"] = {
                "image": {"alt": figure["alt"]},
                "figure": {"caption": figure["caption"], "name": figure["name"]},
            }
    cell.outputs = [o for o in cell.outputs if o.output_type == "stream" or o.get("data")]


def pages(book: Path, names: Iterable[str] = ()) -> list[Path]:
    """List the sources to render: those named, or all of the book, a page that gathers verdicts behind their chapters.

    Args:
        book: The book's folder.
        names: Names such as ``01_parameter_count`` or ``reference/cards``; the folder and the suffix may be left on.

    Raises:
        ReaderError: A name is no page of the book that has a source, or the folder is none of a book.
    """
    front, *others = contents.pages(book)
    # The front page comes last: it reads what the chapters recorded.
    named = {name: book / f"{name}.py" for name in (*others, front) if not name.startswith("coursework/")}
    sources = {name: path for name, path in named.items() if path.exists()}
    wanted = [name.removeprefix(f"{book.name}/").split(".")[0] for name in names] or list(sources)
    for name in wanted:
        if name not in sources:
            raise unknown_name("page", name, sources)
    return [sources[name] for name in wanted]


def main(arguments: list[str] | None = None) -> int:
    """Render the pages named on the command line."""
    parser = argparse.ArgumentParser(prog="nox -s render --", description="Execute sources into notebooks.")
    parser.add_argument("names", nargs="*", help="pages, such as 01_parameter_count; all if none is named")
    parser.add_argument("--book", type=Path, default=Path("book"), help="the book's folder")
    options: Any = parser.parse_args(arguments)
    try:
        for source in tqdm(pages(options.book, options.names), desc="render", unit="page"):
            tqdm.write(f"wrote {render(source)}")
    except ReaderError as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
