"""What a notebook says where it was opened without the book's package: in Colab, an editor or another Jupyter."""

from __future__ import annotations

from pathlib import Path

import yaml
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

CELL = "installed"
"""Name of the cell, the first with code in every notebook."""

# An exception with this hook is shown as its sentence alone: no stack, and no advice to quit, as SystemExit would have.
GUARD = """\
import importlib.util

if importlib.util.find_spec("gaplab") is None:

    class NotInstalled(Exception):
        def _render_traceback_(self):
            return [str(self)]

    raise NotInstalled({sentence!r})"""


def package(inside: Path) -> str:
    """Return what ``pip install`` takes for the book's package; nothing where no address of the repository is set.

    Args:
        inside: A file of the book. The address is ``gaplab_repository`` in the ``_config.yml`` of a folder above it.
    """
    config = next((folder / "_config.yml" for folder in inside.parents if (folder / "_config.yml").exists()), None)
    settings = yaml.safe_load(config.read_text(encoding="utf-8")) if config else {}
    address = (settings.get("sphinx", {}).get("config", {}).get("gaplab_repository") or "").rstrip("/")
    return f"git+{address}" if address else ""


def put_guard(notebook: NotebookNode, package: str) -> None:
    """Put the cell that stops a notebook, with one sentence, where the package is missing, before all other code.

    Args:
        notebook: Changed in place; a guard that it has already is replaced.
        package: What ``pip install`` takes for the package; nothing where that is not known.
    """
    notebook.cells = [cell for cell in notebook.cells if cell.id != CELL]
    first = next((i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"), None)
    if first is None:
        return
    line = f"%pip install {package or 'BOOK'}"
    unknown = ", with the book's folder for BOOK, since gaplab_repository in its _config.yml names no address"
    sentence = (
        f"This notebook needs the package gaplab: run  {line}  in a cell{'' if package else unknown}; "
        "then run all cells again."
    )
    metadata = {"name": CELL, "tags": ["remove-input"], "jupyter": {"source_hidden": True}}
    notebook.cells.insert(first, new_code_cell(GUARD.format(sentence=sentence), id=CELL, metadata=metadata))
