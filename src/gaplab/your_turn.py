"""The "Your turn" sections: a function of a reader's choices, live with a kernel, finished on the page."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import ipywidgets

from gaplab.conditions import STATIC
from gaplab.errors import ReaderError


def your_turn(function: Callable[..., None], adds: str, **controls: ipywidgets.Widget) -> ipywidgets.VBox | None:
    """Let the reader choose, and call ``function`` with the choices.

    Args:
        function: Draws or prints for one choice of every control; a `ReaderError` is shown as its sentence.
        adds: What running the chapter adds; shown on the page under the finished picture.
        **controls: One ipywidgets control for each of the function's arguments, each with a ``description``.

    Returns:
        The controls and the output, for a live kernel to show; on the page, nothing.
    """
    if os.environ.get(STATIC):
        function(**{name: control.value for name, control in controls.items()})
        print(f"This is the first choice.\nRun the chapter to {adds}.")
        return None

    def guarded(**choices: Any) -> None:
        try:
            function(**choices)
        except ReaderError as problem:
            print(problem)

    output = ipywidgets.interactive_output(guarded, controls)
    return ipywidgets.VBox([*controls.values(), output])
