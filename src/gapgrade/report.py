"""The page that says what a grading run did, what needs a look and under which conditions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from gapgrade.assignments import Assignment
from gapgrade.course import Record, Result
from gapgrade.sandbox import ISOLATIONS, Limits


@dataclass(frozen=True)
class Run:
    """What happened in one run, for one assignment."""

    fresh: int
    """How many submissions were graded in it."""
    seconds: float
    limits: Limits
    left_out: list[str] = field(default_factory=list)
    """A sentence for each file that is nobody's submission."""
    failed: dict[str, str] = field(default_factory=dict)
    """Why a student's submission was not graded."""
    gone: list[Record] = field(default_factory=list)
    """Who was graded before and is no longer in the folder."""


def report(
    assignment: Assignment, results: Sequence[Result], run: Run, gone: Sequence[str], changes: Sequence[str]
) -> str:
    """Write the page in Markdown.

    Args:
        assignment: What was graded.
        results: All that is known of it, in the order of students.
        run: What happened this time.
        gone: A sentence for each student who is no longer in the folder.
        changes: A sentence for each mark that a person typed and that does not stand as it was typed.
    """
    totals = [result.score for result in results]
    waiting = sum(mark.waiting for result in results for mark in result.marks)
    spread = f"median {median(totals):g}, lowest {min(totals):g}, highest {max(totals):g}" if totals else "none"
    isolations = sorted({result.record.isolation for result in results})
    limits = run.limits
    noted = [
        f"**{result.record.student}** ({result.record.file}): {'; '.join(result.record.notes)}"
        for result in results
        if result.record.notes
    ]
    failed = [f"**{student}**: {why}. The next run tries again" for student, why in sorted(run.failed.items())]
    parts = {
        "Not graded": [*failed, *run.left_out],
        "Worth a look": noted,
        "Late": [f"**{one.record.student}**: {one.late}, {one.penalty:g} points lost" for one in results if one.late],
        "No longer in the folder": gone,
        "Marks that do not stand as they were typed": changes,
    }
    lines = [
        f"# {assignment.title}",
        "",
        f"- Submissions: {len(results)}, of them graded in this run: {run.fresh}, in {run.seconds:.0f} seconds.",
        f"- Points of {assignment.points:g}: {spread}.",
        f"- Waiting to be marked by hand, in `marking.csv`: {waiting} answers.",
        f"- Limits: {limits.in_words}.",
        *(f"- Isolation, {name}: {ISOLATIONS[name]}." for name in isolations),
    ]
    for title, sentences in parts.items():
        if sentences:
            lines += ["", f"## {title}", "", *(f"- {sentence}." for sentence in sentences)]
    if not any(parts.values()):
        lines += ["", "Nothing out of the ordinary was found in any submission."]
    return "\n".join(lines) + "\n"
