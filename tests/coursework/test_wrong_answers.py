"""The tests of every assignment pass right answers and fail wrong ones, with a message that helps."""

import ast
import builtins
import dis
import functools
import json
import os
import re
import runpy
import subprocess
import sys
import tomllib
import types
from pathlib import Path

import pytest
from mutating import mutants

from gapgrade.assignments import read_assignment
from gapgrade.sandbox import CONDITIONS

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ANSWERS = {"ps0": HERE / "fixture" / "wrong_answers.py"} | {
    path.stem: path for path in sorted((HERE / "wrong_answers").glob("ps*.py"))
}
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="answers are tried in forks, which this system lacks")


def source(name):
    folders = (ROOT / "book" / "coursework", HERE / "fixture")
    (found,) = [path for folder in folders for path in folder.glob(f"{name}_*.py")]
    return found


@functools.cache
def given(name):
    return runpy.run_path(str(ANSWERS[name]))["ANSWERS"]


@functools.cache
def tried(name, extent, seeds=1):
    """What each test of an assignment said to each answer; one process for the assignment."""
    done = subprocess.run(
        [sys.executable, str(HERE / "answers.py"), str(source(name)), str(ANSWERS[name]), extent, str(seeds)],
        env={**os.environ, **CONDITIONS, "MPLBACKEND": "agg", "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def cases():
    """List every answer; those that take long, the real assignments' right and wrong ones, are marked thorough."""
    for name in ANSWERS:
        real = name != "ps0"
        for exercise, answers in given(name).items():
            others = [f"wrong: {label}" for label, _ in answers["wrong"]]
            others += [f"right: {number}" for number, _ in enumerate(answers["right"], start=1)]
            for label in ("right: the source's own", "wrong: left untouched"):
                yield name, exercise, label, "core" if real else "all"
            for label in others:
                yield pytest.param(name, exercise, label, "all", marks=[pytest.mark.thorough] if real else [])


@pytest.mark.parametrize(("name", "exercise", "label", "extent"), list(cases()))
def test_answer(name, exercise, label, extent):
    everything = tried(name, extent)
    outcome = {test: said for test, said in everything["answers"][exercise][label].items() if test != "seed"}
    again = f"GAPLAB_GRADING_SEED={everything['seed']} repeats it"
    assert outcome, f"{exercise} has no test"
    assert "process" not in outcome, (outcome, again)
    failures = {test: problem for test, problem in outcome.items() if problem}
    if label.startswith("right"):
        assert not failures, (failures, again)
        return
    assert failures, f"no test of {exercise} notices the wrong answer {label!r}; {again}"
    if label == "wrong: left untouched":
        assert set(failures) == set(outcome), "an untouched notebook earns points"
        return
    for test, (error, message, where) in failures.items():
        assert error not in ("NameError", "SystemExit", "KeyboardInterrupt"), (test, error, message, where)
        assert len(message.split()) >= 3, f"{test} fails with {error}({message!r}), which helps nobody\n{where}"


@pytest.mark.parametrize("path", sorted((ROOT / "book" / "coursework").glob("ps*_*.py")), ids=lambda path: path.stem)
def test_every_answer_in_code_has_five_wrong_answers(path):
    assignment = read_assignment(path)
    assert assignment.name in ANSWERS, f"tests/coursework/wrong_answers/{assignment.name}.py is missing"
    in_code = {cell.id for cell in assignment.answers if cell.cell_type == "code"}
    assert set(given(assignment.name)) == in_code
    for exercise, answers in given(assignment.name).items():
        labels = [label for label, _ in answers["wrong"]]
        assert len(set(labels)) == len(labels) >= 5, exercise
        assert answers["right"], exercise


SEEDS = int(os.environ.get("GAPLAB_SEEDS", 200))
SURVIVORS = tomllib.loads((HERE / "survivors.toml").read_text(encoding="utf-8"))
real = pytest.mark.parametrize("name", [name for name in ANSWERS if name != "ps0"])


@pytest.mark.thorough
@real
def test_right_answers_live_under_every_seed(name):
    """One seed serves a whole class, so none may fail a right answer. GAPLAB_SEEDS says how many are tried."""
    died = {
        (exercise, label): outcome
        for exercise, answers in tried(name, "right", SEEDS)["answers"].items()
        for label, outcome in answers.items()
        if "seed" in outcome
    }
    assert not died, died


@pytest.mark.thorough
@real
def test_mutants_of_the_solutions_die(name):
    """Every mutant dies under every seed, or is listed and judged."""
    lived = {
        (exercise, label.partition(", ")[2])
        for exercise, answers in tried(name, "mutants", max(1, SEEDS // 66))["answers"].items()
        for label, outcome in answers.items()
        if label.startswith("mutant") and "seed" in outcome
    }
    judged = {(exercise, one) for exercise, groups in SURVIVORS.get(name, {}).items() for one in listed(groups)}
    assert lived <= judged, lived - judged


def listed(groups):
    """List the mutants that are judged together."""
    return [mutant for group in groups for mutant in group["mutants"]]


@real
def test_no_judged_mutant_is_of_another_solution(name):
    """A solution that was changed has other mutants, and what was judged of the old ones has to go."""
    cells = {cell.id: cell.source for cell in read_assignment(source(name)).answers}
    for exercise, groups in SURVIVORS.get(name, {}).items():
        assert set(listed(groups)) <= {label for label, _ in mutants(cells[exercise])}, exercise
        assert all(group["reason"].endswith(".") for group in groups)


def test_mutants_are_many_and_none_is_the_solution():
    found = mutants("def pooled(x):\n    return x.mean(dim=(2, 3)) + 1e-6\n")
    assert len({text for _, text in found}) == len(found) >= 12
    assert not any("mean(dim=(2, 3)) + 1e-06" in text for _, text in found)


def names_bound_by(node):
    """Yield the names that code binds in its own scope; those of functions and comprehensions stay in there.

    Python's own table of symbols counts a comprehension's names to the scope around it, from Python 3.13 on.
    """
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.alias):
        yield node.asname or node.name.partition(".")[0]
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    elif isinstance(node, ast.ExceptHandler) and node.name:
        yield node.name
    if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda):
        return
    for part in ast.iter_child_nodes(node):
        inner = isinstance(part, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp)
        walruses = (each.target for each in ast.walk(part) if isinstance(each, ast.NamedExpr))
        yield from (each.id for each in walruses) if inner else names_bound_by(part)


def test_names_are_found_wherever_they_are_bound():
    code = """
import a.b, c as d
for e, f in g: h = [i for i in j if (k := i)]
def l(m): n = m
with o as p: q = lambda r: r
try: s += 1
except t as u: v[0] = w
"""
    assert set(names_bound_by(ast.parse(code))) == set("adefhklpqsu")


def names_read_by(code):
    """Yield the names that code reads and that its functions and comprehensions do not have for themselves."""
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_NAME", "LOAD_GLOBAL"):
            yield step.argval
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield from names_read_by(inner)


def test_names_are_found_wherever_they_are_read():
    code = """
import a
def b(c, d=e): return c + f
class g(h):
    def i(self, j): return [k * j + l for k in self]
m = lambda n: n.o(p)
[q for q in r if q]
s[t] = f"{u}"
"""
    assert set(names_read_by(compile(code, "code", "exec"))) - {"__name__"} == set("efhlprstu")


HIDDEN = re.compile(r"### BEGIN HIDDEN TESTS\n(.*?)### END HIDDEN TESTS", re.DOTALL)


def hidden_parts():
    """Yield each test's name with its hidden part and with what students see of it."""
    for path in sorted((ROOT / "book" / "coursework").glob("ps*_*.py")):
        for cell in read_assignment(path).graded:
            for hidden in HIDDEN.findall(cell.source):
                yield cell.id, hidden, HIDDEN.sub("", cell.source)


def test_hidden_tests_write_no_name_that_a_student_may_have():
    """What a hidden test binds outside of a function would replace a student's helper of that name."""
    bound = {}
    for test, hidden, _ in hidden_parts():
        names = set(names_bound_by(ast.parse(hidden)))
        bound[test] = {name for name in names if name != "_" and not name.lower().startswith("hidden")}
    assert len(bound) > 20
    assert not {test: names for test, names in bound.items() if names}


def test_hidden_tests_read_no_name_that_a_student_may_have():
    """A student may have a ``data`` of their own. Where only the hidden part reads it, no check at home says so.

    What the visible part reads, it has asked for. The rest a hidden part binds itself, and no other cell's: where the
    visible part of that one fails, its hidden part does not run.
    """
    read = {}
    for test, hidden, visible in hidden_parts():
        known = {*dir(builtins), *names_bound_by(ast.parse(hidden)), *names_read_by(compile(visible, test, "exec"))}
        read[test] = set(names_read_by(compile(hidden, test, "exec"))) - known
    assert len(read) > 20
    assert not {test: names for test, names in read.items() if names}


# What a module of checks has besides checks and what draws a student's number: constants, types, drawn inputs, set-up,
# parts of checks. A name is put here by somebody who has read that it gives nothing that an answer has to give.
OFFERED = {
    "ps1": "NEGLIGIBLE Count Head Measure OPTIMISERS vector_heads convolution_heads trained_once "
    "_suspicion _Counting _compare_bytes",
    "ps2": "KEEPS Scramble OneLogit drift_networks _cut",
    "ps3": "EXPLODES Vote Probabilities Ratio try_test _experiment_checks",
    "ps4": "Layers Convert random_layers forward _check_converted _check_layers _check_pictures _other_sizes "
    "_resized_first _seen",
    "ps5": "Pool Gradient STAGES CASES _maps _gem_checks _try_gradients _gross _faults _spread_checks _compare",
    "ps6": "MakeHead mount random_table _made _check_gradients _Corner _subjects _check_measurement _table_of",
}


def offered(text):
    """Return what code defines under whatever name, but for imports, checks and what draws a student's number."""
    names = set()
    for node in ast.parse(text).body:
        draws = isinstance(node, ast.FunctionDef) and ast.unparse(node.body[-1]).startswith("return variant(")
        if not draws and not isinstance(node, ast.Import | ast.ImportFrom):
            names |= set(names_bound_by(node))
    return {name for name in names if not name.startswith("check_")}


@pytest.mark.parametrize("name", OFFERED)
def test_no_check_offers_what_it_compares_with(name):
    """Of a module of checks a student can call what checks, draws, makes inputs or sets up, never what answers."""
    text = (ROOT / "src" / "gaplab" / "coursework" / f"{name}.py").read_text(encoding="utf-8")
    assert offered(text) == set(OFFERED[name].split())


def test_what_answers_is_found_under_any_name():
    code = """
import math
def check_share(share): pass
def classes(): return variant("ps1 classes", 10, 12)
def _share(head): return 1
class Share: pass
share, _drift = _share, lambda x: x
if math: _truth: object = 1
"""
    assert offered(code) == {"_share", "Share", "share", "_drift", "_truth"}
