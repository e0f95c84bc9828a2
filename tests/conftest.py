from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

mpl.use("agg")

# Notebooks that tests are made of are no notebooks of the book for nbval to compare.
collect_ignore_glob = ["*.ipynb"]


@pytest.fixture(scope="session")
def displayed() -> Callable[[Callable[[], Any]], list[dict[str, Any]]]:
    """Call a function as a cell would, and return the data of what it displayed, by MIME type."""
    InteractiveShell.instance()  # without a shell, IPython prints what it should display

    def outputs_of(act: Callable[[], Any]) -> list[dict[str, Any]]:
        with capture_output() as captured:
            act()
        return [output.data for output in captured.outputs]

    return outputs_of
