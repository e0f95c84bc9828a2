"""The pages of the interview kit, written from the question bank: folded answers, lists, spoken answers."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Mapping, Sequence

import pandas as pd

from gaplab import figures, markup
from gaplab.claims import Verdict
from gaplab.errors import unknown_name
from gaplab.interview.questions import KINDS, LEVELS, Question
from gaplab.interview.questions import bank as bank  # the pages of the kit need this one module

TOPICS = {
    "1_parameter_count": "Parameter count",
    "2_translation_invariance": "Translation invariance",
    "3_nin_lineage": "NIN lineage",
    "4_variable_input_size": "Input size",
    "5_gradients": "Average against maximum gradients",
    "6_neighbourhood": "The neighbourhood",
}
"""Title of each topic, by the name of its file of questions; the last one goes beyond the five chapters."""
LEVEL_TITLES = {"screen": "Screen", "onsite": "On site", "expert": "Expert"}
KIND_TITLES = {
    "explain": "Explain",
    "compute": "Compute",
    "compare": "Compare",
    "debug": "Find the fault",
    "design": "Design",
}


def page(question: Question) -> str:
    """Return the page of a question, seen from another page of the kit."""
    return f"{question.file.partition('_')[2]}.html"


def address(question: Question) -> str:
    """Return the link to a question, seen from another page of the kit."""
    return f"{page(question)}#{question.id}"


def proof_address(question: Question) -> str:
    """Return the link to the cell that proves a question's answer, seen from a page of the kit."""
    chapter, _, cell = question.proof.partition("#")
    return f"../{chapter}.html#{cell}"


def ask(questions: Iterable[Question]) -> None:
    """Show questions whose answers unfold, with their follow-ups, wrong answers, rubric and proof."""
    figures.say("\n\n".join(map(_written, questions)))


def _written(question: Question) -> str:
    """Write a question as Markdown: HTML folds it, and its texts stay Markdown, so that equations are typeset."""
    tags = ", ".join((KIND_TITLES[question.kind].lower(), *question.claims, *question.topics))
    follow_ups = "\n\n".join(_fold(f"Follow-up: {f.ask}", f.answer) for f in question.follow_ups)
    wrong = "\n".join(f"- *{w.says}* {w.why}" for w in question.wrong)
    rubric = "\n".join(f"- {point}" for point in question.rubric)
    proof = f'<a href="{proof_address(question)}">Chapter {question.chapter} proves it</a>'
    parts = (
        f'<p class="gaplab-tags">{html.escape(tags)}</p>',
        f"**In 30 seconds.** {question.short}",
        _fold("Full answer", question.full),
        follow_ups,
        _fold("Wrong answers, and why", wrong),
        _fold("What an interviewer ticks", rubric),
        f'<p class="gaplab-tags">{proof}.</p>',
    )
    return _fold(question.ask, "\n\n".join(parts), question.id)


def _fold(summary: str, markdown: str, name: str = "") -> str:
    return markup.fold(html.escape(summary, quote=False), f"\n\n{markdown}\n\n", name)


_OPENER = """<script>
{
  const open = () => {
    const named = document.getElementById(location.hash.slice(1));
    if (named?.matches("details")) named.open = true;
  };
  addEventListener("hashchange", open);
  addEventListener("DOMContentLoaded", open);
}
</script>"""


def open_linked_answer() -> None:
    """Let a link to a question unfold it; without scripts the link still leads to it."""
    markup.show(_OPENER, "A link to a question unfolds it.")


def counts(questions: Sequence[Question]) -> None:
    """Show how many questions each topic has at each level, as links to them."""
    rows = []
    for file, title in TOPICS.items():
        own = [q for q in questions if q.file == file]
        row: dict[str, str | int] = {"topic": f'<a href="{page(own[0])}">{title}</a>'}
        for level, words in LEVEL_TITLES.items():
            count = sum(q.level == level for q in own)
            anchor = words.lower().replace(" ", "-")  # of the page's heading
            what = f'aria-label="{title}, {words.lower()}: {count} questions"'
            row[words] = f'<a href="{page(own[0])}#{anchor}" {what}>{count}</a>'
        rows.append(row)
    totals = {words: sum(q.level == level for q in questions) for level, words in LEVEL_TITLES.items()}
    rows.append({"topic": "all", **totals})
    caption = f"{len(questions)} questions by topic and level; each number leads to its questions."
    figures.table(pd.DataFrame(rows), caption=caption)


def by_level(questions: Sequence[Question]) -> None:
    """Show each level's questions as a folded list of links."""
    _lists(questions, LEVELS, LEVEL_TITLES, lambda q: q.level)


def by_kind(questions: Sequence[Question]) -> None:
    """Show each kind's questions as a folded list of links."""
    _lists(questions, KINDS, KIND_TITLES, lambda q: q.kind)


def _lists(
    questions: Sequence[Question], names: Iterable[str], titles: Mapping[str, str], name: Callable[[Question], str]
) -> None:
    folds = []
    for wanted in names:
        own = [q for q in questions if name(q) == wanted]
        links = "\n".join(f'- <a href="{address(q)}">{html.escape(q.ask, quote=False)}</a>' for q in own)
        folds.append(_fold(f"{titles[wanted]}: {len(own)} questions", links))
    figures.say("\n\n".join(folds))


def spoken(
    questions: Sequence[Question], verdicts: Mapping[str, Verdict], line: str, number: str, trap: str, follow_up: str
) -> None:
    """Show what to say aloud about a chapter: one line, one number, the trap, and what separates candidates.

    Args:
        questions: The bank.
        verdicts: By claim id; they give the number.
        line: The answer in one line.
        number: Id of the claim whose number is to be remembered.
        trap: A question's id; its first wrong answer is the trap. Another one is named by its number: ``q-near-01:2``.
        follow_up: A question's id; its last follow-up is the one that separates. Another one is named by its number.

    Raises:
        ReaderError: There is no such claim or question.
    """
    if number not in verdicts:
        raise unknown_name("verdict", number, verdicts)
    trapped, place = _named(questions, trap, 1)
    wrong = trapped.wrong[place - 1]
    asked, place = _named(questions, follow_up, 0)
    separating = asked.follow_ups[place - 1]
    entry = verdicts[number]
    parts = (
        f"**Say.** {line}",
        f"**Remember.** **{entry.measured}.** {entry.because}",
        f"**The trap.** *{wrong.says}* {wrong.why} {_more(trapped)}",
        f"**What separates candidates.** {asked.ask} And then: {separating.ask}",
        _fold("The answer", f"{separating.answer} {_more(asked)}"),
    )
    figures.say("\n\n".join(parts))


def _named(questions: Iterable[Question], name: str, default: int) -> tuple[Question, int]:
    id_, _, place = name.partition(":")
    by_id = {question.id: question for question in questions}
    if id_ not in by_id:
        raise unknown_name("question", id_, by_id)
    return by_id[id_], int(place) if place else default


def _more(question: Question) -> str:
    label = f"The whole question: {html.escape(question.ask)}"
    return f'<a href="{address(question)}" aria-label="{label}">The whole question</a>.'
