"""The museum of real bugs: an exhibit's folded answer, and the proof that its test catches the bug and passes its mend.

The exhibits themselves are cells of ``book/interview/museum.py``: code that a reader has to find the fault in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gaplab import figures, markup
from gaplab.errors import ReaderError


def answer(cause: str, history: Mapping[str, str]) -> None:
    """Show what is wrong with an exhibit, folded, with its public history.

    Args:
        cause: What is wrong, why it was seen late, and the mend, as Markdown.
        history: Address of each thread or change, by the words of its link.

    Raises:
        ReaderError: There is no history: an exhibit is a bug that happened.
    """
    if not history:
        raise ReaderError("This exhibit has no history: name the thread or the change in which the bug was public.")
    links = "\n".join(f"- [{words}]({address})" for words, address in history.items())
    figures.say(markup.fold("What is wrong?", f"\n\n{cause.strip()}\n\n**History.**\n\n{links}\n\n"))


def caught(test: Callable[[Any], None], bug: Any, mend: Any) -> None:
    """Run an exhibit's test on the bug, which must fail it, and on the mend, which must pass.

    It says no more than that: what the test asks would give the fault away beside the code.

    Args:
        test: Takes the code under test, and raises an error if it is wrong.
        bug: The code as it was.
        mend: The code as it should have been.

    Raises:
        ReaderError: The test passes on the bug, or fails on the mend.
    """
    failed = failure(test, bug)
    if failed is None:
        raise ReaderError("The test passes on the bug, so it guards nothing: ask for what the bug gets wrong.")
    if problem := failure(test, mend):
        raise ReaderError(f"The test fails on the mend as well: {problem}")
    figures.say(
        f"The test that would have caught it fails on this code ({type(failed).__name__}) and passes on the mend."
    )


def failure(test: Callable[[Any], None], code: Any) -> Exception | None:
    """Return the error with which a test refuses some code, or nothing if it passes."""
    try:
        test(code)
    except Exception as problem:
        return problem
    return None
