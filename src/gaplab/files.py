"""The one way to write a file."""

from __future__ import annotations

from pathlib import Path


def write(path: Path, content: bytes | str) -> None:
    """Write a file to the side and rename it, so that it is never half there; its folder is made if need be.

    Args:
        path: The file.
        content: Bytes, or a text, which is written as UTF-8 with its line ends as they are.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(content.encode() if isinstance(content, str) else content)
    partial.replace(path)
