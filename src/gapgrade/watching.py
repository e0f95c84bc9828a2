"""Watches what a student's processes use together: limits that the system only has for each process alone."""

from __future__ import annotations

import contextlib
import math
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import psutil

INTERVAL = 0.25
"""Seconds between two looks."""
FILES = 20_000
"""Files and folders."""
DEPTH = 64
"""Folders inside one another."""


class Watch:
    """Ends a process and all that it has started when together they use too much.

    On Linux memory counts as the sum of what each process has written to, shared pages once: a process's own limit
    leaves out what it shares. Files count as the blocks that they take, also those that have no name any more.
    Elsewhere only processes and named files are counted.

    Args:
        root: The process that started all others.
        scratch: The one folder in which they may write.
        memory: Bytes for all of them together.
        processes: How many there may be at a time.
        files: Bytes of files for all of them together.
    """

    def __init__(self, root: int, scratch: Path, memory: int, processes: int, files: int) -> None:
        """Remember the limits."""
        self.root, self.scratch = root, scratch
        self.memory, self.processes, self.files = memory, processes, files
        self.reason = ""
        """Why the processes were ended, or nothing."""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Watch:
        """Begin to look."""
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        """Stop looking."""
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        family: list[psutil.Process] = []
        while not self._over.wait(INTERVAL):
            try:
                family = list(_family(self.root))
                self.reason = self._too_much(family)
            except (psutil.Error, OSError):  # a process ended while it was looked at
                continue
            except Exception as problem:  # with an error the watch would end, and nothing be limited any more
                self.reason = f"ended, since what it uses cannot be counted ({problem})"
            if self.reason:
                # The first is the kernel's own wall, which takes the rest along where the system has such a wall.
                for process in family:
                    with contextlib.suppress(psutil.Error):
                        process.kill()
                return

    def _too_much(self, family: list[psutil.Process]) -> str:
        if len(family) > self.processes:
            return f"ended, since it had more than {self.processes} processes"
        nameless: dict[tuple[int, int], int] = {}
        written = 0
        for process in family:
            written += _memory(process.pid, exact=False)
            nameless |= dict(_nameless_files(process.pid))
        if written > self.memory:
            written = sum(_memory(process.pid, exact=True) for process in family)
        if written > self.memory:
            return f"ended, since its processes used more than {self.memory / 2**30:g} GiB of memory together"
        size: float = sum(nameless.values())
        count = 0
        # Not the whole folder where half of it is too much.
        for count, more in enumerate(_sizes(self.scratch), start=1):
            size += more
            if size > self.files or count > FILES:
                break
        if size > self.files or count > FILES:
            limits = f"{self.files / 2**20:g} MiB, {FILES:,} files or {DEPTH} folders inside one another"
            return f"ended, since it wrote more than {limits}"
        return ""


def _family(root: int) -> Iterator[psutil.Process]:
    first = psutil.Process(root)
    yield first
    yield from first.children(recursive=True)


def _memory(process: int, exact: bool) -> int:
    """Return the bytes that a process has written to and that no file holds; exact: shared ones in equal parts."""
    name, wanted = ("smaps_rollup", ("Pss_Anon", "Pss_Shmem")) if exact else ("status", ("RssAnon", "RssShmem"))
    try:
        text = Path(f"/proc/{process}/{name}").read_text(encoding="ascii", errors="replace")
    except OSError:  # it has ended, or there is no such file on this system
        return 0
    lines = (line.split() for line in text.splitlines())
    return 1024 * sum(int(words[1]) for words in lines if words and words[0].rstrip(":") in wanted)


def _nameless_files(process: int) -> Iterator[tuple[tuple[int, int], int]]:
    """List the open files that have no name: deleted ones, and those that were made in memory."""
    folder = f"/proc/{process}/fd"
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        with contextlib.suppress(OSError):
            found = os.stat(f"{folder}/{name}")
            if stat.S_ISREG(found.st_mode) and not found.st_nlink:
                yield (found.st_dev, found.st_ino), found.st_blocks * 512


def _sizes(folder: Path) -> Iterator[float]:
    """List the bytes that each file and folder takes on the disk.

    What may not be looked into, or lies too deep, counts as endless.
    """
    waiting = [(str(folder), 0)]
    while waiting:
        where, depth = waiting.pop()
        try:
            with os.scandir(where) as entries:
                for entry in entries:
                    with contextlib.suppress(FileNotFoundError):
                        yield entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append((entry.path, depth + 1))
        except (FileNotFoundError, NotADirectoryError):  # it is gone again
            continue
        except OSError:
            yield math.inf
        if depth > DEPTH:
            yield math.inf
