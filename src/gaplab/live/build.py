"""Compile the engine's kernels: ``python -m gaplab.live.build [FILE]`` in an environment with the package ziglang."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from gaplab import files
from gaplab.live.shipped import ENGINE

STACK = 16_384
"""Bytes of the C program's stack, far below the 64 KiB at which the engine's memory begins."""
OPTIONS = (
    "--target=wasm32-freestanding", "-O3", "-msimd128", "-mbulk-memory", "-nostdlib", "-s",
    "-Wall", "-Wextra", "-Werror", "-Wl,--no-entry", "-Wl,--import-memory", f"-Wl,-z,stack-size={STACK}",
)  # fmt: skip


def build(target: Path) -> None:
    """Compile ``kernels.c``; the same compiler makes the same bytes on every system.

    Args:
        target: The file that gets the WebAssembly module.

    Raises:
        subprocess.CalledProcessError: The compiler is not installed, or refuses the source.
    """
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "kernels.wasm"
        command = [sys.executable, "-m", "ziglang", "cc", *OPTIONS, "-o", str(made), "kernels.c"]
        subprocess.run(command, check=True, cwd=ENGINE)
        files.write(target, made.read_bytes())


if __name__ == "__main__":
    build(Path(sys.argv[1]) if sys.argv[1:] else ENGINE / "kernels.wasm")
