"""Mutants of a solution: the same code with one small mistake, of the kinds that people make.

mutmut and cosmic-ray mutate the modules of a package and run its tests; here the code stands in cells and is judged by
cells, so that neither fits. What remains to be done is one walk over a syntax tree.
"""

import ast
import copy

SWAPS = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Pow: ast.Mult,
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip
METHODS = {
    "mean": "sum", "sum": "mean", "amax": "mean", "all": "any", "any": "all", "eval": "train", "argmax": "argmin",
    "max": "min", "square": "abs", "abs": "square", "softmax": "log_softmax", "exp": "exp2", "log": "log2",
    "idxmax": "idxmin", "topk": "sort",
}  # fmt: skip
DROPPED = ("clone", "detach", "double", "float", "cpu", "abs", "sqrt", "relu", "contiguous", "flatten", "to", "square")


def _changes(node):
    """Yield what a node could be by mistake: a label, and the node instead."""

    def changed(label, **fields):
        other = copy.deepcopy(node)
        for name, value in fields.items():
            setattr(other, name, value)
        return label, other

    if isinstance(node, ast.Constant):
        value = node.value
        if isinstance(value, bool):
            yield changed(f"{value} -> {not value}", value=not value)
        elif isinstance(value, int):
            for other in (value + 1, value - 1):
                yield changed(f"{value} -> {other}", value=other)
        elif isinstance(value, float):
            for factor in (100, 0.01):  # a tolerance loosened or tightened, a step lengthened or shortened
                yield changed(f"{value} -> {value * factor:g}", value=value * factor)
    elif isinstance(node, ast.Tuple) and len(node.elts) > 1 and isinstance(node.ctx, ast.Load):
        yield changed(f"({ast.unparse(node)}) the other way round", elts=node.elts[::-1])
        yield changed(f"({ast.unparse(node)}) without its last", elts=node.elts[:-1])
    elif isinstance(node, ast.BinOp) and type(node.op) in SWAPS:
        yield changed(f"{ast.unparse(node)}: another operator", op=SWAPS[type(node.op)]())
        yield f"{ast.unparse(node)}: the left side alone", node.left
        if isinstance(node.op, ast.Sub | ast.Div):
            yield changed(f"{ast.unparse(node)}: sides swapped", left=node.right, right=node.left)
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPS:
        yield changed(f"{ast.unparse(node)}: another comparison", ops=[SWAPS[type(node.ops[0])](), *node.ops[1:]])
    elif isinstance(node, ast.BoolOp):
        yield changed(f"{ast.unparse(node)}: and for or", op=SWAPS[type(node.op)]())
        yield f"{ast.unparse(node)}: the first alone", node.values[0]
    elif isinstance(node, ast.UnaryOp):
        yield f"{ast.unparse(node)} without its sign", node.operand
    elif isinstance(node, ast.IfExp):
        yield f"{ast.unparse(node)}: always the first", node.body
        yield f"{ast.unparse(node)}: always the second", node.orelse
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        name = node.func.attr
        if name in METHODS:
            func = ast.Attribute(node.func.value, METHODS[name], ast.Load())
            yield changed(f"{ast.unparse(node)}: {METHODS[name]}", func=func)
        if name in DROPPED:
            yield f"{ast.unparse(node)} without {name}", node.func.value
        for position, keyword in enumerate(node.keywords):
            rest = node.keywords[:position] + node.keywords[position + 1 :]
            yield changed(f"{ast.unparse(node)} without {keyword.arg}", keywords=rest)
        if len(node.args) == 2:
            yield changed(f"{ast.unparse(node)}: arguments swapped", args=node.args[::-1])
    elif isinstance(node, ast.FormattedValue | ast.JoinedStr):
        return


def _bodies(tree):
    """Yield lists of statements, of which one may be forgotten."""
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            statements = getattr(node, name, None)
            if isinstance(statements, list):
                yield statements


def mutants(source):
    """List the mutants of a cell: ``(label, code)``, each code another."""
    found = {}
    tree = ast.parse(source)
    plain = ast.unparse(tree)

    def note(label, node):
        text = ast.unparse(ast.fix_missing_locations(tree))
        if text != plain:
            found.setdefault(text, f"{node.lineno}:{node.col_offset} {label}")

    for body in list(_bodies(tree)):
        for position, statement in enumerate(list(body)):
            if isinstance(statement, ast.FunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom) or (
                isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
            ):
                continue
            body[position] = ast.copy_location(ast.Pass(), statement)
            note(f"forgets {ast.unparse(statement).splitlines()[0]}", statement)
            body[position] = statement
    for parent in list(ast.walk(tree)):
        if isinstance(parent, ast.JoinedStr | ast.arguments):
            continue
        if isinstance(parent, ast.keyword) and parent.arg == "strict":
            continue  # it only raises for lengths that differ, which no solution has
        for name, value in ast.iter_fields(parent):
            if name in ("returns", "annotation", "decorator_list"):
                continue
            if isinstance(parent, ast.Expr) and isinstance(value, ast.Constant):
                continue  # a docstring
            if isinstance(value, ast.expr):
                for label, other in _changes(value):
                    setattr(parent, name, other)
                    note(label, value)
                setattr(parent, name, value)
            elif isinstance(value, list):
                for position, part in enumerate(list(value)):
                    if isinstance(part, ast.expr):
                        for label, other in _changes(part):
                            value[position] = other
                            note(label, part)
                        value[position] = part
    return [(label, text) for text, label in found.items()]
