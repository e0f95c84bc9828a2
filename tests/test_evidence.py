"""One way to choose a learning rate, and one to summarise seeds."""

import math

import numpy as np
import pandas as pd
import pytest

from gaplab import ReaderError, evidence


def runs_with(scores: dict[float, tuple[float, ...]], score: str = "validation_accuracy") -> pd.DataFrame:
    rows = [{"lr": rate, "seed": seed, score: value} for rate, own in scores.items() for seed, value in enumerate(own)]
    return pd.DataFrame(rows)


def test_the_chosen_rate_is_the_best_mean_and_the_lower_of_equals():
    chosen = evidence.choose(runs_with({0.1: (0.5, 0.9), 0.03: (0.7, 0.7), 0.01: (0.8, 0.5)}))
    assert chosen.best == (0.03,)
    assert not chosen.at_edge
    assert evidence.choose(runs_with({0.1: (0.5, 0.5), 0.03: (0.7, 0.7), 0.01: (0.8, 0.8)})).at_edge


def test_rates_within_one_standard_error_are_ties():
    runs = runs_with({0.01: (0.88, 0.90, 0.92), 0.03: (0.91, 0.90, 0.92), 0.1: (0.90, 0.89, 0.91)})
    # 0.01 is behind by 0.01 on average with a standard error of 0.01, 0.1 by 0.01 with none.
    assert evidence.choose(runs).ties == ((0.01,), (0.03,))


def test_a_loss_without_a_number_is_the_worst():
    runs = runs_with({0.1: (math.nan, 0.1), 0.03: (0.9, 0.9), 0.01: (2.0, 2.0)}, "train_loss")
    assert evidence.choose(runs, "train_loss", lowest=True).best == (0.03,)
    with pytest.raises(ReaderError, match="no runs"):
        evidence.choose(runs[:0], "train_loss")


def test_two_rates_are_chosen_together():
    runs = pd.concat([runs_with({0.1: (1.0, 1.0), 0.3: (0.5, 0.5)}).assign(classifier_rate=1.0),
                      runs_with({0.1: (0.6, 0.6), 0.3: (0.2, 0.2)}).assign(classifier_rate=0.1)])  # fmt: skip
    assert evidence.choose(runs, rates=("lr", "classifier_rate")).best == (0.1, 1.0)


def test_a_seed_has_no_part_in_the_choice_that_it_is_judged_by():
    # Seed 0 alone likes 0.1: the others choose 0.03 for it, and it is judged there.
    runs = runs_with({0.03: (0.1, 0.8, 0.8), 0.1: (1.0, 0.7, 0.7)}).assign(head="gap")
    judged = evidence.tuned(runs, ["head"]).set_index("seed")["lr"].to_dict()
    assert judged == {0: 0.03, 1: 0.1, 2: 0.1}


def test_one_run_that_breaks_down_does_not_choose_the_common_rate():
    good = runs_with({0.03: (0.80, 0.80, 0.80), 0.1: (0.85, 0.85, 0.85)}).assign(head="gap")
    bad = runs_with({0.03: (0.80, 0.80, 0.80), 0.1: (0.85, 0.85, 0.10)}).assign(head="max")
    assert evidence.common_rate(pd.concat([good, bad]), ["head"]) == 0.1


def test_a_summary_is_the_mean_and_one_deviation_or_the_median_and_the_range():
    runs = np.array([[1.0, 2.0], [10.0, 3.0], [4.0, 50.0]])
    middle, low, high = evidence.summary({"gap": runs})["gap"]
    assert middle.tolist() == pytest.approx([5, 55 / 3])
    assert (high - middle).tolist() == pytest.approx((middle - low).tolist())
    assert (high - middle)[0] == pytest.approx(math.sqrt((16 + 25 + 1) / 2))
    middle, low, high = evidence.summary({"gap": runs}, whole_range=True)["gap"]
    assert [middle.tolist(), low.tolist(), high.tolist()] == [[4, 3], [1, 2], [10, 50]]
    uneven = evidence.summary({"gap": [np.array([1.0, 3.0]), np.array([7.0])]})["gap"]
    assert [uneven.middle.tolist(), uneven.low.tolist()] == [[2, 7], pytest.approx([2 - math.sqrt(2), 7])]
