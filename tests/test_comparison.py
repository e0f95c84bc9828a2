"""What may differ between two runs of a notebook, and what may not: one notebook, run once, judged cell by cell."""

import json
import re
import subprocess
import sys

import nbformat
import pytest

from gaplab import comparison
from gaplab.claims import CAVEATS, FAILS

PRINTED = "GAP loses -66.5 ± 2.7 points, 57 % of 2,049 pictures (3 seeds), 1.5e-04 in all"
TABLE = "<table><tr><th>head</th><th>right</th></tr><tr><td>gap</td><td>87.2</td></tr></table>"
STATE = '<script type="application/json">{"p": [0.5,0.61]}</script>'
MODULE = '<script type="module">const p = [0.5,0.61];</script>'
VERDICT = {"value": 0.0656, "spread": 0.0031, "seeds": [0, 1, 2], "stands_if": [0.0, 0.5], "verdict": FAILS}
VERDICT |= {"claim": "G6", "unit": "of the gradient's length", "because": "It turns by 0.40.", "cell": "noise"}


def printing(stored):
    return f"print({PRINTED!r})", nbformat.v4.new_output("stream", name="stdout", text=stored + "\n")


def showing(mime, shown, stored):
    source = f"from IPython.display import display\ndisplay({{{mime!r}: {shown!r}}}, raw=True)"
    return source, nbformat.v4.new_output("display_data", {mime: stored})


def styled(rule):
    return f'<style>p {{ line-height: {rule} }}</style><p style="width: 50.5%">GAP keeps 50.0 %.</p>'


def table(*change, mime="text/html"):
    assert TABLE.count(change[0]) == 1
    return showing(mime, TABLE, TABLE.replace(*change))


def said(*change):
    assert PRINTED.count(change[0]) == 1
    return printing(PRINTED.replace(*change))


def record(**change):
    return showing(comparison.VERDICT_MIME, VERDICT, VERDICT | change)


ALLOWED = {
    "the same": printing(PRINTED),
    "a unit less": said("2.7", "2.6"),
    "a unit more": said("66.5", "66.6"),
    "a percentage": said("57 %", "58 %"),
    "a mantissa": said("1.5e-04", "1.6e-04"),
    "several": said("66.5 ± 2.7 points, 57 %", "66.4 ± 2.8 points, 56 %"),
    "across a carry": (
        "print('1,000.0 points')",
        nbformat.v4.new_output("stream", name="stdout", text="999.9 points\n"),
    ),
    "in HTML": table("87.2", "87.1"),
    "in Markdown": table("87.2", "87.3", mime="text/markdown"),
    "in plain text": table("87.2", "87.3", mime="text/plain"),
    "in text beside a style": showing("text/html", styled(1.45), styled(1.45).replace("50.0", "50.1")),
    "in a widget's state": showing("text/html", STATE, STATE.replace("0.61", "0.62")),
    "in a record": record(value=0.0655),
    "in a record's spread": record(spread=0.0032),
    "in a record's sentence": record(because="It turns by 0.41."),
}
REFUSED = {
    "two units": said("2.7", "2.9"),
    "two units of a percentage": said("57 %", "55 %"),
    "a lost minus": said("-66.5", "66.5"),
    "another count of decimals": said("66.5", "66.50"),
    "another exponent": said("1.5e-04", "1.5e-05"),
    "a whole number": said("2,049", "2,050"),
    "a count of seeds": said("3 seeds", "4 seeds"),
    "a word": said("loses", "gains"),
    "the order": said("points", "pictures,"),
    "one number too far among others": said("66.5 ± 2.7", "66.4 ± 3.7"),
    "a missing column": table("<td>87.2</td>", ""),
    "an added row": table("</table>", "<tr><td>max</td><td>87.2</td></tr></table>"),
    "two units in HTML": table("87.2", "87.4"),
    "a style": showing("text/html", styled(1.45), styled(1.46)),
    "a width": showing("text/html", styled(1.45), styled(1.45).replace("50.5", "50.6")),
    "a module": showing("text/html", MODULE, MODULE.replace("0.61", "0.62")),
    "marks of thousands": ("print('1,000.5')", nbformat.v4.new_output("stream", name="stdout", text="1000.5\n")),
    "the form of an exponent": said("1.5e-04", "0.00015"),
    "another verdict": record(verdict=CAVEATS),
    "two units in a record": record(value=0.0658),
    "two units in a record's spread": record(spread=0.0029),
    "a spread where none was": showing(
        comparison.VERDICT_MIME, VERDICT | {"seeds": [], "spread": 0.0}, VERDICT | {"seeds": []}
    ),
    "a record's seeds": record(seeds=[0, 1, 3]),
    "a record's interval": record(stands_if=[0.0, 0.4]),
    "a record's claim": record(claim="G5"),
}
EXACT = {"exact: the same": printing(PRINTED), "exact: a unit less": said("2.7", "2.6")}
CELLS = ALLOWED | REFUSED | EXACT


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return nbval's outcome of each cell by its name, and all that it printed."""
    cells = [
        nbformat.v4.new_code_cell(
            source, outputs=[output], execution_count=1, id=re.sub(r"\W+", "-", name),
            metadata={"tags": [comparison.EXACT] if name in EXACT else []},
        )
        for name, (source, output) in CELLS.items()
    ]  # fmt: skip
    path = tmp_path_factory.mktemp("compared") / "01_cells.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    options = ("--nbval", "--nbval-current-env", "-p", "gaplab.comparison", "-p", "no:cacheprovider", "-rA", "-q")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, path.name],
        cwd=path.parent, capture_output=True, encoding="utf-8",
    )  # fmt: skip
    outcomes = {int(number): word for word, number in re.findall(r"^(PASSED|FAILED) .*Cell (\d+)", done.stdout, re.M)}
    return {name: outcomes[number] for number, name in enumerate(CELLS)}, done.stdout


@pytest.mark.parametrize("name", [*ALLOWED, "exact: the same"])
def test_a_unit_of_the_last_digit_of_a_measured_number_may_differ(run, name):
    assert run[0][name] == "PASSED"


@pytest.mark.parametrize("name", [*REFUSED, "exact: a unit less"])
def test_nothing_else_may_differ(run, name):
    assert run[0][name] == "FAILED"


def test_each_number_that_moved_is_printed_with_its_units(run):
    assert "01_cells.ipynb a-unit-less: 2.6 is 2.7 here, 1 unit away" in run[1]
    assert "01_cells.ipynb two-units: 2.9 is 2.7 here, 2 units away" in run[1]
    assert "the-same:" not in run[1]


@pytest.mark.parametrize("text", ["resnet50", "v0.29.1", "0.5rem", "12 px", "1,024", "#cell-1.5em", "3 of 4"])
def test_a_number_without_decimals_or_in_a_name_is_not_measured(text):
    assert comparison.MEASURED.findall(text) == []


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("[0.5,0.61,7]", ["0.5", "0.61"]),
        ("12,345.6 and 0.0 %", ["12,345.6", "0.0"]),
        ("56 / 57 %.", ["57"]),
        ("100% (1.2e-05)", ["100", "1.2e-05"]),
    ],
)
def test_a_number_with_decimals_or_a_percent_sign_is_measured(text, numbers):
    assert comparison.MEASURED.findall(text) == numbers


@pytest.mark.parametrize("name", ["06_verdict.ipynb", "index.ipynb", "mock.ipynb"])
def test_a_page_that_repeats_what_chapters_stored_measures_nothing(name):
    assert not comparison.MEASURING.match(name)
    assert comparison.MEASURING.match("05_average_vs_max_gradients.ipynb")


def test_json_of_a_figure_settles_text_by_text():
    moved = []
    stored = {"name": "fig-a", "alt": "It falls to 0.75.", "caption": "At 3 rates."}
    assert comparison.settle(stored, stored | {"alt": "It falls to 0.76."}, moved) == stored
    assert comparison.settle(stored, json.loads(json.dumps(stored | {"caption": "At 4 rates."})), moved) != stored
    assert moved == ["0.75 is 0.76 here, 1 unit away"]
