"""Verdict ledger: every claim of the book with its verdict and its number, to filter by verdict and chapter."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar

import traitlets

from gaplab import claims
from gaplab.errors import ReaderError
from gaplab.widgets.base import PageWidget, WidgetValueError

ALL = "all"


class VerdictLedger(PageWidget):
    """The ledger of verdicts.

    Args:
        verdicts: Every verdict by claim id, as `gaplab.claims.gather` returns them.
        pages: The page of each chapter, by its number: the target of the links to the proofs.
        verdict: Verdict to show first, or ``"all"``.
        chapter: Chapter to show first, or 0 for all.

    Raises:
        ReaderError: A claim has no verdict, a chapter no page, or the first state does not exist.
    """

    slug: ClassVar[str] = "verdict-ledger"
    kept: ClassVar[tuple[str, ...]] = ("verdict", "chapter")

    rows = traitlets.List(traitlets.Dict()).tag(sync=True)
    verdict = traitlets.Unicode(ALL).tag(sync=True)
    chapter = traitlets.Int(0).tag(sync=True)

    def __init__(
        self,
        verdicts: Mapping[str, claims.Verdict],
        pages: Mapping[int, str],
        verdict: str = ALL,
        chapter: int = 0,
    ) -> None:
        """Check that the ledger is whole, then the first state."""
        missing = [id_ for id_ in claims.claims() if id_ not in verdicts]
        if missing:
            raise ReaderError(f"No chapter has recorded a verdict on {', '.join(missing)}: render them again.")
        rows = []
        for id_, entry in verdicts.items():
            claim = claims.claim(id_)
            if claim.chapter not in pages:
                raise ReaderError(f"Chapter {claim.chapter} has no page: give one for each of the chapters.")
            rows.append(
                {
                    "id": id_,
                    "chapter": claim.chapter,
                    "zh": claim.zh,
                    "en": claim.en,
                    "verdict": entry.verdict,
                    "mark": claims.MARKS[entry.verdict],
                    "measured": entry.measured,
                    "because": entry.because,
                    "href": f"{pages[claim.chapter]}#{entry.cell}",
                }
            )
        super().__init__(rows=rows, verdict=verdict, chapter=chapter)

    @traitlets.validate("verdict")
    def _check_verdict(self, proposal: Any) -> str:
        if proposal["value"] not in (ALL, *claims.MARKS):
            raise WidgetValueError(f"There is no verdict {proposal['value']!r}: choose all or one of the three.")
        return str(proposal["value"])

    @traitlets.validate("chapter")
    def _check_chapter(self, proposal: Any) -> int:
        chapters = {0, *(row["chapter"] for row in self.rows)}
        if proposal["value"] not in chapters:
            raise WidgetValueError(
                f"There is no chapter {proposal['value']}: choose 0 for all, or 1 to {max(chapters)}."
            )
        return int(proposal["value"])

    def describe(self) -> str:
        """Say the totals."""
        counts = Counter(row["verdict"] for row in self.rows)
        said = ", ".join(f"{verdict} {counts[verdict]}" for verdict in claims.MARKS)
        return f"{len(self.rows)} claims: {said}."

    def fallback(self) -> str:
        """Return the whole ledger as a table."""
        lines = "".join(
            f'<tr><th scope="row">{row["id"]}</th><td lang="zh">{html.escape(row["zh"])}</td>'
            f"<td>{html.escape(row['en'])}</td><td>{row['mark']} {row['verdict']}</td>"
            f'<td><a href="{row["href"]}">{html.escape(row["measured"])}</a></td></tr>'
            for row in self.rows
        )
        return (
            f"<p>{html.escape(self.describe())}</p>"
            '<table class="gl-table"><thead><tr><th scope="col">Id</th><th scope="col">The article</th>'
            '<th scope="col">In English</th><th scope="col">Verdict</th><th scope="col">Measured</th></tr></thead>'
            f"<tbody>{lines}</tbody></table>"
        )
