"""Folders in which students' code may write; they are deleted whatever has become of them."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Make an empty folder, and delete it at the end with all that it holds."""
    folder = Path(tempfile.mkdtemp(prefix="gap-"))
    try:
        yield folder
    finally:
        remove(folder)


def remove(folder: Path) -> None:
    """Delete a folder, however deep, and with folders that nobody may read; what cannot be deleted stays.

    Each folder in it is moved to its top first: made step by step, folders inside folders have paths that are longer
    than the system takes, and are more than a recursion goes through.
    """
    if folder.is_symlink():
        folder.unlink()
        return
    with contextlib.suppress(OSError):
        os.chmod(folder, stat.S_IRWXU)
    waiting = [folder]
    while waiting:
        where = waiting.pop()
        with contextlib.suppress(OSError):
            for entry in list(os.scandir(where)):
                if stat.S_ISDIR(os.lstat(entry.path).st_mode):  # a link to a folder is no folder
                    top = folder / secrets.token_hex(8)
                    os.chmod(entry.path, stat.S_IRWXU)
                    os.rename(entry.path, top)
                    waiting.append(top)
    shutil.rmtree(folder, ignore_errors=True)
