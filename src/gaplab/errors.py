"""The one exception that readers of the book are meant to see."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class ReaderError(Exception):
    """A bad value or a missing file, explained in one sentence: what was given, what is allowed, what to do."""

    def _render_traceback_(self) -> list[str]:
        # IPython calls this hook instead of printing a stack: the sentence is all that a reader needs.
        return [f"{type(self).__name__}: {self}"]


def unknown_name(kind: str, given: object, allowed: Iterable[str]) -> ReaderError:
    """Build the error for a name that is not in a list, with the nearest allowed names.

    Args:
        kind: What the name is of, for example ``"network"``.
        given: The name as the reader gave it.
        allowed: Every name that would have been accepted.
    """
    names = sorted(allowed)
    near = difflib.get_close_matches(str(given), names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"choose one of {', '.join(names[:12])}."
    return ReaderError(f"There is no {kind} called {given!r}: {hint}")


@contextmanager
def lone_numbers_explained() -> Iterator[None]:
    """Answer PyTorch's error about a channel of one number, where a network runs in training mode in a ``with`` block.

    Raises:
        ReaderError: Batch norm was given one image whose map is one cell, so that it has no variance to take.
    """
    try:
        yield
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        raise ReaderError(
            "One image whose map is a single cell reached batch norm in training mode, where it has no variance: "
            "give two images or more, a batch_size that leaves no image alone, or larger images."
        ) from error
