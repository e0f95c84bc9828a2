"""Finds answers that are built alike: a page to look at, and no verdict."""

from __future__ import annotations

import ast
import difflib
import html
import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from gapgrade.assignments import Assignment

SMALLEST = 35
"""Nodes of a syntax tree below which two right answers are alike because there is little to say."""
PUBLISHED = "the published solution"


@dataclass(frozen=True)
class Pair:
    """Two answers to one exercise, and the share of their trees that is the same, from 0 to 1."""

    exercise: str
    first: str
    second: str
    ratio: float


def shape(code: str) -> list[str]:
    """Return a program as the sequence of its syntax tree's nodes.

    Names that the program gives (functions, arguments, variables) count by the order in which they appear, so that
    renaming changes nothing; comments, layout and docstrings are no part of it. Nothing for what is no program.
    """
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    own: dict[str, str] = {}
    for node in ast.walk(tree):
        given = getattr(node, "arg", None) or (node.id if isinstance(node, ast.Name) and _stored(node) else None)
        if isinstance(given, str) and not isinstance(node, ast.keyword):
            own.setdefault(given, f"name {len(own)}")
    return list(_nodes(tree, own))


def _stored(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def _nodes(node: ast.AST, own: Mapping[str, str]) -> Iterator[str]:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return
    detail = ""
    if isinstance(node, ast.Name):
        detail = own.get(node.id, node.id)
    elif isinstance(node, ast.Attribute):
        detail = node.attr
    elif isinstance(node, ast.Constant):
        detail = repr(node.value)
    elif isinstance(node, ast.arg):
        detail = own.get(node.arg, "")
    if not isinstance(node, ast.expr_context):
        yield f"{type(node).__name__} {detail}".strip()
    for child in ast.iter_child_nodes(node):
        yield from _nodes(child, own)


def pairs(
    assignment: Assignment, answers: Mapping[str, Mapping[str, str]], stubs: Mapping[str, str], threshold: float
) -> list[Pair]:
    """Compare every answer in code with the published solution and with every classmate's.

    Args:
        assignment: The published solutions.
        answers: A student's answers by exercise, by student.
        stubs: The untouched answers, which are left out.
        threshold: Pairs at least that much alike, from 0 to 1, are returned, the most alike first.
    """
    found = []
    for cell in assignment.answers:
        if cell.cell_type != "code":
            continue
        texts = {student: given[cell.id] for student, given in answers.items() if cell.id in given}
        texts = {student: text for student, text in texts.items() if text.strip() != stubs.get(cell.id, "").strip()}
        shapes = {student: shape(text) for student, text in texts.items()} | {PUBLISHED: shape(cell.source)}
        big = {student: nodes for student, nodes in shapes.items() if len(nodes) >= SMALLEST}
        for (first, one), (second, two) in itertools.combinations(sorted(big.items()), 2):
            ratio = _ratio(one, two, threshold)
            if ratio >= threshold:
                found.append(Pair(cell.id, first, second, ratio))
    return sorted(found, key=lambda pair: (-pair.ratio, pair.exercise, pair.first, pair.second))


def _ratio(one: list[str], two: list[str], threshold: float) -> float:
    matcher = difflib.SequenceMatcher(None, one, two, autojunk=False)
    # Two upper bounds first: most pairs need no more.
    if matcher.real_quick_ratio() < threshold or matcher.quick_ratio() < threshold:
        return 0.0
    return matcher.ratio()


def page(
    assignment: Assignment, found: Iterable[Pair], answers: Mapping[str, Mapping[str, str]], threshold: float
) -> str:
    """Write the pairs side by side as a page of HTML."""
    solutions = {cell.id: cell.source for cell in assignment.answers}
    view = difflib.HtmlDiff(tabsize=4, wrapcolumn=70)
    parts = []
    for pair in found:
        ours, theirs = [
            (solutions if name == PUBLISHED else answers[name])[pair.exercise].splitlines()
            for name in (pair.first, pair.second)
        ]
        first, second = html.escape(pair.first), html.escape(pair.second)
        table = view.make_table(ours, theirs, fromdesc=first, todesc=second)
        head = f"{html.escape(pair.exercise)}: {first} and {second}, {pair.ratio:.0%}"
        parts.append(f"<details><summary>{head}</summary>{table}</details>")
    said = (
        f"Answers in code whose syntax trees are at least {threshold:.0%} alike, names aside. Trees of fewer than "
        f"{SMALLEST} nodes are left out. Alike is not copied: a task with one natural solution makes many answers "
        "alike. Look at mistakes, odd names and odd detours that two answers share."
    )
    title = html.escape(f"{assignment.title}: answers that are alike")
    style = view._styles  # type: ignore[attr-defined]
    head = f'<meta charset="utf-8"><title>{title}</title><style>{style}</style>'
    return (
        f'<!DOCTYPE html><html lang="en"><head>{head}</head>'
        f"<body><h1>{title}</h1><p>{said}</p>{''.join(parts) or '<p>There are none.</p>'}</body></html>\n"
    )
