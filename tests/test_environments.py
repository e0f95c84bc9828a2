"""nox's environments: pip is asked once, an installed session needs no network, and the CPU's PyTorch stays chosen."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OWN = ROOT / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
NOX = Path(os.environ.get("GAPLAB_NOX_PYTHON") or OWN)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not NOX.exists(), reason="not run: no Python with nox was found; nox -s tests names its own"),
]

# The book's own noxfile, with a package of no weight in the place of all others.
NOXFILE = """
import importlib.util
from pathlib import Path
import nox

spec = importlib.util.spec_from_file_location("book", {noxfile!r})
book = importlib.util.module_from_spec(spec)
spec.loader.exec_module(book)
book.LOCK, book.CPU_WHEELS = Path("requirements.lock"), {cpu!r}

@nox.session(venv_backend="none")
def look(session):
    python = book._environment(session, "lab", "tiny")
    version = "from importlib.metadata import version; print('tiny', version('tiny'), 'is there')"
    session.run(str(python), "-c", version, external=True)
"""
NO_NETWORK = "http://127.0.0.1:9"


def offer(index, *versions):
    """Make an index of packages with some versions of one that holds nothing."""
    folder = index / "tiny"
    folder.mkdir(parents=True)
    for version in versions:
        about = f"tiny-{version}.dist-info"
        with zipfile.ZipFile(folder / f"tiny-{version}-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: tiny\nVersion: {version}\n")
            wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{about}/RECORD", "")
    names = (path.name for path in folder.glob("*.whl"))
    links = "".join(f'<a href="{name.replace("+", "%2B")}">{name}</a>' for name in names)
    (folder / "index.html").write_text(f"<!DOCTYPE html><html><body>{links}</body></html>", encoding="utf-8")
    return index.as_uri()


@pytest.fixture
def look(tmp_path):
    """Run the session, with a network or without, and return its exit code and all that it said."""
    plain = offer(tmp_path / "plain", "1.0", "2.0")
    cpu = offer(tmp_path / "cpu", "1.0+cpu", "2.0+cpu")
    project = tmp_path / "project"
    project.mkdir()
    text = NOXFILE.format(noxfile=str(ROOT / "noxfile.py"), cpu=cpu)
    (project / "noxfile.py").write_text(text, encoding="utf-8")

    def run(*options, locked="1.0", network=True):
        (project / "requirements.lock").write_text(f"tiny=={locked}\n", encoding="utf-8")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "NOX"))}
        index = plain if network else NO_NETWORK
        environment |= {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": index, "PIP_RETRIES": "0"}
        done = subprocess.run(
            [str(NOX), "-m", "nox", "-s", "look", "--", *options],
            cwd=project, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
        )  # fmt: skip
        return done.returncode, done.stdout

    return run


def test_pip_is_seen_once_and_an_installed_session_needs_no_network(look):
    code, said = look()
    assert code == 0
    assert "Successfully installed tiny-1.0" in said  # what pip does is seen
    assert "tiny 1.0 is there" in said

    code, said = look(network=False)
    assert (code, "pip install" in said) == (0, False)
    assert "tiny 1.0 is there" in said

    code, said = look(locked="2.0", network=False)
    assert code != 0
    assert "This needs a network." in said
    assert "pip could not install into" in said
    # What was half done is not taken for done, even where the lock is what it was.
    code, said = look(network=False)
    assert "pip install" in said

    code, said = look(locked="2.0")
    assert (code, "tiny 2.0 is there" in said) == (0, True)


@pytest.mark.skipif(sys.platform != "linux", reason="not run: other systems' PyTorch brings no CUDA")
def test_the_build_without_cuda_is_offered_and_stays_chosen(look):
    code, said = look()
    assert code == 0
    assert ("nox -s look -- --cpu" in said) == (not any(Path(p, "nvidia-smi").exists() for p in os.get_exec_path()))

    code, said = look("--cpu")
    assert (code, "tiny 1.0+cpu is there" in said) == (0, True)

    code, said = look(network=False)
    assert (code, "tiny 1.0+cpu is there" in said) == (0, True)

    code, said = look(locked="2.0")
    assert (code, "tiny 2.0+cpu is there" in said) == (0, True)
