"""The whiteboard: coding questions as they are asked, each with an instant check, a hidden one and a model solution.

One small module for each question. What a check judges are the functions or the class that its parameters name, which
the candidate writes under these names; the check at home and the hidden one differ in the seed alone.
"""

from __future__ import annotations

import html
import inspect
import json
import textwrap
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import cast

from gaplab import coursework, figures, markup
from gaplab.errors import ReaderError, unknown_name
from gaplab.interview.pages import LEVEL_TITLES
from gaplab.whiteboard import (
    adaptive_pool,
    antialias,
    avg_pool,
    batch_norm,
    blur_pool,
    class_map,
    cost_counter,
    fc_as_conv,
    gem,
    gradient_check,
    judging,
    masked_mean,
    max_pool,
    receptive_field,
    residual_block,
    spot_head,
    spot_statistics,
)

_MODULES = (
    avg_pool,
    max_pool,
    adaptive_pool,
    masked_mean,
    class_map,
    gem,
    residual_block,
    batch_norm,
    fc_as_conv,
    blur_pool,
    antialias,
    cost_counter,
    receptive_field,
    gradient_check,
    spot_head,
    spot_statistics,
)
QUESTIONS: dict[str, ModuleType] = {module.__name__.rpartition(".")[2]: module for module in _MODULES}
"""Each question's module by its name, in the order of the page."""
IN_PAGE = tuple(name for name, module in QUESTIONS.items() if not hasattr(module, "torch"))
"""Names of the questions that need no PyTorch, which the page judges as well."""


def _question(name: str) -> ModuleType:
    if name not in QUESTIONS:
        raise unknown_name("question of the whiteboard", name, QUESTIONS)
    return QUESTIONS[name]


def wanted(name: str) -> list[str]:
    """Return the names of the functions, or of the class, that a question asks for."""
    return [parameter for parameter in inspect.signature(_question(name).check).parameters if parameter != "seed"]


def sentence(name: str, *answers: object, seed: int = 1) -> str:
    """Return what is wrong with an answer, in one sentence, or nothing.

    Args:
        name: The question's.
        *answers: What `wanted` names, in this order.
        seed: Of the numbers that are drawn.
    """
    try:
        _question(name).check(*answers, seed=seed)
    except ReaderError as problem:
        return str(problem)
    except Exception as problem:  # an answer of a kind that no check foresaw gets a sentence too, and no stack
        first = (str(problem).splitlines() or ["no message"])[0]
        return f"What your code returns cannot be judged, for it leads to {type(problem).__name__}: {first}"
    return ""


def check(name: str, *answers: object, seed: int = 1) -> None:
    """Judge an answer at once, and say in one sentence what is wrong first.

    Args:
        name: The question's.
        *answers: What `wanted` names, in this order.
        seed: Of the numbers that are drawn.

    Raises:
        ReaderError: There is no such question, or it asks for another number of functions.
    """
    names = wanted(name)
    if len(answers) != len(names):
        raise ReaderError(f"This check judges {' and '.join(names)}: hand over {len(names)}, not {len(answers)}.")
    _print(sentence(name, *answers, seed=seed) or f"{' and '.join(names)}: every check passed.")


def hidden(answers: Mapping[str, object], seed: int | None = None) -> None:
    """Judge every answer with numbers that nobody has seen, and count what is solved.

    Args:
        answers: By the names that the questions ask for, such as ``globals()``; what was not written is not solved.
        seed: Of the numbers that are drawn; a new one if none is given.
    """
    drawn = coursework.fresh_seed() if seed is None else seed
    solved = []
    for name in QUESTIONS:
        own = [answers.get(each) for each in wanted(name)]
        if not sentence(name, *own, seed=drawn):
            solved.append(name)
    _print(f"{len(solved)} of {len(QUESTIONS)} solved{': ' if solved else ''}{', '.join(solved)}.")


def _print(said: str) -> None:
    """Print a sentence in lines that the page shows whole."""
    print(textwrap.fill(said, 88))


def ask(name: str) -> None:
    """Show a question with its level, its time and the chapter behind it."""
    question = _question(name).QUESTION
    chapter = f"[chapter {int(question.chapter[:2])}](../{question.chapter}.ipynb)"
    figures.say(f"*{LEVEL_TITLES[question.level]}, {question.minutes} minutes; {chapter}.*\n\n{question.ask}")


def after(name: str) -> None:
    """Show, folded, the follow-up with its answer and the model solution; and the page's own judge where it has one."""
    module = _question(name)
    question = module.QUESTION
    code = "\n\n".join(textwrap.dedent(inspect.getsource(getattr(module, each))) for each in wanted(name))
    parts = (
        f"**The follow-up that separates candidates.** {question.follow_up}",
        markup.fold("Answer to the follow-up", f"\n\n{question.answer}\n\n"),
        markup.fold("Model solution", f"\n\n{question.why}\n\n```python\n{code}```\n\n", f"solution-{name}"),
    )
    figures.say("\n\n".join(parts))


def judge_in_page(name: str) -> None:
    """Show the page's own judge of a question that needs no PyTorch: an editor, on MicroPython, on nested lists.

    The judge is the question's own module; the page's script finds the stub in the cell called ``NAME-stub``.
    """
    if name not in IN_PAGE:
        raise unknown_name("question that the page can judge", name, IN_PAGE)
    task = {"name": name, "wanted": wanted(name), "module": _source(_question(name))}
    data = json.dumps(task).replace("</", "<\\/")
    written = f'<div class="gaplab-board" hidden><script type="application/json">{data}</script></div>'
    markup.show(written, "On the book's page an editor stands here, which judges the answer without a kernel.")


def judge_of_page() -> None:
    """Load what the page's judges share: the script, and the module that compares answers."""
    shared = json.dumps({"judging": _source(judging)}).replace("</", "<\\/")
    script = '<script src="../_static/whiteboard.js" defer></script>'
    written = f'<script type="application/json" id="gaplab-judging">{shared}</script>{script}'
    markup.show(written, "The page's judges are loaded.")


def _source(module: ModuleType) -> str:
    return Path(cast(str, module.__file__)).read_text(encoding="utf-8")
