"""The pages of the interview kit, written from the question bank: folded answers, lists, spoken answers."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from gaplab import contents, figures, markup
from gaplab.claims import Verdict
from gaplab.errors import ReaderError, unknown_name
from gaplab.interview import conversation, speech
from gaplab.interview.conversation import Interruption, Ladder
from gaplab.interview.questions import KINDS, LEVELS, Question, papers
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


PROGRESS = "gaplab-mock-interview"
"""Under this name the browser keeps what the mock interview knows of its reader."""


def interruptions(questions: Sequence[Question], book: Path = Path("..")) -> list[Interruption]:
    """Read what interviewers throw in; ``book`` is the book's folder, which a page of the kit has above it."""
    return conversation.interruptions(book, questions)


def ladders(questions: Sequence[Question], book: Path = Path("..")) -> list[Ladder]:
    """Read the ladders, one a chapter; ``book`` as in `interruptions`."""
    return conversation.ladders(book, questions)


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


def ask(questions: Iterable[Question], book: Path = Path("..")) -> None:
    """Show questions whose answers unfold, with their follow-ups, wrong answers, rubric, sources and proof."""
    named = papers(book)
    figures.say("\n\n".join(_written(question, named) for question in questions))


def _written(question: Question, named: Mapping[str, str]) -> str:
    """Write a question as Markdown: HTML folds it, and its texts stay Markdown, so that equations are typeset."""
    only = ("answered by this book's measurements",) if question.measured_here else ()
    tags = ", ".join((KIND_TITLES[question.kind].lower(), *only, *question.claims, *question.topics))
    follow_ups = "\n\n".join(_fold(f"Follow-up: {f.ask}", f.answer) for f in question.follow_ups)
    wrong = "\n".join(f"- *{w.says}* {w.why}" for w in question.wrong)
    rubric = "\n".join(f"- {point}" for point in question.rubric)
    proof = f'<a href="{proof_address(question)}">Chapter {question.chapter} proves it</a>'
    read = "; ".join(
        f'<a href="../reference/bibliography.html#{key}">{html.escape(named[key])}</a>' for key in question.sources
    )
    parts = (
        f'<p class="gaplab-tags">{html.escape(tags)}</p>',
        _aloud(f"**In 30 seconds.** {question.short}"),
        _fold("Full answer", question.full),
        follow_ups,
        _fold("Wrong answers, and why", wrong),
        _fold("What an interviewer ticks", rubric),
        f'<p class="gaplab-tags">{proof}.{f" To read: {read}." if read else ""}</p>',
    )
    return _fold(question.ask, "\n\n".join(parts), question.id)


def _fold(summary: str, markdown: str, name: str = "") -> str:
    return markup.fold(html.escape(summary, quote=False), f"\n\n{markdown}\n\n", name)


def _aloud(markdown: str) -> str:
    """Mark what the page can read aloud; see `read_aloud`."""
    return f'<div class="gaplab-spoken">\n\n{markdown}\n\n</div>'


_OPENER = """<script>
{
  const open = () => {
    const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let each = named; each; each = each.parentElement) if (each.matches("details")) each.open = true;
    named?.scrollIntoView();
  };
  addEventListener("hashchange", open);
  addEventListener("DOMContentLoaded", open);
}
</script>"""


def open_linked_answer() -> None:
    """Let a link unfold what it names, and all that it lies in; without scripts the link still leads to it."""
    markup.show(_OPENER, "A link to a question unfolds it.")


_VOICES = """<script>
{
SPEAK
  addEventListener("DOMContentLoaded", () => {
    for (const spoken of hasVoice() ? document.querySelectorAll(".gaplab-spoken") : []) {
      if (spoken.querySelector(".gaplab-voice")) continue;
      const words = spoken.cloneNode(true);
      for (const label of words.querySelectorAll("strong")) label.remove();
      spoken.append(voiceButton(words.textContent));
    }
  });
}
</script>"""


def read_aloud() -> None:
    """Let the page read its spoken answers aloud where the browser has a voice; where it has none nothing is added."""
    speak = Path(__file__).with_name("speak.js").read_text(encoding="utf-8")
    script = _VOICES.replace("SPEAK", speak.replace("export ", ""))
    markup.show(script, "Spoken answers can be read aloud by the browser.")


_DUE = """<div class="gaplab-due"><p>The mock interview keeps a schedule in this browser: what is due today stands here
then.</p></div>
<script>
addEventListener("DOMContentLoaded", () => {
  const place = document.querySelector(".gaplab-due");
  let kept = null;
  try {
    kept = JSON.parse(localStorage.getItem("KEY"));
  } catch { /* a browser that keeps nothing has nothing due */ }
  if (!kept?.cards) return;
  const now = new Date();
  const today = new Date(now - 60_000 * now.getTimezoneOffset()).toISOString().slice(0, 10);
  const links = Object.entries(kept.cards).filter(([, card]) => card.due <= today)
    .map(([id]) => document.querySelector(`a[href$="#${id}"]`)).filter(Boolean);
  const line = document.createElement("p");
  const way = Object.assign(document.createElement("a"), { href: "mock.html", textContent: "the mock interview" });
  const count = links.length === 1 ? "1 question is due today" : `${links.length || "No"} questions are due today`;
  line.append(`${count}; `, way, links.length ? " begins with them." : " has others.");
  const list = document.createElement("ul");
  for (const link of links) {
    const copy = Object.assign(document.createElement("a"), { href: link.getAttribute("href") });
    copy.textContent = link.textContent;
    list.append(Object.assign(document.createElement("li")));
    list.lastChild.append(copy);
  }
  place.replaceChildren(line, ...(links.length ? [list] : []));
});
</script>"""


def due_today() -> None:
    """Show which questions the reader's schedule in the browser has due today; they stand on the page as links."""
    markup.show(_DUE.replace("KEY", PROGRESS), "What the mock interview has due today stands on the page.")


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
    questions: Sequence[Question],
    verdicts: Mapping[str, Verdict],
    line: str,
    number: str,
    remember: str,
    trap: str,
    follow_up: str,
) -> None:
    """Show what to say aloud about a chapter: one line, one number, the trap, and what separates candidates.

    Args:
        questions: The bank.
        verdicts: By claim id; they give the number.
        line: The answer in one line.
        number: Id of the claim whose number is to be remembered.
        remember: A sentence with that number, which stands where the braces are, without its sign and spread:
            ``about {:.0f} per cent``.
        trap: A question's id; its first wrong answer is the trap. Another one is named by its number: ``q-near-01:2``.
        follow_up: A question's id; its last follow-up is the one that separates. Another one is named by its number.

    Raises:
        ReaderError: There is no such claim or question, or what is to be said cannot be said in half a minute.
    """
    if number not in verdicts:
        raise unknown_name("verdict", number, verdicts)
    trapped, place = _named(questions, trap, 1)
    wrong = trapped.wrong[place - 1]
    asked, place = _named(questions, follow_up, 0)
    separating = asked.follow_ups[place - 1]
    kept = remember.format(abs(verdicts[number].value))
    limits = {line: speech.HALF_A_MINUTE, kept: speech.HALF_A_MINUTE, wrong.why: speech.TWO_MINUTES}
    for text, limit in limits.items():
        if trouble := speech.problem(text, limit):
            raise ReaderError(f"{text!r} {trouble}.")
    parts = (
        _aloud(f"**Say.** {line}"),
        _aloud(f"**Remember.** {kept}"),
        f"**The trap.** *{wrong.says}* {wrong.why} {_more(trapped)}",
        f"**What separates candidates.** {asked.ask} And then: {separating.ask}",
        _fold("The answer", f"{separating.answer} {_more(asked)}"),
    )
    figures.say("\n\n".join(parts))


def thrown_in(found: Iterable[Interruption], chapter: int) -> None:
    """Show what an interviewer throws in at a chapter, each with its line to recover, folded."""
    own = [entry for entry in found if entry.chapter == chapter]
    folds = [_fold(f"“{entry.says}”", _aloud(entry.recovery)) for entry in own]
    figures.say("\n\n".join(("**When they interrupt.** Answer aloud before you unfold.", *folds)))


def in_two_minutes(chapter: int, book: Path = Path("..")) -> None:
    """Show the chapter's own answer in two minutes, folded, as its notebook says it.

    Raises:
        ReaderError: The chapter's notebook has none.
    """
    label = "**In 2 minutes.**"
    notebook = book / f"{contents.chapters(book)[chapter].page}.ipynb"
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        for output in cell.get("outputs", []):
            text = "".join(output.get("data", {}).get("text/markdown", ""))
            if label in text:
                said = re.sub(r"\s*\n\s*\n\s*", "\n\n", text.partition(label)[2].strip())
                figures.say(_fold("In two minutes", _aloud(said)))
                return
    raise ReaderError(f"{notebook.name} has no answer in two minutes: a text with {label}.")


def _named(questions: Iterable[Question], name: str, default: int) -> tuple[Question, int]:
    id_, _, place = name.partition(":")
    by_id = {question.id: question for question in questions}
    if id_ not in by_id:
        raise unknown_name("question", id_, by_id)
    return by_id[id_], int(place) if place else default


def _more(question: Question) -> str:
    label = f"The whole question: {html.escape(question.ask)}"
    return f'<a href="{address(question)}" aria-label="{label}">The whole question</a>.'
