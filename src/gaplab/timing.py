"""What a step costs on the device at hand: shown in the book, never compared."""

from __future__ import annotations

import dataclasses
import statistics
import time
import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from gaplab.device import device

MEGABYTE = 1e6
"""The book counts megabytes of 10^6 bytes."""


@dataclasses.dataclass(frozen=True)
class Cost:
    """Cost of one call.

    Attributes:
        milliseconds: Median wall time of a call; on CUDA, between two events on the stream.
        peak_megabytes: The most memory that tensors made by the first call took at once, beyond those that were
            there before it: PyTorch's own count on CUDA, else the storage of the live tensors.
    """

    milliseconds: float
    peak_megabytes: float


def cost(call: Callable[[], object], repeats: int = 5) -> Cost:
    """Time a call, after a first one whose memory is watched and whose time does not count.

    Args:
        call: What to measure; it must do the same work each time.
        repeats: How many calls the median is of.
    """
    where = device()
    if where.type != "cuda":
        with _LiveBytes() as memory:
            call()
        times = [_seconds(call, where) for _ in range(repeats)]
        return Cost(1000 * statistics.median(times), memory.peak / MEGABYTE)
    before = torch.cuda.memory_allocated(where)
    torch.cuda.reset_peak_memory_stats(where)
    call()
    peak = torch.cuda.max_memory_allocated(where) - before
    milliseconds = [_event_milliseconds(call, where) for _ in range(repeats)]
    return Cost(statistics.median(milliseconds), peak / MEGABYTE)


def _seconds(call: Callable[[], object], where: torch.device) -> float:
    # MPS returns before its work is done: the clock must count neither an earlier call's nor miss this one's.
    finish = torch.mps.synchronize if where.type == "mps" else lambda: None
    finish()
    start = time.perf_counter()
    call()
    finish()
    return time.perf_counter() - start


def _event_milliseconds(call: Callable[[], object], where: torch.device) -> float:
    stream = torch.cuda.current_stream(where)  # without it an event goes to the current device, which need not be ours
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    start.record(stream)
    call()
    end.record(stream)
    end.synchronize()
    return float(start.elapsed_time(end))


class _LiveBytes(TorchDispatchMode):
    """Watches how many bytes of new tensor storage are alive at once, in forward and backward alike.

    A CPU allocator does not tell, and the process's resident memory does not fall when tensors die.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak = self._alive = 0
        self._known = weakref.WeakSet[torch.UntypedStorage]()

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        before = {id(t.untyped_storage()) for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)}
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor) and id(tensor.untyped_storage()) not in before:
                self._add(tensor.untyped_storage())
        return result

    def _add(self, storage: torch.UntypedStorage) -> None:
        if storage in self._known:
            return
        self._known.add(storage)
        self._alive += storage.nbytes()
        self.peak = max(self.peak, self._alive)
        weakref.finalize(storage, self._remove, storage.nbytes())

    def _remove(self, size: int) -> None:
        self._alive -= size
