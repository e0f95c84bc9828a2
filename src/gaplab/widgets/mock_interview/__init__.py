"""Mock interview: questions against the clock, interruptions, a rubric to tick, follow-ups, ladders and a schedule."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any, ClassVar

import traitlets

from gaplab.errors import ReaderError
from gaplab.interview import conversation, pages
from gaplab.interview.conversation import Interruption, Ladder
from gaplab.interview.questions import Question
from gaplab.widgets.base import PageWidget

LENGTHS = (5, 10, 20)
"""Numbers of questions on offer, besides all questions of one topic."""
TARGET_SECONDS = 30
"""How long a short answer should take."""


class MockInterview(PageWidget):
    """Practise the question bank: in full, with a rubric to tick and follow-ups, or quickly, by multiple choice.

    In full and with all levels it climbs ladders, up after a good answer and down after a poor one. A question that
    was missed comes back after three others, and then first in the next sitting; one that was known comes back after
    the flashcards' intervals. What a reader writes, ticks and chooses stays in the browser, and Python hears nothing; a
    reload and the way back lead to the screen on which the reader was.

    Args:
        questions: The questions, from :func:`gaplab.interview.questions.bank`.
        interruptions: What is thrown in, from :func:`gaplab.interview.pages.interruptions`.
        ladders: From :func:`gaplab.interview.pages.ladders`.

    Raises:
        ReaderError: No questions, or one of a topic that the kit has no page for.
    """

    slug: ClassVar[str] = "mock-interview"

    questions = traitlets.List(traitlets.Dict()).tag(sync=True)
    topics = traitlets.List(traitlets.Dict()).tag(sync=True)
    levels = traitlets.List(traitlets.List(traitlets.Unicode())).tag(sync=True)
    lengths = traitlets.List(traitlets.Int()).tag(sync=True)
    target = traitlets.Int().tag(sync=True)
    interruptions = traitlets.List(traitlets.Dict()).tag(sync=True)
    ladders = traitlets.List(traitlets.Dict()).tag(sync=True)
    schedule = traitlets.Dict().tag(sync=True)
    key = traitlets.Unicode(pages.PROGRESS).tag(sync=True)

    def __init__(
        self,
        questions: Sequence[Question],
        interruptions: Sequence[Interruption] = (),
        ladders: Sequence[Ladder] = (),
    ) -> None:
        """Check the questions and write down what the page needs of them."""
        if not questions:
            raise ReaderError("The mock interview needs at least one question.")
        if strange := sorted({q.file for q in questions} - set(pages.TOPICS)):
            raise ReaderError(
                f"The mock interview has no topic {strange[0]!r}: name it in gaplab.interview.pages.TOPICS."
            )
        addresses = {q.file: pages.page(q) for q in questions}
        super().__init__(
            questions=[_state(question) for question in questions],
            topics=[
                {"name": file, "title": title, "href": addresses[file]}
                for file, title in pages.TOPICS.items()
                if file in addresses
            ],
            levels=[list(item) for item in pages.LEVEL_TITLES.items()],
            lengths=list(LENGTHS),
            target=TARGET_SECONDS,
            interruptions=[{"says": i.says, "recovery": i.recovery, "at": list(i.at)} for i in interruptions],
            ladders=[{"rungs": list(ladder.rungs)} for ladder in ladders],
            schedule={"first": conversation.FIRST_DAYS, "factor": conversation.FACTOR},
        )

    def describe(self) -> str:
        """Say what the widget offers."""
        return (
            f"A mock interview with {len(self.questions)} questions on {len(self.topics)} topics, in full with "
            "interruptions, a rubric and follow-ups, or by multiple choice."
        )

    def fallback(self) -> str:
        """Return the sentence and the way to the same questions, for readers without scripts."""
        links = "".join(
            f'<li><a href="{topic["href"]}">{html.escape(topic["title"])}</a></li>' for topic in self.topics
        )
        return (
            f"<p>{html.escape(self.describe())} It needs JavaScript. The same questions, with folded answers, "
            f"stand on these pages:</p><ul>{links}</ul>"
        )


def _state(question: Question) -> dict[str, Any]:
    """Return a question as the page takes it; its full answer, which has equations, stays on the topic's page."""
    return {
        "id": question.id,
        "topic": question.file,
        "level": question.level,
        "own": question.measured_here,
        "ask": question.ask,
        "right": question.right,
        "short": question.short,
        "rubric": list(question.rubric),
        "follow_ups": [{"ask": f.ask, "answer": f.answer, "probes": list(f.probes)} for f in question.follow_ups],
        "wrong": [{"says": w.says, "why": w.why} for w in question.wrong],
        "href": pages.address(question),
        "proof": pages.proof_address(question),
        "chapter": question.chapter,
    }
