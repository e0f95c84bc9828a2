"""Every cell of every chapter on other terms: a device that is not the CPU (``standin/standin.cpp``), other weights."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gaplab.conditions import KERNEL

HERE = Path(__file__).parent
BOOK = HERE.parent / "book"
CHAPTERS = sorted(BOOK.glob("0[1-6]_*.py"))
PROBLEM_SETS = sorted((BOOK / "coursework").glob("ps*.py"))
QUICK = ("ps1", "cuda")
"""The source and the role that every run of the tests tries; the others take minutes."""


def cases():
    """List every source in both roles."""
    for source in [*CHAPTERS, *PROBLEM_SETS]:
        for role in ("cuda", "mps"):
            number = source.name.partition("_")[0]
            marks = [] if (number, role) == QUICK else [pytest.mark.thorough]
            yield pytest.param(source, role, id=f"{number}-{role}", marks=marks)


@pytest.fixture
def run(pytestconfig):
    """Run a source's cells on the second device, with a cell changed if one is given."""

    def run_cells(source, role, *change):
        if role != "resnet50" and (sys.platform != "linux" or not shutil.which("g++")):
            sentence = "the second device is compiled when the tests run: that takes Linux and g++"
            (pytest.fail if os.environ.get("GAPLAB_NEEDS_COMPILER") else pytest.skip)(sentence)
        folder = pytestconfig.cache.mkdir("standin")
        conditions = {"GAPLAB_DEVICE": "", "MPLBACKEND": "agg", "CUDA_VISIBLE_DEVICES": ""}
        return subprocess.run(
            [sys.executable, HERE / "standin" / "run_cells.py", source, folder, role, *change],
            env={**os.environ, **KERNEL, **conditions},
            capture_output=True,
            encoding="utf-8",
        )

    return run_cells


@pytest.mark.parametrize(("source", "role"), list(cases()))
def test_every_cell_runs_on_a_second_device(run, source, role):
    done = run(source, role)
    assert not done.returncode, done.stderr[-2000:]


@pytest.mark.parametrize(
    ("chapter", "cell", "old", "new", "said"),
    [
        pytest.param(
            *(1, "receives-figure", "feature_map[0].cpu()", "feature_map[0]", "can't convert"),
            marks=pytest.mark.thorough, id="1-cuda",
        ),
        pytest.param(
            *(3, "heads", "7, 7).to(where)", "7, 7)", "on the same device"),
            marks=pytest.mark.thorough, id="3-cuda",
        ),
        pytest.param(
            *(5, "back-through", "pool(x).sum(), x", "pool(x).sum() + torch.ones(1), x", "on the same device"),
            id="5-cuda",
        ),
        pytest.param(
            *(5, "back-through", "feature_map.cpu().double()"),
            "torch.rand(2, device=feature_map.device, generator=torch.Generator())",
            "device type for generator",
            marks=pytest.mark.thorough, id="generator-cuda",
        ),
    ],
)  # fmt: skip
def test_a_careless_edit_is_noticed(run, chapter, cell, old, new, said):
    done = run(CHAPTERS[chapter - 1], "cuda", cell, old, new)
    assert done.returncode
    assert said in done.stderr


@pytest.fixture(scope="module")
def official(pytestconfig):
    """Write the stand-in for ResNet-50's official weights."""
    command = [sys.executable, HERE / "standin" / "official.py", pytestconfig.cache.mkdir("standin")]
    subprocess.run(command, check=True)


@pytest.mark.thorough
@pytest.mark.parametrize("chapter", [1, 2, 3, 4, 5])
def test_every_cell_accepts_official_weights(run, official, chapter):
    """With the reader's switch a ResNet-50 takes the place of EfficientNet-Lite0; its numbers are other ones."""
    done = run(CHAPTERS[chapter - 1], "resnet50")
    assert not done.returncode, done.stderr[-2000:]
    assert "ResNet-50" in done.stdout


@pytest.mark.thorough
def test_a_cell_that_takes_one_network_for_granted_is_noticed(run, official):
    done = run(CHAPTERS[0], "resnet50", "receives", "torch.testing", "assert len(pooled[0]) == 1280; torch.testing")
    assert done.returncode
    assert "AssertionError" in done.stderr
