"""The one place where the book decides where tensors live."""

from __future__ import annotations

import functools
import os
import platform
import warnings
from typing import TYPE_CHECKING

from gaplab.errors import ReaderError

if TYPE_CHECKING:
    import torch


def device() -> torch.device:
    """Return the device that every tensor and model of a chapter goes to.

    CUDA if there is one, else Apple's MPS, else the CPU; the environment variable ``GAPLAB_DEVICE``
    (``cpu``, ``cuda``, ``cuda:1``, ``mps``) overrides the choice. A GPU on which this PyTorch cannot compute is passed
    over with one warning.

    Raises:
        ReaderError: ``GAPLAB_DEVICE`` names something that PyTorch does not know, that this machine lacks, or on which
            this PyTorch cannot compute.
    """
    return _chosen(os.environ.get("GAPLAB_DEVICE", "").strip().lower())


@functools.cache  # a device is tried, and warned of, once
def _chosen(wanted: str) -> torch.device:
    import torch  # here, because the site reads the verdicts without PyTorch

    if wanted:
        return _asked_for(wanted)
    for kind, backend in (("cuda", torch.cuda), ("mps", torch.backends.mps)):
        if not backend.is_available():
            continue
        if not (problem := _problem(torch.device(kind))):
            return torch.device(kind)
        warnings.warn(
            f"This PyTorch cannot compute on {kind} ({problem}), so the book runs on the CPU: "
            "install a PyTorch that is built for this GPU, or set GAPLAB_DEVICE to cpu.",
            stacklevel=3,
        )
    return torch.device("cpu")


def _asked_for(wanted: str) -> torch.device:
    import torch

    try:
        chosen = torch.device(wanted)
    except RuntimeError:
        chosen = None
    if chosen is None or chosen.type not in ("cpu", "cuda", "mps"):
        raise ReaderError(f"GAPLAB_DEVICE is {wanted!r}, which is no device: set it to cpu, cuda, cuda:N or mps.")
    if not _present(chosen):
        raise ReaderError(
            f"GAPLAB_DEVICE is {wanted!r}, but PyTorch finds no such device here: unset it or set it to cpu."
        )
    if problem := _problem(chosen):
        raise ReaderError(
            f"GAPLAB_DEVICE is {wanted!r}, but this PyTorch cannot compute there ({problem}): "
            "install a PyTorch that is built for this GPU, or set GAPLAB_DEVICE to cpu."
        )
    return chosen


def _present(wanted: torch.device) -> bool:
    import torch

    if wanted.type == "cuda":
        return torch.cuda.is_available() and (wanted.index or 0) < torch.cuda.device_count()
    return wanted.type == "cpu" or torch.backends.mps.is_available()


def _problem(where: torch.device) -> str:
    """Try a small convolution; return what PyTorch says if it fails, in one line, and nothing if it works.

    A card too old or too new for this PyTorch is there and fails at its first kernel. Comparing its compute capability
    with ``torch.cuda.get_arch_list()`` would refuse cards that run a neighbour's kernels.
    """
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch's own say the same in ten lines
            ones = torch.ones(1, 1, 3, 3, device=where)
            torch.nn.functional.conv2d(ones, ones).item()
    except RuntimeError as error:
        return f"{type(error).__name__}: {error}".splitlines()[0].rstrip(".")
    return ""


def device_name(where: torch.device | None = None) -> str:
    """Say in words what a device is, for the line under a timing.

    Args:
        where: The device to name; the book's own ``device()`` if left out.
    """
    import torch

    where = where or device()
    if where.type == "cuda":
        return torch.cuda.get_device_name(where)
    if where.type == "mps":
        return "Apple GPU (MPS)"
    threads = torch.get_num_threads()
    return f"CPU ({platform.machine()}, {threads} thread{'s' if threads > 1 else ''})"
