"""The tests of every assignment pass right answers and fail wrong ones, with a message that helps."""

import functools
import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

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
def tried(name, extent):
    """What each test of an assignment said to each answer; one process for the assignment."""
    done = subprocess.run(
        [sys.executable, str(HERE / "answers.py"), str(source(name)), str(ANSWERS[name]), extent],
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
    outcome = everything["answers"][exercise][label]
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
