"""Looks for answers that reach for the judge: a test that has to fail, and a search for names.

Students' code and the tests share one Python process, as nbgrader has it. What an answer replaces there, the tests use.
Nothing inside of that process can rule this out, so it is made to show.
"""

from __future__ import annotations

import ast
import io
import re
import secrets
import tokenize

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from gapgrade.cells import facts, is_answer
from gaplab.elsewhere import CELL

TAMPERED = (
    "a test that has to fail did not fail behind {}: an answer has changed what the tests compare with. Read the "
    "notebook before you trust its points"
)

# Ends in an assertion error that holds the token, unless something is amiss. It looks at what is imported already.
CANARY = """
def {name}():
    import sys, types
    alive = []

    def has_to_fail(what, function, *arguments):
        try:
            function(*arguments)
        except Exception:
            return
        alive.append(what)

    modules = {{n: m for n, m in sys.modules.items() if n.startswith('gaplab.coursework.') and hasattr(m, '__file__')}}
    torch, checking = sys.modules.get('torch'), modules.get('gaplab.coursework.checking')
    if torch and checking:
        zero, one = torch.zeros(2), torch.ones(2)
        has_to_fail('same_tensor', checking.same_tensor, zero, one, 'the canary', 'it has to fail')
        has_to_fail('untouched', checking.untouched, zero, one, 'the canary')
        has_to_fail('off', checking.off, ['the canary'], 1)
        has_to_fail('whole', checking.whole, 0.5, 'the canary')
        has_to_fail('real', checking.real, 1, 'the canary')
        has_to_fail('assert_close', torch.testing.assert_close, zero, one)
        if torch.equal(zero, one) or torch.allclose(zero, one) or bool((zero == one).any()):
            alive.append('equal')
        if checking.answered(False, True) or abs(-1) != 1 or max(1, 2) != 2 or all([False]):
            alive.append('answered')

    def codes(code):
        yield code
        for part in code.co_consts:
            if isinstance(part, types.CodeType):
                yield from codes(part)

    for name, module in modules.items():
        with open(module.__file__, encoding='utf-8') as file:
            known = set(codes(compile(file.read(), module.__file__, 'exec')))
        for value in vars(module).values():
            if isinstance(value, types.FunctionType) and value.__module__ == name and value.__code__ not in known:
                alive.append(value.__name__)
            if isinstance(value, types.FunctionType) and value.__module__ in ('__main__', None):
                alive.append(value.__name__)
    assert alive, '{token}'

{name}()
"""

# What no exercise needs, and what an answer that goes for the judge does.
REACHING = re.compile(
    r"\b(?:checking\.|gapgrade|fresh_seed|GAPLAB_GRADING_SEED|GAPLAB_VARIANT|VARIANT_VARIABLE|set_variant"
    r"|get_ipython|InteractiveShell|ast_transformers|input_transformers\w*|set_custom_exc|showtraceback"
    r"|_getframe|currentframe|inspect\.stack|(?:gi|cr|ag|tb)_frame|f_(?:back|locals|globals)|settrace|setprofile"
    r"|environ(?!\[|\.get\b|\.setdefault\b|\.update\b)|sys\.modules"
    r"|__closure__|cell_contents|__globals__|__dict__|__builtins__"
    r"|builtins|import gc|unittest|ctypes|importlib|_exit"
    r"|__(?:eq|ne|lt|le|gt|ge|bool|instancecheck|torch_function|array_function|array_ufunc)__)\b"
    r"|\bps\d\.(?!mount\b|check_)\w+|\bps\d\.\w+(?=\s*=(?!=))"
)
JUDGE = re.compile(
    r"gaplab\.coursework(?!\.ps\d(?:$|\.(?:check_\w+|mount)$)).*"
    r"|gapgrade.*|IPython(?!\.(?:core\.)?display\b).*|ipykernel.*|gc$"
)
"""Modules of which no answer needs anything, as imports name them; checks that are to be called may be imported."""
GIVEN = {"torch", "nn", "F", "np", "pd", "math", "torchvision", "counting", "models", "data", "plt"}
"""Names of modules that the problem sets import for the student."""
SETTINGS = re.compile(r"(?:torch\.backends|pd\.options)\.")
"""What may be set in them."""


class Canary:
    """A cell that has to fail, with a word in its error that no answer can know."""

    def __init__(self) -> None:
        """Draw the word."""
        self.token = secrets.token_hex(16)

    def cell(self) -> NotebookNode:
        """Return the cell, to be executed between an answer and its tests."""
        cell: NotebookNode = new_code_cell(CANARY.format(token=self.token, name=f"check_{secrets.token_hex(4)}"))
        return cell

    def failed(self, cell: NotebookNode) -> bool:
        """Tell whether an executed cell has failed as it has to."""
        return any(o.output_type == "error" and self.token in o.get("evalue", "") for o in cell.outputs)


def reaches(notebook: NotebookNode) -> list[str]:
    """List the names that reach for the judge, in answers and in a student's own cells; one sentence for each cell."""
    notes, given = [], ""
    for cell in notebook.cells:
        own = not facts(cell)
        if cell.cell_type != "code" or cell.id == CELL or not (own or is_answer(cell)):
            given += cell.source
            continue
        matches = {match.group() for match in REACHING.finditer(_code(cell.source))}
        # A student may ask for the numbers of the task as the given cells do.
        asked = {match for match in matches if match.startswith("ps") and re.search(rf"{re.escape(match)}\(", given)}
        found = sorted(matches - asked | _reached(cell.source))
        if found:
            where = facts(cell).get("grade_id") or "a cell of the student's own"
            notes.append(f"{where} uses what no answer needs: {', '.join(found)}")
    return notes


def _code(source: str) -> str:
    """Leave comments out; of what is no Python, such as a magic command, all stays."""
    lines = source.splitlines(keepends=True)
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                row, column = token.start
                lines[row - 1] = f"{lines[row - 1][:column]}\n"
    except (tokenize.TokenError, SyntaxError):
        return source
    return "".join(lines)


def _reached(source: str) -> set[str]:
    """List imports of the judge's parts, and modules in which something is replaced."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    found, modules = set(), set(GIVEN)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
            modules |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        found |= {f"import {name}" for name in names if JUDGE.match(name)}
    # A student's own variable may have the name of a module.
    modules -= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    modules -= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load) and _root(node) in modules:
            if not SETTINGS.match(text := ast.unparse(node)):
                found.add(text)
        elif isinstance(node, ast.Call) and _root(node.func) in ("setattr", "delattr"):
            found |= {ast.unparse(node) for first in node.args[:1] if _root(first) in modules}
    return found


def _root(node: ast.AST) -> str:
    """Return the name that stands before the dots, if there is one."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
