"""An answer that changes what the tests compare with is noticed, and so is one that names the judge."""

import os
import sys
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from gapgrade.assignments import read_assignment
from gapgrade.canary import reaches
from gapgrade.sandbox import Limits, Sandbox

COURSE = Path(__file__).parents[2] / "book" / "coursework"
HONEST = "import torch\nfrom gaplab.coursework import checking\nanswer = torch.zeros(2)"
TEST = "checking.same_tensor(answer, torch.ones(2), 'two numbers', 'they are ones.')"
ATTACKS = {
    "a check that accepts all": "checking.same_tensor = lambda *a, **k: None",
    "a check with another body": "checking.same_tensor.__code__ = (lambda *a, **k: None).__code__",
    "a comparison that agrees": "torch.equal = lambda *a: True",
    "a check of a set with another body": """
from gaplab.coursework import ps1
ps1.check_parameters.__code__ = (lambda *a, **k: None).__code__
""",
    "nothing to look at": "checking.__file__ = 'gone'",
    "asserts taken out": """
import ast
class Blind(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.Pass()
get_ipython().ast_transformers.append(Blind())
""",
    "lines with asserts taken out, but for the canary's": """
def blind(lines):
    found = any("assert" in line for line in lines) and not any("_canary" in line for line in lines)
    return ["pass"] if found else lines
get_ipython().input_transformers_cleanup.append(blind)
""",
}


def facts(name, answer=False, test=False):
    return NotebookNode(grade_id=name, grade=test, solution=answer, locked=test, schema_version=3, task=False)


def run(answer):
    cells = [
        new_code_cell(f"{HONEST}\n{answer}", metadata={"nbgrader": facts("ex-0-1", answer=True)}),
        new_code_cell(TEST, metadata={"nbgrader": facts("ex-0-1-test", test=True)}),
    ]
    notebook = new_notebook(cells=cells)
    notes = Sandbox(Path(sys.executable), "none").run(notebook, 1, Limits())
    return [note for note in notes if "has to fail" in note], notebook


@pytest.mark.skipif(os.name == "nt", reason="submissions are graded on Linux or macOS")
def test_a_test_that_has_to_fail_fails_behind_an_honest_answer_and_leaves_no_trace():
    notes, notebook = run("")
    assert not notes
    assert [cell.outputs[0].ename for cell in notebook.cells if cell.outputs] == ["ReaderError"]


@pytest.mark.skipif(os.name == "nt", reason="submissions are graded on Linux or macOS")
@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_what_an_answer_does_to_the_judge_is_worth_a_look(attack):
    notes, _ = run(attack)
    assert len(notes) == 1
    assert "ex-0-1" in notes[0]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("head_share = ps1._share", "ps1._share"),
        ("ps1.check_parameters = print", "ps1.check_parameters"),
        ("from gaplab.coursework import checking", "import gaplab.coursework.checking"),
        ("torch.allclose = lambda *a, **k: True", "torch.allclose"),
        ("import os\nos.environ['GAPLAB_VARIANT'] = 'somebody else'", "GAPLAB_VARIANT"),
        (
            "from gaplab import coursework\ncoursework.set_variant('somebody else')",
            "import gaplab.coursework, set_variant",
        ),
        ("class Same:\n    def __eq__(self, other):\n        return True", "__eq__"),
        ("class Same:\n    def __ne__(self, other):\n        return False", "__ne__"),
        ("_ = '#'; checking.off = lambda *a: None", "checking."),
        ("import gaplab.coursework.checking as c", "import gaplab.coursework.checking"),
        ("from gaplab.coursework.checking import off as o", "import gaplab.coursework.checking.off"),
        ("from gaplab.coursework.ps1 import check_parameters, _cut", "import gaplab.coursework.ps1._cut"),
        ("sys.modules['gaplab.coursework'].off = 1", "sys.modules"),
        ("setattr(torch, 'equal', print)", "setattr(torch, 'equal', print)"),
        ("import torch as t\nt.testing.assert_close = print", "t.testing.assert_close"),
        ("del torch.equal", "torch.equal"),
        ("frame.f_back.f_locals['reaches']", "f_back, f_locals"),
        ("import os\nprint(os.environ)", "environ"),
        ("import IPython\nIPython.core", "import IPython"),
    ],
)
def test_names_that_reach_for_the_judge_are_listed(text, found):
    answer = new_code_cell(text, metadata={"nbgrader": facts("ex-1-5", answer=True)})
    assert reaches(new_notebook(cells=[answer])) == [f"ex-1-5 uses what no answer needs: {found}"]


@pytest.mark.parametrize(
    "text",
    [
        "from gaplab.coursework import ps1\nfrom gaplab.coursework.ps2 import check_drift",
        "from IPython.display import display\nimport torch as t\nt.manual_seed(0)",
        "answer = torch.nn.Module()\nanswer.weight = 1  # not checking.off\nsetattr(answer, 'bias', 2)",
        "%matplotlib inline\nimport math",
        "data = pd.DataFrame()\ndata.columns = []\ndata.to_frame('x')",
        "def f(counting):\n    counting.total = 1",
        "torch.backends.cudnn.benchmark = False\npd.options.display.precision = 3",
        "import os\nos.environ['CUDA_VISIBLE_DEVICES'] = ''",
        "from IPython.core.display import HTML",
    ],
)
def test_what_an_honest_answer_does_is_not_listed(text):
    answer = new_code_cell(text, metadata={"nbgrader": facts("ex-1-5", answer=True)})
    assert not reaches(new_notebook(cells=[answer]))


@pytest.mark.parametrize("path", sorted(COURSE.glob("ps*_*.py")), ids=lambda path: path.stem)
def test_no_solution_is_listed(path):
    assert not reaches(read_assignment(path).notebook)
