"""The one place where the book decides where tensors live."""

from __future__ import annotations

import os
import platform
from typing import TYPE_CHECKING

from gaplab.errors import ReaderError

if TYPE_CHECKING:
    import torch


def device() -> torch.device:
    """Return the device that every tensor and model of a chapter goes to.

    CUDA if there is one, else Apple's MPS, else the CPU; the environment variable ``GAPLAB_DEVICE``
    (``cpu``, ``cuda``, ``cuda:1``, ``mps``) overrides the choice.

    Raises:
        ReaderError: ``GAPLAB_DEVICE`` names something that PyTorch does not know or that this machine lacks.
    """
    import torch  # here, because the site reads the verdicts without PyTorch

    wanted = os.environ.get("GAPLAB_DEVICE", "").strip().lower()
    if not wanted:
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
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
    return chosen


def _present(wanted: torch.device) -> bool:
    import torch

    if wanted.type == "cuda":
        return torch.cuda.is_available() and (wanted.index or 0) < torch.cuda.device_count()
    return wanted.type == "cpu" or torch.backends.mps.is_available()


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
