"""The page that says what a grading run did, what needs a look and under which conditions."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from gapgrade.assignments import Assignment
from gapgrade.course import Result
from gapgrade.sandbox import ISOLATIONS, Limits


def report(assignment: Assignment, results: Sequence[Result], fresh: int, seconds: float, limits: Limits) -> str:
    """Write the page in Markdown.

    Args:
        assignment: What was graded.
        results: All that is known of it, in the order of students.
        fresh: How many of them this run has graded.
        seconds: How long the run took.
        limits: What a submission might use.
    """
    totals = [result.score for result in results]
    waiting = sum(mark.waiting for result in results for mark in result.marks)
    spread = f"median {median(totals):g}, lowest {min(totals):g}, highest {max(totals):g}" if totals else "none"
    noted = [result.record for result in results if result.record.notes]
    isolations = sorted({result.record.isolation for result in results})
    lines = [
        f"# {assignment.title}",
        "",
        f"- Submissions: {len(results)}, of them graded in this run: {fresh}, in {seconds:.0f} seconds.",
        f"- Points of {assignment.points:g}: {spread}.",
        f"- Waiting to be marked by hand, in `marking.csv`: {waiting} answers.",
        f"- Limits: {limits.cell_seconds} s a cell; {limits.notebook_seconds} s, {limits.memory_gib:g} GiB a notebook.",
        *(f"- Isolation, {name}: {ISOLATIONS[name]}." for name in isolations),
        "",
        "## Worth a look" if noted else "Nothing out of the ordinary was found in any submission.",
        "",
        *(f"- **{record.student}** ({record.file}): {'; '.join(record.notes)}." for record in noted),
    ]
    return "\n".join(lines) + "\n"
