"""A chapter's trial: its claims, its verdicts as they are recorded, and the tables of them, as HTML."""

from __future__ import annotations

import html
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping

from gaplab.claims.record import CAVEATS, FAILS, HOLDS, MARKS, VERDICT_MIME, Verdict, claim, claims
from gaplab.errors import ReaderError, unknown_name
from gaplab.markup import row, show, table

TABLE = "gaplab-claims"


class Trial:
    """The record of one chapter.

    Args:
        chapter: The chapter's number, 1 to 6.
    """

    def __init__(self, chapter: int) -> None:
        """Open the record."""
        self.chapter = chapter
        self.claims = [c for c in claims().values() if c.chapter == chapter]
        if not self.claims:
            raise ReaderError(f"Chapter {chapter!r} tries no claim: chapters are numbered 1 to 6.")
        self.verdicts: dict[str, Verdict] = {}

    def docket(self) -> None:
        """Show the chapter's claims as the article puts them, with their sense in English."""
        rows = (
            f'<tr><th scope="row">{c.id}</th><td lang="zh">{html.escape(c.zh)}</td><td>{html.escape(c.en)}</td></tr>'
            for c in self.claims
        )
        plain = "\n".join(f"{c.id}: {c.en}" for c in self.claims)
        show(table(TABLE, ("Id", "The article", "In English"), rows), plain)

    def record(
        self,
        id_: str,
        verdict: str,
        value: float | Mapping[int, float],
        unit: str,
        *,
        stands_if: tuple[float, float],
        because: str,
        cell: str,
    ) -> None:
        """Record and show one verdict, and check that the measurement supports it.

        Args:
            id_: The claim's id.
            verdict: :data:`HOLDS`, :data:`CAVEATS` or :data:`FAILS`.
            value: The measured number, or one number a seed as ``{seed: number}``
                (their mean and sample standard deviation are then recorded).
            unit: What the number counts.
            stands_if: The closed interval in which the verdict stands. It must contain the value, and
                with seeds the value plus and minus its spread.
            because: One sentence that ties the number to the verdict.
            cell: The name of the notebook cell that shows the number.

        Raises:
            ReaderError: The id is unknown, of another chapter or already recorded, the verdict is not one of
                the three, seeds are fewer than three, or the measurement does not support the verdict.
        """
        if claim(id_).chapter != self.chapter:
            raise ReaderError(f"Claim {id_} belongs to chapter {claim(id_).chapter}, not to chapter {self.chapter}.")
        if id_ in self.verdicts:
            raise ReaderError(f"Claim {id_} has its verdict already: record each claim once.")
        if verdict not in MARKS:
            raise unknown_name("verdict", verdict, MARKS)
        mean, spread, seeds = _summary(value)
        low, high = stands_if
        if not low <= mean - spread <= mean + spread <= high:  # also false for NaN
            raise ReaderError(
                f"Claim {id_}: {mean:g} ± {spread:g} {unit} does not support '{verdict}', "
                f"which stands from {low:g} to {high:g}: look at the measurement, then change the verdict."
            )
        entry = Verdict(id_, verdict, mean, unit, spread, seeds, (float(low), float(high)), because, cell)
        self.verdicts[id_] = entry
        plain = f"{id_} {verdict}: {entry.measured}. {because}"
        show(_badge(entry), plain, **{VERDICT_MIME: entry.to_json()})

    def table(self) -> None:
        """Show the chapter's verdicts as a table.

        Raises:
            ReaderError: A claim of the chapter has no verdict yet.
        """
        missing = [c.id for c in self.claims if c.id not in self.verdicts]
        if missing:
            raise ReaderError(
                f"Chapter {self.chapter} has no verdict yet on {', '.join(missing)}: run its cells in order."
            )
        ordered = [self.verdicts[c.id] for c in self.claims]
        plain = "\n".join(f"{v.claim}: {v.verdict}: {v.measured}" for v in ordered)
        rows = (row(v.claim, html.escape(claim(v.claim).en), label(v.verdict), _proof(v)) for v in ordered)
        show(table(TABLE, ("Id", "The article says", "Verdict", "Measured"), rows), plain)


def board(verdicts: Mapping[str, Verdict], chapters: Mapping[int, tuple[str, str]]) -> None:
    """Show all verdicts at a glance: a line a chapter, a mark a claim.

    Args:
        verdicts: By claim id, from `gather`.
        chapters: Title and page of each chapter, by number.

    Raises:
        ReaderError: A claim has no verdict.
    """
    missing = [id_ for id_ in claims() if id_ not in verdicts]
    if missing:
        raise ReaderError(f"No chapter has recorded a verdict on {', '.join(missing)}: render them again.")
    rows, plain = [], []
    for chapter, (title, page) in chapters.items():
        own = [v for v in verdicts.values() if claim(v.claim).chapter == chapter]
        marks = " ".join(
            f'<a class="gaplab-verdict {_kind(v.verdict)}" href="{page}.html#{v.cell}" title="{v.claim} {v.verdict}">'
            f'<span aria-hidden="true">{MARKS[v.verdict]}</span> {v.claim}</a>'
            for v in own
        )
        count = f"{sum(v.verdict == HOLDS for v in own)} of {len(own)} hold"
        rows.append(row(f'<a href="{page}.html">{chapter}. {html.escape(title)}</a>', marks, count))
        plain.append(f"{chapter}. {title}: {', '.join(f'{v.claim} {v.verdict}' for v in own)}")
    show(table(TABLE, ("Chapter", "Claims", "As stated"), rows), "\n".join(plain))


def _summary(value: float | Mapping[int, float]) -> tuple[float, float, tuple[int, ...]]:
    if not isinstance(value, Mapping):
        return float(value), 0.0, ()
    if len(value) < 3:
        raise ReaderError(f"A measurement over {len(value)} seeds is too few: use at least three.")
    numbers = [float(number) for number in value.values()]
    return statistics.fmean(numbers), statistics.stdev(numbers), tuple(value)


def _kind(verdict: str) -> str:
    return {HOLDS: "holds", CAVEATS: "caveats", FAILS: "fails"}[verdict]


def label(verdict: str, more: str = "") -> str:
    """Write a verdict with its mark and in its colour, and what else stands behind it, as HTML."""
    mark = f'<span aria-hidden="true">{MARKS[verdict]}</span>'
    return f'<span class="gaplab-verdict {_kind(verdict)}">{mark} {verdict}{more}</span>'


def standing(verdicts: Iterable[Verdict]) -> str:
    """Say how many claims have each verdict, as HTML."""
    counts = Counter(entry.verdict for entry in verdicts)
    return ", ".join(label(verdict, f": {counts[verdict]}") for verdict in MARKS if counts[verdict])


def _badge(entry: Verdict) -> str:
    return (
        f'<p class="gaplab-record" id="verdict-{entry.claim}"><b>{entry.claim}</b> {label(entry.verdict)} '
        f"<b>{html.escape(entry.measured)}</b>. {html.escape(entry.because)}</p>"
    )


def _proof(entry: Verdict) -> str:
    return f'<a href="#{entry.cell}">{html.escape(entry.measured)}</a>'
