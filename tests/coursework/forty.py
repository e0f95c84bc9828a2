"""Grade forty submissions, half of them bad, in one zip, and interrupt it twice: ``python forty.py FOLDER [NAME ...]``.

It prints how long everything took, what was left running, and which grade is not the right one. It is started in the
graders' environment (``.nox/grading``), with the lab's Python in ``GAPLAB_LAB_PYTHON``. Named ones alone are fewer.
"""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from copy import deepcopy
from pathlib import Path

import psutil

HERE = Path(__file__).parent
STUDENT = json.loads((HERE / "fixture" / "ps0_fixture.ipynb").read_text(encoding="utf-8"))
POOLED = "def pooled(grid):\n    v = [x for row in grid for x in row]\n    return sum(v) / len(v)\n"
SHARES = "def shares(grid):\n    n = len(grid) * len(grid[0])\n    return [[1 / n] * len(row) for row in grid]\n"
PICTURE = {"p.png": {"image/png": "iVBORw0KGgo="}}


def notebook(pooled=POOLED, shares=SHARES, words="Where it was.", attachments=None):
    made = deepcopy(STUDENT)
    for cell in made["cells"]:
        cell["source"] = {"ex-0-1": pooled, "ex-0-2": shares, "ex-0-3": words}.get(cell["id"], cell["source"])
        if cell["id"] == "ex-0-3" and attachments is not None:
            cell["attachments"] = attachments
    return json.dumps(made)


def zipped(text):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("deep/ps0_fixture.ipynb", text)
    return out.getvalue()


ENDLESS = "def shares(grid):\n    while True:\n        pass\n"
MMAP = "import mmap\nm = mmap.mmap(-1, 3 * 2**30)\nfor i in range(0, 3 * 2**30, 4096):\n    m[i] = 1\n" + SHARES
FORKS = "import subprocess, time\nk = [subprocess.Popen(['sleep', '60']) for _ in range(200)]\ntime.sleep(3)\n" + SHARES
FILES = "for n in range(40):\n    open(f'f{n}', 'wb').write(b'x' * 2**26)\nimport time\ntime.sleep(3)\n" + SHARES
SHM = "for n in range(40):\n    open(f'/dev/shm/f{n}', 'wb').write(b'x' * 2**26)\nimport time\ntime.sleep(3)\n" + SHARES
DEEP = "import os, time\nfor _ in range(1200):\n    os.mkdir('d'), os.chdir('d')\ntime.sleep(3)\n" + SHARES
SQUARE = "def pooled(g):\n    return sum(map(sum, g)) / len(g)**2\n"
HIDING = "from IPython.display import HTML, display\ndisplay(HTML('<script>alert(1)</script>'))\n" + POOLED
BAD = {
    "attached": (notebook(words="![p](attachment:p.png)", attachments=PICTURE), (3, 3)),
    "lost-picture": (notebook(words="![p](attachment:gone.png)"), (3, 3)),
    "data-uri": (notebook(words="![p](data:image/png;base64," + "A" * 300_000 + ")"), (3, 3)),
    "surrogate": (notebook(words="half \ud800"), (3, 3)),
    "bom": (b"\xef\xbb\xbf" + notebook().encode(), (3, 3)),
    "utf16": (notebook().encode("utf-16"), (3, 3)),
    "endless": (notebook(shares=ENDLESS), (3, 0)),
    "killed": (notebook(shares="import os\nos._exit(1)"), (3, 0)),
    "mmap": (notebook(shares=MMAP), (3, 0)),
    "forks": (notebook(shares=FORKS), (3, 0)),
    "files": (notebook(shares=FILES), (3, 0)),
    "shm": (notebook(shares=SHM), (3, 0)),
    "deep": (notebook(shares=DEEP), (3, 0)),
    "script": (notebook(pooled=HIDING), (3, 3)),
    "not-json": ("PK no notebook", (0, 0)),
    "empty": ("", (0, 0)),
    "untouched": (json.dumps(STUDENT), (0, 0)),
    "square": (notebook(pooled=SQUARE), (1, 3)),
    "exits": (notebook(shares="import sys\ndef shares(grid):\n    sys.exit()\n"), (3, 0)),
    "flood": (notebook(pooled="for _ in range(300):\n    print('x' * 10_000)\n" + POOLED), (3, 3)),
}
CASES = BAD | {f"right-{n:02d}": (notebook(words=f"Order, {n}."), (3, 3)) for n in range(40 - len(BAD) - 1)}


def write(target, names):
    with zipfile.ZipFile(target, "w") as archive:
        for name in names:
            content, _ = CASES[name]
            archive.writestr(f"class of 2026/{name}_ps0.ipynb", content)
        archive.writestr("class of 2026/zipped_ps0.zip", zipped(notebook()))
        archive.writestr("class of 2026/README.txt", "The class of 2026.")
        archive.writestr("class of 2026/list of students.xlsx", "PK")


def start(given):
    command = [sys.executable, "-m", "gapgrade", "grade", str(given), "--course", str(HERE / "fixture")]
    limits = ["--cell-seconds", "15", "--memory", "2", "--jobs", "2"]
    lab = ["--python", os.environ["GAPLAB_LAB_PYTHON"]]
    log = given.with_suffix(".log").open("a", encoding="utf-8")
    return subprocess.Popen(
        [*command, *limits, *lab],
        stdout=log,
        stderr=log,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def family(session):
    return [one for one in psutil.process_iter() if _session(one.pid) == session]


def _session(pid):
    try:
        return os.getsid(pid)
    except OSError:
        return None


def kernels():
    """List the kernels of sandboxes, which are sessions of their own."""
    lines = {one.pid: " ".join(one.info["cmdline"] or ()) for one in psutil.process_iter(["cmdline"])}
    return [process for process, line in lines.items() if "ipykernel_launcher" in line and "/gap-" in line]


def main(folder, *names):
    names = names or tuple(CASES)
    given = Path(folder) / "submissions.zip"
    write(given, names)
    records = Path(folder) / "submissions-graded" / "records" / "ps0"
    known = set(kernels())
    for name, how, until in (("Ctrl-C", signal.SIGINT, len(names) // 5), ("kill -9", signal.SIGKILL, len(names) // 2)):
        begun, process = time.monotonic(), start(given)
        while len(list(records.glob("*.json"))) < until and process.poll() is None:
            time.sleep(0.2)
        graded, stop = len(list(records.glob("*.json"))), time.monotonic()
        (os.killpg if how == signal.SIGINT else os.kill)(process.pid, how)
        code = process.wait(120)
        ended = time.monotonic() - stop
        while (family(process.pid) or set(kernels()) - known) and time.monotonic() - stop < 60:
            time.sleep(0.1)
        print(
            f"{name} after {stop - begun:.0f} s and {graded} records: exit {code}, ended after {ended:.1f} s, nothing "
            f"left after {time.monotonic() - stop:.1f} s, {len(list(records.glob('*.json')))} records, "
            f"left: {len(family(process.pid))} processes, {len(set(kernels()) - known)} kernels",
            flush=True,
        )
    begun = time.monotonic()
    code = start(given).wait(3600)
    print(f"The rest took {time.monotonic() - begun:.0f} s, exit {code}")
    results = Path(folder) / "submissions-graded" / "results" / "ps0"
    rows = {row["student"]: row for row in csv.DictReader((results / "grades.csv").open(encoding="utf-8-sig"))}
    expected = {name: CASES[name][1] for name in names} | {"zipped": (3, 3)}
    wrong = [
        (name, rows.get(name))
        for name, points in expected.items()
        if name not in rows or (float(rows[name]["ex-0-1"]), float(rows[name]["ex-0-2"])) != points
    ]
    pages = [path.stem for path in (results / "feedback").glob("*.html")]
    print(f"{len(rows)} students, {len(pages)} pages, wrong grades: {wrong}")
    print((results / "report.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main(*sys.argv[1:])
