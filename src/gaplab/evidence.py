"""The tables of evidence that the long runs left in the package."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from gaplab.errors import ReaderError, unknown_name

FOLDER = Path(__file__).parent / "assets" / "evidence"
TABLES = (
    "gradients",
    "heads",
    "heads_history",
    "nin_control",
    "nin_tuning",
    "position",
    "rescaled",
    "shift",
    "shift_networks",
    "size",
    "stability",
    "tuning",
)


def load(table: str) -> pd.DataFrame:
    """Load a table of evidence; ``assets/evidence/README.md`` says how each was made and what its columns are.

    Args:
        table: One of `TABLES`.

    Raises:
        ReaderError: There is no such table, or its file is missing or damaged.
    """
    if table not in TABLES:
        raise unknown_name("table of evidence", table, TABLES)
    try:
        return pd.read_csv(FOLDER / f"{table}.csv")
    except (OSError, ValueError) as error:
        raise ReaderError(
            f"The table of evidence {table!r} is missing or damaged: reinstall gaplab, or make it with nox -s train."
        ) from error
