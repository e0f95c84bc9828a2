"""The tests of every assignment pass right answers and fail wrong ones, with a message that helps."""

import ast
import functools
import json
import os
import re
import runpy
import subprocess
import sys
import tomllib
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


def test_hidden_tests_write_no_name_that_a_student_may_have():
    """What a hidden test binds outside of a function would replace a student's helper of that name."""
    bound = {}
    for path in sorted((ROOT / "book" / "coursework").glob("ps*_*.py")):
        for cell in read_assignment(path).graded:
            for hidden in re.findall(r"### BEGIN HIDDEN TESTS\n(.*?)### END HIDDEN TESTS", cell.source, re.DOTALL):
                names = set(names_bound_by(ast.parse(hidden)))
                bound[cell.id] = {name for name in names if name != "_" and not name.lower().startswith("hidden")}
    assert len(bound) > 20
    assert not {cell: names for cell, names in bound.items() if names}


def test_no_check_offers_what_it_compares_with():
    """Of a module of checks a student can call what checks, draws, makes inputs or sets up, never what answers."""
    allowed = re.compile(
        r"check_|try_test|vector_heads|convolution_heads|trained_once|drift_networks|random_|mount|forward"
    )
    for number in range(1, 7):
        path = ROOT / "src" / "gaplab" / "coursework" / f"ps{number}.py"
        functions = [
            node.name
            for node in ast.parse(path.read_text(encoding="utf-8")).body
            if isinstance(node, ast.FunctionDef) and not ast.unparse(node.body[-1]).startswith("return variant(")
        ]
        public = {name for name in functions if not name.startswith("_") and not allowed.match(name)}
        assert not public, (path.name, public)
