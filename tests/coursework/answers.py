"""Try answers against an assignment's tests: ``python answers.py SOURCE ANSWERS [EXTENT [SEEDS [EXERCISE ...]]]``.

It prints what each test said to each answer. One process runs the source once; each answer is tried in a fork of it, so
that no answer sees what another has changed. The extents: ``core``, each exercise's own solution and the untouched
stub; ``all``, the right and wrong answers besides; ``right``, the right ones alone; ``mutants``, mutants of each
solution. With more than one seed a right answer has to pass under each and a wrong one to fail under each; the outcome
is then that of the first seed that has it otherwise, and holds it.
"""

import contextlib
import io
import itertools
import json
import os
import runpy
import secrets
import signal
import sys
import time
import traceback
from pathlib import Path

from mutating import mutants


def attempt(namespace, answer, following, wrong=False):
    """Run an answer and the cells behind it; return, for each test, nothing or the error's name and message.

    Of an answer that is only asked to fail, nothing is run behind the first test that fails.
    """
    outcome = {}
    sink = io.StringIO()
    with contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink):
        with contextlib.suppress(Exception):
            exec(compile(answer, "answer", "exec"), namespace)
        for cell in following:
            is_test = cell.metadata.nbgrader["grade"]
            try:
                exec(compile(cell.source, cell.id, "exec"), namespace)
                problem = None
            except BaseException as error:
                # Like the notebook, go on after an error: only a test's error costs points.
                problem = [type(error).__name__, str(error), traceback.format_exc(limit=-2)]
            if is_test:
                outcome[cell.id] = problem
            if wrong and is_test and problem:
                break
    return outcome


def forked(namespace, answer, following, seconds, seed=None, wrong=False):
    """Do the same in a child process, under a seed."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        signal.alarm(seconds)
        if seed is not None:
            os.environ["GAPLAB_GRADING_SEED"] = str(seed)
        with open(writing, "w", encoding="utf-8") as pipe:
            json.dump(attempt(namespace, answer, following, wrong), pipe)
        os._exit(0)
    os.close(writing)
    with open(reading, encoding="utf-8") as pipe:
        text = pipe.read()
    _, status = os.waitpid(child, 0)
    if status:
        return {"process": ["Stopped", f"the process ended with status {status} (14 is the time limit)", ""]}
    return json.loads(text)


def under_all(seeds, namespace, label, text, following, seconds):
    """Try an answer under every seed, and return the outcome that matters, with its seed."""
    wrong = not label.startswith("right")
    if not any("fresh_seed" in cell.source for cell in following):
        seeds = seeds[:1]  # nothing is drawn
    for seed in seeds:
        # The untouched stub has to fail every test, and messages are read of all but mutants when there is one seed.
        brief = wrong and (len(seeds) > 1 or label.startswith("mutant"))
        outcome = forked(namespace, text, following, seconds, seed, brief)
        failed = [problem for problem in outcome.values() if problem]
        if bool(failed) != wrong:
            break
    return outcome | {"seed": seed} if bool(failed) != wrong else outcome


def up_to_the_last_test(cells):
    """Return the cells behind an answer that belong to it.

    What stands behind the last test, such as a long training, is another exercise's.
    """
    own = list(itertools.takewhile(lambda cell: not cell.metadata.nbgrader["solution"], cells))
    while own and not own[-1].metadata.nbgrader["grade"]:
        own.pop()
    return own


def texts_of(cell, known, stub, extent):
    """Return the answers to try, by label, but for the solution itself."""
    if extent == "mutants":
        return {f"mutant {number}, {label}": text for number, (label, text) in enumerate(mutants(cell.source))}
    texts = {} if extent == "right" else {"wrong: left untouched": stub}
    if extent != "core":
        texts |= {f"right: {number}": text for number, text in enumerate(known["right"], start=1)}
    if extent == "all":
        texts |= {f"wrong: {label}": text for label, text in known["wrong"]}
    return texts


def main(source, answers, extent="all", seeds="1", *only):
    """Try everything and print one JSON object."""
    os.environ.setdefault("GAPLAB_GRADING_SEED", str(secrets.randbits(32)))
    from gapgrade.assignments import read_assignment

    first = int(os.environ["GAPLAB_GRADING_SEED"])
    drawn = [(first + 7919 * number) % 2**32 for number in range(int(seeds))]
    given = runpy.run_path(answers)["ANSWERS"]
    student = json.loads(Path(source).with_suffix(".ipynb").read_text(encoding="utf-8"))
    stubs = {cell["id"]: "".join(cell["source"]) for cell in student["cells"]}
    namespace = {"__name__": "__main__"}
    assignment = read_assignment(Path(source))
    # The cell that asks for the package is no part of the assignment.
    cells = [cell for cell in assignment.notebook.cells if cell.cell_type == "code" and "nbgrader" in cell.metadata]
    result = {"seed": str(first), "answers": {}, "seconds": {}}
    wanted = [cell.id for cell in cells if cell.metadata.nbgrader["solution"] and (not only or cell.id in only)]
    last = max(position for position, cell in enumerate(cells) if cell.metadata.nbgrader["grade"])
    for position, cell in enumerate(cells[:last]):
        facts = cell.metadata.nbgrader
        started = time.monotonic()
        if facts["solution"] and cell.id in wanted:
            following = up_to_the_last_test(cells[position + 1 :])
            # The solution's own run fills caches, of data and of counts, that no fork then has to fill anew.
            own = attempt(dict(namespace), cell.source, following)
            texts = texts_of(cell, given.get(cell.id, {"right": [], "wrong": []}), stubs[cell.id], extent)
            result["answers"][cell.id] = tried = {}
            for label, text in texts.items():
                tried[label] = under_all(drawn, namespace, label, text, following, assignment.cell_seconds)
                if "seed" in tried[label]:  # a run takes long, so say at once what is to be looked at
                    print(f"{cell.id} has it otherwise: {label}", file=sys.stderr, flush=True)
        if not facts["grade"]:
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(cell.source, cell.id, "exec"), namespace)
        if facts["solution"] and cell.id in wanted:
            if len(drawn) > 1:  # the solution has just run, so its tests need no second run of it
                own = under_all(drawn, namespace, "right", "", following, assignment.cell_seconds)
            result["answers"][cell.id]["right: the source's own"] = own
            result["seconds"][cell.id] = round(time.monotonic() - started, 1)
            wanted.remove(cell.id)
            if not wanted:
                break
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
