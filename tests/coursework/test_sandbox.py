"""What keeps students' code in bounds is all there or nothing runs, and what grades is known by its bytes."""

import subprocess
import sys
from pathlib import Path

import pytest

from gapgrade import CourseworkError, sandbox
from gapgrade.sandbox import LAUNCH, LIMIT, Limits, Sandbox

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
NAMES = ("RLIMIT_DATA", "RLIMIT_AS", "RLIMIT_FSIZE", "RLIMIT_CORE")


@pytest.fixture
def box():
    return Sandbox(Path(sys.executable), "none")


def started(code):
    return subprocess.run(
        [sys.executable, "-c", code, *Limits().as_arguments], capture_output=True, encoding="utf-8", check=False
    )


def test_every_limit_is_set():
    done = started(LIMIT + "print([resource.getrlimit(getattr(resource, name))[0] for name in limits])")
    memory, files = map(int, Limits().as_arguments)
    assert done.stdout.strip() == str([memory, memory + 2**34, files, 0])


@pytest.mark.parametrize("name", NAMES)
def test_no_kernel_starts_without_one_of_its_limits(name):
    done = started(REFUSE.format(name) + LAUNCH)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{name} of ")
    assert done.stderr.strip().endswith("bytes: not allowed here")


def test_no_kernel_starts_where_there_are_no_limits():
    done = started("import sys; sys.modules['resource'] = None" + LAUNCH)
    assert (done.returncode, done.stderr.strip()) == (1, "this system has no limits for a process")


def test_the_instructor_reads_one_sentence(box, monkeypatch):
    box.check(Limits())
    monkeypatch.setattr(sandbox, "LIMIT", REFUSE.format("RLIMIT_FSIZE") + LIMIT)
    with pytest.raises(CourseworkError, match=r"\(RLIMIT_FSIZE of 268435456 bytes: not allowed here\)") as caught:
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
