"""Do the book's verdicts hold on this machine's device? ``python -m gaplab.check [BOOK]``, or ``nox -s check``.

Digits differ from device to device, so they are not compared: every chapter runs anew, and each verdict is judged by
the interval in which it stands. Nothing is trained anew: verdicts on training rest on the tables in the package.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from tqdm import tqdm

from gaplab import contents, device, device_name
from gaplab.claims import VERDICT_MIME, Verdict, claims, gather
from gaplab.conditions import KERNEL
from gaplab.errors import ReaderError
from gaplab.rendering import execute, read_source

GIGABYTE = 1e9
STANDS, FALLS, OPEN = "stands    ", "DOES NOT  ", "not judged"


def machine() -> Iterator[str]:
    """Say what the verdicts are judged on, a line each."""
    where = device()
    yield f"device        {where}: {device_name(where)}"
    if where.type == "cuda":
        facts = torch.cuda.get_device_properties(where)
        yield f"capability    {facts.major}.{facts.minor}"
        convolutions = torch.backends.cudnn.conv.fp32_precision  # type: ignore[attr-defined]
        products = torch.backends.cuda.matmul.fp32_precision
        yield f"rounding      PyTorch's default here: convolutions {convolutions}, products {products}"
    if (memory := _memory(where)) is not None:
        yield f"memory        {memory / GIGABYTE:.1f} GB"
    yield f"PyTorch       {torch.__version__}, Python {platform.python_version()}"
    yield f"free disk     {shutil.disk_usage(Path.cwd()).free / GIGABYTE:.1f} GB"
    yield f"precision     a convolution is {precision(where):.0e} from its value in double precision"


def _memory(where: torch.device) -> float | None:
    if where.type == "cuda":
        return float(torch.cuda.get_device_properties(where).total_memory)
    if where.type == "mps":
        return float(torch.mps.recommended_max_memory())
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")) if hasattr(os, "sysconf") else None


def precision(where: torch.device) -> float:
    """Return how far a convolution on a device is from double precision: largest difference over largest value.

    Single precision gives about 1e-7 to 1e-6, TF32 and half precision about 1e-3.
    """
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(2, 64, 28, 28, generator=generator)
    weight = torch.randn(64, 64, 3, 3, generator=generator)
    exact = F.conv2d(images.double(), weight.double(), padding=1)  # on the CPU: not every device has doubles
    found = F.conv2d(images.to(where), weight.to(where), padding=1).cpu().double()
    return float((found - exact).abs().max() / exact.abs().max())


def judge(source: Path) -> tuple[dict[str, Verdict], list[str]]:
    """Run a chapter on this machine's device.

    Returns:
        The verdicts that stand, by claim id, and a sentence for each cell that stopped, or for a chapter that died.
    """
    notebook = read_source(source)
    environment = {name: value for name, value in KERNEL.items() if name != "GAPLAB_DEVICE"}
    died = []
    try:
        execute(notebook, source.parent, environment, allow_errors=True)
    except (DeadKernelError, CellTimeoutError) as problem:
        died = [f"{source.stem} did not come to its end: {_first_line(problem)} (out of memory?)"]
    return _verdicts(notebook), died + [
        f"{source.stem}, cell {cell.id}: {output.ename}: {_first_line(output.evalue)}"
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "error"
    ]


def _first_line(text: object) -> str:
    return str(text).partition("\n")[0]


def _verdicts(notebook: NotebookNode) -> dict[str, Verdict]:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    records = [output.data[VERDICT_MIME] for output in outputs if VERDICT_MIME in output.get("data", {})]
    return {record["claim"]: Verdict.from_json(record) for record in records}


def line(id_: str, here: Verdict | None, book: Verdict, problems: list[str]) -> str:
    """Say in a line whether a claim's verdict holds here."""
    if here is not None:
        return f"{id_}  {STANDS}  {here.verdict}: {here.number} here, {book.number} in the book"
    own = [problem for problem in problems if f"Claim {id_}:" in problem]
    return f"{id_}  {FALLS}  {own[0]}" if own else f"{id_}  {OPEN}  a cell before it, or its own, stopped"


def main(arguments: list[str] | None = None) -> int:
    """Judge all verdicts; return 0 if every one stands."""
    parser = argparse.ArgumentParser(prog="nox -s check", description="Judge every verdict anew on this device.")
    parser.add_argument("book", nargs="?", type=Path, default=Path("book"), help="the book's folder")
    book: Path = parser.parse_args(arguments).book
    try:
        notebooks = contents.notebooks(book)
        print(*machine(), sep="\n", flush=True)
        stored = gather(notebooks)
        here: dict[str, Verdict] = {}
        problems: list[str] = []
        for notebook in tqdm(notebooks, desc="check", unit="chapter"):
            verdicts, stopped = judge(notebook.with_suffix(".py"))
            here |= verdicts
            problems += stopped
    except ReaderError as problem:
        print(problem, file=sys.stderr)
        return 1
    lines = [line(id_, here.get(id_), stored[id_], problems) for id_ in claims()]
    rest = [problem for problem in problems if not any(problem in line for line in lines)]
    print(*lines, *rest, sep="\n")
    if len(here) == len(claims()) and not problems:
        print(f"All {len(here)} verdicts of the book hold on this device; those on training rest on the book's tables.")
        return 0
    count = {word: sum(word in line for line in lines) for word in (STANDS, FALLS, OPEN)}
    print(
        f"Of {len(lines)} verdicts {count[STANDS]} stand on this device, {count[FALLS]} do not, and {count[OPEN]} "
        f"could not be judged; {len(problems)} cells or chapters stopped."
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
