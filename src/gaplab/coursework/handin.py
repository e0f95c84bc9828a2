"""Looks a problem set's notebook over before it is handed in: ``python -m gaplab.coursework.handin FILE``.

It says whether the file can be read and what is missing. It runs nothing and is no grade.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path
from typing import Any
from urllib.parse import unquote

MAX_BYTES = 50 * 2**20
STUB = re.compile(r"YOUR (CODE|ANSWER) HERE")
TROUBLE = "is not a notebook that can be read: save it in Jupyter, and hand in the .ipynb file itself"


def problems(path: Path) -> list[str]:
    """Return a sentence for each thing that would cost points or is easily forgotten; none if all is well."""
    if not path.is_file():
        return [f"There is no file called {path}."]
    if path.stat().st_size > MAX_BYTES:
        return [f"{path.name} is larger than {MAX_BYTES // 2**20} MB and would not be read: clear its outputs."]
    try:
        content = path.read_bytes()
        # UTF-8 or UTF-16, with a mark or without; grading also reads letters that are neither.
        notebook = json.loads(content.decode(json.detect_encoding(content), "replace"))
        cells = [(_name(cell), "".join(cell["source"]), cell) for cell in notebook["cells"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        return [f"{path.name} {TROUBLE}."]
    found = []
    if path.suffix != ".ipynb":
        found.append(f"{path.name} should end in .ipynb.")
    answers = [(name, text) for name, text, cell in cells if _facts(cell).get("solution")]
    if not answers:
        return [*found, f"{path.name} is a notebook, but no problem set of this book: it has no cell for an answer."]
    wanted = notebook.get("metadata", {}).get("coursework", {}).get("cells", [])
    have = {name for name, *_ in cells}
    if missing := [name for name in wanted if name not in have]:
        found.append(f"Cells are missing: {', '.join(missing)}. An answer that was deleted earns nothing.")
    if stubs := [name for name, text in answers if STUB.search(text)]:
        found.append(f"Not answered yet: {', '.join(stubs)}.")
    for name, text, cell in cells:
        if cell["cell_type"] == "code":
            found += [f"{name or 'A cell of your own'}: {sentence}" for sentence in _code_problems(text, cell)]
        else:
            have_pictures = cell.get("attachments", {})
            lost = [one for one in _pictures(text) if not {one, unquote(one)} & set(have_pictures)]
            found += [f"{name or 'A text of your own'}: the picture {unquote(one)} is not in the file." for one in lost]
    if any(
        cell["cell_type"] == "code" and cell.get("execution_count") is None and text.strip() for _, text, cell in cells
    ):
        found.append("Not every cell has been run: Kernel > Restart Kernel and Run All Cells, then save.")
    return found


def _facts(cell: dict[str, Any]) -> dict[str, Any]:
    found = cell.get("metadata", {}).get("nbgrader")
    return found if isinstance(found, dict) else {}


def _name(cell: dict[str, Any]) -> str:
    return str(_facts(cell).get("grade_id") or "")


def _pictures(text: str) -> list[str]:
    return re.findall(r"attachment:([^\s)\"'>]+)", text)


@cache
def _at_grading() -> frozenset[str]:
    """Name what grading can import, as far as it is installed here: Python's own, this package, and what that needs.

    ipykernel and what it needs are there too, for the cells run in it.
    """
    installed = packages_distributions()
    needed: set[str] = set()
    waiting = ["gaplab", "ipykernel"]
    while waiting:
        if (name := _package(waiting.pop())) not in needed:
            needed.add(name)
            with suppress(PackageNotFoundError):
                waiting += [one for one in requires(name) or () if not re.search(r"\bextra\s*==", one)]
    if "torch" not in needed:  # a copy of the book that is not installed does not say what it needs
        return frozenset({"gaplab", *sys.stdlib_module_names, *installed})
    theirs = {module for module, packages in installed.items() if needed.intersection(map(_package, packages))}
    return frozenset({"gaplab", *sys.stdlib_module_names, *theirs})


def _package(requirement: str) -> str:
    """Return the name of the package that is required, in the one way to write it."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement, maxsplit=1)[0]).lower()


def _code_problems(text: str, cell: dict[str, Any]) -> list[str]:
    found = []
    try:
        tree = ast.parse("\n".join(line for line in text.splitlines() if not line.lstrip().startswith(("%", "!"))))
    except SyntaxError as problem:
        return [f"Python cannot read it (line {problem.lineno}: {problem.msg})."]
    imported = {
        alias.name.partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    imported |= {
        node.module.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and not node.level
    }
    if lost := sorted(imported - _at_grading()):
        found.append(f"it imports {', '.join(lost)}, which grading may not have.")
    errors = [output for output in cell.get("outputs", ()) if output.get("output_type") == "error"]
    if errors:
        found.append(f"its last run ended in an error ({errors[0].get('ename')}).")
    return found


def main(arguments: list[str]) -> int:
    """Look the named files over; 1 if one of them has a problem."""
    if not arguments:
        print("Name the file: python -m gaplab.coursework.handin ps1_parameter_count.ipynb", file=sys.stderr)
        return 2
    worst = 0
    for path in map(Path, arguments):
        found = problems(path)
        print(
            "\n".join(found) if found else f"{path.name} can be handed in: it is whole, and every answer is filled in."
        )
        worst = max(worst, bool(found))
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
