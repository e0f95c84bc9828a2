"""Forty submissions, half of them bad, are graded unattended, though the program is stopped twice on the way."""

import os
import re
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

pytestmark = [pytest.mark.slow, pytest.mark.thorough]


def test_forty_submissions_get_the_right_grades_though_stopped_twice(gapgrade, lab_python, tmp_path):
    where = {"PYTHONPATH": str(ROOT / "src"), "GAPLAB_LAB_PYTHON": str((ROOT / lab_python).absolute())}
    done = subprocess.run(
        [str(gapgrade.python), str(HERE / "forty.py"), str(tmp_path)],
        env={**os.environ, **where, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        encoding="utf-8",
    )
    print(done.stdout)
    assert done.returncode == 0, done.stderr
    assert "40 students, 40 pages, wrong grades: []" in done.stdout
    assert done.stdout.count("left: 0 processes, 0 kernels") == 2
    assert all(float(seconds) < 10 for seconds in re.findall(r"ended after ([\d.]+) s", done.stdout))
