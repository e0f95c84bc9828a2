"""A whole class hands in the harness's own small assignment; every way to break a submission costs what it should."""

import csv
import json
import os
import socket
import threading
from copy import deepcopy
from pathlib import Path

import pytest

FIXTURE = Path(__file__).parent / "fixture"
SOURCE = FIXTURE / "ps0_fixture.py"
STUDENT = json.loads((FIXTURE / "ps0_fixture.ipynb").read_text(encoding="utf-8"))

POOLED = (
    "def pooled(grid):\n    values = [value for row in grid for value in row]\n    return sum(values) / len(values)\n"
)
SHARES = "def shares(grid):\n    n = len(grid) * len(grid[0])\n    return [[1 / n] * len(row) for row in grid]\n"
WORDS = "Where something was."
RIGHT = {"ex-0-1": POOLED, "ex-0-2": SHARES, "ex-0-3": WORDS}

CELL_SECONDS = 4

pytestmark = pytest.mark.slow


def notebook(answers=None, **changes):
    """Build a student's notebook: the released one with right answers, except for those given."""
    made = deepcopy(STUDENT)
    answers = RIGHT | {name.replace("_", "-"): text for name, text in (answers or changes).items()}
    for cell in made["cells"]:
        if cell["id"] in answers:
            cell["source"] = answers[cell["id"]]
    return made


def cell(made, name):
    return next(cell for cell in made["cells"] if cell["id"] == name)


def code(source):
    return {"cell_type": "code", "id": "abc", "metadata": {}, "source": source, "outputs": [], "execution_count": None}


def deleted_cells():
    made = notebook()
    made["cells"] = [c for c in made["cells"] if c["id"] not in ("imports", "ex-0-2", "ex-0-2-test", "ex-0-1-test-2")]
    return made


def edited_tests():
    made = notebook(ex_0_1="def pooled(grid):\n    return 4.0\n")
    cell(made, "ex-0-1-test")["source"] = "pass"
    cell(made, "ex-0-1-test")["metadata"]["nbgrader"]["points"] = 100
    cell(made, "ex-0-1-test-2")["cell_type"] = "markdown"
    return made


def broken_first_cell():
    made = notebook()
    cell(made, "imports")["source"] = "import a_module_that_is_not_there"
    made["cells"].insert(0, code("raise RuntimeError('before anything else')"))
    return made


def copied_answer():
    """JupyterLab copies a cell with its grade_id; the student went on in the copy."""
    made = notebook(ex_0_1="def pooled(grid):\n    return 0.0\n")
    copy = deepcopy(cell(made, "ex-0-1"))
    copy["id"], copy["source"] = "copied", POOLED
    made["cells"].insert([c["id"] for c in made["cells"]].index("ex-0-1") + 1, copy)
    return made


def words_below():
    made = notebook(ex_0_3="YOUR ANSWER HERE")
    made["cells"].append({"cell_type": "markdown", "id": "mine", "metadata": {}, "source": "=Where it was."})
    return made


def with_picture():
    """A picture that was pasted into the words, and one whose content was lost."""
    made = notebook(ex_0_3="![p](attachment:p.png) and ![q](attachment:q.png)")
    cell(made, "ex-0-3")["attachments"] = {"p.png": {"image/png": "iVBORw0KGgo="}}
    return made


def stripped_metadata():
    """Some editors keep cells' ids and drop nbgrader's metadata."""
    made = notebook()
    for one in made["cells"]:
        one["metadata"] = {}
    return made


KILL = "import os\nos._exit(1)"
LEAVE = "import sys\ndef shares(grid):\n    sys.exit()\n"
SQUARE = "def pooled(g):\n    return sum(map(sum, g)) / len(g)**2\n"
ENDLESS = "def shares(grid):\n    while True:\n        pass\n"
HOG = "def shares(grid):\n    hold = []\n    while True:\n        hold.append(bytearray(2**28))\n"
STUBBORN = "while True:\n    try:\n        pass\n    except BaseException:\n        pass\n"
FLOOD = "for _ in range(300):\n    print('x' * 10_000)\n" + POOLED
SCRIPT = "from IPython.display import HTML, display\ndisplay(HTML('<script>alert(1)</script><b onclick=x>bold</b>'))\n"
MAPPING = "import mmap\nm = mmap.mmap(-1, 2**32)\nfor i in range(0, 2**32, 4096):\n    m[i] = 1\n"
FORKS = "import subprocess, time\nk = [subprocess.Popen(['sleep', '60']) for _ in range(100)]\ntime.sleep(3)\n"
WARNS = "import sys\n" + POOLED.replace("    values", "    print('careful', file=sys.stderr)\n    values", 1)
# What it is: path in the folder of submissions, the file's content, points by exercise, a word of its note.
CASES = {
    "perfect, from Canvas": ("doejane_11_101_ps0_fixture.ipynb", notebook(), (3, 3), ""),
    "late, from Canvas": ("roelee_LATE_12_102_ps0_fixture-1.ipynb", notebook(), (3, 3), ""),
    "the square case only": ("ann_ps0.ipynb", notebook(ex_0_1=SQUARE), (1, 3), ""),
    "untouched": ("bob_ps0.ipynb", deepcopy(STUDENT), (0, 0), ""),
    "not JSON": ("cat_13_103_homework.ipynb", "PK\x03\x04 not a notebook", (0, 0), "not a notebook"),
    "JSON, but no notebook": ("dan_ps0.ipynb", "[1, 2]", (0, 0), "not a notebook"),
    "cells deleted": ("eve_ps0.ipynb", deleted_cells(), (3, 0), "missing"),
    "renamed, from Moodle": ("Jane Roe_31_assignsubmission_file_/final version.ipynb", notebook(), (3, 3), ""),
    "nbgrader's layout": ("fay/ps0/ps0_fixture.ipynb", notebook(), (3, 3), ""),
    "endless loop in a function": ("gus_ps0.ipynb", notebook(ex_0_2=ENDLESS), (3, 0), "ex-0-2-test: stopped after"),
    "a loop that cannot be interrupted": ("hal_ps0.ipynb", notebook(ex_0_1=STUBBORN), (0, 3), "ex-0-1: stopped after"),
    "memory hog": ("ida_ps0.ipynb", notebook(ex_0_2=HOG), (3, 0), None),
    "kills its process": ("jim_ps0.ipynb", notebook(ex_0_2=KILL), (3, 0), "ex-0-2: the process died"),
    "error at the first cell": ("kay_ps0.ipynb", broken_first_cell(), (3, 3), "changed"),
    "edited tests": ("lou_ps0.ipynb", edited_tests(), (0, 3), "changed"),
    "floods the output": ("moe_ps0.ipynb", notebook(ex_0_1=FLOOD), (3, 3), ""),
    "writes to the error stream": ("ned_ps0.ipynb", notebook(ex_0_1=WARNS), (3, 3), ""),
    "went on in a copied cell": ("oda_ps0.ipynb", copied_answer(), (3, 3), ""),
    "metadata dropped by an editor": ("pia_ps0.ipynb", stripped_metadata(), (3, 3), ""),
    "answered below the cell": ("quy_ps0.ipynb", words_below(), (3, 3), ""),
    "a picture in words": ("abe_ps0.ipynb", with_picture(), (3, 3), "the picture q.png is not in the file"),
    "a long picture as text": (
        "bea_ps0.ipynb",
        notebook(ex_0_3=f"![p](data:image/png;base64,{'A' * 200_000})"),
        (3, 3),
        "",
    ),
    "half a letter": ("cal_ps0.ipynb", notebook(ex_0_3="half \ud800"), (3, 3), "half letters"),
    "a script for the instructor": ("deb_ps0.ipynb", notebook(ex_0_1=SCRIPT + POOLED), (3, 3), ""),
    "memory that is shared": ("eli_ps0.ipynb", notebook(ex_0_2=MAPPING + SHARES), (3, 0), "GiB of memory together"),
    "many processes": ("flo_ps0.ipynb", notebook(ex_0_2=FORKS + SHARES), (3, 0), "processes"),
    "SystemExit in a function": ("rex_ps0.ipynb", notebook(ex_0_2=LEAVE), (3, 0), ""),
}


@pytest.fixture(scope="module")
def listening():
    """A server on this machine that notes who connects."""
    server = socket.create_server(("127.0.0.1", 0))
    callers = []

    def listen():
        while True:
            try:
                callers.append(server.accept())
            except OSError:
                return

    threading.Thread(target=listen, daemon=True).start()
    yield server.getsockname()[1], callers
    server.close()


CORE = (
    "perfect, from Canvas",
    "the square case only",
    "untouched",
    "not JSON",
    "cells deleted",
    "renamed, from Moodle",
)
CORE += ("endless loop in a function", "kills its process", "edited tests", "answered below the cell", "network")
CORE += ("a picture in words", "a script for the instructor")
DISK = ("reads the solutions", "writes outside")


@pytest.fixture(scope="module", params=["core", pytest.param("all", marks=pytest.mark.thorough)])
def batch(request, gapgrade, lab_python, tmp_path_factory, listening):
    """Grade the cases in one run, and return the folder, the results and what was printed."""
    folder = tmp_path_factory.mktemp("class") / "submissions"
    phone = f"import socket\nsocket.create_connection(('127.0.0.1', {listening[0]}), 2)\n"
    peek = f"from pathlib import Path\ntext = Path({str(SOURCE)!r}).read_text()\n"
    write = f"open({str(folder.parent / 'stolen.txt')!r}, 'w').write('here')\n"
    cases = CASES | {
        "network": ("sam_ps0.ipynb", notebook(ex_0_2=phone + SHARES), (3, 0), ""),
        "reads the solutions": ("tea_ps0.ipynb", notebook(ex_0_2=peek + SHARES), (3, 0), ""),
        "writes outside": ("uma_ps0.ipynb", notebook(ex_0_2=write + SHARES), (3, 0), ""),
    }
    if request.param == "core":
        cases = {label: cases[label] for label in CORE + DISK}
    for path, content, *_ in cases.values():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")

    def grade(*more):
        limits = ("--cell-seconds", CELL_SECONDS, "--memory", 2)
        done = gapgrade("grade", folder, "--course", FIXTURE, "--python", lab_python, *limits, *more)
        assert done.returncode == 0, done.stderr
        return done.stdout

    printed = grade()
    return folder, folder.with_name("submissions-graded"), cases, grade, printed


def rows(path):
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def by_file(results, table="grades.csv"):
    return {row["file"]: row for row in rows(results / "results" / "ps0" / table)}


def test_each_submission_has_the_right_grade(batch):
    _, results, cases, _, printed = batch
    found = by_file(results)
    assert len(found) == len(cases)
    sandboxed = "bubblewrap" in printed
    for label, (path, _, expected, note) in cases.items():
        if label in DISK and not sandboxed:
            continue  # test_nothing_reached_the_disk says so
        row = found[Path(path).name]
        assert (float(row["ex-0-1"]), float(row["ex-0-2"])) == expected, (label, row)
        if note is not None:
            assert (note in row["notes"]) if note else not row["notes"], (label, row["notes"])
        assert float(row["max_score"]) == 10
        assert float(row["score"]) == sum(expected)


def not_run(reason):
    """Skip, or fail where a sandbox has to be there, as on the machine of CI."""
    (pytest.fail if os.environ.get("GAPLAB_NEEDS_SANDBOX") else pytest.skip)(f"not run: {reason}")


def test_nothing_reached_the_network(batch, listening):
    if "Isolation: none" in batch[-1]:
        not_run("this machine permits neither bubblewrap nor unshare, so students' code has the network")
    assert not listening[1]


def test_nothing_reached_the_disk(batch):
    folder, results, _, _, printed = batch
    if "Isolation: bubblewrap" not in printed:
        not_run("this machine lacks bubblewrap or does not permit it, so students' code has the disk of this account")
    assert not (folder.parent / "stolen.txt").exists()
    assert "FileNotFoundError" in (results / "results" / "ps0" / "feedback" / "tea.html").read_text(encoding="utf-8")


def test_every_student_has_feedback(batch):
    _, results, cases, _, _ = batch
    pages = sorted((results / "results" / "ps0" / "feedback").glob("*.html"))
    assert len(pages) == len(cases)
    script = (results / "results" / "ps0" / "feedback" / "deb.html").read_text(encoding="utf-8")
    assert "<b>bold</b>" in script
    assert "<script>alert" not in script
    broken = (results / "results" / "ps0" / "feedback" / "cat-13.html").read_text(encoding="utf-8")
    assert "Nothing could be graded" in broken
    assert "is not a notebook" in broken


def test_exports_have_the_columns_that_canvas_and_moodle_import(batch):
    _, results, cases, _, _ = batch
    canvas = rows(results / "results" / "ps0" / "canvas.csv")
    title = "Problem set 0: a mean, by hand"
    assert list(canvas[0]) == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", title]
    # Words that wait to be marked are no zero; who handed in nothing that can be read has a grade.
    late = {"12": ""} if "late, from Canvas" in cases else {}
    assert {row["ID"]: row[title] for row in canvas[1:]} == {"11": "", "13": "0"} | late
    assert canvas[0]["Student"] == "Points Possible"
    assert canvas[0][title] == "10"
    (moodle,) = rows(results / "results" / "ps0" / "moodle.csv")
    assert moodle["Identifier"] == "Participant 31"
    assert (moodle["Full name"], moodle["Grade"], moodle["Maximum Grade"]) == ("Jane Roe", "", "10")
    assert "Last modified (grade)" in moodle


def test_grading_again_grades_what_changed_and_takes_in_marks_given_by_hand(batch):
    folder, results, cases, grade, _ = batch
    sheet = results / "results" / "ps0" / "marking.csv"
    table = rows(sheet)
    waiting = [row for row in table if not row["score"]]
    silent = [row for row in table if row["score"]]
    assert {row["student"] for row in silent} == {"bob", "cat-13"} | (
        {"dan"} if "JSON, but no notebook" in cases else set()
    )
    assert all(row["mark_scheme"].startswith("4 points for position") for row in table)
    below = next(row for row in table if row["student"] == "quy")
    assert "Where it was." in below["answer"]
    for row in waiting:
        row["score"], row["comment"] = ("3,5", "Name the position.") if row["student"] == "ann" else ("4", "")
    with sheet.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)
    seeds = {name: row["seed"] for name, row in by_file(results).items()}
    (folder / "bob_ps0.ipynb").write_text(json.dumps(notebook()), encoding="utf-8")
    assert f"Graded 1, unchanged {len(cases) - 1}, failed 0." in grade("--seed", 7)
    found = by_file(results)
    assert found["ann_ps0.ipynb"]["score"] == "7.5"
    assert found["doejane_11_101_ps0_fixture.ipynb"]["score"] == "10"
    assert (found["bob_ps0.ipynb"]["score"], found["bob_ps0.ipynb"]["waiting_points"]) == ("6", "4")
    assert found["bob_ps0.ipynb"]["seed"] == "7"
    title = "Problem set 0: a mean, by hand"
    canvas = rows(results / "results" / "ps0" / "canvas.csv")
    assert {row["ID"]: row[title] for row in canvas}["11"] == "10"
    assert {name: row["seed"] for name, row in found.items() if name != "bob_ps0.ipynb"} == {
        name: seed for name, seed in seeds.items() if name != "bob_ps0.ipynb"
    }
    assert "Name the position." in (results / "results" / "ps0" / "feedback" / "ann.html").read_text(encoding="utf-8")


def test_a_page_that_is_missing_is_made_again_and_who_is_gone_is_named(batch):
    folder, results, _, grade, _ = batch
    results = results / "results" / "ps0"
    page = results.parents[1] / "feedback" / "ann" / "ps0" / "ps0_fixture.html"
    page.unlink()
    (folder / "bob_ps0.ipynb").rename(folder / "bobby_ps0.ipynb")
    printed = grade(
        "--student", "bobby", "--feedback", "sealed", "--similarity", "--due", "2001-01-01", "--late", "zero"
    )
    assert "Graded 1," in printed
    assert page.exists()
    report = (results / "report.md").read_text(encoding="utf-8")
    assert "## No longer in the folder" in report
    assert "**bob** (bob_ps0.ipynb): " in report
    assert "**bobby** has handed in the same file" in report
    table = {row["student"]: row for row in rows(results / "grades.csv")}
    assert "bob" not in table
    assert (table["ann"]["score"], table["doejane-11"]["score"]) == ("0", "10")  # Canvas says who was late
    assert table["ann"]["late"]
    assert not (results / "feedback" / "bob.html").exists()
    sealed = (results / "feedback" / "bobby.html").read_text(encoding="utf-8")
    assert "One cell is its own mean." not in sealed
    assert "Alike is not copied" in (results / "similarity.html").read_text(encoding="utf-8")
