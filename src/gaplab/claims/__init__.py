"""The claims on trial, and the record of what a chapter measured about each of them.

A chapter opens a :class:`Trial`, records one verdict a claim, and closes with :meth:`Trial.table`.
Recording checks that the measured value supports the verdict, so a chapter whose numbers have moved
away from its verdict fails instead of printing it. Every record travels in the notebook's own outputs
(see :data:`VERDICT_MIME`), from where :func:`gather` collects them.
"""

from gaplab.claims.record import (
    CAVEATS,
    FAILS,
    HOLDS,
    MARKS,
    VERDICT_MIME,
    Claim,
    Verdict,
    claim,
    claims,
    decimals,
    gather,
    mean_spread,
    remembered,
    rounded,
)
from gaplab.claims.trial import Trial, board, label, standing
