"""Try right and wrong answers against an assignment's tests: ``python answers.py SOURCE ANSWERS [core]``.

It prints what each test said to each answer. One process runs the source once; each answer is tried in a fork of it, so
that no answer sees what another has changed. With ``core``, only each exercise's own solution and
the untouched stub are tried.
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


def attempt(namespace, answer, following):
    """Run an answer and the cells behind it; return, for each test, nothing or the error's name and message."""
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
    return outcome


def forked(namespace, answer, following, seconds):
    """Do the same in a child process."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        signal.alarm(seconds)
        with open(writing, "w", encoding="utf-8") as pipe:
            json.dump(attempt(namespace, answer, following), pipe)
        os._exit(0)
    os.close(writing)
    with open(reading, encoding="utf-8") as pipe:
        text = pipe.read()
    _, status = os.waitpid(child, 0)
    if status:
        return {"process": ["Stopped", f"the process ended with status {status} (14 is the time limit)", ""]}
    return json.loads(text)


def up_to_the_last_test(cells):
    """Return the cells behind an answer that belong to it.

    What stands behind the last test, such as a long training, is another exercise's.
    """
    own = list(itertools.takewhile(lambda cell: not cell.metadata.nbgrader["solution"], cells))
    while own and not own[-1].metadata.nbgrader["grade"]:
        own.pop()
    return own


def main(source, answers, extent="all"):
    """Try everything and print one JSON object."""
    os.environ.setdefault("GAPLAB_GRADING_SEED", str(secrets.randbits(32)))
    from gapgrade.assignments import read_assignment

    given = runpy.run_path(answers)["ANSWERS"]
    student = json.loads(Path(source).with_suffix(".ipynb").read_text(encoding="utf-8"))
    stubs = {cell["id"]: "".join(cell["source"]) for cell in student["cells"]}
    namespace = {"__name__": "__main__"}
    assignment = read_assignment(Path(source))
    cells = [cell for cell in assignment.notebook.cells if cell.cell_type == "code"]
    result = {"seed": os.environ["GAPLAB_GRADING_SEED"], "answers": {}, "seconds": {}}
    last = max(position for position, cell in enumerate(cells) if cell.metadata.nbgrader["grade"])
    for position, cell in enumerate(cells[:last]):
        facts = cell.metadata.nbgrader
        started = time.monotonic()
        if facts["solution"]:
            following = up_to_the_last_test(cells[position + 1 :])
            texts = {"wrong: left untouched": stubs[cell.id]}
            if extent != "core" and cell.id in given:
                known = given[cell.id]
                texts |= {f"right: {number}": text for number, text in enumerate(known["right"], start=1)}
                texts |= {f"wrong: {label}": text for label, text in known["wrong"]}
            result["answers"][cell.id] = {
                label: forked(namespace, text, following, assignment.cell_seconds) for label, text in texts.items()
            }
        if not facts["grade"]:
            with contextlib.redirect_stdout(sys.stderr):
                exec(compile(cell.source, cell.id, "exec"), namespace)
        if facts["solution"]:
            # The source's own has just run, so its tests need no second run of it.
            own = forked(namespace, "", following, assignment.cell_seconds)
            result["answers"][cell.id]["right: the source's own"] = own
            result["seconds"][cell.id] = round(time.monotonic() - started, 1)
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
