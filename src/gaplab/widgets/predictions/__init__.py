"""Predictions: questions to answer before a measurement, each with feedback at once."""

from __future__ import annotations

import html
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import traitlets

from gaplab.errors import ReaderError
from gaplab.widgets.base import PageWidget


@dataclass(frozen=True)
class Choice:
    """One answer on offer: its words, and the measured values for which it is right, ``low <= value < high``."""

    label: str
    low: float
    high: float


@dataclass(frozen=True)
class Question:
    """One question.

    Attributes:
        ask: The question, in words.
        choices: The answers on offer; their intervals must not overlap.
        right: Position of the right answer, which `Predictions.settle` holds against the measurement.
        cell: Name of the cell that measures it.
    """

    ask: str
    choices: Sequence[Choice]
    right: int
    cell: str


class Predictions(PageWidget):
    """Choose an answer to each question; learn at once whether it is right, and where it is measured.

    The answer is needed before the chapter has measured it, so it is written down, and the chapter fails where the
    measurement says otherwise: each question is to be settled by the cell that it names.

    Args:
        questions: The questions, in order.

    Raises:
        ReaderError: No questions, fewer than two choices, a position that does not exist or intervals that overlap.
    """

    slug: ClassVar[str] = "predictions"
    kept: ClassVar[tuple[str, ...]] = ("chosen",)

    questions = traitlets.List(traitlets.Dict()).tag(sync=True)
    chosen = traitlets.List(traitlets.Int()).tag(sync=True)

    def __init__(self, questions: Sequence[Question]) -> None:
        """Check the questions."""
        if not questions:
            raise ReaderError("Predictions need at least one question.")
        for number, question in enumerate(questions, 1):
            ordered = sorted(question.choices, key=lambda choice: choice.low)
            if len(ordered) < 2 or not 0 <= question.right < len(ordered):
                raise ReaderError(f"Question {number} needs two or more choices, one of them right.")
            if any(a.high > b.low for a, b in itertools.pairwise(ordered)):
                raise ReaderError(f"Question {number} has choices that overlap: a value must belong to one of them.")
        self._questions = tuple(questions)
        super().__init__(
            questions=[
                {"ask": q.ask, "choices": [c.label for c in q.choices], "right": q.right, "cell": q.cell}
                for q in questions
            ],
            chosen=[-1] * len(questions),
        )

    def settle(self, number: int, value: float) -> None:
        """Hold a question's answer against the measurement.

        Args:
            number: The question, counted from 1.
            value: What was measured, in the unit of the choices' intervals.

        Raises:
            ReaderError: There is no such question, or the value belongs to another answer than the one called right.
        """
        if not 1 <= number <= len(self._questions):
            raise ReaderError(f"There is no question {number}: choose 1 to {len(self._questions)}.")
        question = self._questions[number - 1]
        choice = question.choices[question.right]
        if not choice.low <= value < choice.high:
            raise ReaderError(
                f"Question {number} calls {choice.label!r} right, but {value:g} was measured: change its answer."
            )

    def describe(self) -> str:
        """List the questions and their choices, without the answers."""
        lines = [f"{n}. {q.ask} {' / '.join(c.label for c in q.choices)}" for n, q in enumerate(self._questions, 1)]
        return "\n".join(lines)

    def fallback(self) -> str:
        """Return the questions as a list; the chapter answers them further down."""
        items = "".join(
            f"<li>{html.escape(q.ask)} {html.escape(' / '.join(c.label for c in q.choices))} "
            f'<a href="#{q.cell}">Where it is measured</a></li>'
            for q in self._questions
        )
        return f"<ol>{items}</ol>"
