"""The tables of evidence that the long runs left in the package, and the one way to compare trained networks with them.

The protocol, for the runs and for the chapters alike: every network and head gets the same learning rates; the rate is
chosen by what the verdict is not about (validation images, or the training loss), for each seed by the *other* seeds;
results are shown at the chosen rates and at one common rate; rates within one standard error of the best are ties.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gaplab.errors import ReaderError, unknown_name

FOLDER = Path(__file__).parent / "assets" / "evidence"
TABLES = (
    "degradation",
    "degradation_history",
    "gradients",
    "heads",
    "heads_history",
    "jitter",
    "jitter_networks",
    "nin_control",
    "nin_history",
    "position",
    "presence",
    "presence_networks",
    "rescaled",
    "shift",
    "shift_networks",
    "size",
    "slower_classifier",
    "stability",
    "transfer",
    "whole",
    "whole_history",
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


WORST = 1e9
"""Stands for the loss of a run that diverged to no number at all."""


class Choice(NamedTuple):
    """The learning rate, or the pair of rates, that some runs speak for."""

    best: tuple[float, ...]
    """The rates with the best mean score over seeds; the lower ones of equals."""
    ties: tuple[tuple[float, ...], ...]
    """Rates whose mean distance from the best, seed by seed, is at most one standard error, the best among them."""
    at_edge: bool
    """One of the best rates is the lowest or the highest that was tried, so a better one may lie outside."""


def choose(
    runs: pd.DataFrame,
    score: str = "validation_accuracy",
    *,
    lowest: bool = False,
    rates: Sequence[str] = ("lr",),
) -> Choice:
    """Choose a learning rate.

    Args:
        runs: One row a run of one network and head, with columns ``seed``, ``score`` and those of ``rates``.
        score: What is compared: accuracy on validation images, or the training loss.
        lowest: The lowest score is the best. A run without a number counts as the worst.
        rates: What is chosen; ``("lr", "classifier_rate")`` where two rates are tuned together.

    Raises:
        ReaderError: There are no runs.
    """
    if runs.empty:
        raise ReaderError("There are no runs to choose a learning rate from.")
    scores = runs.assign(score=runs[score].fillna(WORST if lowest else 0.0))
    scores = scores.pivot(index=list(rates), columns="seed", values="score").sort_index()
    means = scores.mean(axis=1)
    place = int(means.to_numpy().argmin() if lowest else means.to_numpy().argmax())
    tried = [tuple(float(rate) for rate in (index if isinstance(index, tuple) else (index,))) for index in scores.index]
    behind = scores - scores.iloc[place]
    # One seed has no spread: it ties with nobody but itself.
    error = behind.std(axis=1).fillna(0.0) / math.sqrt(scores.shape[1])
    tied = behind.mean(axis=1).abs() <= error
    ties = tuple(rate for index, rate in enumerate(tried) if index == place or tied.iloc[index])
    at_edge = any(
        len({rate[column] for rate in tried}) > 1
        and tried[place][column] in (min(rate[column] for rate in tried), max(rate[column] for rate in tried))
        for column in range(len(rates))
    )
    return Choice(tried[place], ties, at_edge)


def tuned(
    runs: pd.DataFrame,
    by: Sequence[str],
    score: str = "validation_accuracy",
    *,
    lowest: bool = False,
    rates: Sequence[str] = ("lr",),
) -> pd.DataFrame:
    """Return each seed's run at the learning rate that the other seeds choose.

    So no run has a part in the choice that it is judged by.

    Args:
        runs: One row a run.
        by: Columns that make a network with a head, for example ``["network", "head"]``: each is tuned by itself.
        score: As in `choose`.
        lowest: As in `choose`.
        rates: As in `choose`.

    Returns:
        One row for each combination and seed, in the order of ``runs``.
    """
    kept: list[int] = []
    for _, own in runs.groupby(list(by), sort=False):
        for seed in own["seed"].unique():
            best = choose(own[own["seed"] != seed], score, lowest=lowest, rates=rates).best
            mine = own[own["seed"] == seed]
            for column, rate in zip(rates, best, strict=True):
                mine = mine[mine[column] == rate]
            kept += mine.index.tolist()
    return runs.loc[sorted(kept)]


def common_rate(runs: pd.DataFrame, by: Sequence[str], score: str = "validation_accuracy") -> float:
    """Return the one learning rate that serves all combinations of ``by`` best: the best mean of their median scores.

    The median over seeds, so that one run that breaks down at an otherwise good rate does not decide for all.

    Args:
        runs: One row a run; every combination has the same rates.
        by: As in `tuned`.
        score: As in `choose`, the highest being the best.
    """
    medians = runs.groupby([*by, "lr"])[score].median()
    return float(medians.groupby("lr").mean().idxmax())


class Summary(NamedTuple):
    """Runs over seeds as they are drawn: a line and the band or bar around it, each ``(T,)``."""

    middle: NDArray[Any]
    low: NDArray[Any]
    high: NDArray[Any]


def summary(
    series: Mapping[str, NDArray[Any] | Sequence[NDArray[Any]]], *, whole_range: bool = False
) -> dict[str, Summary]:
    """Summarise measurements over seeds: their mean, and one sample standard deviation to either side.

    Args:
        series: For each name ``(seeds, T)``; or, where the number of seeds differs, T arrays of ``(seeds,)``. One seed
            alone has no spread.
        whole_range: The median instead, and all from the lowest to the highest.
    """
    found = {}
    for name, runs in series.items():
        places = list(runs.T) if isinstance(runs, np.ndarray) else [np.asarray(own) for own in runs]
        if whole_range:
            bounds = [(np.median(own), own.min(), own.max()) for own in places]
        else:
            middles = [(own.mean(), own.std(ddof=1) if len(own) > 1 else 0.0) for own in places]
            bounds = [(mean, mean - spread, mean + spread) for mean, spread in middles]
        found[name] = Summary(*np.array(bounds, dtype=float).T)
    return found
