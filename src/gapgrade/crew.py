"""Several processes that grade at a time: one that dies costs its own task, and all end with the program."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import connection
from pathlib import Path
from typing import Any

import psutil

from gapgrade.scratch import remove

PATIENCE = 5
"""Seconds that a process has to end."""


class FailedError(Exception):
    """Why a task came to nothing, in words."""


def run(
    work: Callable[[Any], Any], tasks: Sequence[Any], size: int, scratch: Path
) -> Iterator[tuple[Any, Any | FailedError]]:
    """Do every task in one of several processes.

    Left early, by Ctrl-C for example, it ends the processes and what they have started, within seconds. If this program
    is killed, they see it and end themselves.

    Args:
        work: What to do with a task; both go through pickle.
        tasks: In this order.
        size: How many processes.
        scratch: Folder for the processes' temporary files. They delete it if this program is killed.

    Yields:
        Each task with its result, as they come.
    """
    waiting = list(tasks)
    crew: dict[connection.Connection, tuple[Any, Any]] = {}
    try:
        while waiting or crew:
            while waiting and len(crew) < size:
                ours, process = _hire(work, scratch)
                crew[ours] = process, waiting.pop(0)
                ours.send(crew[ours][1])
            for ready in connection.wait(list(crew)):
                assert isinstance(ready, connection.Connection)
                ours = ready
                process, task = crew[ours]
                try:
                    done, result = ours.recv()
                except (EOFError, OSError):
                    process.join(PATIENCE)
                    done, result = False, f"its process was ended from outside (exit code {process.exitcode})"
                    del crew[ours]
                else:
                    if waiting:
                        crew[ours] = process, waiting.pop(0)
                        ours.send(crew[ours][1])
                    else:
                        del crew[ours]
                        _dismiss([process])
                yield task, result if done else FailedError(result)
    finally:
        _dismiss([process for process, _ in crew.values()])


def _hire(work: Callable[[Any], Any], scratch: Path) -> tuple[connection.Connection, Any]:
    # Fresh processes: nbgrader changes its process's working directory.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, work, scratch), daemon=True)
    with _without_interrupts():
        process.start()
    theirs.close()
    return ours, process


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """Hold Ctrl-C back: a process that is being started inherits that, and the program gets it afterwards."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _dismiss(processes: Sequence[Any]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(PATIENCE)
        if process.is_alive():
            process.kill()


def _serve(tasks: connection.Connection, work: Callable[[Any], Any], scratch: Path) -> None:
    """Do tasks until the program ends, which Ctrl-C in the terminal alone does not decide."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: _leave())
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    tempfile.tempdir = str(scratch)
    threading.Thread(target=_leave_with_parent, args=(scratch,), daemon=True).start()
    while True:
        try:
            task = tasks.recv()
        except EOFError:
            _leave()
        try:
            answer = (True, work(task))
        except (Exception, SystemExit) as problem:
            answer = (False, " ".join(str(problem).split()) or type(problem).__name__)
        tasks.send(answer)


def _leave_with_parent(scratch: Path) -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    end_children()
    remove(scratch)
    _leave()


def _leave() -> None:
    end_children()
    os._exit(1)


def end_children() -> None:
    """Kill every process that this one has started, and theirs; none of them writes any more afterwards."""
    children = psutil.Process().children(recursive=True)
    for child in children:
        with contextlib.suppress(psutil.Error):
            child.kill()
    psutil.wait_procs(children, PATIENCE)
