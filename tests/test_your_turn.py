import ipywidgets
import pytest

from gaplab import conditions, your_turn
from gaplab.errors import ReaderError


def controls():
    return {"network": ipywidgets.Dropdown(options=["a", "b"], value="a"), "size": ipywidgets.IntText(value=3)}


def test_the_page_shows_the_first_choice_and_what_running_adds(monkeypatch, capsys):
    monkeypatch.setenv(conditions.STATIC, "1")
    seen = []
    assert your_turn.your_turn(lambda network, size: seen.append((network, size)), "choose more", **controls()) is None
    assert seen == [("a", 3)]
    assert "Run the chapter to choose more." in capsys.readouterr().out


def test_a_kernel_follows_the_reader(monkeypatch):
    monkeypatch.delenv(conditions.STATIC, raising=False)
    seen, given = [], controls()
    box = your_turn.your_turn(lambda network, size: seen.append((network, size)), "x", **given)
    given["network"].value = "b"
    given["size"].value = 5
    assert seen == [("a", 3), ("b", 3), ("b", 5)]
    assert list(box.children[:2]) == list(given.values())


def test_a_bad_choice_is_shown_as_its_sentence(monkeypatch, capsys):
    monkeypatch.delenv(conditions.STATIC, raising=False)

    def refuse(network, size):
        raise ReaderError(f"A size of {size} is too small: choose 4 or more.")

    your_turn.your_turn(refuse, "x", **controls())
    assert capsys.readouterr().out.endswith("A size of 3 is too small: choose 4 or more.\n")


def test_a_mistake_in_the_code_is_not_swallowed(monkeypatch):
    monkeypatch.setenv(conditions.STATIC, "1")
    with pytest.raises(ZeroDivisionError):
        your_turn.your_turn(lambda network, size: 1 / 0, "x", **controls())
