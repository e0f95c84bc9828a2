"""A sweep: a list of independent runs, executed by joblib, each kept on disk as soon as it is done."""

from __future__ import annotations

import ast
import errno
import functools
import hashlib
import io
import json
import os
import platform
import time
import tokenize
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import safetensors.torch
import torch
import torchvision
from torch import Tensor
from tqdm.auto import tqdm

from gaplab import files
from gaplab.device import device, device_name
from gaplab.errors import ReaderError

Row = dict[str, Any]
State = dict[str, Tensor]

PACKAGE = Path(__file__).parents[1]
PLANNING = ("gaplab.evidence", "gaplab.experiments.settings", "gaplab.experiments.sweep")
"""Modules that decide what is run and compute nothing of it: their numbers reach a run as its arguments."""

SCHEDULER_TIMEOUT = "10s"

ATTEMPTS = 3
"""How often a sweep goes on after losing a worker process, before it gives up."""


@dataclass
class Result:
    """What a run returns."""

    rows: dict[str, list[Row]]
    """Rows of evidence, by table."""
    state: State | None = None
    """The trained network, where a later run or the book needs it."""


@dataclass(frozen=True)
class Run:
    """One independent piece of work: a module-level function and its arguments, which JSON can hold."""

    name: str
    """Unique in the sweep; also the name of its files."""
    function: Callable[..., Result]
    arguments: Row
    needs: Run | None = None
    """An earlier run whose network the function receives as ``state``."""

    def fingerprint(self) -> str:
        """Return a checksum of what the project decides of the result: code, arguments and, in turn, the needed run's.

        So changed training is run again, and with it all that measures the trained network.
        """
        needed = self.needs.fingerprint() if self.needs else None
        function = (recipe(self.function.__module__), self.function.__qualname__)
        return _checksum([*function, self.arguments, needed])


@functools.cache
def recipe(module: str) -> str:
    """Return a checksum of the code that a module computes with: its own and what it imports of the package.

    A version to be raised by hand would be forgotten by the very person who changes the training. Comments and
    docstrings do not count: mending one is no reason to train again.
    """
    found: dict[str, str] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in found or name in PLANNING or name not in _code():
            continue
        text, tree = _code()[name]
        found[name] = text
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                waiting += [str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)]
    return _checksum(found)


@functools.cache
def _code() -> dict[str, tuple[str, ast.Module]]:
    """Read the package's modules by name: their bare text, and their tree; once, for what runs was loaded at the start.

    Text and no dump of the tree: Pythons differ in how they write a tree down.
    """
    modules = {}
    for path in PACKAGE.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        modules[".".join(parts).removesuffix(".__init__")] = (bare(source), ast.parse(source))
    return modules


@functools.cache
def bare(source: str) -> str:
    """Return Python source without comments, docstrings and blank lines."""
    lines = source.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            rows = range(node.lineno - 1, node.end_lineno or node.lineno)
            lines[rows.start : rows.stop] = [""] * len(rows)
    return "\n".join(line.rstrip() for line in lines if line.strip())


def _checksum(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


class Store:
    """A folder of finished runs: ``<name>.json`` and, where there is a network, ``<name>.safetensors``.

    The JSON file is written last and by renaming, so a run is either finished or not there.
    """

    def __init__(self, folder: Path) -> None:
        """Open a folder, which is made if need be."""
        self.folder = folder
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)

    def has(self, run: Run) -> bool:
        """Say whether a run is finished, by the very recipe that it has now."""
        return self._read(run) is not None

    def save(self, run: Run, result: Result, seconds: float) -> None:
        """Keep a finished run.

        Raises:
            ReaderError: The disk is full or the folder cannot be written to.
        """
        with writing(self.folder):
            if result.state is not None:
                files.write(self.folder / f"{run.name}.safetensors", safetensors.torch.save(result.state))
            record = {
                "run": run.name,
                "fingerprint": run.fingerprint(),
                "arguments": run.arguments,
                "needs": run.needs and run.needs.name,
                "rows": result.rows,
                "seconds": round(seconds, 1),
                "machine": machine(),
            }
            files.write(self.folder / f"{run.name}.json", json.dumps(record, indent=1).encode())

    def record(self, run: Run) -> Row:
        """Return all that is kept of a finished run.

        Raises:
            ReaderError: It is not finished, or was made by another recipe.
        """
        record = self._read(run)
        if record is None:
            raise ReaderError(
                f"The run {run.name}, as it is made now, is not in {self.folder}: "
                "start the experiment that makes it first."
            )
        return record

    def state(self, run: Run) -> State:
        """Return the network of a finished run.

        Raises:
            ReaderError: As `record`.
        """
        name = self.record(run)["run"]
        return safetensors.torch.load_file(self.folder / f"{name}.safetensors")

    def rows(self, runs: Iterable[Run], table: str) -> list[Row]:
        """Return the rows that finished runs hold for a table, in the order of the runs.

        Raises:
            ReaderError: As `record`.
        """
        return [row for run in runs for row in self.record(run)["rows"].get(table, [])]

    def _read(self, run: Run) -> Row | None:
        try:
            record: Row = json.loads((self.folder / f"{run.name}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return record if record["fingerprint"] == run.fingerprint() else None


class writing(AbstractContextManager[None]):  # noqa: N801 - reads as the verb that it is
    """Turn a failed write into one sentence."""

    def __init__(self, folder: Path) -> None:
        """Name the folder that is being written to."""
        self.folder = folder

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Re-raise an `OSError` as a `ReaderError`."""
        if isinstance(error, OSError):
            full = error.errno == errno.ENOSPC
            advice = "the disk is full: free some space" if full else f"{error}: give a folder that can be written to"
            raise ReaderError(
                f"Nothing more can be written to {self.folder}, {advice} and start again; finished runs are kept."
            ) from error


def machine() -> dict[str, str]:
    """Return the versions and the device that results depend on."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__.split("+")[0],
        "torchvision": torchvision.__version__.split("+")[0],
        "numpy": np.__version__,
        "device": "cpu" if device().type == "cpu" else device_name(device()),
    }


def perform(run: Run, state: State | None) -> tuple[Result, float]:
    """Carry out one run in this process, on one thread, and return its result and the seconds that it took.

    One thread always, so that a result does not depend on how many runs share the machine.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    started = time.perf_counter()
    try:
        needed = {} if state is None else {"state": state}
        return run.function(**run.arguments, **needed), time.perf_counter() - started
    finally:
        torch.set_num_threads(threads)


def _indexed(index: int, run: Run, state: State | None) -> tuple[int, Result, float]:
    return (index, *perform(run, state))


def execute(runs: Sequence[Run], store: Store, *, jobs: int = 1, scheduler: str | None = None, label: str = "") -> None:
    """Carry out those runs that are not in the store yet; each is kept the moment it is done.

    Args:
        runs: What to do. Runs that they need must be in the store already.
        store: Where finished runs are kept.
        jobs: Processes on this machine.
        scheduler: Address of a Dask scheduler, such as ``tcp://host:8786``, whose workers take the runs instead.
        label: Shown beside the progress bar.

    Raises:
        ReaderError: The scheduler cannot be reached, the disk is full, or workers keep dying.
    """
    pending = [run for run in runs if not store.has(run)]
    done = len(runs) - len(pending)
    with tqdm(total=len(runs), initial=done, desc=label, unit="run", smoothing=0) as bar, _backend(scheduler):
        for attempt in range(ATTEMPTS):
            try:
                work = (
                    joblib.delayed(_indexed)(index, run, store.state(run.needs) if run.needs else None)
                    for index, run in enumerate(pending)
                )
                parallel = joblib.Parallel(n_jobs=jobs, batch_size=1, return_as="generator_unordered")
                for index, result, seconds in parallel(work):
                    store.save(pending[index], result, seconds)
                    bar.set_postfix_str(pending[index].name)
                    bar.update()
                return
            except BrokenProcessPool as error:
                # A lost worker takes down joblib's pool: what is done is kept, the rest starts in a new pool.
                pending = [run for run in pending if not store.has(run)]
                if attempt == ATTEMPTS - 1:
                    raise ReaderError(
                        f"Worker processes died {ATTEMPTS} times ({os.cpu_count()} cores here): lower --jobs, "
                        "perhaps for want of memory, and start again; finished runs are kept."
                    ) from error


@contextmanager
def _backend(scheduler: str | None) -> Iterator[None]:
    """Send joblib's work to a Dask cluster for the length of a ``with`` block, if an address is given."""
    if scheduler is None:
        yield
        return
    try:
        from distributed import Client
    except ImportError as error:
        raise ReaderError(
            "A scheduler was given, but Dask is not installed here: run it through nox -s train."
        ) from error
    try:
        client = Client(scheduler, timeout=SCHEDULER_TIMEOUT)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, TimeoutError) as error:
        raise ReaderError(
            f"No Dask scheduler answers at {scheduler!r}: start `dask scheduler` and give the address that it prints."
        ) from error
    # Dask itself hands the run of a lost worker to another one.
    with client, joblib.parallel_config("dask", client=client, wait_for_workers_timeout=60):
        yield
