"""What keeps students' code in bounds is all there or nothing runs, and what grades is known by its bytes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gapgrade import CourseworkError, sandbox
from gapgrade.sandbox import LAUNCH, LIMIT, Limits, Sandbox
from gapgrade.scratch import remove, scratch_folder
from gapgrade.watching import Watch

# Takes one limit away from the code that follows it, as another system or a full account would.
REFUSE = """
import resource
real = resource.setrlimit
def setrlimit(kind, limit):
    if kind == resource.{}:
        raise ValueError('not allowed here')
    real(kind, limit)
resource.setrlimit = setrlimit
"""
NAMES = ("RLIMIT_DATA", "RLIMIT_AS", "RLIMIT_FSIZE", "RLIMIT_CORE", "RLIMIT_NPROC")
TASKS = 5000


@pytest.fixture
def box():
    return Sandbox(Path(sys.executable), "none")


def started(code):
    return subprocess.run(
        [sys.executable, "-c", code, *Limits().as_arguments],
        env={**os.environ, "GAP_TASKS": str(TASKS)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_every_limit_is_set():
    done = started(LIMIT + "print([resource.getrlimit(getattr(resource, name))[0] for name in limits])")
    memory, files = map(int, Limits().as_arguments)
    assert done.stdout.strip() == str([memory, memory + 2**34, files, 0, TASKS])


@pytest.mark.parametrize("name", NAMES)
def test_no_kernel_starts_without_one_of_its_limits(name):
    done = started(REFUSE.format(name) + LAUNCH)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{name} of ")
    assert done.stderr.strip().endswith(": not allowed here")


def test_no_kernel_starts_where_there_are_no_limits():
    done = started("import sys; sys.modules['resource'] = None" + LAUNCH)
    assert (done.returncode, done.stderr.strip()) == (1, "this system has no limits for a process")


def test_the_instructor_reads_one_sentence(box, monkeypatch):
    box.check(Limits())
    monkeypatch.setattr(sandbox, "LIMIT", REFUSE.format("RLIMIT_FSIZE") + LIMIT)
    with pytest.raises(CourseworkError, match=r"\(RLIMIT_FSIZE of 268435456: not allowed here\)") as caught:
        box.check(Limits())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "file", ["models.py", "coursework/checking.py", "assets/claims.toml", "assets/checkpoints/new.json"]
)
def test_any_file_of_the_package_that_grades_counts(tmp_path, file):
    package = tmp_path / "gaplab"
    for name in ("models.py", "coursework/checking.py", "assets/claims.toml", "__pycache__/models.pyc"):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text("1", encoding="utf-8")

    def digest():
        box = Sandbox(Path(sys.executable), "none")
        box.parts[2:] = [str(package)]
        return box.digest

    before = digest()
    (package / "__pycache__" / "models.pyc").write_text("2", encoding="utf-8")
    assert digest() == before
    (package / file).parent.mkdir(exist_ok=True)
    (package / file).write_text("2", encoding="utf-8")
    assert digest() != before


def test_the_package_that_grades_is_the_labs(box):
    assert (Path(box.parts[2]) / "training.py").exists()


linux = pytest.mark.skipif(sys.platform != "linux", reason="not run: this system only limits each process for itself")
MIB = 2**20
HOLD = "import time; time.sleep(30)"
USES = {
    "a mapping that is shared": ("import mmap\nm = mmap.mmap(-1, 80 * 2**20)\nm.write(b'x' * 80 * 2**20)\n", "memory"),
    "memory of two processes": ("import os\nos.fork()\nhold = bytearray(b'x') * (40 * 2**20)\n", "memory"),
    "many processes": ("import os\nfor _ in range(5):\n    os.fork() or __import__('time').sleep(30)\n", "processes"),
    "files": ("for n in range(8):\n    open(f'f{n}', 'wb').write(b'x' * 2**23)\n", "wrote"),
    "a file without a name": (
        "import os\nf = open('f', 'wb')\nos.unlink('f')\nfor _ in range(48):\n    f.write(b'x' * 2**20)\n", "wrote"),
    "a file in memory": (
        "import os\nf = os.memfd_create('f')\nfor _ in range(48):\n    os.write(f, b'x' * 2**20)\n", "wrote"),
    "folders inside folders": (
        "import os\nfor _ in range(200):\n    os.mkdir('d'), os.chdir('d')\n", "64 folders inside"),
}  # fmt: skip


def watched(tmp_path, code, word=""):
    process = subprocess.Popen([sys.executable, "-c", code + HOLD], cwd=tmp_path)
    try:
        with Watch(process.pid, tmp_path, 64 * MIB, 4, 32 * MIB) as watch:
            try:
                process.wait(10 if word else 3)
            except subprocess.TimeoutExpired:
                return ""
            return watch.reason
    finally:
        process.kill()
        process.wait()
        remove(tmp_path)  # pytest's own way is a recursion


@linux
@pytest.mark.parametrize("use", USES)
def test_what_processes_use_together_is_limited(tmp_path, use):
    code, word = USES[use]
    assert word in watched(tmp_path, code, word)


@linux
def test_what_stays_within_the_limits_goes_on(tmp_path):
    within = "import mmap\nm = mmap.mmap(-1, 2**24)\nm.write(b'x' * 2**24)\nopen('f', 'wb').write(b'x' * 2**23)\n"
    assert watched(tmp_path, within) == ""


@linux
def test_a_watch_that_fails_lets_nothing_go_on(tmp_path, monkeypatch):
    monkeypatch.setattr(Watch, "_too_much", lambda *_: [][1])
    assert watched(tmp_path, "", "counted") == "ended, since what it uses cannot be counted (list index out of range)"


@linux
def test_a_folder_that_may_not_be_looked_into_has_no_end(tmp_path, monkeypatch):
    (tmp_path / "shut").mkdir()

    def refusing(where):
        if where.endswith("shut"):
            raise PermissionError(where)
        return scandir(where)

    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", refusing)
    assert "wrote more" in Watch(os.getpid(), tmp_path, 2**60, 2**10, 2**60)._too_much([])


@linux
def test_nothing_is_left_of_a_folder_however_deep():
    """Its paths are longer than the system takes, and it is deeper than Python's recursion goes."""
    step = "open('f', 'w').close(), os.mkdir('d'), os.chmod('.', 0o500), os.chdir('d')"
    code = f"import os\nfor _ in range(3000):\n    {step}"
    with scratch_folder() as folder:
        subprocess.run([sys.executable, "-c", code], cwd=folder, check=True)
        os.symlink(Path(__file__).parent, folder / "link")
    assert not folder.exists()
    assert Path(__file__).exists()
    remove(folder)  # it is gone already


@linux
def test_nothing_outside_of_a_folder_is_touched(tmp_path):
    (tmp_path / "outside" / "kept").mkdir(parents=True)
    (tmp_path / "outside" / "kept").chmod(0o500)
    with scratch_folder() as folder:
        (folder / "link").symlink_to(tmp_path / "outside")
        folder.chmod(0o500)
    assert not folder.exists()
    (tmp_path / "link").symlink_to(tmp_path / "outside")
    remove(tmp_path / "link")
    assert [path.name for path in tmp_path.iterdir()] == ["outside"]
    assert (tmp_path / "outside" / "kept").stat().st_mode & 0o777 == 0o500


@linux
def test_in_bubblewrap_no_namespace_can_be_made_in_which_nothing_is_counted(tmp_path):
    box, wall = (
        in_bubblewrap(),
        ["bwrap", "--dev-bind", "/", "/", "--unshare-all", "--unshare-user", "--disable-userns"],
    )
    if subprocess.run([*wall, "true"], capture_output=True).returncode:
        pytest.skip("not run: this bubblewrap, or this machine, does not permit a wall within the wall")
    sandbox._make_rooms(tmp_path)

    def refused():
        command = [*box._wrap("bubblewrap", tmp_path), "unshare", "--user", "--map-root-user", "--mount", "true"]
        return subprocess.run(command, capture_output=True).returncode

    assert refused()
    box._closed = []
    assert not refused()


def in_bubblewrap():
    try:
        return Sandbox(Path(sys.executable), "bubblewrap")
    except CourseworkError:
        pytest.skip("not run: this machine does not permit bubblewrap")


@linux
def test_in_bubblewrap_nothing_can_be_written_but_where_it_is_counted(tmp_path):
    box = in_bubblewrap()
    sandbox._make_rooms(tmp_path)
    code = "import sys\nfor p in sys.argv[1:]:\n    try: open(p, 'w').write('x'); print(p)\n    except OSError: pass"
    places = ["/x", "/dev/x", "/etc/x", "/tmp/x", "/dev/shm/x", str(tmp_path / "work" / "x")]
    command = [*box._wrap("bubblewrap", tmp_path), sys.executable, "-c", code, *places]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.split() == places[3:]
    assert {path.parent.name for path in tmp_path.rglob("x")} == {"tmp", "shm", "work"}
