import json
import re
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

mpl.use("agg")

# Notebooks that tests are made of are no notebooks of the book for nbval to compare.
collect_ignore_glob = ["*.ipynb"]

LONG = (
    "test_site.py",
    "04_variable_input_size.ipynb",
    "test_laboratory.py",
    "test_experiments.py",
    "test_wrong_answers.py",
    "01_parameter_count.ipynb",
    "test_mock_interview.py",
    "test_every_widget.py",
    "02_translation_invariance.ipynb",
    "05_average_vs_max_gradients.ipynb",
    "test_grading.py",
    "test_second_device.py",
)
"""The files that take longest, longest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the long files first: begun last, one of them would go on alone while the other workers have no more to do.

    pytest-xdist keeps to this order with ``--dist loadfile --no-loadscope-reorder``.
    """
    places = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path.name, len(LONG)))


@pytest.fixture(scope="session")
def displayed() -> Callable[[Callable[[], Any]], list[dict[str, Any]]]:
    """Call a function as a cell would, and return the data of what it displayed, by MIME type."""
    InteractiveShell.instance()  # without a shell, IPython prints what it should display

    def outputs_of(act: Callable[[], Any]) -> list[dict[str, Any]]:
        with capture_output() as captured:
            act()
        return [output.data for output in captured.outputs]

    return outputs_of


@pytest.fixture(scope="session")
def payload() -> Callable[[Any], dict[str, Any]]:
    """Read what the page of a widget holds for its module: the module itself, the state and the bytes."""

    def held(widget: Any) -> dict[str, Any]:
        text = re.search(r'<script type="application/json">(.*?)</script>', widget.page_html(), re.DOTALL)
        assert text
        return dict(json.loads(text[1]))

    return held
