"""Looks for answers that reach for the judge: a test that has to fail, and a search for names.

Students' code and the tests share one Python process, as nbgrader has it. What an answer replaces there, the tests use.
Nothing inside of that process can rule this out, so it is made to show.
"""

from __future__ import annotations

import re
import secrets

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
def _canary():
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

_canary()
"""

# What no exercise needs, and what an answer that goes for the judge does.
REACHING = re.compile(
    r"\b(?:checking\.|import checking|gapgrade|fresh_seed|GAPLAB_GRADING_SEED|get_ipython|ast_transformers"
    r"|GAPLAB_VARIANT|VARIANT_VARIABLE|set_variant"
    r"|set_custom_exc|showtraceback|_getframe|settrace|setprofile|__closure__|cell_contents|__globals__|__eq__|__builtins__|builtins"
    r"|import gc|unittest|ctypes|_exit)\b"
    r"|\bps\d\.(?!mount\b|check_)\w+|\bps\d\.\w+(?=\s*=(?!=))"
    r"|^[ \t]*(?:torch|nn|F|pd|np|counting|models|data)(?:\.\w+)+(?=[ \t]*=(?!=))",
    re.MULTILINE,
)


class Canary:
    """A cell that has to fail, with a word in its error that no answer can know."""

    def __init__(self) -> None:
        """Draw the word."""
        self.token = secrets.token_hex(16)

    def cell(self) -> NotebookNode:
        """Return the cell, to be executed between an answer and its tests."""
        cell: NotebookNode = new_code_cell(CANARY.format(token=self.token))
        return cell

    def failed(self, cell: NotebookNode) -> bool:
        """Tell whether an executed cell has failed as it has to."""
        return any(o.output_type == "error" and self.token in o.get("evalue", "") for o in cell.outputs)


def reaches(notebook: NotebookNode) -> list[str]:
    """List the names that reach for the judge, in answers and in a student's own cells; one sentence for each cell."""
    notes = []
    for cell in notebook.cells:
        own = not facts(cell)
        if cell.cell_type != "code" or cell.id == CELL or not (own or is_answer(cell)):
            continue
        text = re.sub(r"#.*", "", cell.source)
        found = sorted({match.group().strip() for match in REACHING.finditer(text)})
        if found:
            where = facts(cell).get("grade_id") or "a cell of the student's own"
            notes.append(f"{where} uses what no answer needs: {', '.join(found)}")
    return notes
