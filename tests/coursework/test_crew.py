"""Processes that grade end with the program that started them, however it ends, and one that dies costs one task."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from gapgrade import crew

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(os.name == "nt", reason="not run: submissions are graded on Linux or macOS")


def work(task):
    """Do what a test asks for."""
    if task == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if task == "fail":
        raise ValueError("no such\nanswer")
    if isinstance(task, float):
        subprocess.Popen(["sleep", str(task)])
        time.sleep(task)
    return os.getpid()


def test_every_task_has_its_result_and_one_that_fails_or_dies_stops_no_other(tmp_path):
    found = dict(crew.run(work, ["a", "die", "fail", "b", "c"], 2, tmp_path))
    assert set(found) == {"a", "die", "fail", "b", "c"}
    assert all(isinstance(found[name], int) for name in "abc")
    assert "ended from outside (exit code -9)" in str(found["die"])
    assert str(found["fail"]) == "no such answer"


def test_left_early_it_leaves_nothing_running(tmp_path):
    before = {one.pid for one in psutil.Process().children(recursive=True)}
    results = crew.run(work, ["a", 60.0, 60.0], 2, tmp_path)
    next(results)
    started = time.monotonic()
    results.close()
    assert time.monotonic() - started < crew.PATIENCE + 2
    left = [one for one in psutil.Process().children(recursive=True) if one.pid not in before]
    assert not [one for one in left if "resource_tracker" not in " ".join(one.cmdline())]


PROGRAM = """
import sys
from pathlib import Path
sys.path[:0] = [{src!r}, {here!r}]
from gapgrade import crew
import test_crew
if __name__ == "__main__":
    for _ in crew.run(test_crew.work, [61.5] * 2, 2, Path({scratch!r})):
        pass
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_killed_it_takes_everything_along(tmp_path, number):
    program, scratch = tmp_path / "program.py", tmp_path / "gap-scratch"
    scratch.mkdir()
    text = PROGRAM.format(src=str(ROOT / "src"), here=str(Path(__file__).parent), scratch=str(scratch))
    program.write_text(text, encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, str(program)],
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    deadline = time.monotonic() + 120
    family = []
    while sum("61.5" in " ".join(one.cmdline()) for one in family if one.is_running()) < 2:
        assert time.monotonic() < deadline, "the tasks did not begin"
        time.sleep(0.2)
        family = [one for one in psutil.Process(process.pid).children(recursive=True) if _lives(one)]
    process.send_signal(number)
    process.wait(30)
    _, alive = psutil.wait_procs(family, timeout=15)
    assert not [one for one in alive if _lives(one)]
    assert scratch.exists() == (number == signal.SIGINT)  # which the program itself handles


def _lives(process):
    try:
        return process.status() != psutil.STATUS_ZOMBIE and bool(process.cmdline())
    except psutil.Error:
        return False
