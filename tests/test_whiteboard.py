"""The whiteboard: its checks accept right answers in any style, and refuse every wrong one, whatever is drawn."""

import ast
import base64
import gzip
import hashlib
import re
import runpy
import types
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from gaplab import ReaderError, counting, whiteboard
from gaplab.interview.questions import LEVELS
from gaplab.whiteboard import blur_pool, judging
from gaplab.whiteboard.judging import Draws

HERE = Path(__file__).parent
BOOK = HERE.parent / "book"
ANSWERS = {
    name: given
    for file in ("without_torch.py", "with_torch.py")
    for name, given in runpy.run_path(str(HERE / "whiteboard" / file))["ANSWERS"].items()
}
SOURCE = (BOOK / "interview" / "whiteboard.py").read_text(encoding="utf-8")
CELLS = {
    name: text.strip() for name, text in re.findall(r'(?ms)^# %% name="([\w-]+)"[^\n]*\n(.*?)(?=^# %%|\Z)', SOURCE)
}
RIGHT = [(name, place) for name in ANSWERS for place in range(len(ANSWERS[name]["right"]))]
WRONG = [(name, label) for name in ANSWERS for label, _ in ANSWERS[name]["wrong"]]
SEEDS = 200

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning")


def defined(name, code):
    """Run an answer's code; what it does not define is the model solution's."""
    model = whiteboard.QUESTIONS[name]
    space = {each: getattr(model, each) for each in whiteboard.wanted(name)}
    space |= {"np": np, "torch": torch, "F": F, "nn": nn, "model": model, "model_blur": blur_pool.blur_pool}
    exec(code, space)
    return [space[each] for each in whiteboard.wanted(name)]


def right(name, place):
    return defined(name, ANSWERS[name]["right"][place])


def wrong(name, label):
    return defined(name, dict(ANSWERS[name]["wrong"])[label])


def test_there_are_at_least_fourteen_questions_each_with_three_answers_of_both_kinds():
    assert len(whiteboard.QUESTIONS) >= 14
    assert set(ANSWERS) == set(whiteboard.QUESTIONS)
    assert all(len(given["right"]) >= 3 and len(given["wrong"]) >= 3 for given in ANSWERS.values())


@pytest.mark.parametrize("name", whiteboard.QUESTIONS)
def test_the_model_solution_is_accepted_and_the_untouched_stub_refused(name):
    model = whiteboard.QUESTIONS[name]
    solution = [getattr(model, each) for each in whiteboard.wanted(name)]
    assert whiteboard.sentence(name, *solution, seed=5) == ""
    assert whiteboard.sentence(name, *defined(name, CELLS[f"{name}-stub"]))


@pytest.mark.parametrize(("name", "place"), RIGHT)
def test_a_right_answer_is_accepted(name, place):
    answer = right(name, place)
    assert [whiteboard.sentence(name, *answer, seed=seed) for seed in (1, 2)] == ["", ""]


@pytest.mark.parametrize(("name", "label"), WRONG)
def test_a_wrong_answer_is_refused_in_one_sentence(name, label):
    said = whiteboard.sentence(name, *wrong(name, label))
    assert said.endswith((".", "?")) or "your code stops with" in said
    assert "\n" not in said
    assert len(said) < 300


@pytest.mark.thorough
@pytest.mark.parametrize(("name", "place"), RIGHT)
def test_a_right_answer_is_accepted_whatever_is_drawn(name, place):
    answer = right(name, place)
    said = {seed: whiteboard.sentence(name, *answer, seed=seed) for seed in range(SEEDS)}
    assert {seed: text for seed, text in said.items() if text} == {}


@pytest.mark.thorough
@pytest.mark.parametrize(("name", "label"), WRONG)
def test_a_wrong_answer_is_refused_whatever_is_drawn(name, label):
    answer = wrong(name, label)
    assert [seed for seed in range(SEEDS) if not whiteboard.sentence(name, *answer, seed=seed)] == []


@pytest.mark.parametrize("name", whiteboard.IN_PAGE)
def test_a_check_runs_without_numpy_as_in_the_page(name, monkeypatch):
    answer = right(name, 0)
    monkeypatch.setattr(judging, "np", None)
    assert whiteboard.sentence(name, *answer, seed=3) == ""
    assert whiteboard.sentence(name, *[lambda *_: [[0.5]]] * len(answer))


def test_what_the_page_judges_imports_nothing_that_the_page_has_not():
    for name in (*whiteboard.IN_PAGE, "judging"):
        tree = ast.parse((Path(whiteboard.__file__).parent / f"{name}.py").read_text(encoding="utf-8"))
        found = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        found |= {each.name for node in ast.walk(tree) if isinstance(node, ast.Import) for each in node.names}
        found -= {"numpy"}  # which `judging` does without
        own = {"__future__", "typing", "math", "gaplab.errors", "gaplab.whiteboard.judging"}
        assert found <= own, name


@pytest.mark.parametrize("name", whiteboard.QUESTIONS)
def test_the_page_has_every_part_of_a_question(name):
    question = whiteboard.QUESTIONS[name].QUESTION
    assert question.level in LEVELS
    assert 3 <= question.minutes <= 30
    assert (BOOK / f"{question.chapter}.py").exists()
    assert all(f"`{each}" in question.ask for each in whiteboard.wanted(name) if not name.startswith("spot"))
    assert all(len(text.split()) > 8 for text in (question.ask, question.follow_up, question.answer, question.why))
    assert CELLS[name] == f'whiteboard.ask("{name}")'
    assert CELLS[f"{name}-check"] == f'whiteboard.check("{name}", {", ".join(whiteboard.wanted(name))})'
    assert CELLS[f"{name}-after"] == f'whiteboard.after("{name}")'
    assert (f"{name}-here" in CELLS) == (name in whiteboard.IN_PAGE)


def test_an_answer_that_raises_returns_nothing_or_writes_into_its_input_gets_a_sentence():
    forward, back = whiteboard.QUESTIONS["avg_pool"].avg_pool, whiteboard.QUESTIONS["avg_pool"].avg_pool_backward

    def spoils(x):
        mean = forward(x)
        x *= 2
        return mean

    def two_lines(x):
        raise ValueError("first line\nsecond line")

    class Odd(list):
        def tolist(self):
            raise KeyError("odd")

    answers = (spoils, two_lines, lambda x: None, None, lambda x: Odd(), lambda x: "text", lambda x: [[1], [1, 2]])
    said = [whiteboard.sentence("avg_pool", answer, back) for answer in answers]
    assert "changed what it was given" in said[0]
    assert said[1].endswith("your code stops with ValueError: first line")
    assert "nothing came back" in said[2]
    assert "A function is wanted here" in said[3]
    assert said[4] == "What your code returns cannot be judged, for it leads to KeyError: 'odd'"
    assert "the shape is one number" in said[5]
    assert "lists of different lengths" in said[6]


def test_a_check_prints_and_the_hidden_one_counts(capsys):
    model = whiteboard.QUESTIONS["cost_counter"]
    whiteboard.check("cost_counter", model.cost)
    whiteboard.check("cost_counter", lambda *_: (1, 1))
    whiteboard.hidden({"cost": model.cost, "logits": None})
    whiteboard.hidden(
        {each: getattr(m, each) for n, m in whiteboard.QUESTIONS.items() for each in whiteboard.wanted(n)}
    )
    lines = capsys.readouterr().out.splitlines()
    count = len(whiteboard.QUESTIONS)
    assert lines[0] == "cost: every check passed."
    assert lines[1].endswith("too few.")
    assert lines[2] == f"1 of {count} solved: cost_counter."
    assert lines[3].startswith(f"{count} of {count} solved: ")


def test_a_wrong_name_or_number_of_functions_is_named():
    with pytest.raises(ReaderError, match="did you mean avg_pool"):
        whiteboard.check("avg_pol", None)
    with pytest.raises(ReaderError, match="hand over 2, not 1"):
        whiteboard.check("avg_pool", None)
    with pytest.raises(ReaderError, match="question that the page can judge"):
        whiteboard.judge_in_page("gem")


def test_draws_are_seeded_and_differ():
    assert Draws(1).numbers(2, 3) == Draws(1).numbers(2, 3)
    assert len({Draws(seed).number() for seed in range(SEEDS)}) == SEEDS
    numbers = [Draws(seed).number(-1.0, 1.0) for seed in range(SEEDS)]
    assert abs(sum(numbers) / SEEDS) < 0.15
    assert {Draws(seed).whole(2, 4) for seed in range(SEEDS)} == {2, 3, 4}


def solution(name):
    return types.SimpleNamespace(**vars(whiteboard.QUESTIONS[name]))


def test_pools_agree_with_pytorch():
    x = torch.randn(2, 3, 7, 5, dtype=torch.float64, requires_grad=True)
    grad, maps = torch.randn(2, 3, dtype=torch.float64), x.detach().numpy()
    for name, pooled in (("avg_pool", x.mean((2, 3))), ("max_pool", F.adaptive_max_pool2d(x, 1).flatten(1))):
        (wanted,) = torch.autograd.grad(pooled, x, grad)
        given = x.shape if name == "avg_pool" else maps
        np.testing.assert_allclose(getattr(solution(name), name)(maps), pooled.detach())
        np.testing.assert_allclose(getattr(solution(name), f"{name}_backward")(grad.numpy(), given), wanted)
    for size in ((3, 2), (5, 4), (7, 5), (1, 1)):
        np.testing.assert_allclose(
            solution("adaptive_pool").adaptive_pool(maps, size), F.adaptive_avg_pool2d(x, size).detach()
        )


def test_batch_norm_and_its_running_statistics_agree_with_pytorch():
    x = torch.randn(3, 4, 5, 2, dtype=torch.float64, requires_grad=True)
    layer = nn.BatchNorm2d(4, eps=0.1, momentum=0.2).double()
    nn.init.normal_(layer.weight)
    nn.init.normal_(layer.bias)
    y, grad = layer(x), torch.randn(3, 4, 5, 2, dtype=torch.float64)
    wanted = torch.autograd.grad(y, (x, layer.weight, layer.bias), grad)
    maps, gamma, beta = (each.detach().numpy() for each in (x, layer.weight, layer.bias))
    np.testing.assert_allclose(solution("batch_norm").batch_norm(maps, gamma, beta, 0.1), y.detach())
    found = solution("batch_norm").batch_norm_backward(grad.numpy(), maps, gamma, 0.1)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)
    new = solution("spot_statistics").update(np.zeros(4), np.ones(4), maps, 0.2)
    np.testing.assert_allclose(new[0], layer.running_mean)
    np.testing.assert_allclose(new[1], layer.running_var)


def test_the_counter_agrees_with_the_book_and_the_receptive_field_with_the_follow_up():
    names = ("kind", "out", "kernel", "stride", "padding", "groups", "bias")
    layers = [
        dict(zip(names, ("conv", 64, 7, 2, 3, 1, False), strict=True)),
        {"kind": "norm"},
        {"kind": "max", "kernel": 3, "stride": 2, "padding": 1},
        dict(zip(names, ("conv", 32, 3, 1, 1, 16, True), strict=True)),
        {"kind": "gap"},
        {"kind": "linear", "out": 10, "bias": True},
    ]
    network = nn.Sequential(
        nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.MaxPool2d(3, 2, 1),
        nn.Conv2d(64, 32, 3, 1, 1, groups=16), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10),
    ).eval()  # fmt: skip
    parameters, multiply_adds = solution("cost_counter").cost(layers, 3, 45, 60)
    assert parameters == sum(each.numel() for each in network.parameters())
    assert multiply_adds == counting.total_macs(network, (1, 3, 45, 60))
    blocks = [(stride, count) for stride, count in ((1, 3), (2, 4), (2, 6), (2, 3))]
    path = [(7, 2, 1), (3, 2, 1)]
    for stride, count in blocks:
        path += [(3, stride, 1)] + [(3, 1, 1)] * (count - 1)
    assert solution("receptive_field").receptive_field(path) == (427, 32)


def test_micropython_is_what_its_first_lines_say():
    text = (BOOK / "_assets" / "micropython" / "micropython.js").read_text(encoding="utf-8")
    for key, name in (("module", "micropython.mjs"), ("wasm", "micropython.wasm")):
        packed = re.search(rf'{key}: "([^"]+)"', text)[1]
        digest = hashlib.sha256(gzip.decompress(base64.b64decode(packed))).hexdigest()
        assert f"{name}: sha256 {digest}" in text
