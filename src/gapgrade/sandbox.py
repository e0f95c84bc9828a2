"""Runs a student's notebook cell by cell: a cell that hangs, dies or eats the memory costs that cell and no other."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import psutil
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_output

from gapgrade import CourseworkError
from gapgrade.canary import TAMPERED, Canary, reaches
from gapgrade.cells import facts, is_test
from gapgrade.scratch import scratch_folder
from gapgrade.watching import Watch
from gaplab import conditions

ISOLATIONS = {
    "bubblewrap": "no network, no other processes; of the disk only Python and gaplab, read-only, and a scratch folder",
    "unshare": "no network; files are as readable and writable as they are for the account that grades",
    "none": "limits on time, memory and output only; network and files are open",
}

# Runs inside of the sandbox before anything else: every limit is set, or nothing of a student's runs.
LIMIT = """
import os, sys
memory, files, tasks = int(sys.argv[1]), int(sys.argv[2]), int(os.environ.pop('GAP_TASKS', 0))
try:
    import resource
except ImportError:
    sys.exit('this system has no limits for a process')
# PyTorch maps gigabytes of libraries that it never touches, so the address space may be larger than the data.
limits = {'RLIMIT_DATA': memory, 'RLIMIT_AS': memory + 2**34, 'RLIMIT_FSIZE': files, 'RLIMIT_CORE': 0}
# Threads count too, so the watch outside has the exact limit; this one is what a storm of processes runs into first.
if tasks:
    hard = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    limits['RLIMIT_NPROC'] = tasks if hard == resource.RLIM_INFINITY else min(tasks, hard)
for name, limit in limits.items():
    try:
        resource.setrlimit(getattr(resource, name), (limit, limit))
    except (AttributeError, ValueError, OSError) as problem:
        sys.exit('%s of %d: %s' % (name, limit, problem))
"""

# Then the kernel itself.
LAUNCH = f"""{LIMIT}
import runpy
# In a process namespace of its own the kernel's parent is process 1, which ipykernel takes for an orphan's. Elsewhere
# the kernel ends itself when its parent is gone.
if os.getppid() == 1 or os.getpid() == 1:
    os.environ.pop('JPY_PARENT_PID', None)
sys.argv = ['ipykernel_launcher', *sys.argv[3:]]
runpy.run_module('ipykernel_launcher', run_name='__main__', alter_sys=True)
"""

# What a C library, a font and a time zone need of /etc, and no more.
LOADER = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d")
ETC = (*LOADER, "alternatives", "fonts", "localtime", "passwd", "group", "nsswitch.conf")
TASKS = 1024
"""Threads that a sandbox may have, far above what PyTorch starts."""
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64")

# As the book's own outputs are made, and as nbgrader and a plain account would have it.
CONDITIONS = conditions.KERNEL | conditions.ONE_THREAD | {"NBGRADER_EXECUTION": "autograde", "LANG": "C.UTF-8"}


@dataclass(frozen=True)
class Limits:
    """What one submission may use."""

    cell_seconds: int = 60
    notebook_seconds: int = 600
    memory_gib: float = 4.0
    file_mib: int = 256
    output_characters: int = 200_000
    """Per cell; more is dropped."""
    processes: int = 64
    scratch_mib: int = 1024
    """All files together."""

    @property
    def in_words(self) -> str:
        """The limits as the report gives them."""
        return (
            f"{self.cell_seconds} s a cell; {self.notebook_seconds} s, {self.memory_gib:g} GiB, {self.processes} "
            f"processes and {self.scratch_mib} MiB of files a notebook"
        )

    @property
    def as_arguments(self) -> list[str]:
        """Bytes of memory and of a file, as `LIMIT` takes them."""
        return [str(int(self.memory_gib * 2**30)), str(self.file_mib * 2**20)]


class _Client(NotebookClient):
    """A client that stops collecting a cell's output where it becomes a flood."""

    allowed = 0
    seen = 0
    watch: Watch

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> Any:
        if msg["msg_type"] in ("stream", "display_data", "execute_result"):
            before, self.seen = self.seen, self.seen + len(json.dumps(msg["content"], default=str))
            if self.seen > self.allowed:
                if before <= self.allowed:
                    cell.outputs.append(new_output("stream", name="stdout", text="... more output was dropped ...\n"))
                return None
        return super().process_message(msg, cell, cell_index)


@dataclass
class Sandbox:
    """Where and how students' code runs.

    Args:
        python: The lab's Python, which has gaplab and ipykernel.
        isolation: A name in ``ISOLATIONS``, or ``auto`` for the strongest that this machine permits.
    """

    python: Path
    isolation: str = "auto"

    def __post_init__(self) -> None:
        """Ask the lab's Python where its parts lie, and the machine what it permits."""
        # Kernels start in folders of their own. A link stays a link: it is what makes Python find its environment.
        self.python = self.python.absolute()
        ask = (
            "import json, pathlib, sys, importlib.util as u; s = u.find_spec('gaplab'); "
            "print(json.dumps([sys.prefix, sys.base_prefix, *(list(s.submodule_search_locations) if s else [])]))"
        )
        try:
            found = subprocess.run([self.python, "-c", ask], capture_output=True, check=True)  # JSON, in ASCII
        except (OSError, subprocess.CalledProcessError) as problem:
            raise CourseworkError(f"The lab's Python does not start: {self.python} ({problem}).") from None
        self.parts: list[str] = json.loads(found.stdout)
        # Older releases of bubblewrap, and some containers, do not permit this wall within the wall.
        self._closed = ["--unshare-user", "--disable-userns"]
        if self._try("bubblewrap", "pass"):
            self._closed = []
        allowed = list(ISOLATIONS) if self.isolation == "auto" else [self.isolation]
        self.isolation = next((name for name in allowed if not self._try(name, "pass")), "")
        if not self.isolation:
            raise CourseworkError(
                f"This machine does not permit {allowed[0]}: choose another --isolation, or grade in a container."
            )

    @functools.cached_property
    def digest(self) -> str:
        """Checksum of the code and the assets that grade: this package, and the lab's gaplab, which tests call."""
        found = hashlib.sha256()
        for folder in (Path(__file__).parent, *map(Path, self.parts[2:])):
            for path in sorted(folder.rglob("*")):
                if path.is_file() and path.parent.name != "__pycache__":
                    found.update(f"{path.relative_to(folder.parent)} {path.stat().st_size}\n".encode())
                    found.update(path.read_bytes())
        return found.hexdigest()

    def check(self, limits: Limits) -> None:
        """Make sure that students' code can be limited here.

        Raises:
            CourseworkError: A limit cannot be set.
        """
        refused = self._try(self.isolation, LIMIT, *limits.as_arguments)
        if refused:
            raise CourseworkError(
                f"Students' code cannot be limited here ({refused}), so nothing was graded: choose other limits, or "
                "grade on Linux, in WSL or in a container."
            )

    def _try(self, isolation: str, code: str, *arguments: str) -> str:
        """Run code in a sandbox; return why it failed, or nothing."""
        with tempfile.TemporaryDirectory() as scratch:
            _make_rooms(Path(scratch))
            command = [*self._wrap(isolation, Path(scratch)), str(self.python), "-c", code, *arguments]
            try:
                done = subprocess.run(
                    command,
                    env=os.environ | _tasks(),
                    capture_output=True,
                    encoding="utf-8",
                    errors="replace",
                    timeout=60,
                )
            except (OSError, subprocess.TimeoutExpired) as problem:
                return str(problem)
        if done.returncode == 0:
            return ""
        return done.stderr.strip().rpartition("\n")[2] or f"exit status {done.returncode}"

    def _wrap(self, isolation: str, scratch: Path) -> list[str]:
        if isolation == "none":
            return []
        if isolation == "unshare":
            return ["unshare", "--net", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc"]
        # In a namespace of its own a program could mount memory that nothing counts.
        alone = ["bwrap", "--die-with-parent", "--new-session", "--unshare-all", *self._closed]
        # What is written lies in the scratch folder, where it is counted, and nowhere in memory.
        fresh = ["--proc", "/proc", "--dev", "/dev"]
        for place in ("/tmp", "/dev/shm"):
            fresh += ["--bind", str(scratch / Path(place).name), place]
        seen = [*SYSTEM, *(f"/etc/{name}" for name in ETC), *self.parts]
        shown = [argument for path in seen for argument in ("--ro-bind-try", path, path)]
        own = ["--bind", str(scratch), str(scratch), "--chdir", str(scratch / "work")]
        return [*alone, *fresh, *shown, *own, "--remount-ro", "/dev", "--remount-ro", "/"]

    @contextmanager
    def _kernel(self, seed: int, limits: Limits, variant: str) -> Iterator[_Client]:
        """Start a kernel in a new scratch folder, and leave nothing of it behind."""
        with scratch_folder() as scratch:
            _make_rooms(scratch)
            manager = AsyncKernelManager(
                kernel_name="student",
                kernel_spec_manager=KernelSpecManager(kernel_dirs=[self._write_spec(scratch, limits)]),
                # Sockets that are files reach into a network namespace of its own.
                transport="tcp" if sys.platform == "win32" else "ipc",
                connection_file=str(scratch / "k.json"),
            )
            client = _Client(
                NotebookNode(cells=[], metadata={}),
                km=manager,
                timeout=limits.cell_seconds,
                interrupt_on_timeout=False,
                allow_errors=True,
                coalesce_streams=True,
                store_widget_state=False,
                startup_timeout=120,
            )
            client.allowed = limits.output_characters
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            where = {"env": self._environment(scratch, seed, variant), "cwd": str(scratch / "work")}
            with client.setup_kernel(cleanup_kc=True, **where, **quiet):
                client.shutdown_kernel = "immediate"
                memory, room = int(limits.memory_gib * 2**30), limits.scratch_mib * 2**20
                pid = cast(Any, client.km).provisioner.pid
                with Watch(pid, scratch, memory, limits.processes, room) as client.watch:
                    yield client

    def _write_spec(self, scratch: Path, limits: Limits) -> str:
        """Write how a kernel is started in the sandbox; return the folder in which Jupyter finds that."""
        kernel = [str(self.python), "-c", LAUNCH, *limits.as_arguments, "-f", "{connection_file}"]
        command = [*self._wrap(self.isolation, scratch), *kernel, "--HistoryManager.hist_file=:memory:"]
        spec = json.dumps({"argv": command, "display_name": "student", "language": "python"})
        (scratch / "spec" / "student" / "kernel.json").write_text(spec, encoding="utf-8")
        return str(scratch / "spec")

    def _environment(self, scratch: Path, seed: int, variant: str) -> dict[str, str]:
        return CONDITIONS | {
            "GAPLAB_GRADING_SEED": str(seed),
            "GAPLAB_VARIANT": variant,
            **_tasks(),
            "HOME": str(scratch / "home"),
            "TMPDIR": str(scratch / "work"),
            # The gaplab that was found, also where it is installed elsewhere too.
            "PYTHONPATH": os.pathsep.join(str(Path(part).parent) for part in self.parts[2:]),
            "PATH": f"{self.python.parent}{os.pathsep}{os.defpath}",
        }

    def run(self, notebook: NotebookNode, seed: int, limits: Limits, variant: str = "") -> list[str]:
        """Execute every cell of a notebook in place.

        A cell that does not end in time or whose kernel dies is given an error as its output. The kernel is then
        started again and what ran before it is run again, without that cell: later exercises keep what they need.

        Returns:
            One sentence for each cell that was stopped, that reaches for the judge, or behind which a test that has to
            fail did not.
        """
        deadline = time.monotonic() + limits.notebook_seconds
        waiting = [cell for cell in notebook.cells if cell.cell_type == "code"]
        done: list[NotebookNode] = []
        notes = reaches(notebook)
        canary, answer = Canary(), ""
        while waiting:
            if time.monotonic() >= deadline:
                reason = f"not run, since the notebook's {limits.notebook_seconds} seconds were used up"
                for cell in waiting:
                    _stop(cell, reason)
                notes.append(f"{_name(waiting[0])} and what follows: {reason}")
                break
            with self._kernel(seed, limits, variant) as client:
                if not self._replay(client, done, limits, deadline):
                    continue
                while waiting and time.monotonic() < deadline:
                    cell = waiting.pop(0)
                    if is_test(cell) and answer:
                        bird = canary.cell()
                        # A kernel that dies of it is the answer's doing as well: the test itself will then tell.
                        if not self._execute(client, bird, limits, deadline) and not canary.failed(bird):
                            notes.append(TAMPERED.format(answer))
                    answer = "" if is_test(cell) else _name(cell)
                    reason = self._execute(client, cell, limits, deadline)
                    if reason:
                        notes.append(f"{_name(cell)}: {reason}")
                        break
                    if not is_test(cell):
                        done.append(cell)
        return notes

    def _replay(self, client: _Client, done: list[NotebookNode], limits: Limits, deadline: float) -> bool:
        """Run again what has run before; a cell that fails to end this time is not tried a third time."""
        for cell in done:
            if self._execute(client, NotebookNode(cell, metadata={}), limits, deadline):
                done.remove(cell)
                return False
        return True

    def _execute(self, client: _Client, cell: NotebookNode, limits: Limits, deadline: float) -> str:
        """Execute one cell; return why it was stopped, or nothing."""
        client.seen = 0
        client.nb.cells = [cell]
        client.timeout = max(1, min(limits.cell_seconds, int(deadline - time.monotonic())))
        cell.outputs, cell.execution_count = [], None
        try:
            client.execute_cell(cell, 0)
        except CellTimeoutError:
            return _stop(cell, f"stopped after {client.timeout} seconds")
        except DeadKernelError:
            return _stop(cell, client.watch.reason or "the process died (out of memory, or it ended itself)")
        if is_test(cell):
            for output in cell.outputs:
                # nbgrader takes a warning on the error stream for a failed test.
                if output.output_type == "stream":
                    output.name = "stdout"
        return ""


def _make_rooms(scratch: Path) -> None:
    for folder in ("work", "home", "tmp", "shm", "spec/student"):
        (scratch / folder).mkdir(parents=True)


def _tasks() -> dict[str, str]:
    """Say how many threads may be: a sandbox's own, and those of this account, which count on older systems."""
    me = psutil.Process().username()
    running = sum(
        one.info["num_threads"] or 1
        for one in psutil.process_iter(["username", "num_threads"])
        if one.info["username"] == me
    )
    return {"GAP_TASKS": str(running + TASKS)}


def _stop(cell: NotebookNode, reason: str) -> str:
    cell.outputs = [new_output("error", ename="Stopped", evalue=reason, traceback=[f"Stopped: {reason}"])]
    return reason


def _name(cell: NotebookNode) -> str:
    return str(facts(cell).get("grade_id") or f"a cell of the student's own ({cell.source[:30]!r})")
