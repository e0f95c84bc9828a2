import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OWN = ROOT / ".nox" / "grading" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
GRADING = Path(os.environ.get("GAPLAB_GRADING_PYTHON") or OWN)


@pytest.fixture(scope="session")
def gapgrade() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run ``python -m gapgrade`` in the environment that has nbgrader."""
    if not GRADING.exists():
        pytest.skip(f"nbgrader's environment is not there ({GRADING}): nox -s tests makes it")

    def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(GRADING), "-m", "gapgrade", *map(str, arguments)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src"), **environment},
            capture_output=True,
            encoding="utf-8",
        )

    run.python = GRADING
    return run


@pytest.fixture(scope="session")
def lab_python() -> Path:
    """Return the Python that has gaplab and ipykernel, the one that runs these tests, relative as nox gives it."""
    if os.name == "nt":
        pytest.skip("not run: submissions are graded on Linux or macOS, see the guide for instructors")
    return Path(os.path.relpath(sys.executable, ROOT))
