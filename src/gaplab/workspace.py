"""The reader's own copies of the notebooks, opened in JupyterLab: ``python -m gaplab.workspace [OPTION ...]``.

JupyterLab saves what is run in it by itself. What it opens is therefore a folder of copies beside the book: they can
be run, broken and kept, and the book's own files stay as they are.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import nbformat

from gaplab import contents, files
from gaplab.errors import ReaderError, unknown_name

RECORD = ".originals.json"
"""An SHA-256 of what each copy was made of, by the notebook's name, and of each source that a copy went into."""


class Workspace:
    """The folder of copies.

    Args:
        book: The book's folder; the workspace lies beside it, where chapters find the table of contents.

    Raises:
        ReaderError: The folder is none of a book.
    """

    def __init__(self, book: Path) -> None:
        """List the notebooks that are for running: the chapters, the whiteboard and the problem sets."""
        self.book = book
        self.folder = book.resolve().parent / "workspace"
        names = [name for name in contents.pages(book) if _is_for_running(name)]
        self.originals = {name: path for name in names if (path := book / f"{name}.ipynb").exists()}
        record = self.folder / RECORD
        self._record: dict[str, str] = json.loads(record.read_text(encoding="utf-8")) if record.exists() else {}

    def copy_of(self, name: str) -> Path:
        """Return where the reader's copy of a notebook lies.

        Args:
            name: Such as ``01_parameter_count``; the folder and the suffix may be left on.

        Raises:
            ReaderError: No notebook of the workspace has this name.
        """
        return self.folder / f"{self._known(name)}.ipynb"

    def _known(self, name: str) -> str:
        wanted = Path(name).name.removesuffix(".ipynb")
        found = next((known for known in self.originals if Path(known).name == wanted), None)
        if found is None:
            raise unknown_name("notebook", name, (Path(known).name for known in self.originals))
        return found

    def fill(self) -> list[str]:
        """Copy what is missing, and follow the book where a copy is as it was made; nothing else is written over.

        Returns:
            Names of the notebooks that both the reader and the book have changed.
        """
        changed = []
        for name, original in self.originals.items():
            copy = self.copy_of(name)
            same = _digest(original) == self._record.get(name)
            if not copy.exists() or (not same and _digest(copy) == self._record.get(name)):
                self._copy(name)
            elif not same and not self._adopted(name):
                changed.append(name)
        return changed

    def _copy(self, name: str) -> None:
        files.write(self.copy_of(name), self.originals[name].read_bytes())
        self._remember(name, self.originals[name])

    def _remember(self, name: str, path: Path) -> None:
        self._record[name] = _digest(path)
        files.write(self.folder / RECORD, json.dumps(self._record, indent=1))

    def _source(self, name: str) -> Path:
        return self.book / f"{name}.py"

    def _adopted(self, name: str) -> bool:
        """Tell whether a notebook's source is as `adopt` left it."""
        return f"{name}.py" in self._record and _digest(self._source(name)) == self._record[f"{name}.py"]

    def restore(self, name: str) -> str:
        """Put the original of one notebook back; a copy that was changed is kept beside it, under another name.

        Args:
            name: As in `copy_of`.

        Returns:
            A sentence on what was done.
        """
        name, copy = self._known(name), self.copy_of(name)
        kept = ""
        if copy.exists() and _digest(copy) not in (self._record.get(name), _digest(self.originals[name])):
            number = 1
            while (aside := copy.with_name(f"{copy.stem}.mine-{number}.ipynb")).exists():
                number += 1
            copy.rename(aside)
            kept = f"; yours is kept as {aside.relative_to(self.folder)}"
        self._copy(name)
        return f"{copy.relative_to(self.folder)} is the book's own again{kept}."

    def adopt(self, name: str) -> str:
        """Write the cells of a reader's copy into the chapter's source.

        Args:
            name: As in `copy_of`.

        Returns:
            A sentence on what was done, and what is next.

        Raises:
            ReaderError: The notebook has no source that it could be written to, or the book has changed since the
                copy was made.
        """
        from gaplab import rendering  # it imports PyTorch, which takes seconds and which nothing else here needs

        name, copy = self._known(name), self.copy_of(name)
        source, original = self._source(name), self.originals[name]
        if name.startswith("coursework/"):
            raise ReaderError(
                f"{copy.name} is made of book/{name}.py, which has the solutions too: change that, then run "
                f"`nox -s assign -- {copy.name.split('_')[0]}`."
            )
        if not copy.exists():
            raise ReaderError(f"There is no copy of {name} yet: `nox -s lab` makes it.")
        as_copied = _digest(original) == self._record.get(name) and _made_of(original, source)
        if not as_copied and not self._adopted(name):
            raise ReaderError(
                f"The book's {source.name} has changed since it was copied, and would lose that: run "
                f"`nox -s render -- {name}` and `nox -s lab -- --original {name}`, and put your edit into the new copy."
            )
        rendering.write_source(nbformat.read(copy, as_version=4), source)
        self._remember(f"{name}.py", source)
        return f"{source.name} has the cells of your copy. Next: nox -s render -- {name}"


def _is_for_running(name: str) -> bool:
    return name[0].isdigit() or name == "interview/whiteboard" or name.startswith("coursework/")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _made_of(notebook: Path, source: Path) -> bool:
    """Tell whether a stored notebook has the cells of its source."""
    from gaplab import rendering

    cells = (nbformat.read(notebook, as_version=4).cells, rendering.read_source(source).cells)
    stored, fresh = ([(cell.cell_type, cell.source) for cell in each] for each in cells)
    return stored == fresh


def _open(folder: Path, options: list[str]) -> None:
    """Run JupyterLab in a folder until it is closed."""
    from jupyterlab.labapp import LabApp

    if getattr(os, "geteuid", lambda: -1)() == 0:
        print(
            "You are root, so JupyterLab runs with --allow-root; in a container add --ip=0.0.0.0 to reach it.",
            flush=True,
        )
        options = ["--allow-root", *options]
    LabApp.launch_instance([str(folder), *options])


def main(arguments: list[str] | None = None) -> int:
    """Fill the workspace and open it, or do what an option asks for one notebook."""
    parser = argparse.ArgumentParser(
        prog="nox -s lab --",
        description="Open your own copies of the notebooks. Other options go to JupyterLab.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--original", metavar="NAME", help="put the book's own notebook back; your copy is kept under another name")
    add("--adopt", metavar="NAME", help="for authors: write the cells of your copy into the chapter's source")
    add("--book", type=Path, default=Path("book"), help="the book's folder")
    options, others = parser.parse_known_args(arguments)
    chosen: Any = options
    try:
        workspace = Workspace(chosen.book)
        if chosen.original or chosen.adopt:
            print(workspace.restore(chosen.original) if chosen.original else workspace.adopt(chosen.adopt))
            return 0
        for name in workspace.fill():
            print(f"The book has a newer {name}; yours stays. For the new one: nox -s lab -- --original {name}")
    except ReaderError as problem:
        print(problem, file=sys.stderr)
        return 1
    print(f"Your own copies of the notebooks are in {workspace.folder}; the book's files stay as they are.", flush=True)
    _open(workspace.folder, others)
    return 0


if __name__ == "__main__":
    sys.exit(main())
